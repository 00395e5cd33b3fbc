import { describe, expect, it } from "vitest";
import type { Review, StackReview } from "../review.ts";
import { renderers } from "../testing/renderers.ts";
import { dangerous, exchanged, quiet } from "../testing/samples.ts";
import { failureMarkdown, markdown, marker } from "./review.ts";

const prod = dangerous.stacks.at(-1) as StackReview;
const only = (stack: StackReview): Review => ({ ...dangerous, stacks: [stack] });

describe("a comment", () => {
  const text = markdown(dangerous, { report: "https://github.example/run/7" });

  it("begins with a hidden marker of its project", () => {
    expect(text.startsWith("<!-- slipway-review:slipway:v1 -->\n")).toBe(true);
    expect(marker("a --> b")).toBe("<!-- slipway-review:a-b:v1 -->");
  });

  it("begins with a table of counts by stack, worst first", () => {
    const [, table] =
      text
        .split("\n\n")
        .filter((part) => part.includes("| stack |"))[0]
        ?.split("| --- | --- |") ?? [];
    expect(table).toContain("| `staging` | **not planned** |");
    expect(table).toContain("| `prod` | Danger | **1** | **1** | 1 | 1 | 1 | 1 | 665.15 (+160.40) |");
    expect(text.indexOf("### `staging`")).toBeGreaterThan(text.indexOf("| `prod` |"));
  });

  it("lists losses before folded sections, the fields that force them first", () => {
    const unfolded = text.slice(0, text.indexOf("<details>"));
    expect(unfolded).toContain("**replace** `candlefish-postgres-cluster` `DatabaseCluster` · `components/postgres.ts:146`");
    expect(unfolded).toContain("its 1 database is gone; a new cluster is empty");
    expect(unfolded).toContain("@@ privateNetworkUuid @@ replaces it\n- slipway-sfo3-vpc\n+ slipway-sfo2-vpc");
    expect(unfolded).toContain("**delete** `candlefish-postgres-db-candlefish_collaboration`");
  });

  it("lists a replacement without data loss among the other changes", () => {
    const [lost, ...rest] = prod.resources;
    const comment = markdown(only({ ...prod, resources: [{ ...lost!, risk: "routine" }, ...rest.slice(1)] }));
    expect(comment).not.toContain("#### Replaced and deleted");
    expect(comment).toContain("| `prod` | Danger | 1 | 1 | 1 | 1 |");
    expect(comment.slice(comment.indexOf("<details><summary>Other changes"))).toContain("**replace** `candlefish-postgres-cluster`");
  });

  it("shows plain values before and after, but only that a secret changed", () => {
    expect(text).toContain("@@ spec.service paintbox.env LOG_LEVEL.value @@\n- info\n+ debug");
    expect(text).toContain("@@ spec.service paintbox.env JWT_SECRET.value @@\n! changed secret");
  });

  it("lists SQL with locks, secrets, firewalls, restarts, contradictions and policies", () => {
    for (const line of [
      "ACCESS EXCLUSIVE on `public.documents` (line 4), **rewrites the table**",
      "**Danger** `candlefish.jwtSecret` turned plain",
      "**Danger** `candlefish-postgres` opened `ip_addr 0.0.0.0/0`",
      "`candlefish-rtpm-app` `post-deploy` runs again",
      "`devx-postgres-cluster` planned `same`, Pulumi plans `update`",
      "`database-firewall-closed` mandatory",
      "| `slipway-backups-bucket-offsite` | Spaces bucket, billed by its contents | unpriced | unpriced |",
    ])
      expect(text).toContain(line);
  });

  it("draws the changed resources and their neighbours only", () => {
    const drawn = text.slice(text.indexOf("```mermaid"));
    expect(drawn).toContain('"candlefish-postgres-cluster<br/>Postgres 15<br/>db-s-2vcpu-4gb × 2 nodes<br/>replace"]]:::danger');
    expect(drawn).toContain('"candlefish-rtpm-app<br/>api apps-s-1vcpu-1gb<br/>restart"]:::routine');
    expect(drawn).not.toContain("devx-postgres-cluster");
  });

  it("shows a failure of the program instead of a comparison", () => {
    expect(text).toContain('> **The program fails at head.**\n\n```\n1 problem in the settings of stack "staging".');
  });

  it("is one line if nothing changes", () => {
    expect(markdown(quiet)).toBe(
      "<!-- slipway-review:slipway:v1 -->\n**`slipway`: no changes** on `staging`, `prod` (`main` `1a2b3c4d5e6f` → `search` `5d6e7f80a1b2`)\n",
    );
  });

  it("names the commit whose changes are unknown if there is no review", () => {
    const failure = failureMarkdown("slipway", {
      commit: dangerous.head.commit,
      run: "https://github.example/run/7",
      why: "It ran into its limit of 15 minutes.",
    });
    expect(failure.startsWith(marker("slipway"))).toBe(true);
    expect(failure).toContain(
      "**The changes of `5d6e7f80a1b2` are unknown.** It ran into its limit of 15 minutes. See the [log of the run](https://github.example/run/7)",
    );
  });
});

describe("a comment that would be too long", () => {
  const many = only({
    ...prod,
    resources: Array.from({ length: 3000 }, (_, index) => ({
      ...prod.resources[index < 5 ? 0 : 4]!,
      name: `alert-${index}`,
      fields: [{ path: "value", before: { kind: "plain", text: "é".repeat(90) }, after: { kind: "plain", text: "80" }, replaces: false }],
    })),
  });
  const text = markdown(many);

  it("fills 60,000 bytes and no more, and says what it omits", () => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60_000);
    expect(Buffer.byteLength(text)).toBeGreaterThan(59_000);
    const [, left] = /\*\*Omitted to fit the length limit:\*\* ([\d,]+) other changes\./.exec(text) ?? [];
    expect(Number(left?.replace(",", "")) + text.split("**create**").length - 1).toBe(2995);
  });

  it("omits the least important pieces first", () => {
    const short = markdown(many, { limit: 4_500 });
    expect(short).not.toContain("```mermaid");
    expect(short.split("**replace**").length - 1).toBe(5);
    expect(short).toMatch(/Omitted.*2,995 other changes.*1 diagram/s);
  });

  it.each([60_000, 12_000, 4_500, 1_500])("closes every fence and fold that it opens, at %i bytes", (limit) => {
    const cut = markdown(many, { limit });
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
    expect(cut.split("<details>").length).toBe(cut.split("</details>").length);
    expect((cut.match(/^```/gm) ?? []).length % 2).toBe(0);
  });

  it("survives three thousand stacks", () => {
    const cut = markdown({ ...many, stacks: Array.from({ length: 3_000 }, (_, index) => ({ ...prod, stack: `stack-${index}` })) });
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(60_000);
    expect(cut).toMatch(/Omitted.* stacks/);
  });
});

const NASTY = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "</details></summary></td></table>",
  "<!-- slipway-review:slipway:v1 -->",
  "-->",
  "<![CDATA[",
  "<?php",
  "&lt;b&gt; &#60;i&#62; &amp;",
  "@octocat and @org/team, (@someone)",
  "mail@example.com mailto:mail@example.com xmpp:a@b.c",
  "#1 GH-1 org/repo#1 JIRA-12 https://github.com/o/r/issues/1 org/repo@0123456789abcdef0123456789abcdef01234567",
  "0123456789abcdef0123456789abcdef01234567 deadbee1",
  "https://evil.example www.evil.example http:\\\\evil ftp://evil.example",
  "[a](https://evil.example) ![b](https://evil.example/x.png) [c]: https://evil.example [^1]",
  "<https://evil.example>",
  ":smile: :+1: :100:",
  "$x$ $$x$$ $`x`$ \\(x\\)",
  "`",
  "``",
  "``` ```` `````",
  "`` ` ``",
  "```\n</pre>\n```\n# out",
  "~~~\nout\n~~~",
  "a|b \\|c \\\\|d `e|f`",
  "a\\",
  "\\`a\\`",
  "# heading\n===\n---\n> quote\n- [ ] task\n1. one",
  "***bold*** __x__ ~~gone~~ _a_",
  "- x",
  "1) x",
  "+ x",
  "\ta\n\n    code\n\nb",
  "line\r\nline\rline\u2028line\u2029line",
  "user\u202etxt.exe\u2066\u2069\u200b\u200d\ufeff\u00ad\u061c\u180e",
  "a\u0000b\u001b[31mred\u0007\u009b",
  "z\u0300\u0301\u0302\u0303\u0304\u0305",
  "\u{e0041}\u{e0042}\ud800",
  "%%{init: {'theme':'dark'}}%% end click n0 href \"https://evil.example\"",
  'n0"]; n1["x',
  "__proto__",
  "",
  " ",
  "x".repeat(5000),
  "@a ".repeat(3000),
];

/** Reproducible random texts. */
function* random(count: number): Generator<string> {
  const letters = [..."`|\\<>&@#$*_~[]()!:/-+=.1aG \n\t\u202e\"'", "GH-", "www.", "https://", "```", "<!--", "-->", "</details>"];
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let made = 0; made < count; made++) yield Array.from({ length: 1 + next(30) }, () => letters[next(letters.length)]).join("");
}

const OURS = new Set(
  [
    "h2",
    "h3",
    "h4",
    "p",
    "ul",
    "li",
    "strong",
    "code",
    "pre",
    "blockquote",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
  ].flatMap((tag) => [`<${tag}>`, `</${tag}>`]),
);
OURS.add("<br />")
  .add('<th align="right">')
  .add('<td align="right">')
  .add('<code class="language-diff">')
  .add('<code class="language-mermaid">');

/** Text that GitHub interprets outside of code. */
const INTERPRETED = /@|#\d|:\/\/|www\.|\$|\b[A-Za-z]+-\d|:\w+:|[\da-f]{7}/;

describe.each(await renderers())("a malicious change, rendered by $name", ({ render }) => {
  const shape = (html: string) => [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag).filter((tag) => !/^<\/?code|^<br/.test(tag));
  const benign = shape(render(markdown(exchanged(dangerous, "word"))));

  const texts = [...NASTY, ...random(60)].map((text) => ({ text, title: JSON.stringify(text).slice(0, 60) }));

  it.each(texts)("adds no markup, link or mention: $title", ({ text }) => {
    const html = render(markdown(exchanged(dangerous, text)));
    expect(html.startsWith("<!-- slipway-review:")).toBe(true);
    const rest = html.slice(html.indexOf("-->") + 3);
    expect([...rest.matchAll(/<[^>]*>?/g)].map(([tag]) => tag).filter((tag) => !OURS.has(tag))).toEqual([]);
    const plain = rest
      .replace(/<pre>.*?<\/pre>/gs, "")
      .replace(/<code>.*?<\/code>/gs, "")
      .replace(/<[^>]*>/g, " ");
    expect(plain).not.toMatch(INTERPRETED);
    // No text of the change opens or closes a block: the structure is the same as with a plain word.
    expect(shape(rest)).toEqual(benign.slice(1));
    expect(rest.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
  });
});

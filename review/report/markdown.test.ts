import { describe, expect, it } from "vitest";
import { renderers } from "../../tests/report/github.ts";
import type { Review, StackReview } from "../review.ts";
import { failureMarkdown, markdown, marker } from "./markdown.ts";
import { dangerous, exchanged, quiet } from "./testing.ts";

const prod = dangerous.stacks.at(-1) as StackReview;
const only = (stack: StackReview): Review => ({ ...dangerous, stacks: [stack] });

describe("a comment", () => {
  const text = markdown(dangerous, { report: "https://github.example/run/7" });

  it("begins with a hidden marker of its project", () => {
    expect(text.startsWith("<!-- slipway-review:slipway:v1 -->\n")).toBe(true);
    expect(marker("a --> b")).toBe("<!-- slipway-review:a-b:v1 -->");
  });

  it("counts by stack, the worst stack first, before anything is told in full", () => {
    const [, table] =
      text
        .split("\n\n")
        .filter((part) => part.includes("| stack |"))[0]
        ?.split("| --- | --- |") ?? [];
    expect(table).toContain("| `staging` | **not planned** |");
    expect(table).toContain("| `prod` | Danger | **1** | **1** | 1 | 1 | 1 | 1 | 665.15 (+160.40) |");
    expect(text.indexOf("### `staging`")).toBeGreaterThan(text.indexOf("| `prod` |"));
  });

  it("tells what is lost before anything that is folded, with what forces it first", () => {
    const unfolded = text.slice(0, text.indexOf("<details>"));
    expect(unfolded).toContain("**replace** `candlefish-postgres-cluster` `DatabaseCluster` · `components/postgres.ts:146`");
    expect(unfolded).toContain("its 1 database is gone; a new cluster is empty");
    expect(unfolded).toContain("@@ privateNetworkUuid @@ replaces it\n- slipway-sfo3-vpc\n+ slipway-sfo2-vpc");
    expect(unfolded).toContain("**delete** `candlefish-postgres-db-candlefish_collaboration`");
  });

  it("tells a replacement that loses nothing among the other changes", () => {
    const [lost, ...rest] = prod.resources;
    const told = markdown(only({ ...prod, resources: [{ ...lost!, risk: "routine" }, ...rest.slice(1)] }));
    expect(told).not.toContain("#### Replaced and deleted");
    expect(told).toContain("| `prod` | Danger | 1 | 1 | 1 | 1 |");
    expect(told.slice(told.indexOf("<details><summary>Other changes"))).toContain("**replace** `candlefish-postgres-cluster`");
  });

  it("shows a plain value before and after, and of a secret only that it is another", () => {
    expect(text).toContain("@@ spec.service paintbox.env LOG_LEVEL.value @@\n- info\n+ debug");
    expect(text).toContain("@@ spec.service paintbox.env JWT_SECRET.value @@\n! another secret");
  });

  it("tells SQL with its locks, secrets with their way, doors, restarts, contradictions and policies", () => {
    for (const told of [
      "ACCESS EXCLUSIVE on `public.documents` (line 4), **every row is written anew**",
      "**Danger** `candlefish.jwtSecret` turned plain",
      "**Danger** `candlefish-postgres` opened `ip_addr 0.0.0.0/0`",
      "`candlefish-rtpm-app` `post-deploy` runs again",
      "`devx-postgres-cluster` planned `same`, the engine `update`",
      "`database-firewall-closed` mandatory",
      "| `slipway-backups-bucket-offsite` | Spaces bucket, paid by what it holds | unpriced | unpriced |",
    ])
      expect(text).toContain(told);
  });

  it("draws what changes and what stands beside it, and nothing else", () => {
    const drawn = text.slice(text.indexOf("```mermaid"));
    expect(drawn).toContain('"candlefish-postgres-cluster<br/>Postgres 15<br/>db-s-2vcpu-4gb × 2 nodes<br/>replace"]]:::danger');
    expect(drawn).toContain('"candlefish-rtpm-app<br/>api apps-s-1vcpu-1gb<br/>restart"]:::routine');
    expect(drawn).not.toContain("devx-postgres-cluster");
  });

  it("tells a failure of the program instead of a comparison", () => {
    expect(text).toContain('> **The program fails at head.**\n\n```\n1 problem in the settings of stack "staging".');
  });

  it("is one line where nothing changes", () => {
    expect(markdown(quiet)).toBe(
      "<!-- slipway-review:slipway:v1 -->\n**`slipway`: nothing changes** on `staging`, `prod` (`main` `1a2b3c4d5e6f` → `search` `5d6e7f80a1b2`)\n",
    );
  });

  it("names the commit of which nothing is known, where there is no review", () => {
    const said = failureMarkdown("slipway", {
      commit: dangerous.head.commit,
      run: "https://github.example/run/7",
      why: "It ran into its limit of 15 minutes.",
    });
    expect(said.startsWith(marker("slipway"))).toBe(true);
    expect(said).toContain(
      "**What `5d6e7f80a1b2` changes is not known.** It ran into its limit of 15 minutes. [The log of its run](https://github.example/run/7)",
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

  it("keeps within 60,000 bytes, uses them, and says what it leaves out", () => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60_000);
    expect(Buffer.byteLength(text)).toBeGreaterThan(59_000);
    const [, left] = /\*\*Left out, because a comment has an end:\*\* ([\d,]+) other changes\./.exec(text) ?? [];
    expect(Number(left?.replace(",", "")) + text.split("**create**").length - 1).toBe(2995);
  });

  it("leaves out the least important first", () => {
    const short = markdown(many, { limit: 4_500 });
    expect(short).not.toContain("```mermaid");
    expect(short.split("**replace**").length - 1).toBe(5);
    expect(short).toMatch(/Left out.*2,995 other changes.*1 picture/s);
  });

  it.each([60_000, 12_000, 4_500, 1_500])("opens no fence and no fold that it does not close, at %i bytes", (limit) => {
    const cut = markdown(many, { limit });
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
    expect(cut.split("<details>").length).toBe(cut.split("</details>").length);
    expect((cut.match(/^```/gm) ?? []).length % 2).toBe(0);
  });

  it("survives three thousand stacks", () => {
    const cut = markdown({ ...many, stacks: Array.from({ length: 3_000 }, (_, index) => ({ ...prod, stack: `stack-${index}` })) });
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(60_000);
    expect(cut).toMatch(/Left out.* stacks/);
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

/** Always the same ones, so that what fails once fails again. */
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

/** What GitHub would still make something of, outside of code. */
const MEANT = /@|#\d|:\/\/|www\.|\$|\b[A-Za-z]+-\d|:\w+:|[\da-f]{7}/;

describe.each(await renderers())("a hostile change, rendered by $name", ({ render }) => {
  const shape = (html: string) => [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag).filter((tag) => !/^<\/?code|^<br/.test(tag));
  const benign = shape(render(markdown(exchanged(dangerous, "word"))));

  const texts = [...NASTY, ...random(60)].map((text) => ({ text, title: JSON.stringify(text).slice(0, 60) }));

  it.each(texts)("marks up, links and mentions nothing: $title", ({ text }) => {
    const html = render(markdown(exchanged(dangerous, text)));
    expect(html.startsWith("<!-- slipway-review:")).toBe(true);
    const rest = html.slice(html.indexOf("-->") + 3);
    expect([...rest.matchAll(/<[^>]*>?/g)].map(([tag]) => tag).filter((tag) => !OURS.has(tag))).toEqual([]);
    const spoken = rest
      .replace(/<pre>.*?<\/pre>/gs, "")
      .replace(/<code>.*?<\/code>/gs, "")
      .replace(/<[^>]*>/g, " ");
    expect(spoken).not.toMatch(MEANT);
    // No text of the change opens or closes a block: the page is built as with a plain word.
    expect(shape(rest)).toEqual(benign.slice(1));
    expect(rest.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
  });
});

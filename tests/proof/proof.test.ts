import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../setup/checkout.ts";
import { findings, PAGE, rebuilt, summary } from "./page.ts";
import { misplacedIds, type Report, type Test, testsOf } from "./tests.ts";

const page = (proof: string) =>
  `# Page\n\n| id | asked | proof |\n|---|---|---|\n| C57 | no open firewall | ${proof} |\n| F4 | one region table | open |\n`;

const test = (title: string, status: Test["status"] = "passed", ids = ["C57"]): Test => ({
  title,
  status,
  ids,
  file: "settings/read.test.ts",
  depth: 1,
});

const CLAIM = "[refuses an open firewall](../settings/read.test.ts)";

describe("the page", () => {
  it("gets the passing test that proves a requirement, and open where none does", () => {
    expect(rebuilt(page("open"), [test("refuses an open firewall")])).toBe(page(CLAIM));
    expect(rebuilt(page(CLAIM), [test("refuses an open firewall", "failed")])).toBe(page("open"));
    expect(rebuilt(page(CLAIM), [])).toBe(page("open"));
  });

  it("keeps a claim whose test is skipped on this machine, and takes none from a skipped test", () => {
    expect(rebuilt(page(CLAIM), [test("refuses an open firewall", "skipped")])).toBe(page(CLAIM));
    expect(rebuilt(page("open"), [test("refuses an open firewall", "skipped")])).toBe(page("open"));
  });

  it("keeps the subject of the roadmap that an open row waits for", () => {
    expect(rebuilt(page("open: backups"), [])).toBe(page("open: backups"));
    expect(findings(page("open: backups"), [])).toEqual([]);
    expect(rebuilt(page("open: backups"), [test("refuses an open firewall")])).toBe(page(CLAIM));
  });

  it("survives a title that looks like a table or a link", () => {
    const hard = [test("reads a|b from [x](y)")];
    const written = rebuilt(page("open"), hard);
    expect(findings(written, hard)).toEqual([]);
    expect(rebuilt(written, hard)).toBe(written);
  });
});

describe("the check", () => {
  it("passes a page that claims what passed, and one that claims less", () => {
    expect(findings(page(CLAIM), [test("refuses an open firewall")])).toEqual([]);
    expect(findings(page("open"), [test("refuses an open firewall")])).toEqual([]);
    expect(summary(page("open"), [test("refuses an open firewall")])).toContain("Open, but proved by this run: 1");
  });

  it("reports a claim whose test was skipped, and does not fail for it", () => {
    const skipped = [test("refuses an open firewall", "skipped")];
    expect(findings(page(CLAIM), skipped)).toEqual([]);
    expect(summary(page(CLAIM), skipped)).toContain("Not checked, because their tests were skipped on this machine: C57.");
  });

  it("names the line of a claim whose test failed or is gone", () => {
    expect(findings(page(CLAIM), [test("refuses an open firewall", "failed")])).toEqual([
      expect.stringContaining("docs/requirements.md:5 claims C57 by a test that failed"),
    ]);
    expect(findings(page(CLAIM), [test("renamed since")])).toEqual([
      expect.stringContaining("docs/requirements.md:5 claims C57 by a test that this run does not know"),
    ]);
  });

  it("names a test of a requirement that does not exist, and a requirement listed twice", () => {
    expect(findings(page("open"), [test("sails", "passed", ["F999"])])).toEqual([
      'settings/read.test.ts "sails" names F999, which docs/requirements.md does not list.',
    ]);
    expect(findings(`${page("open")}| F4 | again | open |\n`, [])).toEqual(["docs/requirements.md:7 lists F4 a second time."]);
  });
});

describe("a report", () => {
  const report = (titles: readonly string[], group = "the wall"): Report => ({
    testResults: [
      { name: "/x/settings/read.test.ts", assertionResults: titles.map((title) => ({ title, ancestorTitles: [group], status: "passed" })) },
    ],
  });

  it("gives the tests whose titles end in ids, the most specific first", () => {
    expect(testsOf(report(["opens [F4, C12]", "has no id", "shuts [C57]", "names [C57] in the middle"]), "/x")).toEqual([
      { ids: ["C57"], title: "shuts", file: "settings/read.test.ts", status: "passed", depth: 1 },
      { ids: ["F4", "C12"], title: "opens", file: "settings/read.test.ts", status: "passed", depth: 1 },
    ]);
  });

  it("takes a test that runs again inside another group for a repetition of the first", () => {
    const run = (file: string, ...ancestorTitles: string[]) => ({
      name: `/x/${file}`,
      assertionResults: [{ title: "seeds [C57]", ancestorTitles, status: "passed" }],
    });
    const found = testsOf({ testResults: [run("a.test.ts", "on Redis 8.0.2", "a seed"), run("b.test.ts", "a seed")] }, "/x");
    expect(found.map(({ file }) => file)).toEqual(["b.test.ts", "a.test.ts"]);
  });

  it("gives away groups that carry ids", () => {
    expect(misplacedIds(report(["shuts"], "the wall [C57]"))).toEqual(["the wall [C57]"]);
    expect(misplacedIds(report(["shuts [C57]"]))).toEqual([]);
  });
});

describe("the requirements as they stand", () => {
  it("are all there, each once", () => {
    const ids = [...readFileSync(join(ROOT, PAGE), "utf8").matchAll(/^\| ([FDC])(\d+) \|/gm)].map(
      ([, system, number]) => `${system}${number}`,
    );
    const all = (system: string, count: number) => Array.from({ length: count }, (_, i) => `${system}${i + 1}`);
    expect(ids.toSorted()).toEqual([...all("F", 157), ...all("D", 52), ...all("C", 72)].toSorted());
  });
});

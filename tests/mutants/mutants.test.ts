import { describe, expect, it } from "vitest";
import { collect, describe as describeInRun, expect as expectInRun, firstFailure, it as itInRun } from "./collector.ts";
import { mutantsOf } from "./operators.ts";
import { printScores } from "./scores.ts";

describe("the mutants of a file", () => {
  const changes = (text: string) =>
    mutantsOf("a.ts", text).map(({ start, end, replacement }) => text.slice(0, start) + replacement + text.slice(end));

  it.each([
    ["if (a) b();", ["if (true) b();", "if (false) b();", "if (a) ;"]],
    ["x = a && b;", ["x = a || b;"]],
    ["x = a ?? b;", ["x = b;"]],
    ["x = a < 1;", ["x = a <= 1;", "x = a < 2;"]],
    ["x = !a;", ["x = a;"]],
    ['x = { a: "b", c: true };', ["x = { c: true };", 'x = { a: "b" };', 'x = { a: "mutant", c: true };', 'x = { a: "b", c: false };']],
    ["x = list.filter(f);", ["x = list;"]],
    ["x = list.some(f);", ["x = list.every(f);"]],
    ["x = /^a$/;", ["x = /a$/;", "x = /^a/;"]],
    ["throw error;", [";"]],
  ])("of %j are %j", (text, expected) => {
    expect(changes(text)).toEqual(expected);
  });

  it.each([
    'import { a } from "b";',
    "interface A { b: 1 }",
    'x = new Error("no");',
    'x = "a sentence";',
    "x = `${n} keys are left`;",
    'x = { title: "Shop" };',
  ])("leave types, imports and messages alone: %s", (text) => {
    expect(changes(text).filter((changed) => changed !== "x = {};")).toEqual([]);
  });
});

describe("a run of collected tests", () => {
  const run = async (declare: () => void) => firstFailure(await collect(async () => declare()));

  it("reports the first failure and stops there", async () => {
    const ran: string[] = [];
    const failure = await run(() => {
      describeInRun("a group", () => {
        itInRun.each([1, 2, 3])("holds", (n) => {
          ran.push(String(n));
          expectInRun(n).toBeLessThan(2);
        });
      });
    });
    expect(failure).toMatch(/^holds: expected 2 to be less than 2/);
    expect(ran).toEqual(["1", "2"]);
  });

  it("reports nothing where every test passes", async () => {
    expect(await run(() => itInRun("holds", () => expectInRun(1).toBe(1)))).toBeUndefined();
  });
});

it("counts no mutant that is listed as equivalent, and fails a room under its goal", () => {
  const [mutant] = mutantsOf("a.ts", "x = a && b;");
  const survived = [{ mutant: mutant!, covered: true, killedBy: undefined }];
  expect(printScores(new Map([["room", survived]]), [])).toBe(1);
  const { file, original, replacement } = mutant!;
  const entry = { file, line: "a && b", original, replacement, reason: "b implies a" };
  expect(printScores(new Map([["room", survived]]), [entry])).toBe(0);
  expect(printScores(new Map([["room", survived]]), [{ ...entry, line: "a && c" }])).toBe(1);
});

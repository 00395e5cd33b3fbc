import { describe, expect, it, vi } from "vitest";
import { collect, describe as describeInRun, expect as expectInRun, firstFailure, it as itInRun } from "./collector.ts";
import { mutantsOf } from "./operators.ts";
import { groupByRoom, roomOf } from "./rooms.ts";
import { type Explanations, printScores, type Result, TYPE_CHECK } from "./scores.ts";

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
    ["x = a.toString();", []],
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

describe("the arguments of a run", () => {
  it("are grouped by room, so that files of one share the run without a mutant", () => {
    expect([...groupByRoom(["settings/budget.ts", "catalog", "settings/parse.ts"])]).toEqual([
      ["settings", ["settings/budget.ts", "settings/parse.ts"]],
      ["catalog", []],
    ]);
  });

  it("mean the whole room where it is named together with one of its files", () => {
    expect([...groupByRoom(["settings/budget.ts", "settings"])]).toEqual([["settings", []]]);
  });

  it.each(["setting", "settings/none.ts", "settings/budget.test.ts", "components/engine-loss.ts"])("name no room: %s", (argument) => {
    expect(roomOf(argument)).toBeUndefined();
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

describe("the scores of a room", () => {
  const survivor = mutantsOf("a.ts", "x = a && b;")[0]!;
  const explanation = { file: "a.ts", line: "a && b", original: "&&", replacement: "||", reason: "b implies a" };
  const none = { equivalent: [], accepted: [] };
  const survived: Result = { mutant: survivor, covered: true, killedBy: undefined };
  const killed: Result = { ...survived, killedBy: "a.test.ts" };

  /** @returns the exit code and what is printed. */
  const scoresOf = (results: readonly Result[], explanations: Explanations) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      const code = printScores(new Map([["room", results]]), explanations);
      return [code, ...log.mock.calls.flat()];
    } finally {
      log.mockRestore();
    }
  };

  it("pass where every mutant is killed", () => {
    expect(scoresOf([killed, { ...killed, killedBy: TYPE_CHECK }], none)).toEqual([
      0,
      "room: 2 of 2 mutants killed, 100.0 %; 1 of them by the type check",
    ]);
  });

  it("do not count an equivalent mutant", () => {
    expect(scoresOf([survived, killed], { ...none, equivalent: [explanation] })).toEqual([
      0,
      "room: 1 of 1 mutants killed, 100.0 %; 1 equivalent",
    ]);
  });

  it("count an accepted mutant as a survivor, and print its reason", () => {
    const results = [survived, ...Array.from({ length: 9 }, () => killed)];
    expect(scoresOf(results, { ...none, accepted: [explanation] })).toEqual([
      0,
      "a.ts:1  && → ||   accepted: b implies a",
      "room: 9 of 10 mutants killed, 90.0 %; 1 accepted",
    ]);
  });

  it("fail under the goal, also if every survivor is accepted", () => {
    const results = [survived, ...Array.from({ length: 8 }, () => killed)];
    expect(scoresOf(results, { ...none, accepted: [explanation] })[0]).toBe(1);
  });

  it.each(["file", "line", "original", "replacement"] as const)("fail where the %s of an explanation does not match a survivor", (part) => {
    const results = [{ ...survived, covered: false }, ...Array.from({ length: 99 }, () => killed)];
    const other = { ...explanation, [part]: "other" };
    expect(scoresOf(results, { equivalent: [other], accepted: [other] })).toEqual([
      1,
      "a.ts:1  && → ||   (no test runs it)",
      "room: 99 of 100 mutants killed, 99.0 %; 1 unexplained",
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { formatProblem, formatProblemInline, type Problem, printable } from "./problem.ts";

const whole: Problem = {
  path: "slipway:size",
  given: '"x"',
  problem: "it is no size",
  allowed: "a, b",
  fix: "Name one.",
  commands: ["set a", "set b"],
  details: ["sum 3"],
};

describe("a problem", () => {
  it("is a list of its parts, below its number where there is one", () => {
    expect(formatProblem(whole, 12)).toBe(
      [
        '12. slipway:size is "x": it is no size.',
        "      sum 3",
        "    allowed: a, b",
        "    fix:     Name one.",
        "    type:    set a",
        "             set b",
      ].join("\n"),
    );
    expect(formatProblem(whole)).toBe(
      [
        'slipway:size is "x": it is no size.',
        "    sum 3",
        "  allowed: a, b",
        "  fix:     Name one.",
        "  type:    set a",
        "           set b",
      ].join("\n"),
    );
  });

  it.each<[Problem, string, string]>([
    [{ path: "a" }, "a.", "a."],
    [{ path: "a", given: "1" }, "a is 1.", "a is 1."],
    [{ path: "a", problem: "it is missing?" }, "a: it is missing?", "a: it is missing?"],
    [{ path: "a", allowed: "x" }, "a.\n  allowed: x", "a. Allowed: x."],
    [{ path: "a", allowed: "x!" }, "a.\n  allowed: x!", "a. Allowed: x!"],
    [{ path: "a", fix: "Do it." }, "a.\n  fix:     Do it.", "a. Do it."],
    [{ path: "a", commands: ["c"] }, "a.\n  type:    c", "a."],
    [whole, formatProblem(whole), 'slipway:size is "x": it is no size. Allowed: a, b. Name one.'],
  ])("%j has no part that it does not need", (problem, list, line) => {
    expect(formatProblem(problem)).toBe(list);
    expect(formatProblemInline(problem)).toBe(line);
  });
});

describe("a value in a message", () => {
  it.each<[unknown, string]>([
    [undefined, "missing"],
    [null, "null"],
    [7, "7"],
    ["x", '"x"'],
    [{ a: [1] }, '{"a":[1]}'],
    [Symbol.for("x"), "Symbol(x)"],
    ["a b ".repeat(29) + "ab", `"${"a b ".repeat(29)}ab"`],
    ["a b ".repeat(29) + "abc", `"${"a b ".repeat(29)}...`],
    ["image@sha256:0", '"image@sha256:0"'],
    ["a:b@sha256:0", '"a:b@sha256:0"'],
  ])("%s is %s", (value, text) => {
    expect(printable(value)).toBe(text);
  });

  it.each([["user:word@host"], [{ url: "user:word@host" }], [["x", "postgresql://user:word@host/db"]], ["hunter2hunter2HUNTER2"]])(
    "%j is hidden, because it may hold a secret",
    (value) => {
      expect(printable(value)).toBe("not shown here, because it may be a secret");
    },
  );
});

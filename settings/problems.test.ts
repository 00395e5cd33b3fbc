import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";
import { formatCommand, keyOf, Problems, SettingsError } from "./problems.ts";

const messageOf = (problems: Problems): string => {
  try {
    problems.throwIfAny();
  } catch (error) {
    return (error as SettingsError).message;
  }
  return "";
};

describe("a mistake", () => {
  it("says where it stands, what stands there, what is allowed and what to type", () => {
    const problems = new Problems("prod", new Set());
    problems.add({
      at: ["postgres", "size"],
      given: "huge",
      problem: "no such node",
      allowed: "small",
      fix: [{ set: ["postgres", "size"], to: "small" }],
    });
    expect(messageOf(problems)).toBe(
      [
        '1 problem in the settings of stack "prod".',
        "",
        '1. slipway:postgres.size is "huge": no such node.',
        "   allowed: small",
        "   type:    pulumi config set --path slipway:postgres.size small -s prod",
      ].join("\n"),
    );
  });

  it("is printed under the name of its kind", () => {
    expect(String(new SettingsError("prod", []))).toBe('SettingsError: 0 problems in the settings of stack "prod".');
  });

  it("shows neither the value of an encrypted key nor what could be made of it", () => {
    const problems = new Problems("prod", new Set(["slipway:region"]));
    problems.add({
      at: ["region"],
      given: "hunter2",
      problem: "no such region",
      allowed: "nyc1",
      fix: [{ set: ["region"], to: "hunter3" }],
    });
    expect(messageOf(problems)).not.toContain("hunter");
    expect(messageOf(problems)).toContain("pulumi config set --secret slipway:region -s prod");
  });

  it("does not show credentials that stand inside another value", () => {
    const problems = new Problems("prod", new Set());
    problems.add({ at: ["store"], given: "spaces://key:hunter2@bucket", problem: "no", allowed: "-", fix: [] });
    expect(messageOf(problems)).not.toContain("hunter2");
    expect(messageOf(problems)).toContain("slipway:store is not shown here");
  });

  it("is reported once for a value, by the check that finds it first", () => {
    const problems = new Problems("prod", new Set());
    for (const problem of ["first", "second"]) problems.add({ at: ["region"], problem, allowed: "-", fix: [] });
    expect(messageOf(problems)).toContain("1 problem");
    expect(messageOf(problems)).toContain("first");
  });

  it("is nothing to throw when there is none", () => {
    expect(messageOf(new Problems("prod", new Set()))).toBe("");
  });
});

describe("a command", () => {
  it("uses --path only below the top, and quotes what a shell would read as its own", () => {
    expect(formatCommand({ set: ["region"], to: "nyc1" }, "prod")).toBe("pulumi config set slipway:region nyc1 -s prod");
    expect(formatCommand({ set: ["allowedSources", 0], to: "<address>" }, "prod")).toBe(
      "pulumi config set --path 'slipway:allowedSources[0]' '<address>' -s prod",
    );
    expect(formatCommand({ remove: ["valkey", "cache"] }, "prod")).toBe("pulumi config rm --path slipway:valkey.cache -s prod");
    expect(formatCommand({ set: ["a", "b"], to: "it's" }, "x")).toBe("pulumi config set --path slipway:a.b 'it'\\''s' -s x");
  });

  it("asks for a secret instead of taking it from the command line", () => {
    expect(formatCommand({ set: ["webhook"], secret: true }, "prod")).toBe("pulumi config set --secret slipway:webhook -s prod");
  });

  it("puts a key with a dot in brackets", () => {
    expect(keyOf(["a", "b.c", 2, "d/E"])).toBe('slipway:a["b.c"][2].d/E');
  });
});

describe("the nearest word", () => {
  it.each([
    ["siez", "size"],
    ["regoin", "region"],
    ["habrour", "harbour"],
    ["Postgres", "postgres"],
  ])("finds what %s was meant to be", (word, meant) => {
    expect(nearest(word, ["size", "region", "harbour", "postgres"])).toBe(meant);
  });

  it("guesses nothing when nothing is close", () => {
    expect(nearest("kubernetes", ["size", "region"])).toBeUndefined();
    expect(nearest("ab", ["xy", "cd"])).toBeUndefined();
    expect(nearest("abcdef", ["abcxyz"])).toBeUndefined();
    expect(nearest("abcdef", ["abcdxy"])).toBe("abcdxy");
    expect(nearest("ba", ["ab"])).toBe("ab");
    expect(nearest("bca", ["abc"])).toBeUndefined();
    expect(nearest("REGION", ["Region"])).toBe("Region");
  });
});

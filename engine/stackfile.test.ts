import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { placeholderFor } from "./placeholder.ts";
import { findProject } from "./project.ts";
import { ProjectError } from "./projecterror.ts";
import { readStack } from "./stackfile.ts";

const folders: string[] = [];

function read(stackFile: string, projectFile = "") {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-stack-"));
  folders.push(folder);
  for (const [file, text] of Object.entries({ "index.js": "", "Pulumi.yaml": `name: p\n${projectFile}`, "Pulumi.dev.yaml": stackFile })) {
    writeFileSync(path.join(folder, file), text);
  }
  return readStack(findProject(folder), "dev");
}

/** The value of p:o. */
function value(text: string): string | undefined {
  return read(`config:\n  p:o: ${text}\n`).config["p:o"];
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

// What is expected here is what a program was handed by pulumi 3.259.0 for the same file.
describe("scalars", () => {
  it.each([
    ["hello", "hello"],
    ['"12"', "12"],
    ["1.0", "1"],
    ["0755", "493"],
    ["0o755", "493"],
    ["0x1F", "31"],
    ["1_000", "1000"],
    ["1e3", "1000"],
    ["1e21", "1e+21"],
    ["100000000000000000000", "100000000000000000000"],
    ["12345678901234567890123", "1.2345678901234568e+22"],
    ["9007199254740993", "9007199254740993"],
    ["yes", "yes"],
    ["on", "on"],
    ["True", "true"],
    ["1:30", "1:30"],
    ["null", ""],
    ["~", ""],
    ["", ""],
    ["2026-01-02", "2026-01-02 00:00:00 +0000 UTC"],
    ["'2026-01-02'", "2026-01-02"],
    ["2026-01-02T03:04:05Z", "2026-01-02 03:04:05 +0000 UTC"],
    ["2026-01-02 03:04:05.120", "2026-01-02 03:04:05.12 +0000 UTC"],
    ["!!str 12", "12"],
    ["|\n    two\n    lines", "two\nlines\n"],
  ])("reads %s as Pulumi does", (written, handed) => {
    expect(value(written)).toBe(handed);
  });

  it("reads scalars inside objects as Pulumi does, and sorts the keys", () => {
    expect(
      value(
        "{y: yes, a: 08, b: 0b101, c: +5, d: -0x1f, e: .5, f: 5., g: 1_0.5, i: -0, j: 1e400, k: 0o8, l: 0x, m: '', n: 2026-1-2, " +
          "o: 2026-01-02T03:04:05.25+02:00, p: 2026-13-45, q: 1e-7, s: TRUE, t: Null, u: nULL, v: tRue, w: 1__0, x: _1}",
      ),
    ).toBe(
      JSON.stringify({
        ...{ a: 8, b: 5, c: 5, d: -31, e: 0.5, f: 5, g: 10.5, i: 0, j: "1e400", k: "0o8", l: "0x", m: "" },
        ...{ n: "2026-01-02 00:00:00 +0000 UTC", o: "2026-01-02 03:04:05.25 +0200 +0200", p: "2026-13-45", q: 1e-7 },
        ...{ s: true, t: null, u: "nULL", v: "tRue", w: 10, x: "_1", y: "yes" },
      }),
    );
    expect(value("{1: a, true: b, 1.5: c}")).toBe('{"1":"a","1.5":"c","true":"b"}');
  });
});

describe("anchors, aliases and merge keys", () => {
  const config = (text: string) => read(text).config;

  it("refer to an earlier scalar, list, mapping or key, the last one with the name", () => {
    expect(config("config:\n  p:a: &x hello\n  p:b: *x\n")).toEqual({ "p:a": "hello", "p:b": "hello" });
    expect(config("config:\n  p:a: &x [1, 2]\n  p:b: [*x, 3]\n")).toMatchObject({ "p:b": "[[1,2],3]" });
    expect(config("config:\n  p:a: &x one\n  p:b: &x two\n  p:c: *x\n")).toMatchObject({ "p:c": "two" });
    expect(config("config:\n  &k p:a: 1\n  p:b: *k\n")).toEqual({ "p:a": "1", "p:b": "p:a" });
    expect(config("config:\n  p:a: &x\n  p:b: *x\n")).toEqual({ "p:a": "", "p:b": "" });
  });

  it("merge mappings: own keys win, then the first of several sources", () => {
    expect(config("config:\n  p:a: &x {one: 1, two: 2}\n  p:b:\n    <<: *x\n    two: 3\n")).toMatchObject({ "p:b": '{"one":1,"two":3}' });
    expect(config("config:\n  p:x: &x {one: 1, two: 2}\n  p:y: &y {two: 9, four: 4}\n  p:b: {<<: [*x, *y], three: 3}\n")).toMatchObject({
      "p:b": '{"four":4,"one":1,"three":3,"two":2}',
    });
    expect(value("{<<: {one: 1}, three: 3}")).toBe('{"one":1,"three":3}');
    expect(value('{"<<": {one: 1}, three: 3}')).toBe('{"one":1,"three":3}');
    expect(config("config:\n  p:a: &x {<<: {q: 1, r: 2}, q: 3}\n  p:b: {<<: *x, r: 9}\n")).toMatchObject({ "p:b": '{"q":3,"r":9}' });
    expect(config("config:\n  p:a: &x {one: {deep: 1}}\n  p:b: {<<: *x, one: {other: 2}}\n")).toMatchObject({
      "p:b": '{"one":{"other":2}}',
    });
  });

  it("work in the stack's config and in the project's", () => {
    expect(config("x-base: &base\n  p:a: 1\n  p:b: two\nconfig:\n  <<: *base\n  p:b: three\n")).toEqual({ "p:a": "1", "p:b": "three" });
    expect(config("base: &b {p:a: 1}\nconfig: *b\n")).toEqual({ "p:a": "1" });
    const project = "config:\n  <<: {one: {value: 3}}\n  anchored: {value: &q {a: 1}}\n  merged: {value: {<<: *q, b: 2}}\n";
    expect(read("", project).config).toEqual({ "p:one": "3", "p:anchored": '{"a":1}', "p:merged": '{"a":1,"b":2}' });
  });

  it("keep encrypted values encrypted", () => {
    const stack = read(
      "config:\n  p:a: &s {secure: v1:x}\n  p:b: *s\n  p:c: {<<: {pw: {secure: v1:x}}, n: 1}\n  p:d: {<<: {secure: v1:x}}\n",
    );
    expect(stack.secretKeys).toEqual(["p:a", "p:b", "p:c", "p:d"]);
    expect(stack.placeholders).toEqual(["p:a", "p:b", "p:c.pw", "p:d"]);
    expect(stack.config["p:b"]).toBe(placeholderFor("p:b"));
    expect(JSON.parse(stack.config["p:c"] ?? "")).toEqual({ n: 1, pw: placeholderFor("p:c.pw") });
  });

  it("do not treat `secure` as encrypted when it has siblings or is not a text", () => {
    expect(read("config:\n  p:a: {secure: v1:x, also: 1}\n  p:b: {secure: 5}\n")).toMatchObject({
      config: { "p:a": '{"also":1,"secure":"v1:x"}', "p:b": '{"secure":5}' },
      secretKeys: [],
    });
  });
});

describe("input that Pulumi rejects is rejected with its line", () => {
  it.each([
    ["config:\n  p:b: *nowhere\n", "Pulumi.dev.yaml:2: no anchor &nowhere is defined before this alias."],
    ["config: {p:a: *x}\nx: &x 1\n", "Pulumi.dev.yaml:1: no anchor &x is defined before this alias."],
    ["config:\n  p:a: 1\n  p:b: {<<: 5}\n", 'Pulumi.dev.yaml:3: "<<" must be a mapping or a list of mappings.'],
    ["config:\n  p:a: &x [1]\n  p:b: {<<: *x}\n", 'Pulumi.dev.yaml:3: "<<" must be a mapping or a list of mappings.'],
    ["config:\n  p:o: &x {self: *x}\n", "Pulumi.dev.yaml:2: this contains itself."],
    ["config:\n  p:o: &x [*x]\n", "Pulumi.dev.yaml:2: this contains itself."],
    ["config:\n  p:o: {? [a, b] : c}\n", "Pulumi.dev.yaml:2: a key must be a text."],
    ["config:\n  p:a: .nan\n", "Pulumi.dev.yaml:2: .nan is not a JSON number; quote it if it is a text."],
    ["config: 5\n", 'Pulumi.dev.yaml:1: "config" must contain keys and values, such as "p:region: nyc3".'],
  ])("%j", (text, message) => {
    expect(() => read(text)).toThrow(new ProjectError(message));
  });

  it("a duplicate key, also one through an alias", () => {
    expect(() => read("config:\n  p:a: 1\n  p:a: 2\n")).toThrow(/^Pulumi\.dev\.yaml:3: /);
    expect(() => read("config:\n  &k p:a: 1\n  *k : 2\n")).toThrow('Pulumi.dev.yaml:3: the key "p:a" is a duplicate.');
  });
});

describe("error messages do not repeat invalid input", () => {
  it.each([
    "config:\n  p:t: [hush-hush] hush-hush\n",
    "config:\n  p:t: }hush-hush\n",
    'config:\n  p:t: "hush-hush" hush-hush\n',
    "%hush-hush\n",
  ])("%j", (text) => {
    expect(() => read(text)).toThrow(/^Pulumi\.dev\.yaml:\d: this is not YAML: (?!.*hush)/);
  });
});

describe("input that only Pulumi supports is rejected", () => {
  it.each([
    ["config:\n  p:a: !!binary aGVsbG8=\n", "Pulumi.dev.yaml:2: the tag !!binary is not supported; write the value without it."],
    ["config:\n  p:a: {b: !custom x}\n", "Pulumi.dev.yaml:2: the tag !custom is not supported; write the value without it."],
    ["config:\n  p:a: {b: 9007199254740993}\n", "Pulumi.dev.yaml:2: p:a contains a number too large for JavaScript; put it in quotes."],
    ["config:\n  p:a: {~: d}\n", "Pulumi.dev.yaml:2: a key must be a text."],
  ])("%j", (text, message) => {
    expect(() => read(text)).toThrow(new ProjectError(message));
  });

  it("a few lines of aliases that expand without limit", () => {
    const levels = Array.from({ length: 12 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(10).fill(`*l${level}`).join(", ")}]`);
    const text = `l0: &l0 [x]\n${levels.join("\n")}\nconfig:\n  p:a: *l12\n`;
    expect(() => read(text)).toThrow(/^Pulumi\.dev\.yaml:\d+: the aliases expand to more than 100000 values\.$/);
  });

  it("accepts the old spelling of a key", () => {
    expect(read("config:\n  p:config:b: 2\n").config).toEqual({ "p:b": "2" });
  });
});

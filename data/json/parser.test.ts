import { describe, expect, it } from "vitest";
import { JsonParser, JsonSyntaxError, MAX_DEPTH } from "./parser.ts";
import { toPlain } from "./testing/plain.ts";
import type { JsonArray, JsonNumber, JsonObject } from "./value.ts";

function parse(text: string) {
  const parser = new JsonParser();
  parser.text = text;
  parser.isLast = true;
  const value = parser.parseRecord();
  if (parser.peek() !== -1) throw new JsonSyntaxError("text follows", parser.position);
  return { value, flaws: parser.flaws };
}

function outcome(text: string): string {
  try {
    const { flaws } = parse(text);
    return flaws.length === 0 ? "accepted" : `rejected: ${flaws.map(({ path, problem }) => `${path}: ${problem}`).join("; ")}`;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return `no JSON: ${error.message}`;
  }
}

const SURROGATE = "it contains half of a surrogate pair, which is no character";
const NUL = "it contains U+0000, which Postgres cannot store";

describe("a JSON text", () => {
  // suite.test.ts has the texts of JSONTestSuite, and records.test.ts those of files.
  it.each([
    // Accepted, and exact.
    ["[]", "accepted"],
    [' \t\r\n[ 1 , {"a" : null} ] ', "accepted"],
    ["[-0, 0e1, 1E-2, 1.0E+2, 123.456e78]", "accepted"],
    ["[9007199254740993, 12345678901234567890.12]", "accepted"],
    ['["\\ud834\\udd1e", "€", "\\u0022\\\\\\/\\b\\f\\n\\r\\t"]', "accepted"],
    ['["\u007f", "\u2028", "\ufdd0", "\\uFFFF"]', "accepted"],
    ['{"": 0, "__proto__": 1, "constructor": 2}', "accepted"],
    ["true", "accepted"],
    // JSON, and no value of a database.
    ['["\\u0000"]', `rejected: [0]: ${NUL}`],
    ['{"a":{"b c":"\\u0000"}}', `rejected: a["b c"]: ${NUL}`],
    ['["\\ud800"]', `rejected: [0]: ${SURROGATE}`],
    ['["\\udd1e\\ud834"]', `rejected: [0]: ${SURROGATE}`],
    ['{"\\ud800":1}', `rejected: : ${SURROGATE}`],
    ['{"a":1,"\\u0061":2}', 'rejected: : the key "a" is there twice'],
    ["[1e1001]", "rejected: [0]: the number has more than 1000 digits or an exponent above 1000"],
    ["[1e-99999999999999999999]", "rejected: [0]: the number has more than 1000 digits or an exponent above 1000"],
    [`[${"1".repeat(1001)}]`, "rejected: [0]: the number has more than 1000 digits or an exponent above 1000"],
    // No JSON.
    ["", "no JSON: it ends within a value"],
    ["[", "no JSON: it ends within a value"],
    ['{"a"', "no JSON: it ends within a value"],
    ['["a', "no JSON: it ends within a value"],
    ['["\\', "no JSON: it ends within a value"],
    ['["\\u00', "no JSON: it ends within a value"],
    ["[1,]", 'no JSON: "]" is not a value'],
    ["[,1]", 'no JSON: "," is not a value'],
    ["[1 2]", 'no JSON: "2" is not "," or "]"'],
    ['{"a":1,}', 'no JSON: "}" is not a key in "quotes"'],
    ["{a:1}", 'no JSON: "a" is not a key in "quotes"'],
    ["{'a':1}", 'no JSON: "\'" is not a key in "quotes"'],
    ['{"a" 1}', 'no JSON: "1" is not ":"'],
    ['{"a":1 "b":2}', 'no JSON: "\\"" is not "," or "}"'],
    ["[01]", "no JSON: a number begins with 0"],
    ["[-01]", "no JSON: a number begins with 0"],
    ["[+1]", 'no JSON: "+" is not a value'],
    ["[.5]", 'no JSON: "." is not a value'],
    ["[1.]", 'no JSON: "]" is not a digit'],
    ["[-]", 'no JSON: "]" is not a digit'],
    ["[1e]", 'no JSON: "]" is not a digit'],
    ["[1e+]", 'no JSON: "]" is not a digit'],
    ["[0x1]", 'no JSON: "x" is not "," or "]"'],
    ["[1_000]", 'no JSON: "_" is not "," or "]"'],
    ["[１]", 'no JSON: "１" is not a value'],
    ["[NaN]", 'no JSON: "N" is not a value'],
    ["[-Infinity]", 'no JSON: "I" is not a digit'],
    ["[undefined]", 'no JSON: "u" is not a value'],
    ["[nul]", 'no JSON: "n" is not a value'],
    ["[True]", 'no JSON: "T" is not a value'],
    ["[truth]", 'no JSON: "t" is not a value'],
    ["[true false]", 'no JSON: "f" is not "," or "]"'],
    ['["\\x41"]', "no JSON: the escape is none of JSON"],
    ['["\\a"]', "no JSON: the escape is none of JSON"],
    ['["\\u00g0"]', "no JSON: \\u needs four hexadecimal digits"],
    ['["\\u 041"]', "no JSON: \\u needs four hexadecimal digits"],
    ['["a\tb"]', "no JSON: a string contains a control character; JSON writes it as an escape"],
    ['["a\nb"]', "no JSON: a string contains a control character; JSON writes it as an escape"],
    ['["a\0b"]', "no JSON: a string contains a control character; JSON writes it as an escape"],
    ['["\\n\u001f"]', "no JSON: a string contains a control character; JSON writes it as an escape"],
    ["[1] // end", "no JSON: text follows"],
    ["[/* none */ 1]", 'no JSON: "/" is not a value'],
    ["[1]]", "no JSON: text follows"],
    ["\u00a0[]", 'no JSON: "\u00a0" is not a value'],
    ["[\u2060]", 'no JSON: "\u2060" is not a value'],
    ["\ufeff[]", 'no JSON: "\ufeff" is not a value'],
    ["[😀]", 'no JSON: "😀" is not a value'],
  ])("%j is %s", (text, expected) => {
    expect(outcome(text)).toBe(expected);
  });

  it("is refused if it is nested more than 512 levels deep, without a stack overflow", () => {
    expect(outcome("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH))).toBe("accepted");
    expect(outcome("[".repeat(MAX_DEPTH + 1))).toBe("no JSON: it is nested more than 512 levels deep");
    expect(outcome('{"a":'.repeat(100_000))).toBe("no JSON: it is nested more than 512 levels deep");
  });

  it("is refused if one record has more unusable values than are kept in memory", () => {
    expect(outcome(`[${'"\\u0000",'.repeat(10_000)}1]`)).toMatch(/^rejected: /);
    expect(outcome(`[${'"\\u0000",'.repeat(10_001)}1]`)).toBe("no JSON: a record has more than 10000 values that a database cannot store");
  });

  it("keeps the text of every number", () => {
    const numbers = ["9007199254740993", "-0", "1.10", "12345678901234567890.12", "1e2", "0.1E-7"];
    const { value } = parse(`[${numbers.join(",")}]`);
    expect((value as JsonArray).items.map((item) => (item as JsonNumber).text)).toEqual(numbers);
  });

  it("keeps the text of what is inside a record, and keys that JavaScript treats specially", () => {
    const { value } = parse('{"__proto__":{ "n": 1.10 },"list":[1,  2]}');
    const { keys, values } = value as JsonObject;
    expect(keys).toEqual(["__proto__", "list"]);
    expect(values.map((one) => (one as JsonObject | JsonArray).text)).toEqual(['{ "n": 1.10 }', "[1,  2]"]);
    expect(({} as { n?: unknown }).n).toBeUndefined();
  });

  it("is read as JSON.parse reads it, for 3,000 generated texts", () => {
    const random = generator(20_261_202);
    for (let n = 0; n < 3000; n++) {
      const text = randomText(random, 4);
      const { value, flaws } = parse(text);
      expect(flaws, text).toEqual([]);
      expect(toPlain(value), text).toEqual(JSON.parse(text));
    }
  });

  it("is refused where JSON.parse refuses it, for 20,000 texts with a damaged place", () => {
    const random = generator(7);
    const letters = [...'{}[]",:\\0123456789eE+-.tfnul \n\t\u0001😀'];
    let accepted = 0;
    for (let n = 0; n < 20_000; n++) {
      const text = randomText(random, 3);
      const at = Math.floor(random() * text.length);
      const damaged = text.slice(0, at) + letters[Math.floor(random() * letters.length)] + text.slice(at + (random() < 0.5 ? 1 : 0));
      let expected = true;
      try {
        JSON.parse(damaged);
      } catch {
        expected = false;
      }
      expect(!outcome(damaged).startsWith("no JSON"), damaged).toBe(expected);
      if (expected) accepted++;
    }
    expect(accepted).toBeGreaterThan(1000);
    expect(accepted).toBeLessThan(19_000);
  });
});

/** mulberry32: the same texts in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomText(random: () => number, depth: number): string {
  const pick = (n: number) => Math.floor(random() * n);
  const space = () => [" ", "", "\n", "\t", ""][pick(5)]!;
  const string = () =>
    JSON.stringify(
      Array.from({ length: pick(6) }, () => ["a", '"', "\\", "€", "😀", "\n", "\u001f", "/", "\u2028", "é"][pick(10)]!).join(""),
    );
  switch (pick(depth > 0 ? 8 : 6)) {
    case 0:
      return string();
    case 1:
      return `"\\u${pick(0xd800).toString(16).padStart(4, "0").replace("0000", "0041")}\\ud83d\\ude00"`;
    case 2:
      return `${random() < 0.5 ? "-" : ""}${pick(1e6)}${random() < 0.5 ? `.${pick(1000)}` : ""}${random() < 0.3 ? `e${pick(20) - 10}` : ""}`;
    case 3:
      return "true";
    case 4:
      return "false";
    case 5:
      return "null";
    case 6:
      return `[${space()}${Array.from({ length: pick(4) }, () => randomText(random, depth - 1)).join(`${space()},${space()}`)}${space()}]`;
    default:
      return `{${space()}${Array.from({ length: pick(4) }, (_, index) => `"${index}key"${space()}:${space()}${randomText(random, depth - 1)}`).join(",")}}`;
  }
}

/**
 * The texts of JSONTestSuite, each accepted or rejected as `testing/json-test-suite.txt` says. A name begins with what a parser has to do: y accept, n reject,
 * i either. What is JSON and cannot be stored exactly in Postgres is rejected too, which the file shows with its reason.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readExpected } from "../../tests/expected.ts";
import { JsonParser, JsonSyntaxError } from "./parser.ts";
import { toPlain } from "./testing/plain.ts";

const { files } = JSON.parse(readFileSync(new URL("testing/json-test-suite.json", import.meta.url), "utf8")) as {
  files: Readonly<Record<string, string | { readonly base64: string }>>;
};
/** Two that are long, and only repeat. */
const LONG: typeof files = {
  n_structure_100000_opening_arrays: "[".repeat(100_000),
  n_structure_open_array_object: '[{"":'.repeat(50_000),
};

const texts: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries({ ...files, ...LONG }).map(([name, file]) => [
    name,
    typeof file === "string" ? Buffer.from(file) : Buffer.from(file.base64, "base64"),
  ]),
);

function outcomeOf(bytes: Buffer): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const parser = new JsonParser();
    parser.text = text;
    parser.isLast = true;
    const value = parser.parseRecord();
    if (parser.peek() !== -1) return "rejected: text follows the value";
    const [flaw] = parser.flaws;
    if (flaw !== undefined) return `rejected, although it is JSON: ${flaw.problem}`;
    expect(toPlain(value)).toEqual(JSON.parse(text));
    return "accepted";
  } catch (error) {
    if (error instanceof JsonSyntaxError) return `rejected: ${error.message}`;
    if (error instanceof TypeError && /encoded data/.test(error.message)) return "rejected: it is not UTF-8";
    throw error;
  }
}

const outcomes = Object.fromEntries(Object.entries(texts).map(([name, bytes]) => [name, outcomeOf(bytes)]));

it("has 318 texts, each with the outcome that is written down", () => {
  expect(Object.keys(outcomes)).toHaveLength(318);
  expect(outcomes).toEqual(readExpected(new URL("testing/json-test-suite.txt", import.meta.url), outcomes));
});

it("rejects what is no JSON, and accepts what is, unless Postgres cannot store it exactly", () => {
  const wrong = Object.entries(outcomes).filter(
    ([name, outcome]) =>
      (name.startsWith("n_") && !outcome.startsWith("rejected:")) || (name.startsWith("y_") && outcome.startsWith("rejected:")),
  );
  expect(wrong).toEqual([]);
});

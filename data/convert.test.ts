import { describe, expect, it } from "vitest";
import { type Field, field } from "../systems/data/mapping.ts";
import { createConverter, escapeCopy, ValueProblem } from "./convert.ts";
import { JsonNumber, type JsonValue } from "./json/value.ts";

function outcome(of: Field, value: JsonValue): string {
  try {
    return createConverter(of, () => {})(value);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    return `refused: ${error.problem}`;
  }
}

const number = (text: string) => new JsonNumber(text);
const time = field.timestamp("c");
const price = field.numeric("c", 4, 2);

describe("a value", () => {
  it.each<[string, Field, JsonValue, string]>([
    ["a time of Date", time, "2026-01-31T09:30:00.000Z", "2026-01-31T09:30:00.000Z"],
    ["the last day of February in a leap year", time, "2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"],
    ["one in another year", time, "2023-02-29T00:00:00Z", "refused: there is no such day"],
    ["one in 1900", time, "1900-02-29T00:00:00Z", "refused: there is no such day"],
    ["one in 2000", time, "2000-02-29T00:00:00+14:00", "2000-02-29T00:00:00+14:00"],
    ["the year 0", time, "0000-01-01T00:00:00Z", "refused: there is no such day"],
    ["month 13", time, "2026-13-01T00:00:00Z", "refused: there is no such day"],
    ["day 0", time, "2026-01-00T00:00:00Z", "refused: there is no such day"],
    ["hour 24", time, "2026-01-01T24:00:00Z", "refused: there is no such time of day"],
    ["minute 60", time, "2026-01-01T00:60:00Z", "refused: there is no such time of day"],
    ["a leap second", time, "2016-12-31T23:59:60Z", "refused: there is no such time of day"],
    ["offset +15:00", time, "2026-01-01T00:00:00+15:00", "refused: there is no such offset"],
    ["7 digits of a second", time, "2026-01-01T00:00:00.1234567Z", "refused: it is more exact than a microsecond"],
    ["a time with a space", time, "2026-01-01 00:00:00Z", "refused: it is not a time such as 2026-01-31T09:30:00.000Z"],
    ["a time without an offset where the mapping declares UTC", { ...time, zone: "UTC" }, "2026-01-01T00:00:00", "2026-01-01T00:00:00Z"],
    ["a time with a newline at its end", time, "2026-01-31T09:30:00Z\n", "refused: it is not a time such as 2026-01-31T09:30:00.000Z"],
    ["a price", price, number("1234.50"), "1234.50"],
    ["a negative price", price, number("-0.01"), "-0.01"],
    ["a price with too many digits before", price, number("12345"), "refused: it has more than 4 digits before the decimal point"],
    ["a price with too many digits after", price, number("1.005"), "refused: it has more than 2 digits after the decimal point"],
    ["a price with zeros at the end", price, number("1.5000"), "1.5000"],
    ["a price with an exponent", price, number("1.5e3"), "1.5e3"],
    ["one that is too large", price, number("1.5e4"), "refused: it has more than 4 digits before the decimal point"],
    ["one that is too exact", price, number("1.5e-2"), "refused: it has more than 2 digits after the decimal point"],
    ["zero with an exponent", price, number("0e99"), "0e99"],
    ["the largest integer", field.integer("c"), number("2147483647"), "2147483647"],
    ["one more", field.integer("c"), number("2147483648"), "refused: it is outside the range of integer"],
    ["the smallest bigint", field.bigint("c"), number("-9223372036854775808"), "-9223372036854775808"],
    ["one less", field.bigint("c"), number("-9223372036854775809"), "refused: it is outside the range of bigint"],
    ["a whole number with an exponent", field.integer("c"), number("1e3"), "refused: it is not a whole number written with digits only"],
    ["a number as a string", field.integer("c"), "1", "refused: it is a string, and not a number"],
    ["an unescaped text", field.text("c"), "a\tb\nc\rd\\N", "a\\tb\\nc\\rd\\\\N"],
    ["the text that means null in COPY", field.text("c"), "\\N", "\\\\N"],
    ["a string in a JSON column", field.json("c"), 'a"\n', '"a\\\\"\\\\n"'],
    ["hexadecimal digits", field.hex("c"), "00ff", "\\\\x00ff"],
    ["hexadecimal digits in upper case", field.hex("c"), "FF", "refused: it is not pairs of lower-case hexadecimal digits"],
    [
      "a UUID in braces",
      field.uuid("c"),
      "{6d66c879-d871-41bb-8da5-fb3db75d52a6}",
      "refused: it is not a UUID such as 6d66c879-d871-41bb-8da5-fb3db75d52a6",
    ],
    [
      "a UUID in upper case",
      field.uuid("c"),
      "6D66C879-d871-41bb-8da5-fb3db75d52a6",
      "refused: it has upper-case letters, and the mapping does not declare foldCase",
    ],
  ])("%s is stored exactly, or refused", (_, of, value, expected) => {
    expect(outcome(of, value)).toBe(expected);
  });

  it("of a text is escaped so that COPY reads the same text", () => {
    expect(escapeCopy("plain")).toBe("plain");
    expect(escapeCopy("\\\n\r\t\\.")).toBe("\\\\\\n\\r\\t\\\\.");
  });
});

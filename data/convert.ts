/** Turns values of JSON into the text format of COPY. What is not exactly the declared type is refused, never corrected. */
import type { Field } from "../systems/data/mapping.ts";
import { describeType, JsonArray, JsonNumber, JsonObject, type JsonValue } from "./json/value.ts";

export const NULL = "\\N";

/** Why a value is refused. It never contains the value, which may be a secret. */
export class ValueProblem {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** A value that a declared rule changes: "a word of the value map", "upper-case letters". */
export type OnChange = (rule: string) => void;

/** @throws ValueProblem */
export type Convert = (value: JsonValue) => string;

export function createConverter(field: Field, onChange: OnChange): Convert {
  const convert = createTypeConverter(field, onChange);
  const { nullable, emptyIsNull } = field;
  return (value) => {
    if (value === null) {
      if (nullable) return NULL;
      throw new ValueProblem("it is null, which this field does not allow");
    }
    if (emptyIsNull && value === "") {
      onChange('"" stored as null');
      return NULL;
    }
    return convert(value);
  };
}

/** @returns undefined if a record must have the field */
export function missingText({ missing }: Field): string | undefined {
  if (missing === undefined) return undefined;
  if (missing === null) return NULL;
  if (typeof missing === "boolean") return missing ? "t" : "f";
  return escapeCopy(typeof missing === "object" ? missing.json : String(missing));
}

const SPECIAL = /[\\\n\r\t]/;
const SPECIALS = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

export function escapeCopy(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIALS, (one) => ESCAPES[one]!) : text;
}

export function unescapeCopy(text: string): string {
  return text.includes("\\") ? text.replace(/\\(.)/g, (_, one: string) => UNESCAPES[one] ?? one) : text;
}
const UNESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function createTypeConverter(field: Field, onChange: OnChange): Convert {
  switch (field.type) {
    case "text":
      return createTextConverter(field, onChange);
    case "uuid":
      return createUuidConverter(field, onChange);
    case "integer":
      return (value) => checkedInteger(value, 2n ** 31n, "integer", 9);
    case "bigint":
      return (value) => checkedInteger(value, 2n ** 63n, "bigint", 18);
    case "numeric":
      return createNumericConverter(field.digits ?? [500, 500]);
    case "boolean":
      return (value) => {
        if (value === true) return "t";
        if (value === false) return "f";
        throw expected("a boolean", value);
      };
    case "date":
      return (value) => {
        if (typeof value !== "string") throw expected("a date as a string", value);
        checkDate(DATE.exec(value), "a date such as 2026-01-31");
        return value;
      };
    case "timestamptz":
      return (value) => checkedTime(value, field);
    case "json":
      return toJsonText;
    case "hex":
      return (value) => {
        if (typeof value !== "string") throw expected("hexadecimal digits as a string", value);
        if (!/^(?:[0-9a-f]{2})*$/.test(value)) throw new ValueProblem("it is not pairs of lower-case hexadecimal digits");
        return `\\\\x${value}`;
      };
  }
}

const expected = (wanted: string, value: JsonValue) => new ValueProblem(`it is ${describeType(value)}, and not ${wanted}`);

function createTextConverter({ values, removeNul }: Field, onChange: OnChange): Convert {
  const words = values === undefined ? undefined : new Map(Object.entries(values));
  return (value) => {
    if (typeof value !== "string") throw expected("a string", value);
    let text = value;
    if (removeNul && text.includes("\0")) {
      text = text.replaceAll("\0", "");
      onChange("U+0000 removed");
    }
    if (words === undefined) return escapeCopy(text);
    const word = words.get(text);
    if (word === undefined) throw new ValueProblem(`it is none of the words of the mapping: ${[...words.keys()].join(", ")}`);
    if (word !== text) onChange(`"${text}" stored as "${word}"`);
    return escapeCopy(word);
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function createUuidConverter({ foldCase }: Field, onChange: OnChange): Convert {
  return (value) => {
    if (typeof value !== "string") throw expected("a UUID as a string", value);
    if (UUID.test(value)) return value;
    const folded = value.toLowerCase();
    if (!UUID.test(folded)) throw new ValueProblem("it is not a UUID such as 6d66c879-d871-41bb-8da5-fb3db75d52a6");
    if (!foldCase) throw new ValueProblem("it has upper-case letters, and the mapping does not declare foldCase");
    onChange("upper-case letters of a UUID stored in lower case");
    return folded;
  };
}

function checkedInteger(value: JsonValue, limit: bigint, type: string, safeDigits: number): string {
  if (!(value instanceof JsonNumber)) throw expected("a number", value);
  const { text } = value;
  if (!/^-?\d+$/.test(text)) throw new ValueProblem("it is not a whole number written with digits only");
  if (text.length > safeDigits) {
    const number = BigInt(text);
    if (number >= limit || number < -limit) throw new ValueProblem(`it is outside the range of ${type}`);
  }
  return text;
}

function createNumericConverter(digits: readonly [number, number]): Convert {
  const isPlain = new RegExp(`^-?\\d{1,${Math.max(1, digits[0])}}(?:\\.\\d{1,${Math.max(1, digits[1])}})?$`);
  const isUsual = digits[0] > 0 && digits[1] > 0;
  return (value) => (isUsual && value instanceof JsonNumber && isPlain.test(value.text) ? value.text : checkedNumeric(value, digits));
}

/** Postgres would round digits after the last place silently. */
function checkedNumeric(value: JsonValue, [before, after]: readonly [number, number]): string {
  if (!(value instanceof JsonNumber)) throw expected("a number", value);
  const [, , whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(value.text) ?? [];
  const shift = Number(exponent);
  const digits = whole + fraction;
  const significant = digits.replace(/^0+/, "");
  const point = significant.length - fraction.length + shift;
  const places = digits.replace(/0+$/, "") === "" ? 0 : digits.replace(/0+$/, "").length - whole.length - shift;
  if (significant !== "" && point > before) throw new ValueProblem(`it has more than ${before} digits before the decimal point`);
  if (places > after) throw new ValueProblem(`it has more than ${after} digits after the decimal point`);
  return value.text;
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})?$/;
/** What Date writes, on days that every month has. */
const PLAIN_TIME = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z$/;
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function checkDate(match: RegExpExecArray | null, wanted: string): void {
  if (match === null) throw new ValueProblem(`it is not ${wanted}`);
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (month === 2 && !isLeap ? 28 : DAYS[month - 1]!))
    throw new ValueProblem("there is no such day");
}

function checkedTime(value: JsonValue, { zone }: Field): string {
  if (typeof value !== "string") throw expected("a time as a string", value);
  if (PLAIN_TIME.test(value)) return value;
  const match = TIME.exec(value);
  checkDate(match, "a time such as 2026-01-31T09:30:00.000Z");
  const [, , , , hour, minute, second, fraction = "", offset] = match!;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) throw new ValueProblem("there is no such time of day");
  if (fraction.length > 6) throw new ValueProblem("it is more exact than a microsecond");
  if (offset === undefined && zone === undefined) throw new ValueProblem("it has no offset, and the mapping declares no zone");
  if (offset !== undefined && offset !== "Z" && (Number(offset.slice(1, 3)) > 14 || Number(offset.slice(4)) > 59))
    throw new ValueProblem("there is no such offset");
  return offset === undefined ? `${value}Z` : value;
}

/** The text of the source, so that numbers stay exact. */
function toJsonText(value: JsonValue): string {
  if (typeof value === "string") return escapeCopy(JSON.stringify(value));
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof JsonObject || value instanceof JsonArray) return escapeCopy(value.text);
  return String(value);
}

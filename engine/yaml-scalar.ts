/** Interprets unquoted scalars as Go's yaml.v3 does, which Pulumi uses. */

export type Scalar = null | boolean | number | bigint | string;

const NAMED: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...entriesFor(null, "", "~", "null", "Null", "NULL"),
  ...entriesFor(true, "true", "True", "TRUE"),
  ...entriesFor(false, "false", "False", "FALSE"),
  ...entriesFor(Number.POSITIVE_INFINITY, ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"),
  ...entriesFor(Number.NEGATIVE_INFINITY, "-.inf", "-.Inf", "-.INF"),
  ...entriesFor(Number.NaN, ".nan", ".NaN", ".NAN"),
]);

function entriesFor(value: Scalar, ...texts: string[]): readonly (readonly [string, Scalar])[] {
  return texts.map((text) => [text, value]);
}

const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/;

/** "yes" and "on" are texts; 0755 is octal, and 08 is eight. */
export function scalarOf(text: string): Scalar {
  if (NAMED.has(text)) return NAMED.get(text) ?? null;
  if (!/^[-+.\d]/.test(text)) return text;
  const date = dateOf(text);
  if (date !== undefined) return date;
  const plain = text.startsWith(".") ? text : text.replaceAll("_", "");
  const integer = integerOf(plain);
  if (integer !== undefined) return integer;
  const float = FLOAT.test(plain) ? Number(plain) : Number.NaN;
  // Numbers that are too large stay texts.
  return Number.isFinite(float) ? float : text;
}

/** undefined when the text is not an integer, or one that exceeds 64 bits. */
function integerOf(text: string): number | bigint | undefined {
  const [, sign, hex, binary, octal, decimal] = INTEGER.exec(text) ?? [];
  const digits = hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : decimal;
  if (digits === undefined) return undefined;
  const value = sign === "-" ? -BigInt(digits) : BigInt(digits);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const TIMESTAMP = /^(\d{4})-(\d\d?)-(\d\d?)(?:([Tt ])(\d\d?):(\d\d?):(\d\d?)(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)?)?$/;

/** As Go prints a time: 2026-01-02 becomes "2026-01-02 00:00:00 +0000 UTC". */
function dateOf(text: string): string | undefined {
  const [, year = "", month = "", day = "", separator, hour = "0", minute = "0", second = "0", fraction = "", zone] =
    TIMESTAMP.exec(text) ?? [];
  // A "T" requires a zone; a space excludes one.
  if (year === "" || (separator !== undefined && (separator === " ") === (zone !== undefined))) return undefined;
  const two = (digits: string) => digits.padStart(2, "0");
  const iso = `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
  const time = new Date(`${iso}Z`);
  if (Number.isNaN(time.getTime()) || !time.toISOString().startsWith(iso)) return undefined;
  const rest = fraction.replace(/0+$/, "");
  const offset = zone?.replace(":", "");
  const name = offset === undefined || zone === "Z" ? "+0000 UTC" : `${offset} ${offset}`;
  return `${iso.replace("T", " ")}${rest && `.${rest}`} ${name}`;
}

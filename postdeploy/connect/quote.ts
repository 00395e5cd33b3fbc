/** Quotes identifiers and literals: the simple query protocol allows several statements but no parameters. */
import { Failure } from "./failure.ts";

const NAME = /^[a-z_][a-z0-9_$]{0,62}$/;

/** @throws if Postgres would fold or truncate the name, or require quotes. */
export function checkedName(name: string, what: string): string {
  if (!NAME.test(name))
    throw new Failure(
      "bad-name",
      2,
      `Invalid ${what} name ${JSON.stringify(name)}. Use a lower-case letter or _, then lower-case letters, digits, _ or $, at most 63 characters.`,
    );
  return name;
}

/** Quotes any name from the catalog. */
export function identifier(name: string): string {
  if (name.includes("\0")) throw new Failure("bad-name", 2, "Names in Postgres cannot contain NUL characters.");
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(value: string | null): string {
  if (value === null) return "NULL";
  if (value.includes("\0")) throw new Failure("bad-value", 2, "Postgres cannot store text with NUL characters.");
  return value.includes("\\") ? `E'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'` : `'${value.replaceAll("'", "''")}'`;
}

/** Text of the server or of another session in a message: on one line, without control characters, and no longer than a line. */
export function printable(text: string): string {
  const escaped = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  return escaped.length > 200 ? `${escaped.slice(0, 200)}…` : escaped;
}

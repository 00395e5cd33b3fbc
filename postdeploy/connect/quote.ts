/** Identifiers and literals for scripts: the simple protocol carries several statements, and no bound values. */
import { Failure } from "./failure.ts";

const NAME = /^[a-z_][a-z0-9_$]{0,62}$/;

/** Refuses what Postgres would fold, truncate or take for something else. */
export function checkedName(name: string, what: string): string {
  if (!NAME.test(name))
    throw new Failure(
      "bad-name",
      2,
      `The ${what} ${JSON.stringify(name)} is not a plain name: a lower-case letter or _, then letters, digits, _ or $, at most 63.`,
    );
  return name;
}

/** A name as it is in the catalogue, whatever it is. */
export function identifier(name: string): string {
  if (name.includes("\0")) throw new Failure("bad-name", 2, "A name with a NUL character cannot be one of Postgres's.");
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(value: string | null): string {
  if (value === null) return "NULL";
  if (value.includes("\0")) throw new Failure("bad-value", 2, "Text with a NUL character cannot be stored in Postgres.");
  return value.includes("\\") ? `E'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'` : `'${value.replaceAll("'", "''")}'`;
}

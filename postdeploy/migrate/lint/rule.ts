/** What a rule is, and the words in which it speaks. */
<<<<<<< HEAD
import type { Finding } from "../finding.ts";
import type { Statement } from "../parse.ts";
import { plain, tableName } from "../tables.ts";
import type { FileSet } from "./set.ts";
=======
import type { Finding } from "../read/finding.ts";
import type { Statement } from "../read/parse.ts";
import { tableName } from "../read/statement.ts";
import type { FileSet } from "./file-set.ts";
>>>>>>> 6a8a6d8 (Sort the migration engine into rooms: read, ledger, schema, run, apply, lint)

export type Fields = Record<string, unknown>;
export type Found = Pick<Finding, "rule" | "severity" | "message"> & { readonly fix?: string };

export interface Seen {
  readonly set: FileSet;
  readonly transaction: boolean;
  /** Those of the same file, in order. */
  readonly siblings: readonly Statement[];
  /** Those of the files before, applied or not: what a table promises already. Only where a rule asks for them. */
  readonly earlier: readonly Statement[];
}

export type Rule = (fields: Fields, seen: Seen, statement: Statement) => Found[];

export const warn = (rule: string, message: string, fix?: string): Found => ({
  rule,
  severity: "warning",
  message,
  ...(fix === undefined ? {} : { fix }),
});
export const note = (rule: string, message: string, fix?: string): Found => ({
  rule,
  severity: "note",
  message,
  ...(fix === undefined ? {} : { fix }),
});
export const table = (value: unknown) => tableName((value ?? {}) as { relname?: string; schemaname?: string });
export const text = (node: unknown): string | undefined => (node as { String?: { sval?: string } } | undefined)?.String?.sval;
export const texts = (list: unknown): string[] => ((list as unknown[] | undefined) ?? []).flatMap((item) => text(item) ?? []);
/** The name of a type from its parts. Postgres's own types, such as text, have no schema in it. */
export const typeNamed = (parts: unknown): string =>
  texts(parts)
    .filter((part, index, all) => !(index === 0 && all.length > 1 && part === "pg_catalog"))
    .map(plain)
    .join(".");
/** Of an ALTER TABLE; no other statement has any. */
export const commandsOf = ({ cmds }: Fields): Fields[] =>
  ((cmds as { AlterTableCmd: Fields }[] | undefined) ?? []).map(({ AlterTableCmd }) => AlterTableCmd);

export const cascade = (what: string) =>
  warn("drop-cascade", `CASCADE drops what depends on ${what} too, whatever that is on this server.`, "Name what is to go.");

/**
 * The types of columns as the files declare them, and which changes of a type leave the rows as they are. A test asks a real server about every pair of
 * types.
 */
import type { Node } from "libpg-query";
import type { Statement } from "../read/parse.ts";
import { commandsOf, type Fields, fieldsOf, kindOf, tableName, typeNameOf } from "../read/statement.ts";

export interface ColumnType {
  /** "varchar", "int4" */
  readonly name: string;
  /** Of varchar(10) and numeric(10, 2). */
  readonly modifiers: readonly number[];
  readonly isArray: boolean;
}

export const changesType = ({ node }: Pick<Statement, "node">): boolean =>
  commandsOf(fieldsOf(node)).some(({ subtype }) => subtype === "AT_AlterColumnType");

/** Follows the statements in their order. */
export class ColumnTypes {
  readonly #types = new Map<string, ColumnType>();

  constructor(statements: readonly Pick<Statement, "node">[] = []) {
    for (const { node } of statements) this.apply(node);
  }

  /** @returns undefined if the files do not say */
  typeOf(table: string, column: string): ColumnType | undefined {
    return this.#types.get(keyOf(table, column));
  }

  /** Whether the ALTER COLUMN TYPE of this command leaves the rows of the table as they are. */
  keepsRows(table: string, { name, def }: Fields): boolean {
    const { typeName, raw_default: using } = (def as { ColumnDef?: Fields } | undefined)?.ColumnDef ?? {};
    const from = this.typeOf(table, String(name));
    return using === undefined && from !== undefined && typeName !== undefined && keepsRows(from, readType(typeName as Fields));
  }

  apply(node: Node): void {
    const fields = fieldsOf(node);
    const table = fields.relation === undefined ? "" : tableName(fields.relation);
    const set = (column: unknown) => {
      const { colname, typeName } = (column ?? {}) as { colname?: string; typeName?: Fields };
      if (colname !== undefined && typeName !== undefined) this.#types.set(keyOf(table, colname), readType(typeName));
    };
    switch (kindOf(node)) {
      case "CreateStmt":
        for (const { ColumnDef } of (fields.tableElts ?? []) as { ColumnDef?: Fields }[]) set(ColumnDef);
        break;
      case "AlterTableStmt":
        for (const { subtype, name, def } of commandsOf(fields)) {
          const column = (def as { ColumnDef?: Fields } | undefined)?.ColumnDef;
          if (subtype === "AT_AddColumn") set(column);
          else if (subtype === "AT_AlterColumnType") set({ ...column, colname: name });
          else if (subtype === "AT_DropColumn") this.#types.delete(keyOf(table, String(name)));
        }
        break;
      case "RenameStmt":
        this.#rename(table, fields);
        break;
      default:
    }
  }

  #rename(table: string, { renameType, subname, newname }: Fields): void {
    for (const [key, type] of [...this.#types]) {
      const [of, column] = JSON.parse(key) as [string, string];
      if (of !== plain(table)) continue;
      const next =
        renameType === "OBJECT_TABLE"
          ? keyOf(String(newname), column)
          : renameType === "OBJECT_COLUMN" && column === subname
            ? keyOf(table, String(newname))
            : key;
      this.#types.delete(key);
      this.#types.set(next, type);
    }
  }
}

const plain = (table: string): string => table.replace(/^public\./, "");
const keyOf = (table: string, column: string): string => JSON.stringify([plain(table), column]);

function readType({ names, typmods, arrayBounds }: Fields): ColumnType {
  const modifiers = ((typmods ?? []) as { A_Const?: { ival?: { ival?: number } } }[]).map(({ A_Const }) => A_Const?.ival?.ival ?? 0);
  return { name: typeNameOf(names), modifiers, isArray: arrayBounds !== undefined };
}

/** Pairs whose values have the same bytes. */
const SAME_BYTES = new Set([
  "varchar text",
  "text varchar",
  "cidr inet",
  "int4 oid",
  "oid int4",
  "int4 regclass",
  "xml text",
  "xml varchar",
  "bit varbit",
]);

/** Whether Postgres changes the type without a rewrite of the table. */
export function keepsRows(from: ColumnType, to: ColumnType): boolean {
  if (from.isArray || to.isArray) return from.isArray === to.isArray && from.name === to.name && isEqual(from.modifiers, to.modifiers);
  if (from.name !== to.name) return SAME_BYTES.has(`${from.name} ${to.name}`) && to.modifiers.length === 0;
  if (isEqual(from.modifiers, to.modifiers)) return true;
  const [[size = Number.POSITIVE_INFINITY, scale = 0], [nextSize = Number.POSITIVE_INFINITY, nextScale = 0]] = [
    from.modifiers,
    to.modifiers,
  ];
  switch (from.name) {
    case "varchar":
    case "varbit":
      return nextSize >= size;
    case "numeric":
      return to.modifiers.length === 0 || (from.modifiers.length > 0 && nextSize >= size && nextScale === scale);
    case "timestamp":
    case "timestamptz":
    case "time":
    case "timetz":
      return Math.min(nextSize, MOST_DIGITS) >= Math.min(size, MOST_DIGITS);
    case "interval":
      return to.modifiers.length === 0;
    default:
      return false;
  }
}

/** Of a second, which is what a type without a modifier has. */
const MOST_DIGITS = 6;

const isEqual = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index]);

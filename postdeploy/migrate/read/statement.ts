/** Accessors for the parse tree of a statement, and which statements cannot run inside a transaction. */
import type { Node } from "libpg-query";

export type Fields = Record<string, unknown>;

/** The single key of a node: "CreateStmt", "AlterTableStmt". */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? "";
}

export function fieldsOf(node: Node): Fields {
  return (Object.values(node)[0] ?? {}) as Fields;
}

export function stringOf(node: unknown): string | undefined {
  return (node as { String?: { sval?: string } } | undefined)?.String?.sval;
}

export function stringsOf(list: unknown): string[] {
  return ((list as unknown[] | undefined) ?? []).flatMap((item) => stringOf(item) ?? []);
}

/** The name of a type from its parts, without pg_catalog. */
export function typeNameOf(parts: unknown): string {
  return stringsOf(parts)
    .filter((part, index, all) => !(index === 0 && all.length > 1 && part === "pg_catalog"))
    .map(quoteIfNeeded)
    .join(".");
}

/** The subcommands of an ALTER TABLE; empty for every other statement. */
export function commandsOf({ cmds }: Fields): Fields[] {
  return ((cmds as { AlterTableCmd: Fields }[] | undefined) ?? []).map(({ AlterTableCmd }) => AlterTableCmd);
}

export function constraintsOf(column: Fields): Fields[] {
  return ((column.constraints as { Constraint?: Fields }[] | undefined) ?? []).map(({ Constraint }) => Constraint ?? {});
}

export function columnType(column: Fields): string {
  return stringsOf((column.typeName as { names?: unknown } | undefined)?.names).at(-1) ?? "";
}

/** The options of a statement: `DEFAULT 5`, `LANGUAGE sql`. */
export const optionsIn = (list: unknown): Fields[] => ((list as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);

/** Whether a boolean option in parentheses is on, as defGetBoolean in Postgres reads it: on without a value, and the last one counts. */
export function isOptionOn(params: unknown, name: string): boolean {
  const option = lastOption(params, name);
  return option !== undefined && !isOff(option.arg, ["false", "off"]);
}

/** The same for a storage parameter, such as security_invoker, which Postgres reads with parse_bool: also `no`, and any unique prefix. */
export function isParameterOn(params: unknown, name: string): boolean {
  const option = lastOption(params, name);
  return option !== undefined && !isOff(option.arg, ["f", "fa", "fal", "fals", "false", "of", "off", "n", "no", "0"]);
}

interface Option {
  readonly defname?: string;
  readonly arg?: {
    readonly Integer?: { readonly ival?: number };
    readonly String?: unknown;
    readonly TypeName?: { readonly names?: unknown };
  };
}

function lastOption(params: unknown, name: string): Option | undefined {
  const options: { DefElem?: Option }[] = Array.isArray(params) ? params : [];
  return options.findLast(({ DefElem }) => DefElem?.defname === name)?.DefElem;
}

function isOff(value: Option["arg"], words: readonly string[]): boolean {
  if (value?.Integer !== undefined) return (value.Integer.ival ?? 0) === 0;
  const word = stringOf(value) ?? stringsOf(value?.TypeName?.names).at(-1);
  return word !== undefined && words.includes(word.toLowerCase());
}

/** @returns the statement's name for messages, or undefined if it can run inside a transaction. */
export function needsNoTransaction(node: Node): string | undefined {
  const fields = fieldsOf(node);
  switch (kindOf(node)) {
    case "IndexStmt":
      return fields.concurrent ? "CREATE INDEX CONCURRENTLY" : undefined;
    case "DropStmt":
      return fields.concurrent ? "DROP INDEX CONCURRENTLY" : undefined;
    case "ReindexStmt": {
      if (isOptionOn(fields.params, "concurrently")) return "REINDEX CONCURRENTLY";
      const kind = fields.kind;
      return kind === "REINDEX_OBJECT_SCHEMA" || kind === "REINDEX_OBJECT_DATABASE" || kind === "REINDEX_OBJECT_SYSTEM"
        ? "REINDEX of many tables"
        : undefined;
    }
    case "VacuumStmt":
      return fields.is_vacuumcmd ? "VACUUM" : undefined;
    case "ClusterStmt":
      return fields.relation ? undefined : "CLUSTER of every table";
    case "CreatedbStmt":
      return "CREATE DATABASE";
    case "DropdbStmt":
      return "DROP DATABASE";
    case "CreateTableSpaceStmt":
      return "CREATE TABLESPACE";
    case "DropTableSpaceStmt":
      return "DROP TABLESPACE";
    case "AlterSystemStmt":
      return "ALTER SYSTEM";
    case "CreateSubscriptionStmt":
      return "CREATE SUBSCRIPTION";
    case "DropSubscriptionStmt":
      return "DROP SUBSCRIPTION";
    case "AlterTableStmt":
      return commandsOf(fields).some(
        ({ subtype, def }) =>
          subtype === "AT_DetachPartition" &&
          (def as { PartitionCmd?: { concurrent?: boolean } } | undefined)?.PartitionCmd?.concurrent === true,
      )
        ? "DETACH PARTITION CONCURRENTLY"
        : undefined;
    default:
      return undefined;
  }
}

/** CALL, and DO with a COMMIT or ROLLBACK, can end the surrounding transaction. */
export function mayCommit(node: Node): boolean {
  const kind = kindOf(node);
  if (kind === "CallStmt") return true;
  return kind === "DoStmt" && /\b(commit|rollback)\b/i.test(JSON.stringify(fieldsOf(node).args ?? ""));
}

/** @returns the command, if the statement begins or ends a transaction. Savepoints are allowed. */
export function transactionCommand(node: Node): string | undefined {
  if (kindOf(node) !== "TransactionStmt") return undefined;
  const commands: Record<string, string> = {
    TRANS_STMT_BEGIN: "BEGIN",
    TRANS_STMT_START: "START TRANSACTION",
    TRANS_STMT_COMMIT: "COMMIT",
    TRANS_STMT_ROLLBACK: "ROLLBACK",
    TRANS_STMT_PREPARE: "PREPARE TRANSACTION",
    TRANS_STMT_COMMIT_PREPARED: "COMMIT PREPARED",
    TRANS_STMT_ROLLBACK_PREPARED: "ROLLBACK PREPARED",
  };
  return commands[String(fieldsOf(node).kind)];
}

/** These statements do not block reads or writes, so they run without a lock timeout, which would only leave an invalid index. */
export function isConcurrent(node: Node): boolean {
  return /CONCURRENTLY$/.test(needsNoTransaction(node) ?? "");
}

export interface ConcurrentIndex {
  readonly name: string;
  readonly table: { readonly schema: string | undefined; readonly name: string };
}

/** The index that a CREATE INDEX CONCURRENTLY builds; undefined for other statements and for an index without a name. */
export function concurrentIndexOf(node: Node): ConcurrentIndex | undefined {
  const fields = fieldsOf(node) as { idxname?: string; concurrent?: boolean; relation?: { schemaname?: string; relname: string } };
  if (kindOf(node) !== "IndexStmt" || !fields.concurrent || fields.idxname === undefined || fields.relation === undefined) return undefined;
  return { name: fields.idxname, table: { schema: fields.relation.schemaname, name: fields.relation.relname } };
}

/** @param relation a RangeVar. @returns the name as it is written in SQL: "shop.orders". */
export function tableName(relation: unknown): string {
  const { schemaname, relname } = (relation ?? {}) as { schemaname?: string; relname?: string };
  return [schemaname, relname]
    .filter((part) => part !== undefined)
    .map(quoteIfNeeded)
    .join(".");
}

/** Quotes a name that Postgres would fold to lower case or reject. */
export function quoteIfNeeded(name: string | undefined): string {
  const text = name ?? "";
  return /^[a-z_][a-z0-9_$]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
}

/** Every table and index that a statement names. */
export function tablesOf(node: Node): string[] {
  const found = new Set<string>();
  collectTables(node, found);
  return [...found];
}

function collectTables(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectTables(item, found);
  else if (typeof value === "object" && value !== null) {
    const { relname } = value as { relname?: unknown };
    if (typeof relname === "string" && "relpersistence" in value) found.add(tableName(value));
    const drop = (value as { DropStmt?: { removeType?: string; objects?: unknown[] } }).DropStmt;
    if (drop?.removeType === "OBJECT_TABLE" || drop?.removeType === "OBJECT_INDEX")
      for (const object of drop.objects ?? []) {
        const names = stringsOf((object as { List?: { items?: unknown } }).List?.items).map(quoteIfNeeded);
        if (names.length > 0) found.add(names.join("."));
      }
    for (const item of Object.values(value)) collectTables(item, found);
  }
}

/** The name of an object in a DROP, a GRANT or a COMMENT, quoted where it has to be. */
export function objectName(object: unknown): string {
  const {
    List,
    TypeName,
    RangeVar,
    String: text,
    ObjectWithArgs,
  } = object as {
    List?: { items?: unknown };
    TypeName?: { names?: unknown };
    RangeVar?: unknown;
    String?: { sval?: string };
    ObjectWithArgs?: { objname?: unknown };
  };
  if (RangeVar !== undefined) return tableName(RangeVar);
  if (text !== undefined) return quoteIfNeeded(text.sval ?? "");
  return stringsOf(List?.items ?? TypeName?.names ?? ObjectWithArgs?.objname)
    .map(quoteIfNeeded)
    .join(".");
}

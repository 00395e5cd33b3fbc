/** What Postgres refuses inside a transaction, and what would end ours. */
import type { Node } from "libpg-query";

type Fields = Record<string, unknown>;

/** "CreateStmt", "AlterTableStmt": the one key of a node. */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? "";
}

export function fieldsOf(node: Node): Fields {
  return (Object.values(node)[0] ?? {}) as Fields;
}

/** @returns how the statement is called in a message, or undefined where a transaction is fine. */
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
      return (fields.cmds as Node[] | undefined)?.some((cmd) => {
        const { subtype, def } = fieldsOf(cmd) as { subtype?: string; def?: { PartitionCmd?: { concurrent?: boolean } } };
        return subtype === "AT_DetachPartition" && def?.PartitionCmd?.concurrent === true;
      })
        ? "DETACH PARTITION CONCURRENTLY"
        : undefined;
    default:
      return undefined;
  }
}

/** DO and CALL may commit inside, and then they too must stand alone. */
export function mayCommit(node: Node): boolean {
  const kind = kindOf(node);
  if (kind === "CallStmt") return true;
  return kind === "DoStmt" && /\b(commit|rollback)\b/i.test(JSON.stringify(fieldsOf(node).args ?? ""));
}

/** @returns the words of a statement that would end, or take over, the transaction that a file runs in. */
export function takesOver(node: Node): string | undefined {
  if (kindOf(node) !== "TransactionStmt") return undefined;
  const words: Record<string, string> = {
    TRANS_STMT_BEGIN: "BEGIN",
    TRANS_STMT_START: "START TRANSACTION",
    TRANS_STMT_COMMIT: "COMMIT",
    TRANS_STMT_ROLLBACK: "ROLLBACK",
    TRANS_STMT_PREPARE: "PREPARE TRANSACTION",
    TRANS_STMT_COMMIT_PREPARED: "COMMIT PREPARED",
    TRANS_STMT_ROLLBACK_PREPARED: "ROLLBACK PREPARED",
  };
  return words[String(fieldsOf(node).kind)];
}

/** These run at the server's own pace and hold no lock that others wait for: a lock timeout would only leave a broken index. */
export function isConcurrent(node: Node): boolean {
  return /CONCURRENTLY$/.test(needsNoTransaction(node) ?? "");
}

/** Whether a boolean option in parentheses is on, as Postgres reads it (defGetBoolean): without a value it is on, and the last one counts. */
export function isOptionOn(params: unknown, name: string): boolean {
  const option = lastOption(params, name);
  return option !== undefined && !isOff(option.arg, ["false", "off"]);
}

/** The same for a storage parameter, such as security_invoker of a view, which Postgres reads with parse_bool: also `no`, and any unique prefix. */
export function isParameterOn(params: unknown, name: string): boolean {
  const option = lastOption(params, name);
  return option !== undefined && !isOff(option.arg, ["f", "fa", "fal", "fals", "false", "of", "off", "n", "no", "0"]);
}

interface Option {
  readonly defname?: string;
  readonly arg?: {
    readonly Integer?: { readonly ival?: number };
    readonly String?: { readonly sval?: string };
    readonly TypeName?: { readonly names?: readonly { readonly String?: { readonly sval?: string } }[] };
  };
}

function lastOption(params: unknown, name: string): Option | undefined {
  const options: { DefElem?: Option }[] = Array.isArray(params) ? params : [];
  return options.findLast(({ DefElem }) => DefElem?.defname === name)?.DefElem;
}

function isOff(value: Option["arg"], words: readonly string[]): boolean {
  if (value?.Integer !== undefined) return (value.Integer.ival ?? 0) === 0;
  const word = value?.String?.sval ?? value?.TypeName?.names?.at(-1)?.String?.sval;
  return word !== undefined && words.includes(word.toLowerCase());
}

export interface BuiltIndex {
  readonly name: string;
  readonly table: { readonly schema: string | undefined; readonly name: string };
}

/** The index that a CREATE INDEX CONCURRENTLY builds; undefined for everything else, and where Postgres is to think of a name. */
export function builtBy(node: Node): BuiltIndex | undefined {
  const fields = fieldsOf(node) as { idxname?: string; concurrent?: boolean; relation?: { schemaname?: string; relname: string } };
  if (kindOf(node) !== "IndexStmt" || !fields.concurrent || fields.idxname === undefined || fields.relation === undefined) return undefined;
  return { name: fields.idxname, table: { schema: fields.relation.schemaname, name: fields.relation.relname } };
}

interface RangeVar {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** As one would write them: "devx.users". */
export function tablesOf(node: Node): string[] {
  const found = new Set<string>();
  visit(node, found);
  return [...found];
}

export function tableName({ schemaname, relname }: RangeVar): string {
  return [schemaname, relname]
    .filter((part) => part !== undefined)
    .map(plain)
    .join(".");
}

/** Quoted where Postgres would fold or misread it. */
export function plain(name: string | undefined): string {
  const text = name ?? "";
  return /^[a-z_][a-z0-9_$]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
}

function visit(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) visit(item, found);
  else if (typeof value === "object" && value !== null) {
    const { relname } = value as RangeVar;
    if (typeof relname === "string" && "relpersistence" in value) found.add(tableName(value as RangeVar));
    const drop = (value as { DropStmt?: { removeType?: string; objects?: unknown[] } }).DropStmt;
    if (drop?.removeType === "OBJECT_TABLE" || drop?.removeType === "OBJECT_INDEX")
      for (const object of drop.objects ?? []) {
        const names =
          (object as { List?: { items?: { String?: { sval?: string } }[] } }).List?.items?.map((item) => plain(item.String?.sval)) ?? [];
        if (names.length > 0) found.add(names.join("."));
      }
    for (const item of Object.values(value)) visit(item, found);
  }
}

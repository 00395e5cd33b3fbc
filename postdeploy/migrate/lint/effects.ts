/**
 * The effects of a statement on existing tables: the lock it takes, and whether it scans or rewrites the table.
 *
 * Source: the Postgres manual, "Explicit Locking", and AlterTableGetLockLevel in the Postgres source. A test compares each statement with the locks
 * of a real server.
 */
import type { Node } from "libpg-query";
import {
  columnType,
  commandsOf,
  constraintsOf,
  type Fields,
  fieldsOf,
  isOptionOn,
  kindOf,
  objectName,
  tableName,
} from "../read/statement.ts";
import type { ColumnTypes } from "./column-types.ts";

export const LOCKS = [
  "ACCESS SHARE",
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
] as const;
export type Lock = (typeof LOCKS)[number];

interface Effect {
  readonly table: string;
  readonly lock: Lock;
  /** scan: reads every row under the lock. rewrite: rewrites the table and its indexes under the lock. */
  readonly work: "none" | "scan" | "rewrite" | "maybe-rewrite";
  /** `table` is the name of an index. */
  readonly index?: true;
}

/** What a lock blocks. */
export function blocks(lock: Lock): "reads and writes" | "writes" | "schema changes" | "nothing" {
  if (lock === "ACCESS EXCLUSIVE") return "reads and writes";
  if (LOCKS.indexOf(lock) >= LOCKS.indexOf("SHARE")) return "writes";
  return lock === "SHARE UPDATE EXCLUSIVE" ? "schema changes" : "nothing";
}

/** @param types of columns, before the statement */
export function effectsOf(node: Node, types?: ColumnTypes): Effect[] {
  const fields = fieldsOf(node);
  const { relation } = fields;
  const effect = (lock: Lock, work: Effect["work"] = "none", table = tableName(relation)): Effect[] => [{ table, lock, work }];
  switch (kindOf(node)) {
    case "IndexStmt":
      return effect(fields.concurrent ? "SHARE UPDATE EXCLUSIVE" : "SHARE", "scan");
    case "AlterTableStmt":
      return alterTable(fields, types);
    case "RenameStmt":
      return relation && LOCKING_RENAMES.has(String(fields.renameType)) ? effect("ACCESS EXCLUSIVE") : [];
    case "AlterObjectSchemaStmt":
      return relation ? effect("ACCESS EXCLUSIVE") : [];
    case "DropStmt":
      return drop(fields);
    case "TruncateStmt":
      return relationsOf(fields.relations).map((table) => ({ table, lock: "ACCESS EXCLUSIVE", work: "none" }));
    case "LockStmt":
      return relationsOf(fields.relations).map((table) => ({
        table,
        lock: LOCKS[Number(fields.mode) - 1] ?? "ACCESS EXCLUSIVE",
        work: "none",
      }));
    case "CreateTrigStmt":
      return effect("SHARE ROW EXCLUSIVE");
    case "CreatePolicyStmt":
    case "AlterPolicyStmt":
      return effect("ACCESS EXCLUSIVE", "none", tableName(fields.table));
    case "RuleStmt":
      return effect("ACCESS EXCLUSIVE");
    case "VacuumStmt": {
      const full = isOptionOn(fields.options, "full");
      return ((fields.rels as { VacuumRelation?: Fields }[] | undefined) ?? []).map(({ VacuumRelation }) => ({
        table: tableName(VacuumRelation?.relation),
        lock: full ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE",
        work: full ? "rewrite" : "none",
      }));
    }
    case "ClusterStmt":
      return relation ? effect("ACCESS EXCLUSIVE", "rewrite") : [];
    case "ReindexStmt": {
      const lock = isOptionOn(fields.params, "concurrently") ? "SHARE UPDATE EXCLUSIVE" : "SHARE";
      if (fields.kind === "REINDEX_OBJECT_TABLE") return effect(lock, "scan");
      return fields.kind === "REINDEX_OBJECT_INDEX"
        ? [{ table: tableName(relation), lock: lock === "SHARE" ? "ACCESS EXCLUSIVE" : lock, work: "scan", index: true }]
        : [];
    }
    case "RefreshMatViewStmt":
      return fields.concurrent ? effect("EXCLUSIVE", "scan") : effect("ACCESS EXCLUSIVE", "rewrite");
    case "CreateStmt":
      return createTable(fields);
    case "CommentStmt":
      return fields.objtype === "OBJECT_TABLE" ? [{ table: objectName(fields.object), lock: "SHARE UPDATE EXCLUSIVE", work: "none" }] : [];
    case "CreateStatsStmt":
      return relationsOf(fields.relations).map((table) => ({ table, lock: "SHARE UPDATE EXCLUSIVE", work: "none" }));
    case "InsertStmt":
    case "UpdateStmt":
    case "DeleteStmt":
    case "MergeStmt":
      return relation ? effect("ROW EXCLUSIVE") : [];
    default:
      return [];
  }
}

const LOCKING_RENAMES = new Set(["OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_VIEW", "OBJECT_MATVIEW"]);

function alterTable(fields: Fields, types: ColumnTypes | undefined): Effect[] {
  if (fields.objtype !== "OBJECT_TABLE" && fields.objtype !== "OBJECT_MATVIEW") return [];
  const table = tableName(fields.relation);
  const effects: Effect[] = [];
  for (const command of commandsOf(fields)) {
    const subtype = String(command.subtype);
    const def = (command.def ?? {}) as { ColumnDef?: Fields; Constraint?: Fields; PartitionCmd?: Fields };
    if (subtype === "AT_AlterColumnType" && types?.keepsRows(table, command))
      effects.push({ table, lock: "ACCESS EXCLUSIVE", work: "none" });
    else if (subtype === "AT_AddConstraint" && def.Constraint) effects.push(...addConstraint(table, def.Constraint));
    else if (subtype === "AT_AddColumn" && def.ColumnDef) {
      effects.push({ table, lock: "ACCESS EXCLUSIVE", work: rewritesForColumn(def.ColumnDef) ? "rewrite" : "none" });
      for (const constraint of constraintsOf(def.ColumnDef))
        if (constraint.contype === "CONSTR_FOREIGN")
          effects.push({ table: tableName(constraint.pktable), lock: "SHARE ROW EXCLUSIVE", work: "none" });
    } else if (subtype === "AT_AttachPartition") {
      effects.push(
        { table, lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
        { table: tableName(def.PartitionCmd?.name), lock: "ACCESS EXCLUSIVE", work: "scan" },
      );
    } else if (subtype === "AT_DetachPartition") {
      const lock = def.PartitionCmd?.concurrent ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE";
      effects.push({ table, lock, work: "none" }, { table: tableName(def.PartitionCmd?.name), lock: "ACCESS EXCLUSIVE", work: "none" });
    } else effects.push({ table, ...(ALTERS[subtype] ?? { lock: "ACCESS EXCLUSIVE", work: "none" }) });
  }
  return effects;
}

/** Subcommands that take a weaker lock than ACCESS EXCLUSIVE, or do more than change the catalog. */
const ALTERS: Readonly<Record<string, Pick<Effect, "lock" | "work">>> = {
  AT_SetStatistics: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_SetRelOptions: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_ResetRelOptions: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_ClusterOn: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_DropCluster: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_SetOptions: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_ResetOptions: { lock: "SHARE UPDATE EXCLUSIVE", work: "none" },
  AT_ValidateConstraint: { lock: "SHARE UPDATE EXCLUSIVE", work: "scan" },
  AT_EnableTrig: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_EnableTrigAll: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_EnableTrigUser: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_DisableTrig: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_DisableTrigAll: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_DisableTrigUser: { lock: "SHARE ROW EXCLUSIVE", work: "none" },
  AT_SetNotNull: { lock: "ACCESS EXCLUSIVE", work: "scan" },
  AT_AlterColumnType: { lock: "ACCESS EXCLUSIVE", work: "maybe-rewrite" },
  AT_SetLogged: { lock: "ACCESS EXCLUSIVE", work: "rewrite" },
  AT_SetUnLogged: { lock: "ACCESS EXCLUSIVE", work: "rewrite" },
  AT_SetTableSpace: { lock: "ACCESS EXCLUSIVE", work: "rewrite" },
  AT_SetAccessMethod: { lock: "ACCESS EXCLUSIVE", work: "rewrite" },
};

function addConstraint(table: string, constraint: Fields): Effect[] {
  const unchecked = constraint.skip_validation === true;
  switch (constraint.contype) {
    case "CONSTR_FOREIGN":
      return [
        { table, lock: "SHARE ROW EXCLUSIVE", work: unchecked ? "none" : "scan" },
        { table: tableName(constraint.pktable), lock: "SHARE ROW EXCLUSIVE", work: "none" },
      ];
    case "CONSTR_CHECK":
    case "CONSTR_NOTNULL":
      return [{ table, lock: "ACCESS EXCLUSIVE", work: unchecked ? "none" : "scan" }];
    case "CONSTR_PRIMARY":
    case "CONSTR_UNIQUE":
      return [{ table, lock: "ACCESS EXCLUSIVE", work: constraint.indexname === undefined ? "scan" : "none" }];
    default:
      return [{ table, lock: "ACCESS EXCLUSIVE", work: "scan" }];
  }
}

function createTable(fields: Fields): Effect[] {
  const parents = relationsOf(fields.inhRelations).map(
    (table): Effect => ({ table, lock: fields.partbound ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE", work: "none" }),
  );
  const columns = ((fields.tableElts as { ColumnDef?: Fields; Constraint?: Fields }[] | undefined) ?? []).flatMap(
    ({ ColumnDef, Constraint }) => (ColumnDef ? constraintsOf(ColumnDef) : [Constraint ?? {}]),
  );
  const foreign = columns
    .filter(({ contype }) => contype === "CONSTR_FOREIGN")
    .map(({ pktable }): Effect => ({ table: tableName(pktable), lock: "SHARE ROW EXCLUSIVE", work: "none" }));
  return [...parents, ...foreign];
}

function drop(fields: Fields): Effect[] {
  const names = ((fields.objects as unknown[] | undefined) ?? []).map(objectName);
  switch (fields.removeType) {
    case "OBJECT_TABLE":
    case "OBJECT_VIEW":
    case "OBJECT_MATVIEW":
      return names.map((table) => ({ table, lock: "ACCESS EXCLUSIVE", work: "none" }));
    case "OBJECT_INDEX":
      return names.map((table) => ({
        table,
        lock: fields.concurrent ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE",
        work: "none",
        index: true,
      }));
    case "OBJECT_TRIGGER":
    case "OBJECT_POLICY":
    case "OBJECT_RULE":
      return names.map((name) => ({ table: name.split(".").slice(0, -1).join("."), lock: "ACCESS EXCLUSIVE", work: "none" }));
    default:
      return [];
  }
}

/** A volatile default or a computed value is written into every row. */
export function rewritesForColumn(column: Fields): boolean {
  return (
    constraintsOf(column).some((constraint) => {
      if (constraint.contype === "CONSTR_IDENTITY") return true;
      if (constraint.contype === "CONSTR_GENERATED") return constraint.generated_kind !== "v";
      return constraint.contype === "CONSTR_DEFAULT" && isVolatile(constraint.raw_expr);
    }) || /^(small|big)?serial[248]?$/.test(columnType(column))
  );
}

/** Stable and immutable functions return one value for the whole statement. Other functions are assumed to be volatile. */
const STABLE_FUNCTIONS = new Set([
  "now",
  "current_setting",
  "transaction_timestamp",
  "statement_timestamp",
  "to_timestamp",
  "make_interval",
  "lower",
  "upper",
  "md5",
  "current_schema",
  "jsonb_build_object",
  "jsonb_build_array",
  "to_jsonb",
  "coalesce",
]);

function isVolatile(expression: unknown): boolean {
  if (Array.isArray(expression)) return expression.some(isVolatile);
  if (typeof expression !== "object" || expression === null) return false;
  const { FuncCall } = expression as { FuncCall?: { funcname?: { String?: { sval?: string } }[] } };
  if (FuncCall && !STABLE_FUNCTIONS.has(FuncCall.funcname?.at(-1)?.String?.sval ?? "")) return true;
  return Object.values(expression).some(isVolatile);
}

function relationsOf(list: unknown): string[] {
  return ((list as { RangeVar?: unknown }[] | undefined) ?? []).map(({ RangeVar }) => tableName(RangeVar));
}

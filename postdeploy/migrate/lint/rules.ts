/** The lint rules by kind of statement. Each rule checks one statement of a set of files. */
import type { Statement } from "../read/parse.ts";
import { constraintsOf, type Fields, fieldsOf, isOptionOn, kindOf, quoteIfNeeded, tableName, typeNameOf } from "../read/statement.ts";
import { effectsOf } from "./effects.ts";
import { note, type Rule, type RuleContext, type RuleFinding, warn, warnCascade } from "./rule.ts";
import {
  alterDefaultPrivileges,
  alterFunction,
  alterView,
  createFunction,
  createMaterializedView,
  createOrAlterRole,
  createPolicy,
  createView,
  grant,
} from "./security-rules.ts";
import { alterTable, createTable } from "./table-rules.ts";

export function lintStatement(statement: Statement, context: RuleContext): RuleFinding[] {
  const rules = [...(RULES[kindOf(statement.node)] ?? []), ...EVERY];
  return rules.flatMap((rule) => rule(fieldsOf(statement.node), context, statement));
}

const createIndex: Rule = (fields, { set }) => {
  const table = tableName(fields.relation);
  if (fields.concurrent || set.isNew(table)) return [];
  return warn(
    "index-blocks-writes",
    `CREATE INDEX blocks writes to ${table} until the index is built.`,
    "CREATE INDEX CONCURRENTLY name ON …, in a file that begins with: -- slipway: no-transaction",
  );
};

const drop: Rule = (fields, { set }, statement) => {
  const names = effectsOf(statement.node).map((effect) => effect.table);
  const used = names.filter((name) => !set.isNew(name));
  const found: RuleFinding[] = fields.behavior === "DROP_CASCADE" ? [warnCascade("it")] : [];
  const kind = fields.removeType;
  if (kind === "OBJECT_TABLE" && used.length > 0)
    found.push(
      warn(
        "drop-table",
        `Drops ${used.join(", ")} with every row. The running release of the application may still read it.`,
        "Release a version that does not use the table, take a backup, and drop the table in a later release.",
      ),
    );
  if (kind === "OBJECT_INDEX" && !fields.concurrent && used.length > 0)
    found.push(
      warn(
        "drop-index-blocks",
        "DROP INDEX waits for every reader of the table, and blocks reads and writes until it finishes.",
        "DROP INDEX CONCURRENTLY, in a file that begins with: -- slipway: no-transaction",
      ),
    );
  if (kind === "OBJECT_SCHEMA")
    found.push(warn("drop-schema", "Drops every object in the schema, also those that other applications own."));
  if (kind === "OBJECT_VIEW" || kind === "OBJECT_FUNCTION")
    found.push(note("drop-view-or-function", "The running release of the application may still use it."));
  return found;
};

const rename: Rule = (fields, { set }) => {
  const table = tableName(fields.relation);
  if (set.isNew(table)) return [];
  const kind = fields.renameType;
  if (kind === "OBJECT_COLUMN")
    return warn(
      "rename-column",
      `The running release of the application uses the old name of ${table}.${quoteIfNeeded(String(fields.subname))}.`,
      "Add the new column, write both, switch the reads, and drop the old column in a later release.",
    );
  if (kind === "OBJECT_TABLE" || kind === "OBJECT_VIEW")
    return warn(
      "rename-table",
      `The running release of the application uses the old name of ${table}.`,
      "Keep the old name as a view on the new table until no release uses it.",
    );
  return [];
};

const setSchema: Rule = (fields, { set }) =>
  fields.relation && !set.isNew(tableName(fields.relation))
    ? warn("set-schema", `The running release of the application looks for ${tableName(fields.relation)} in its old schema.`)
    : [];

const withoutWhere =
  (command: "UPDATE" | "DELETE"): Rule =>
  (fields, { set }) => {
    const table = tableName(fields.relation);
    if (fields.whereClause || set.isNew(table)) return [];
    return warn(
      `${command.toLowerCase()}-every-row`,
      `${command} without WHERE locks every row of ${table} until the file is committed.`,
      "Work in batches by key, in a file that begins with: -- slipway: no-transaction. If every row is intended, write WHERE true.",
    );
  };

const relationsOf = (relations: unknown): string[] =>
  ((relations as { RangeVar: unknown }[] | undefined) ?? []).map(({ RangeVar }) => tableName(RangeVar));

const truncate: Rule = (fields, { set }) => {
  const names = relationsOf(fields.relations);
  const referencing = fields.behavior === "DROP_CASCADE" ? " and of every table that references it" : "";
  return names.every(set.isNew) ? [] : warn("truncate", `Deletes every row of ${names.join(", ")}${referencing}.`);
};

const lockTable: Rule = (fields) =>
  warn("lock-table", `${relationsOf(fields.relations).join(", ")} stays locked until the file is committed.`);

const vacuum: Rule = (fields) =>
  isOptionOn(fields.options, "full")
    ? warn(
        "vacuum-full",
        "VACUUM FULL rewrites the table and blocks reads and writes until it finishes.",
        "Use VACUUM, or pg_repack if the provider offers it.",
      )
    : [];
const cluster: Rule = () => warn("cluster", "CLUSTER rewrites the table and blocks reads and writes until it finishes.");
const reindex: Rule = (fields) =>
  isOptionOn(fields.params, "concurrently")
    ? []
    : warn(
        "reindex-blocks",
        "REINDEX blocks writes to the table and reads that use the index until it finishes.",
        "REINDEX … CONCURRENTLY, in a file that begins with: -- slipway: no-transaction",
      );

const refresh: Rule = (fields, { set }) => {
  const view = tableName(fields.relation);
  return fields.concurrent || set.isNew(view)
    ? []
    : warn(
        "refresh-blocks",
        `REFRESH blocks reads of ${view} until it finishes.`,
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.",
      );
};

const createTrigger: Rule = (fields, { set }) => {
  const table = tableName(fields.relation);
  return set.isNew(table) ? [] : note("trigger-blocks", `Blocks writes to ${table} until the file is committed. Keep the file short.`);
};

const alterEnum: Rule = (fields, { set, transaction, siblings }, statement) => {
  // RENAME VALUE has an old value. The renamed value can be used at once.
  if (fields.newVal === undefined || fields.oldVal !== undefined) return [];
  const value = String(fields.newVal);
  const type = typeNameOf(fields.typeName);
  const found: RuleFinding[] = [];
  if (fields.newValNeighbor === undefined && !set.isNewType(type))
    found.push(
      note(
        "enum-value-order",
        `'${value}' sorts after every other value of ${type}, and its position cannot be changed later.`,
        `If the order matters: ALTER TYPE ${type} ADD VALUE '${value}' BEFORE or AFTER another value.`,
      ),
    );
  const later = siblings.slice(siblings.indexOf(statement) + 1);
  if (transaction && later.some((other) => other.text.includes(`'${value}'`)))
    found.push(warn("enum-value-used", `'${value}' cannot be used in the transaction that adds it (55P04).`, "Use it in the next file."));
  return found;
};

const createDomain: Rule = (fields, { set }) => {
  const base = typeNameOf((fields.typeName as Fields | undefined)?.names);
  return constraintsOf(fields).some(({ contype }) => contype === "CONSTR_CHECK") && !set.isNewType(base)
    ? note(
        "domain-check",
        `Adding a column of domain ${typeNameOf(fields.domainname)} to a table rewrites the table, because the domain has a CHECK.`,
        "For a table in use, add a column of the base type, then ADD CONSTRAINT … CHECK … NOT VALID, and VALIDATE it in the next file.",
      )
    : [];
};

const alterDomain: Rule = (fields) => {
  const { Constraint } = (fields.def ?? {}) as { Constraint?: { skip_validation?: boolean } };
  return Constraint === undefined || Constraint.skip_validation
    ? []
    : warn(
        "domain-scans",
        "Scans every table with a column of this domain and blocks writes to it meanwhile.",
        "ADD CONSTRAINT … NOT VALID, then ALTER DOMAIN … VALIDATE CONSTRAINT in the next file.",
      );
};

const dropDatabase: Rule = () => warn("drop-database", "Drops the database with every row. A down migration cannot restore the data.");

const longName: Rule = (_fields, _context, { text: sql }) => {
  const long = sql.match(/"[^"]{64,}"|\b[a-zA-Z_][\w$]{63,}\b/g)?.find((name) => Buffer.byteLength(name.replaceAll('"', "")) > 63);
  return long && !/'/.test(sql.slice(0, sql.indexOf(long)))
    ? warn("name-too-long", `${long.slice(0, 30)}… is longer than 63 bytes. Postgres truncates it, and two such names can collide.`)
    : [];
};

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  IndexStmt: [createIndex],
  AlterTableStmt: [alterTable, alterView],
  CreateStmt: [createTable],
  DropStmt: [drop],
  RenameStmt: [rename],
  AlterObjectSchemaStmt: [setSchema],
  UpdateStmt: [withoutWhere("UPDATE")],
  DeleteStmt: [withoutWhere("DELETE")],
  TruncateStmt: [truncate],
  LockStmt: [lockTable],
  VacuumStmt: [vacuum],
  ClusterStmt: [cluster],
  ReindexStmt: [reindex],
  RefreshMatViewStmt: [refresh],
  CreateTrigStmt: [createTrigger],
  AlterEnumStmt: [alterEnum],
  AlterDomainStmt: [alterDomain],
  CreateDomainStmt: [createDomain],
  DropdbStmt: [dropDatabase],
  CreatePolicyStmt: [createPolicy],
  CreateFunctionStmt: [createFunction],
  AlterFunctionStmt: [alterFunction],
  CreateTableAsStmt: [createMaterializedView],
  ViewStmt: [createView],
  AlterDefaultPrivilegesStmt: [alterDefaultPrivileges],
  GrantStmt: [grant],
  CreateRoleStmt: [createOrAlterRole],
  AlterRoleStmt: [createOrAlterRole],
};

const EVERY: readonly Rule[] = [longName];

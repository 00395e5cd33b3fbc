/** What is dangerous in a statement that works. Each rule looks at one statement, and at what the files of its set have made before. */
<<<<<<< HEAD
import { fieldsOf, isOptionOn, kindOf } from "../outside.ts";
import type { Statement } from "../parse.ts";
import { plain } from "../tables.ts";
import { constraintsOf, effectsOf } from "./effects.ts";
import { createFunction, defaultPrivileges, grant, policy, role, view } from "./guard-rules.ts";
import { cascade, type Fields, type Found, note, type Rule, type Seen, table, typeNamed, warn } from "./rule.ts";
=======

import type { Statement } from "../read/parse.ts";
import { fieldsOf, hasOption, kindOf, plain } from "../read/statement.ts";
import { effectsOf } from "./effects.ts";
import { cascade, type Found, note, type Rule, type Seen, table, warn } from "./rule.ts";
import { createFunction, defaultPrivileges, grant, policy, role, view } from "./security-rules.ts";
>>>>>>> 6a8a6d8 (Sort the migration engine into rooms: read, ledger, schema, run, apply, lint)
import { alterTable, createTable } from "./table-rules.ts";

export function lintStatement(statement: Statement, seen: Seen): Found[] {
  const rules = [...(RULES[kindOf(statement.node)] ?? []), ...EVERY];
  return rules.flatMap((rule) => rule(fieldsOf(statement.node), seen, statement));
}

const index: Rule = (fields, { set }) => {
  const on = table(fields.relation);
  if (fields.concurrent || set.isNew(on)) return [];
  return [
    warn(
      "index-blocks-writes",
      `Nobody can write to ${on} while the index is built.`,
      "CREATE INDEX CONCURRENTLY name ON …, in a file that begins with: -- slipway: no-transaction",
    ),
  ];
};

const drop: Rule = (fields, { set }, statement) => {
  const names = effectsOf(statement.node).map((effect) => effect.table);
  const used = names.filter((name) => !set.isNew(name));
  const found: Found[] = fields.behavior === "DROP_CASCADE" ? [cascade("it")] : [];
  const kind = fields.removeType;
  if (kind === "OBJECT_TABLE" && used.length > 0)
    found.push(
      warn(
        "drop-table",
        `${used.join(", ")} and every row of it are gone; the application that still runs may read it.`,
        "Let a release stop using it first; take a backup; drop it in a later release.",
      ),
    );
  if (kind === "OBJECT_INDEX" && !fields.concurrent && used.length > 0)
    found.push(
      warn(
        "drop-index-blocks",
        "Nobody can use the table while the index is dropped, and the drop waits for every reader.",
        "DROP INDEX CONCURRENTLY, in a file that begins with: -- slipway: no-transaction",
      ),
    );
  if (kind === "OBJECT_SCHEMA") found.push(warn("drop-schema", "A schema goes with everything in it, also with what others put there."));
  if (kind === "OBJECT_VIEW" || kind === "OBJECT_FUNCTION")
    found.push(note("drop-view-or-function", "The application that still runs may use it."));
  return found;
};

const rename: Rule = (fields, { set }) => {
  const on = table(fields.relation);
  if (set.isNew(on)) return [];
  const kind = fields.renameType;
  if (kind === "OBJECT_COLUMN")
    return [
      warn(
        "rename-column",
        `The application that still runs knows ${on}.${plain(String(fields.subname))} by its old name.`,
        "Add the new column, write both, switch, drop the old one in a later release.",
      ),
    ];
  if (kind === "OBJECT_TABLE" || kind === "OBJECT_VIEW")
    return [
      warn(
        "rename-table",
        `The application that still runs knows ${on} by its old name.`,
        "Keep the old name as a view on the new one until nobody uses it.",
      ),
    ];
  return [];
};

const moveSchema: Rule = (fields, { set }) =>
  fields.relation && !set.isNew(table(fields.relation))
    ? [warn("set-schema", `The application that still runs looks for ${table(fields.relation)} where it was.`)]
    : [];

const everyRow =
  (verb: "UPDATE" | "DELETE"): Rule =>
  (fields, { set }) => {
    const on = table(fields.relation);
    if (fields.whereClause || set.isNew(on)) return [];
    return [
      warn(
        `${verb.toLowerCase()}-every-row`,
        `${verb} without WHERE locks every row of ${on} until the file is committed.`,
        "Go through it in batches by key, in a file with: -- slipway: no-transaction; or say WHERE true and allow this rule.",
      ),
    ];
  };

const truncate: Rule = (fields, { set }) => {
  const names = ((fields.relations as { RangeVar: unknown }[] | undefined) ?? []).map(({ RangeVar }) => table(RangeVar));
  return names.every(set.isNew)
    ? []
    : [
        warn(
          "truncate",
          `Every row of ${names.join(", ")} is gone${fields.behavior === "DROP_CASCADE" ? ", and with CASCADE those of every table that refers to it" : ""}.`,
        ),
      ];
};

const lockTable: Rule = (fields) => {
  const names = ((fields.relations as { RangeVar: unknown }[] | undefined) ?? []).map(({ RangeVar }) => table(RangeVar));
  return [warn("lock-table", `${names.join(", ")} stays locked until the file is committed.`)];
};

const vacuum: Rule = (fields) =>
  isOptionOn(fields.options, "full")
    ? [
        warn(
          "vacuum-full",
          "VACUUM FULL writes the table anew while nobody can read it.",
          "VACUUM, or pg_repack where the provider has it.",
        ),
      ]
    : [];
const cluster: Rule = () => [warn("cluster", "CLUSTER writes the table anew while nobody can read it.")];
const reindex: Rule = (fields) =>
  isOptionOn(fields.params, "concurrently")
    ? []
    : [
        warn(
          "reindex-blocks",
          "Nobody can write to the table, or use the index, while it is rebuilt.",
          "REINDEX … CONCURRENTLY, in a file with: -- slipway: no-transaction",
        ),
      ];

const refresh: Rule = (fields, { set }) => {
  const view = table(fields.relation);
  return fields.concurrent || set.isNew(view)
    ? []
    : [
        warn(
          "refresh-blocks",
          `Nobody can read ${view} while it is filled.`,
          "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.",
        ),
      ];
};

const trigger: Rule = (fields, { set }) => {
  const on = table(fields.relation);
  return set.isNew(on) ? [] : [note("trigger-blocks", `Nobody can write to ${on} until the file is committed. Keep the file short.`)];
};

const alterEnum: Rule = (fields, { set, transaction, siblings }, statement) => {
  // RENAME VALUE has an old value; what it renames can be used at once.
  if (fields.newVal === undefined || fields.oldVal !== undefined) return [];
  const value = String(fields.newVal);
  const type = typeNamed(fields.typeName);
  const found: Found[] = [];
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
  const base = typeNamed((fields.typeName as Fields | undefined)?.names);
  return constraintsOf(fields).some(({ contype }) => contype === "CONSTR_CHECK") && !set.isNewType(base)
    ? [
        note(
          "domain-check",
          `Adding a column of domain ${typeNamed(fields.domainname)} to a table rewrites the table, because the domain has a CHECK.`,
          "For a table in use: a column of the plain type, then ADD CONSTRAINT … CHECK … NOT VALID, and VALIDATE it in the next file.",
        ),
      ]
    : [];
};

const alterDomain: Rule = (fields) => {
  const { Constraint } = (fields.def ?? {}) as { Constraint?: { skip_validation?: boolean } };
  return Constraint === undefined || Constraint.skip_validation
    ? []
    : [
        warn(
          "domain-scans",
          "Every table with a column of this domain is read while nobody can write to it.",
          "ADD CONSTRAINT … NOT VALID; ALTER DOMAIN … VALIDATE CONSTRAINT in the next file.",
        ),
      ];
};

const dropDatabase: Rule = () => [warn("drop-database", "A database is gone with every table in it, and no way back brings one row.")];

/** More than one kind of statement brings names. */
const longNames: Rule = (_fields, _seen, { text: sql }) => {
  const long = sql.match(/"[^"]{64,}"|\b[a-zA-Z_][\w$]{63,}\b/g)?.find((name) => Buffer.byteLength(name.replaceAll('"', "")) > 63);
  return long && !/'/.test(sql.slice(0, sql.indexOf(long)))
    ? [warn("name-too-long", `${long.slice(0, 30)}… has more than 63 bytes: Postgres cuts it off, and two such names become one.`)]
    : [];
};

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  IndexStmt: [index],
  AlterTableStmt: [alterTable],
  CreateStmt: [createTable],
  DropStmt: [drop],
  RenameStmt: [rename],
  AlterObjectSchemaStmt: [moveSchema],
  UpdateStmt: [everyRow("UPDATE")],
  DeleteStmt: [everyRow("DELETE")],
  TruncateStmt: [truncate],
  LockStmt: [lockTable],
  VacuumStmt: [vacuum],
  ClusterStmt: [cluster],
  ReindexStmt: [reindex],
  RefreshMatViewStmt: [refresh],
  CreateTrigStmt: [trigger],
  AlterEnumStmt: [alterEnum],
  AlterDomainStmt: [alterDomain],
  CreateDomainStmt: [createDomain],
  DropdbStmt: [dropDatabase],
  CreatePolicyStmt: [policy],
  CreateFunctionStmt: [createFunction],
  ViewStmt: [view],
  AlterDefaultPrivilegesStmt: [defaultPrivileges],
  GrantStmt: [grant],
  CreateRoleStmt: [role],
  AlterRoleStmt: [role],
};

const EVERY: readonly Rule[] = [longNames];

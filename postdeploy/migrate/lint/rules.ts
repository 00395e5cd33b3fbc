/** What is dangerous in a statement that works. Each rule looks at one statement, and at what the files of its set have made before. */
import type { Finding } from "../finding.ts";
import { fieldsOf, hasOption, kindOf } from "../outside.ts";
import type { Statement } from "../parse.ts";
import { plain, tableName } from "../tables.ts";
import { constraintsOf, effectsOf, rewritesForColumn, typeName } from "./effects.ts";
import type { FileSet } from "./set.ts";

type Fields = Record<string, unknown>;
type Found = Pick<Finding, "rule" | "severity" | "message"> & { readonly fix?: string };

export interface Seen {
  readonly set: FileSet;
  readonly transaction: boolean;
  /** Those of the same file, in order. */
  readonly siblings: readonly Statement[];
}

type Rule = (fields: Fields, seen: Seen, statement: Statement) => Found[];

export function lintStatement(statement: Statement, seen: Seen): Found[] {
  const rules = [...(RULES[kindOf(statement.node)] ?? []), ...EVERY];
  return rules.flatMap((rule) => rule(fieldsOf(statement.node), seen, statement));
}

const warn = (rule: string, message: string, fix?: string): Found => ({
  rule,
  severity: "warning",
  message,
  ...(fix === undefined ? {} : { fix }),
});
const note = (rule: string, message: string, fix?: string): Found => ({
  rule,
  severity: "note",
  message,
  ...(fix === undefined ? {} : { fix }),
});
const table = (value: unknown) => tableName((value ?? {}) as { relname?: string; schemaname?: string });
const text = (node: unknown): string | undefined => (node as { String?: { sval?: string } } | undefined)?.String?.sval;

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

const alterTable: Rule = (fields, seen, statement) => {
  if (fields.objtype !== "OBJECT_TABLE") return [];
  const on = table(fields.relation);
  const commands = ((fields.cmds as { AlterTableCmd: Fields }[] | undefined) ?? []).map(({ AlterTableCmd }) => AlterTableCmd);
  return commands.flatMap((command) => [
    ...commandRules(command, on, seen, statement),
    ...(seen.set.isNew(on) ? [] : commandOnUsed(command, on)),
  ]);
};

/** On any table, new or not. */
function commandRules(command: Fields, on: string, { set, transaction, siblings }: Seen, statement: Statement): Found[] {
  const { ColumnDef, Constraint } = (command.def ?? {}) as { ColumnDef?: Fields; Constraint?: Fields };
  if (command.subtype === "AT_AddColumn" && ColumnDef) return columnRules(ColumnDef);
  if (command.subtype === "AT_DropColumn" && command.behavior === "DROP_CASCADE") return [cascade(`column ${on}.${command.name}`)];
  if (command.subtype === "AT_EnableRowSecurity" && !set.forced.some(on))
    return [note("rls-not-forced", `The owner of ${on} is not bound by its policies.`, `ALTER TABLE ${on} FORCE ROW LEVEL SECURITY;`)];
  if (command.subtype === "AT_ValidateConstraint" && transaction && !set.isNew(on)) {
    const added = siblings.some(
      (other) => other !== statement && other.text.includes("NOT VALID") && other.text.includes(String(command.name)),
    );
    if (added)
      return [
        warn(
          "validate-in-same-file",
          `The lock of ADD CONSTRAINT is held while every row of ${on} is read, which NOT VALID was to avoid.`,
          "Put VALIDATE CONSTRAINT into the next file.",
        ),
      ];
  }
  if (command.subtype === "AT_AddConstraint" && Constraint?.contype === "CONSTR_FOREIGN") return [];
  return [];
}

/** Only where the table has rows and readers. */
function commandOnUsed(command: Fields, on: string): Found[] {
  const name = plain(String(command.name ?? ""));
  const { ColumnDef, Constraint } = (command.def ?? {}) as { ColumnDef?: Fields; Constraint?: Fields };
  switch (command.subtype) {
    case "AT_AddColumn":
      return ColumnDef ? addColumn(ColumnDef, on) : [];
    case "AT_DropColumn":
      return [
        warn(
          "drop-column",
          `The application that still runs may read ${on}.${name}.`,
          "Let a release stop using it first; drop it in a later one.",
        ),
      ];
    case "AT_AlterColumnType":
      return [
        warn(
          "column-type",
          `A new type for ${on}.${name} may write the whole table anew while nobody can read it (varchar to text, or to a longer varchar, does not).`,
          "Add a column of the new type, fill it in batches, switch, drop the old one in a later release.",
        ),
      ];
    case "AT_SetNotNull":
      return [
        warn(
          "set-not-null",
          `Every row of ${on} is read while nobody can use it.`,
          `ALTER TABLE ${on} ADD CONSTRAINT ${name}_set CHECK (${name} IS NOT NULL) NOT VALID; in the next file VALIDATE CONSTRAINT, then SET NOT NULL, which takes the constraint's word.`,
        ),
      ];
    case "AT_DropNotNull":
      return [note("drop-not-null", `Who reads ${on}.${name} may not expect NULL.`)];
    case "AT_SetLogged":
    case "AT_SetUnLogged":
    case "AT_SetTableSpace":
    case "AT_SetAccessMethod":
      return [warn("table-rewrite", `All of ${on} is written anew while nobody can read it.`)];
    case "AT_AttachPartition":
      return [
        note(
          "attach-partition",
          `Every row of the new partition is read under a lock, unless a CHECK already says what the partition says.`,
          "Add such a CHECK NOT VALID, VALIDATE it, then attach.",
        ),
      ];
    case "AT_DetachPartition":
      return (command.def as { PartitionCmd?: Fields })?.PartitionCmd?.concurrent
        ? []
        : [
            warn(
              "detach-partition",
              `Nobody can use ${on} meanwhile.`,
              "DETACH PARTITION … CONCURRENTLY, in a file with: -- slipway: no-transaction",
            ),
          ];
    case "AT_AddConstraint":
      return Constraint ? addConstraint(Constraint, on) : [];
    default:
      return [];
  }
}

function addColumn(column: Fields, on: string): Found[] {
  const name = plain(String(column.colname));
  const constraints = constraintsOf(column);
  const has = (type: string) => constraints.some(({ contype }) => contype === type);
  const found: Found[] = [];
  if (rewritesForColumn(column))
    found.push(
      warn(
        "add-column-rewrites",
        `Each row of ${on} gets a value of its own for ${name}: the whole table is written anew while nobody can read it.`,
        "Add the column without it, fill it in batches, then set the default.",
      ),
    );
  else if (has("CONSTR_NOTNULL") && !has("CONSTR_DEFAULT"))
    found.push(
      warn(
        "add-required-column",
        `${on} may have rows, and they have no value for ${name}.`,
        "Give a DEFAULT, or add it nullable, fill it, then SET NOT NULL.",
      ),
    );
  if (has("CONSTR_UNIQUE") || has("CONSTR_PRIMARY"))
    found.push(
      warn(
        "unique-blocks",
        `The unique index for ${on}.${name} is built while nobody can use the table.`,
        "Build it CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.",
      ),
    );
  const foreign = constraints.find(({ contype }) => contype === "CONSTR_FOREIGN");
  if (foreign && !foreign.skip_validation && has("CONSTR_DEFAULT"))
    found.push(
      warn(
        "foreign-key-scans",
        `Every row of ${on} is checked against ${table(foreign.pktable)} while nobody can write to either.`,
        "Add the column, then the constraint NOT VALID; VALIDATE it in the next file.",
      ),
    );
  return found;
}

function addConstraint(constraint: Fields, on: string): Found[] {
  if (constraint.skip_validation) return [];
  switch (constraint.contype) {
    case "CONSTR_FOREIGN":
      return [
        warn(
          "foreign-key-scans",
          `Every row of ${on} is checked while nobody can write to it or to ${table(constraint.pktable)}.`,
          "ADD CONSTRAINT … NOT VALID; VALIDATE CONSTRAINT in the next file.",
        ),
      ];
    case "CONSTR_CHECK":
    case "CONSTR_NOTNULL":
      return [
        warn(
          "check-scans",
          `Every row of ${on} is checked while nobody can use it.`,
          "ADD CONSTRAINT … NOT VALID; VALIDATE CONSTRAINT in the next file.",
        ),
      ];
    case "CONSTR_UNIQUE":
    case "CONSTR_PRIMARY":
      return constraint.indexname === undefined
        ? [
            warn(
              "unique-blocks",
              `The index is built while nobody can use ${on}.`,
              "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, then ADD CONSTRAINT … UNIQUE USING INDEX.",
            ),
          ]
        : [];
    case "CONSTR_EXCLUSION":
      return [warn("unique-blocks", `The index of the exclusion constraint is built while nobody can use ${on}.`)];
    default:
      return [];
  }
}

const createTable: Rule = (fields) => {
  const elements = (fields.tableElts as { ColumnDef?: Fields; Constraint?: Fields }[] | undefined) ?? [];
  const columns = elements.flatMap(({ ColumnDef }) => (ColumnDef ? [ColumnDef] : []));
  const keyed =
    elements.some(({ Constraint }) => Constraint?.contype === "CONSTR_PRIMARY") ||
    columns.some((column) => constraintsOf(column).some(({ contype }) => contype === "CONSTR_PRIMARY"));
  const found = columns.flatMap(columnRules);
  const temporary = (fields.relation as { relpersistence?: string } | undefined)?.relpersistence === "t";
  const plainTable = columns.length > 0 && !fields.partbound && !fields.inhRelations && !temporary;
  if (plainTable && !keyed)
    found.push(
      note(
        "no-primary-key",
        `${table(fields.relation)} has no primary key: no row of it can be named, and logical replication cannot update it.`,
      ),
    );
  return found;
};

function columnRules(column: Fields): Found[] {
  const name = plain(String(column.colname));
  const type = typeName(column);
  const key = constraintsOf(column).some(({ contype }) => contype === "CONSTR_PRIMARY");
  const found: Found[] = [];
  if (type === "bpchar")
    found.push(note("char-type", `${name}: char(n) is filled up with blanks.`, "text, with a CHECK on its length if there is one."));
  if (type === "timestamp")
    found.push(note("timestamp-without-zone", `${name}: a time without a zone means something else on every machine.`, "timestamptz"));
  if (type === "json") found.push(note("json-type", `${name}: json is kept as text and cannot be indexed.`, "jsonb"));
  if (type === "money")
    found.push(note("money-type", `${name}: money depends on the server's locale.`, "numeric(12, 2), or a count of cents"));
  if (key && /^(int[24]|(small)?serial[24]?)$/.test(type))
    found.push(
      note(
        "small-key",
        `${name}: a key of ${type === "int2" || type === "smallserial" ? "16" : "32"} bits runs out, and a wider one means writing the table anew.`,
        "bigint GENERATED ALWAYS AS IDENTITY, or uuid",
      ),
    );
  else if (/serial/.test(type))
    found.push(note("serial", `${name}: serial leaves a sequence that needs its own grants.`, "GENERATED ALWAYS AS IDENTITY"));
  return found;
}

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

const cascade = (what: string) =>
  warn("drop-cascade", `CASCADE drops what depends on ${what} too, whatever that is on this server.`, "Name what is to go.");

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
  hasOption(fields.options, "full")
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
  hasOption(fields.params, "concurrently")
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

const alterEnum: Rule = (fields, { transaction, siblings }, statement) => {
  const value = String(fields.newVal ?? "");
  const later = siblings.slice(siblings.indexOf(statement) + 1);
  if (!transaction || value === "" || !later.some((other) => other.text.includes(`'${value}'`))) return [];
  return [warn("enum-value-used", `'${value}' cannot be used in the transaction that adds it (55P04).`, "Use it in the next file.")];
};

const policy: Rule = (fields, { set }) => {
  const on = table(fields.table);
  return set.isNew(on) && !set.protected.some(on)
    ? [
        warn(
          "policy-without-rls",
          `${on} has a policy, and row-level security is not switched on: the policy does nothing.`,
          `ALTER TABLE ${on} ENABLE ROW LEVEL SECURITY;`,
        ),
      ]
    : [];
};

const createFunction: Rule = (fields) => {
  const options = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);
  const definer = options.some(
    ({ defname, arg }) => defname === "security" && (arg as { Boolean?: { boolval?: boolean } })?.Boolean?.boolval === true,
  );
  const pinned = options.some(
    ({ defname, arg }) => defname === "set" && (arg as { VariableSetStmt?: { name?: string } })?.VariableSetStmt?.name === "search_path",
  );
  return definer && !pinned
    ? [
        warn(
          "definer-search-path",
          "A SECURITY DEFINER function finds its tables by the caller's search path: the caller chooses what it reads as its owner.",
          "SET search_path = …, pg_temp as part of CREATE FUNCTION.",
        ),
      ]
    : [];
};

const view: Rule = (fields, { set }) => {
  const guarded = set.protected.names.filter((name) => JSON.stringify(fields.query).includes(`"relname":"${name.split(".").at(-1)}"`));
  const invoker = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).some(
    ({ DefElem }) => DefElem.defname === "security_invoker" && text(DefElem.arg) !== "false",
  );
  return guarded.length === 0 || invoker
    ? []
    : [
        warn(
          "view-bypasses-rls",
          `The view reads ${guarded.join(", ")} with its owner's rights, not those of who asks.`,
          "CREATE VIEW … WITH (security_invoker = true) AS …",
        ),
      ];
};

const defaultPrivileges: Rule = (fields) => {
  const whose = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).some(({ DefElem }) => DefElem.defname === "roles");
  return whose
    ? []
    : [
        warn(
          "default-privileges-for-whom",
          "Without FOR ROLE this covers only what the role that runs this file makes later.",
          "ALTER DEFAULT PRIVILEGES FOR ROLE owner …; the roles step does it.",
        ),
      ];
};

const grant: Rule = (fields) => {
  const everyone = ((fields.grantees as { RoleSpec?: { roletype?: string } }[] | undefined) ?? []).some(
    ({ RoleSpec }) => RoleSpec?.roletype === "ROLESPEC_PUBLIC",
  );
  return fields.is_grant && everyone
    ? [warn("grant-to-public", "PUBLIC is every role of the cluster, also those of other applications.")]
    : [];
};

const role: Rule = (fields) => {
  const options = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);
  const password = options.some(({ defname, arg }) => defname === "password" && text(arg) !== undefined);
  return password
    ? [
        warn(
          "password-in-file",
          "A password in a file is in every clone of the repository, and in the server's log.",
          "Let the provider make the user, or the stack generate the password.",
        ),
      ]
    : [];
};

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
  CreatePolicyStmt: [policy],
  CreateFunctionStmt: [createFunction],
  ViewStmt: [view],
  AlterDefaultPrivilegesStmt: [defaultPrivileges],
  GrantStmt: [grant],
  CreateRoleStmt: [role],
  AlterRoleStmt: [role],
};

const EVERY: readonly Rule[] = [longNames];

/** Rules about CREATE TABLE and ALTER TABLE. */
import type { Statement } from "../read/parse.ts";
import { columnType, commandsOf, constraintsOf, type Fields, quoteIfNeeded, tableName } from "../read/statement.ts";
import { ColumnTypes } from "./column-types.ts";
import { rewritesForColumn } from "./effects.ts";
import { isNeverNull } from "./not-null.ts";
import { note, type Rule, type RuleContext, type RuleFinding, type RuleFindings, warn, warnCascade } from "./rule.ts";

export const alterTable: Rule = (fields, context, statement) => {
  if (fields.objtype !== "OBJECT_TABLE") return [];
  const table = tableName(fields.relation);
  return commandsOf(fields).flatMap((command) =>
    [
      lintCommand(command, table, context, statement),
      context.set.isNew(table) || isProven(command, table, context, statement) ? [] : lintCommandOnUsed(command, table),
    ].flat(),
  );
};

/** Postgres skips the scan of SET NOT NULL if a validated CHECK excludes NULL, and the rewrite for a type that keeps the bytes of the old one. */
function isProven(command: Fields, table: string, { earlier, siblings }: RuleContext, statement: Statement): boolean {
  const before = () => [...earlier, ...siblings.slice(0, siblings.indexOf(statement))];
  if (command.subtype === "AT_SetNotNull") return isNeverNull(table, String(command.name), before());
  return command.subtype === "AT_AlterColumnType" && new ColumnTypes(before()).keepsRows(table, command);
}

/** Rules that also apply to new tables. */
function lintCommand(command: Fields, table: string, { set, transaction, siblings }: RuleContext, statement: Statement): RuleFindings {
  const { ColumnDef } = (command.def ?? {}) as { ColumnDef?: Fields };
  if (command.subtype === "AT_AddColumn" && ColumnDef) return lintColumn(ColumnDef);
  if (command.subtype === "AT_DropColumn" && command.behavior === "DROP_CASCADE") return warnCascade(`column ${table}.${command.name}`);
  if (command.subtype === "AT_EnableRowSecurity" && !set.rlsForced.has(table))
    return note("rls-not-forced", `The policies of ${table} do not apply to its owner.`, `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;`);
  if (command.subtype === "AT_ValidateConstraint" && transaction && !set.isNew(table)) {
    const added = siblings.some(
      (other) => other !== statement && other.text.includes("NOT VALID") && other.text.includes(String(command.name)),
    );
    if (added)
      return warn(
        "validate-in-same-file",
        `Scans ${table} under the lock of ADD CONSTRAINT, which NOT VALID is meant to avoid.`,
        "Move VALIDATE CONSTRAINT to the next file.",
      );
  }
  return [];
}

/** Rules that apply only to tables in use. */
function lintCommandOnUsed(command: Fields, table: string): RuleFindings {
  const name = quoteIfNeeded(String(command.name ?? ""));
  const { ColumnDef, Constraint } = (command.def ?? {}) as { ColumnDef?: Fields; Constraint?: Fields };
  switch (command.subtype) {
    case "AT_AddColumn":
      return ColumnDef ? lintAddColumn(ColumnDef, table) : [];
    case "AT_DropColumn":
      return warn(
        "drop-column",
        `The running release of the application may still read ${table}.${name}.`,
        "Release a version that does not use the column, and drop it in a later release.",
      );
    case "AT_AlterColumnType":
      return warn(
        "column-type",
        `A new type for ${table}.${name} may rewrite the table and block reads and writes (varchar to text, or to a longer varchar, does not).`,
        "Add a column of the new type, fill it in batches, switch the reads, and drop the old column in a later release.",
      );
    case "AT_SetNotNull":
      return warn(
        "set-not-null",
        `Scans ${table} and blocks reads and writes meanwhile.`,
        `ALTER TABLE ${table} ADD CONSTRAINT ${name}_set CHECK (${name} IS NOT NULL) NOT VALID; in the next file VALIDATE CONSTRAINT, then SET NOT NULL, which then needs no scan.`,
      );
    case "AT_DropNotNull":
      return note("drop-not-null", `Readers of ${table}.${name} may not expect NULL.`);
    case "AT_SetLogged":
    case "AT_SetUnLogged":
    case "AT_SetTableSpace":
    case "AT_SetAccessMethod":
      return warn("table-rewrite", `Rewrites ${table} and blocks reads and writes until it finishes.`);
    case "AT_AttachPartition":
      return note(
        "attach-partition",
        "Scans the new partition under a lock, unless a CHECK constraint already implies the partition bounds.",
        "Add such a CHECK as NOT VALID, VALIDATE it, then attach the partition.",
      );
    case "AT_DetachPartition":
      return (command.def as { PartitionCmd?: Fields })?.PartitionCmd?.concurrent
        ? []
        : warn(
            "detach-partition",
            `Blocks reads of and writes to ${table}.`,
            "DETACH PARTITION … CONCURRENTLY, in a file that begins with: -- slipway: no-transaction",
          );
    case "AT_AddConstraint":
      return Constraint ? lintAddConstraint(Constraint, table) : [];
    default:
      return [];
  }
}

function lintAddColumn(column: Fields, table: string): RuleFinding[] {
  const name = quoteIfNeeded(String(column.colname));
  const constraints = constraintsOf(column);
  const has = (type: string) => constraints.some(({ contype }) => contype === type);
  const found: RuleFinding[] = [];
  if (rewritesForColumn(column))
    found.push(
      warn(
        "add-column-rewrites",
        `Every row of ${table} gets its own value for ${name}: rewrites the table and blocks reads and writes.`,
        "Add the column without the default, fill it in batches, then set the default.",
      ),
    );
  else if (has("CONSTR_NOTNULL") && !has("CONSTR_DEFAULT"))
    found.push(
      warn(
        "add-required-column",
        `Fails if ${table} has rows: they have no value for ${name}.`,
        "Set a DEFAULT; or add the column as nullable, fill it, then SET NOT NULL.",
      ),
    );
  if (has("CONSTR_UNIQUE") || has("CONSTR_PRIMARY"))
    found.push(
      warn(
        "unique-blocks",
        `Builds the unique index for ${table}.${name} and blocks reads and writes meanwhile.`,
        "Build the index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.",
      ),
    );
  const foreign = constraints.find(({ contype }) => contype === "CONSTR_FOREIGN");
  if (foreign && !foreign.skip_validation && has("CONSTR_DEFAULT"))
    found.push(
      warn(
        "foreign-key-scans",
        `Checks every row of ${table} against ${tableName(foreign.pktable)} and blocks writes to both meanwhile.`,
        "Add the column, then the constraint as NOT VALID; VALIDATE it in the next file.",
      ),
    );
  return found;
}

function lintAddConstraint(constraint: Fields, table: string): RuleFindings {
  if (constraint.skip_validation) return [];
  switch (constraint.contype) {
    case "CONSTR_FOREIGN":
      return warn(
        "foreign-key-scans",
        `Checks every row of ${table} and blocks writes to it and to ${tableName(constraint.pktable)} meanwhile.`,
        "ADD CONSTRAINT … NOT VALID; VALIDATE CONSTRAINT in the next file.",
      );
    case "CONSTR_CHECK":
    case "CONSTR_NOTNULL":
      return warn(
        "check-scans",
        `Checks every row of ${table} and blocks reads and writes meanwhile.`,
        "ADD CONSTRAINT … NOT VALID; VALIDATE CONSTRAINT in the next file.",
      );
    case "CONSTR_UNIQUE":
    case "CONSTR_PRIMARY":
      return constraint.indexname === undefined
        ? warn(
            "unique-blocks",
            `Builds the index and blocks reads of and writes to ${table} meanwhile.`,
            "CREATE UNIQUE INDEX CONCURRENTLY in a separate file, then ADD CONSTRAINT … UNIQUE USING INDEX.",
          )
        : [];
    case "CONSTR_EXCLUSION":
      return warn("unique-blocks", `Builds the index of the exclusion constraint and blocks reads of and writes to ${table} meanwhile.`);
    default:
      return [];
  }
}

export const createTable: Rule = (fields) => {
  const elements = (fields.tableElts as { ColumnDef?: Fields; Constraint?: Fields }[] | undefined) ?? [];
  const columns = elements.flatMap(({ ColumnDef }) => (ColumnDef ? [ColumnDef] : []));
  const hasKey =
    elements.some(({ Constraint }) => Constraint?.contype === "CONSTR_PRIMARY") ||
    columns.some((column) => constraintsOf(column).some(({ contype }) => contype === "CONSTR_PRIMARY"));
  const found = columns.flatMap(lintColumn);
  const temporary = (fields.relation as { relpersistence?: string } | undefined)?.relpersistence === "t";
  const isPermanent = columns.length > 0 && !fields.partbound && !fields.inhRelations && !temporary;
  if (isPermanent && !hasKey)
    found.push(
      note(
        "no-primary-key",
        `${tableName(fields.relation)} has no primary key: its rows have no identifier, and logical replication cannot update them.`,
      ),
    );
  return found;
};

function lintColumn(column: Fields): RuleFinding[] {
  const name = quoteIfNeeded(String(column.colname));
  const type = columnType(column);
  const key = constraintsOf(column).some(({ contype }) => contype === "CONSTR_PRIMARY");
  const found: RuleFinding[] = [];
  if (type === "bpchar")
    found.push(note("char-type", `${name}: char(n) is padded with spaces.`, "Use text, with a CHECK if the length is limited."));
  if (type === "timestamp")
    found.push(
      note("timestamp-without-zone", `${name}: a timestamp without time zone depends on the time zone of each client.`, "Use timestamptz."),
    );
  if (type === "json") found.push(note("json-type", `${name}: json is stored as text and cannot be indexed.`, "Use jsonb."));
  if (type === "money")
    found.push(note("money-type", `${name}: money depends on the server's locale.`, "Use numeric(12, 2), or an integer number of cents."));
  if (key && /^(int[24]|(small)?serial[24]?)$/.test(type))
    found.push(
      note(
        "small-key",
        `${name}: a key of ${type === "int2" || type === "smallserial" ? "16" : "32"} bits can run out, and a wider type requires a rewrite of the table.`,
        "Use bigint GENERATED ALWAYS AS IDENTITY, or uuid.",
      ),
    );
  else if (/serial/.test(type))
    found.push(note("serial", `${name}: serial creates a sequence that needs separate grants.`, "Use GENERATED ALWAYS AS IDENTITY."));
  return found;
}

/** What CREATE TABLE and ALTER TABLE do to a table, and to whoever uses it. */
import type { Statement } from "../read/parse.ts";
import { plain } from "../read/statement.ts";
import { constraintsOf, rewritesForColumn, typeName } from "./effects.ts";
import { isNeverNull } from "./not-null.ts";
import { cascade, commandsOf, type Fields, type Found, note, type Rule, type Seen, table, warn } from "./rule.ts";

export const alterTable: Rule = (fields, seen, statement) => {
  if (fields.objtype !== "OBJECT_TABLE") return [];
  const on = table(fields.relation);
  return commandsOf(fields).flatMap((command) => [
    ...commandRules(command, on, seen, statement),
    ...(seen.set.isNew(on) || isPromised(command, on, seen, statement) ? [] : commandOnUsed(command, on)),
  ]);
};

/** SET NOT NULL takes the word of a CHECK that was validated, and reads no row. */
function isPromised(command: Fields, on: string, { earlier, siblings }: Seen, statement: Statement): boolean {
  return (
    command.subtype === "AT_SetNotNull" &&
    isNeverNull(on, String(command.name), [...earlier, ...siblings.slice(0, siblings.indexOf(statement))])
  );
}

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

export const createTable: Rule = (fields) => {
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

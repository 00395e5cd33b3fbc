/** What a migration does to the version of the application from before it, and what its down migration loses. Read from the files. */
import type { FileSet } from "../../postdeploy/migrate/lint/file-set.ts";
import type { Statement } from "../../postdeploy/migrate/read/parse.ts";
import {
  commandsOf,
  constraintsOf,
  type Fields,
  fieldsOf,
  kindOf,
  quoteIfNeeded,
  stringsOf,
  tableName,
} from "../../postdeploy/migrate/read/statement.ts";

/** Statements that only add, or that no query notices. */
const ADDING = new Set([
  "CreateStmt",
  "CreateSchemaStmt",
  "CreateSeqStmt",
  "CreateEnumStmt",
  "CreateRangeStmt",
  "CompositeTypeStmt",
  "CreateDomainStmt",
  "CreateExtensionStmt",
  "CreateTableAsStmt",
  "CreateStatsStmt",
  "AlterEnumStmt",
  "AlterDefaultPrivilegesStmt",
  "CommentStmt",
  "VariableSetStmt",
]);
const ADDING_COMMANDS = new Set(["AT_ValidateConstraint", "AT_SetStatistics", "AT_SetStorage", "AT_ChangeOwner", "AT_ColumnDefault"]);

/** @returns what the older version may not work with: "DROP COLUMN goods.price"; undefined for a statement that only adds */
export function findBreak(statement: Statement, { isNew }: Pick<FileSet, "isNew">): string | undefined {
  const { node } = statement;
  const fields = fieldsOf(node);
  const kind = kindOf(node);
  const table = tableName(fields.relation);
  if (ADDING.has(kind)) return undefined;
  if (table !== "" && isNew(table)) return undefined;
  switch (kind) {
    case "GrantStmt":
      return fields.is_grant === true ? undefined : excerpt(statement);
    case "ViewStmt":
    case "CreateFunctionStmt":
      return fields.replace === true ? excerpt(statement) : undefined;
    case "IndexStmt":
      return fields.unique === true ? `a unique index on ${table}` : undefined;
    case "DropStmt":
      return fields.removeType === "OBJECT_INDEX" ? undefined : excerpt(statement);
    case "AlterTableStmt": {
      const found = commandsOf(fields).flatMap((command) => findCommandBreak(command, table) ?? []);
      return found.length === 0 ? undefined : found.join(", ");
    }
    default:
      return excerpt(statement);
  }
}

function findCommandBreak(command: Fields, table: string): string | undefined {
  const subtype = String(command.subtype);
  if (ADDING_COMMANDS.has(subtype)) return undefined;
  const name = quoteIfNeeded(String(command.name ?? ""));
  if (subtype === "AT_AddColumn") {
    const { ColumnDef: column } = (command.def ?? {}) as { ColumnDef?: Fields };
    const has = (type: string) => constraintsOf(column ?? {}).some(({ contype }) => contype === type);
    const isRequired = has("CONSTR_NOTNULL") && !has("CONSTR_DEFAULT") && !has("CONSTR_IDENTITY") && !has("CONSTR_GENERATED");
    const isConstrained = has("CONSTR_UNIQUE") || has("CONSTR_CHECK") || has("CONSTR_PRIMARY");
    return isRequired || isConstrained ? `a new column of ${table} that the older version does not set` : undefined;
  }
  const words = subtype
    .replace(/^AT_/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
  return `${words} ${[table, name].filter(Boolean).join(".")}`;
}

/** An object whose rows or values a down migration removes. */
export interface Loss {
  /** What the operator names to accept it: "public.notes", "public.goods.price", "003_notes.down.sql:4". */
  readonly name: string;
  /** Whether something would be lost; undefined: only the statement is known. */
  readonly table?: string;
  readonly column?: string;
}

/** Statements of a down migration that keep every row. */
const KEEPING = new Set([
  ...ADDING,
  "GrantStmt",
  "ViewStmt",
  "CreateFunctionStmt",
  "IndexStmt",
  "RenameStmt",
  "CreateTrigStmt",
  "CreatePolicyStmt",
  "AlterPolicyStmt",
  "AlterObjectSchemaStmt",
]);
/** Objects without rows of their own. */
const WITHOUT_ROWS = new Set([
  "OBJECT_INDEX",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_FUNCTION",
  "OBJECT_PROCEDURE",
  "OBJECT_TRIGGER",
  "OBJECT_POLICY",
  "OBJECT_RULE",
  "OBJECT_STATISTIC_EXT",
]);
const LOSING_COMMANDS = new Set(["AT_DropColumn", "AT_AlterColumnType"]);

export function findLosses(statement: Statement, place: string): readonly Loss[] {
  const fields = fieldsOf(statement.node);
  const kind = kindOf(statement.node);
  if (kind === "DropStmt") {
    const objects = ((fields.objects as { List?: { items?: unknown } }[] | undefined) ?? []).map(({ List }) =>
      stringsOf(List?.items).map(quoteIfNeeded).join("."),
    );
    if (fields.behavior !== "DROP_CASCADE" && WITHOUT_ROWS.has(String(fields.removeType))) return [];
    if (fields.removeType === "OBJECT_TABLE") return objects.map((table) => ({ name: table, table }));
    // Types, sequences and empty schemas have no rows, unless CASCADE takes tables and columns with them.
    return fields.behavior === "DROP_CASCADE" ? [{ name: place }] : [];
  }
  if (kind === "AlterTableStmt") {
    const table = tableName(fields.relation);
    return commandsOf(fields)
      .filter(({ subtype }) => LOSING_COMMANDS.has(String(subtype)))
      .map(({ name, subtype }) => {
        const column = quoteIfNeeded(String(name));
        return subtype === "AT_DropColumn" ? { name: `${table}.${column}`, table, column } : { name: place };
      });
  }
  return KEEPING.has(kind) ? [] : [{ name: place }];
}

const excerpt = ({ text }: Statement): string => {
  const words = text.replace(/--.*$/gm, "").replace(/\s+/g, " ").trim();
  return words.length > 70 ? `${words.slice(0, 69)}…` : words;
};

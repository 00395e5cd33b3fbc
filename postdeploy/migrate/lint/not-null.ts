/** Finds out whether a validated constraint already guarantees NOT NULL, so that SET NOT NULL does not scan the table. */
import type { Statement } from "../read/parse.ts";
import { commandsOf, type Fields, fieldsOf, kindOf, stringsOf, tableName } from "../read/statement.ts";
import { isSameTable } from "./file-set.ts";

interface Check {
  /** The columns that the constraint declares NOT NULL. */
  readonly columns: readonly string[];
  /** All columns of the constraint. Dropping one of them drops the constraint. */
  readonly references: readonly string[];
  valid: boolean;
}

export function setsNotNull({ node }: Statement): boolean {
  return commandsOf(fieldsOf(node)).some(({ subtype }) => subtype === "AT_SetNotNull");
}

/** Whether, after these statements, a validated constraint of the table guarantees that the column is not NULL. */
export function isNeverNull(onTable: string, column: string, statements: readonly Statement[]): boolean {
  const checks = new Map<unknown, Check>();
  for (const { node } of statements) {
    if (kindOf(node) === "RenameStmt" && isSameTable(tableName(fieldsOf(node).relation), onTable)) applyRename(checks, fieldsOf(node));
    if (kindOf(node) !== "AlterTableStmt" || !isSameTable(tableName(fieldsOf(node).relation), onTable)) continue;
    for (const { subtype, name, def } of commandsOf(fieldsOf(node))) {
      const { Constraint } = (def ?? {}) as { Constraint?: Fields };
      if (subtype === "AT_AddConstraint" && Constraint) {
        // A constraint without a name is its own key.
        checks.set(Constraint.conname ?? Constraint, {
          columns: notNullColumns(Constraint),
          references: [...stringsOf(Constraint.keys), ...referencedColumns(Constraint.raw_expr)],
          valid: !Constraint.skip_validation,
        });
      } else if (subtype === "AT_ValidateConstraint") {
        const check = checks.get(name);
        if (check) check.valid = true;
      } else if (subtype === "AT_DropConstraint") checks.delete(name);
      else if (subtype === "AT_DropColumn") {
        for (const [check, { references }] of checks) if (references.includes(String(name))) checks.delete(check);
      }
    }
  }
  return [...checks.values()].some(({ columns, valid }) => valid && columns.includes(column));
}

/** Follows renames of columns and constraints. After a rename of the table, its constraints belong to another name. */
function applyRename(checks: Map<unknown, Check>, { renameType, subname, newname }: Fields): void {
  if (renameType === "OBJECT_TABLE") checks.clear();
  else if (renameType === "OBJECT_COLUMN") {
    const newName = (column: string) => (column === subname ? String(newname) : column);
    for (const [name, check] of checks)
      checks.set(name, { ...check, columns: check.columns.map(newName), references: check.references.map(newName) });
  } else if (renameType === "OBJECT_TABCONSTRAINT") {
    const check = checks.get(subname);
    checks.delete(subname);
    if (check) checks.set(newname, check);
  }
}

function notNullColumns(constraint: Fields): string[] {
  if (constraint.contype === "CONSTR_NOTNULL") return stringsOf(constraint.keys);
  return constraint.contype === "CONSTR_CHECK" ? isNotNullColumns(constraint.raw_expr) : [];
}

/** The columns of "a IS NOT NULL AND b IS NOT NULL". */
function isNotNullColumns(expression: unknown): string[] {
  const { NullTest, BoolExpr } = (expression ?? {}) as {
    NullTest?: { nulltesttype?: string; arg?: { ColumnRef?: { fields?: unknown } } };
    BoolExpr?: { boolop?: string; args?: unknown[] };
  };
  if (BoolExpr?.boolop === "AND_EXPR") return (BoolExpr.args ?? []).flatMap(isNotNullColumns);
  return NullTest?.nulltesttype === "IS_NOT_NULL" ? stringsOf(NullTest.arg?.ColumnRef?.fields).slice(-1) : [];
}

/** The columns that any part of an expression names. */
function referencedColumns(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  const { ColumnRef } = part as { ColumnRef?: { fields?: unknown } };
  return ColumnRef ? stringsOf(ColumnRef.fields).slice(-1) : Object.values(part).flatMap(referencedColumns);
}

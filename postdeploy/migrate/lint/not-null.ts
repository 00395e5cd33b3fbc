/** What earlier statements made sure of, so that a later one has nothing to look at. */

import type { Statement } from "../read/parse.ts";
import { fieldsOf, kindOf } from "../read/statement.ts";
import { sameTable } from "./file-set.ts";
import { commandsOf, type Fields, table, texts } from "./rule.ts";

interface Check {
  /** Of which it says that they are never NULL. */
  readonly columns: readonly string[];
  /** Of which it says anything: it goes with each of them. */
  readonly about: readonly string[];
  valid: boolean;
}

export function setsNotNull({ node }: Statement): boolean {
  return commandsOf(fieldsOf(node)).some(({ subtype }) => subtype === "AT_SetNotNull");
}

/** Whether a constraint that stands after these statements, and was checked on every row, says that the column is never NULL. */
export function isNeverNull(on: string, column: string, statements: readonly Statement[]): boolean {
  const checks = new Map<unknown, Check>();
  for (const { node } of statements) {
    if (kindOf(node) === "RenameStmt" && sameTable(table(fieldsOf(node).relation), on)) renamed(checks, fieldsOf(node));
    if (kindOf(node) !== "AlterTableStmt" || !sameTable(table(fieldsOf(node).relation), on)) continue;
    for (const { subtype, name, def } of commandsOf(fieldsOf(node))) {
      const { Constraint } = (def ?? {}) as { Constraint?: Fields };
      if (subtype === "AT_AddConstraint" && Constraint) {
        // One without a name stands for itself.
        checks.set(Constraint.conname ?? Constraint, {
          columns: neverNull(Constraint),
          about: [...texts(Constraint.keys), ...columnsIn(Constraint.raw_expr)],
          valid: !Constraint.skip_validation,
        });
      } else if (subtype === "AT_ValidateConstraint") {
        const check = checks.get(name);
        if (check) check.valid = true;
      } else if (subtype === "AT_DropConstraint") checks.delete(name);
      else if (subtype === "AT_DropColumn") {
        for (const [check, { about }] of checks) if (about.includes(String(name))) checks.delete(check);
      }
    }
  }
  return [...checks.values()].some(({ columns, valid }) => valid && columns.includes(column));
}

/** A promise goes along with the column that it is about, or with its own name, and is that of another table as soon as this one is. */
function renamed(checks: Map<unknown, Check>, { renameType, subname, newname }: Fields): void {
  if (renameType === "OBJECT_TABLE") checks.clear();
  else if (renameType === "OBJECT_COLUMN") {
    const now = (column: string) => (column === subname ? String(newname) : column);
    for (const [name, check] of checks) checks.set(name, { ...check, columns: check.columns.map(now), about: check.about.map(now) });
  } else if (renameType === "OBJECT_TABCONSTRAINT") {
    const check = checks.get(subname);
    checks.delete(subname);
    if (check) checks.set(newname, check);
  }
}

function neverNull(constraint: Fields): string[] {
  if (constraint.contype === "CONSTR_NOTNULL") return texts(constraint.keys);
  return constraint.contype === "CONSTR_CHECK" ? promises(constraint.raw_expr) : [];
}

/** a IS NOT NULL, alone or joined to others by AND. */
function promises(expression: unknown): string[] {
  const { NullTest, BoolExpr } = (expression ?? {}) as {
    NullTest?: { nulltesttype?: string; arg?: { ColumnRef?: { fields?: unknown } } };
    BoolExpr?: { boolop?: string; args?: unknown[] };
  };
  if (BoolExpr?.boolop === "AND_EXPR") return (BoolExpr.args ?? []).flatMap(promises);
  return NullTest?.nulltesttype === "IS_NOT_NULL" ? texts(NullTest.arg?.ColumnRef?.fields).slice(-1) : [];
}

/** Of any part of an expression. */
function columnsIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  const { ColumnRef } = part as { ColumnRef?: { fields?: unknown } };
  return ColumnRef ? texts(ColumnRef.fields).slice(-1) : Object.values(part).flatMap(columnsIn);
}

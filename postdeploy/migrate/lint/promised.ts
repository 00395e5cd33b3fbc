/** What earlier statements made sure of, so that a later one has nothing to look at. */
import { fieldsOf, kindOf } from "../outside.ts";
import type { Statement } from "../parse.ts";
import { type Fields, table } from "./rule.ts";
import { sameTable } from "./set.ts";

interface Check {
  readonly columns: readonly string[];
  valid: boolean;
}

export function setsNotNull({ node }: Statement): boolean {
  return commandsOf(node).some(({ subtype }) => subtype === "AT_SetNotNull");
}

/** Whether a constraint that stands after these statements, and was checked on every row, says that the column is never NULL. */
export function isNeverNull(on: string, column: string, statements: readonly Statement[]): boolean {
  const checks = new Map<string, Check>();
  for (const { node } of statements) {
    if (kindOf(node) !== "AlterTableStmt" || !sameTable(table(fieldsOf(node).relation), on)) continue;
    for (const { subtype, name, def } of commandsOf(node)) {
      const { Constraint } = (def ?? {}) as { Constraint?: Fields };
      if (subtype === "AT_AddConstraint" && Constraint) {
        const added = String(Constraint.conname ?? `unnamed ${checks.size}`);
        checks.set(added, { columns: neverNull(Constraint), valid: !Constraint.skip_validation });
      } else if (subtype === "AT_ValidateConstraint") {
        const check = checks.get(String(name));
        if (check) check.valid = true;
      } else if (subtype === "AT_DropConstraint") checks.delete(String(name));
    }
  }
  return [...checks.values()].some(({ columns, valid }) => valid && columns.includes(column));
}

function commandsOf(node: Statement["node"]): Fields[] {
  if (kindOf(node) !== "AlterTableStmt") return [];
  return ((fieldsOf(node).cmds as { AlterTableCmd: Fields }[] | undefined) ?? []).map(({ AlterTableCmd }) => AlterTableCmd);
}

function neverNull(constraint: Fields): string[] {
  if (constraint.contype === "CONSTR_NOTNULL") return strings(constraint.keys);
  return constraint.contype === "CONSTR_CHECK" ? promises(constraint.raw_expr) : [];
}

/** a IS NOT NULL, alone or joined to others by AND. */
function promises(expression: unknown): string[] {
  const { NullTest, BoolExpr } = (expression ?? {}) as {
    NullTest?: { nulltesttype?: string; arg?: { ColumnRef?: { fields?: unknown } } };
    BoolExpr?: { boolop?: string; args?: unknown[] };
  };
  if (BoolExpr?.boolop === "AND_EXPR") return (BoolExpr.args ?? []).flatMap(promises);
  return NullTest?.nulltesttype === "IS_NOT_NULL" ? strings(NullTest.arg?.ColumnRef?.fields).slice(-1) : [];
}

function strings(list: unknown): string[] {
  return ((list as { String?: { sval?: string } }[] | undefined) ?? []).flatMap((item) => item.String?.sval ?? []);
}

/** Whether the condition of a DELETE or UPDATE selects rows, or is there for every row. */
import type { Node } from "libpg-query";
import { type Fields, fieldsOf, kindOf } from "../../../postdeploy/migrate/read/statement.ts";
import { mentions } from "./nodes.ts";

/** A condition that the reader cannot see through counts as one: what it selects is for a person to read. */
export function selectsEveryRow(condition: Node | undefined): boolean {
  if (condition === undefined) return true;
  if (!mentions(condition, "ColumnRef")) return true;
  const fields = fieldsOf(condition);
  switch (kindOf(condition)) {
    case "BoolExpr": {
      const parts = (fields.args ?? []) as Node[];
      if (fields.boolop === "OR_EXPR") return parts.some(selectsEveryRow);
      return fields.boolop === "AND_EXPR" && parts.every(selectsEveryRow);
    }
    // A column of which the file does not say that it can be null is a key more often than not.
    case "NullTest":
      return fields.nulltesttype === "IS_NOT_NULL";
    case "A_Expr":
      return isTautology(fields);
    case "SubLink":
      return (fields.subLinkType === "ANY_SUBLINK" || fields.subLinkType === "EXISTS_SUBLINK") && readsWholeTable(fields);
    default:
      return false;
  }
}

/** `id = id`, `name LIKE '%'` */
function isTautology({ kind, name, lexpr, rexpr }: Fields): boolean {
  const operator = (name as { String?: { sval?: string } }[] | undefined)?.at(-1)?.String?.sval;
  if (kind === "AEXPR_OP" && ["=", ">=", "<="].includes(operator ?? "")) return withoutPlaces(lexpr) === withoutPlaces(rexpr);
  return (
    (kind === "AEXPR_LIKE" || kind === "AEXPR_ILIKE") &&
    operator?.endsWith("~~") === true &&
    /"sval":"%+"/.test(JSON.stringify(rexpr ?? ""))
  );
}

/** `id IN (SELECT id FROM …)` without a condition of its own. */
function readsWholeTable({ subselect }: Fields): boolean {
  const { whereClause, limitCount, havingClause } = fieldsOf(subselect as Node);
  return limitCount === undefined && havingClause === undefined && selectsEveryRow(whereClause as Node | undefined);
}

const withoutPlaces = (node: unknown): string =>
  JSON.stringify(node ?? null, (key, value: unknown) => (key === "location" ? undefined : value));

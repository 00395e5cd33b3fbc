/** What a set of files creates: rules about tables in use do not apply to new tables. */

import type { Statement } from "../read/parse.ts";
import { commandsOf, constraintsOf, type Fields, fieldsOf, kindOf, stringsOf, tableName, typeNameOf } from "../read/statement.ts";

interface TableSet {
  readonly names: readonly string[];
  has(table: string): boolean;
}

export interface FileSet {
  isNew(table: string): boolean;
  /** Whether the set creates the type. */
  isNewType(type: string): boolean;
  readonly rlsEnabled: TableSet;
  readonly rlsForced: TableSet;
  /** Foreign keys for which no index of the set begins with their first column, or with all of their columns in another order. */
  readonly unindexedForeignKeys: readonly { readonly statement: Statement; readonly table: string; readonly columns: readonly string[] }[];
}

export function buildFileSet(statements: readonly Statement[]): FileSet {
  const created: string[] = [];
  const types: string[] = [];
  const rlsEnabled: string[] = [];
  const rlsForced: string[] = [];
  const foreignKeys: { statement: Statement; table: string; columns: string[] }[] = [];
  const indexed: { table: string; columns: string[] }[] = [];
  for (const statement of statements) {
    const fields = fieldsOf(statement.node);
    const table = tableName(fields.relation);
    switch (kindOf(statement.node)) {
      case "CreateStmt":
        created.push(table);
        for (const element of (fields.tableElts as { ColumnDef?: Fields; Constraint?: Fields }[] | undefined) ?? []) {
          if (element.ColumnDef)
            for (const constraint of constraintsOf(element.ColumnDef))
              addConstraint(constraint, table, [String(element.ColumnDef.colname)], statement);
          else if (element.Constraint) addConstraint(element.Constraint, table, undefined, statement);
        }
        break;
      case "CreateEnumStmt":
      case "CreateRangeStmt":
        types.push(typeNameOf(fields.typeName));
        break;
      case "CreateDomainStmt":
        types.push(typeNameOf(fields.domainname));
        break;
      case "CompositeTypeStmt":
        types.push(tableName(fields.typevar));
        break;
      case "CreateTableAsStmt":
        created.push(tableName((fields.into as Fields | undefined)?.rel));
        break;
      case "IndexStmt": {
        const columns = ((fields.indexParams as { IndexElem: { name?: string } }[] | undefined) ?? []).map(
          ({ IndexElem }) => IndexElem.name ?? "",
        );
        indexed.push({ table, columns });
        break;
      }
      case "AlterTableStmt":
        for (const { subtype, def } of commandsOf(fields)) {
          const { Constraint, ColumnDef } = (def ?? {}) as { Constraint?: Fields; ColumnDef?: Fields };
          if (subtype === "AT_EnableRowSecurity") rlsEnabled.push(table);
          if (subtype === "AT_ForceRowSecurity") rlsForced.push(table);
          if (Constraint) addConstraint(Constraint, table, undefined, statement);
          if (ColumnDef)
            for (const constraint of constraintsOf(ColumnDef)) addConstraint(constraint, table, [String(ColumnDef.colname)], statement);
        }
        break;
    }
  }
  const toSet = (list: readonly string[]): TableSet => ({ names: list, has: (table) => list.some((other) => isSameTable(other, table)) });
  return {
    isNew: toSet(created).has,
    isNewType: toSet(types).has,
    rlsEnabled: toSet(rlsEnabled),
    rlsForced: toSet(rlsForced),
    unindexedForeignKeys: foreignKeys.filter(
      ({ table, columns }) =>
        !indexed.some(
          (index) =>
            isSameTable(index.table, table) &&
            (index.columns[0] === columns[0] || columns.every((column) => index.columns.slice(0, columns.length).includes(column))),
        ),
    ),
  };

  function addConstraint(constraint: Fields, table: string, column: string[] | undefined, statement: Statement): void {
    if (constraint.contype === "CONSTR_FOREIGN") foreignKeys.push({ statement, table, columns: column ?? stringsOf(constraint.fk_attrs) });
    if (constraint.contype === "CONSTR_PRIMARY" || constraint.contype === "CONSTR_UNIQUE")
      indexed.push({ table, columns: column ?? stringsOf(constraint.keys) });
  }
}

/** A name without a schema matches any schema: "messages" matches "app.messages". */
export function isSameTable(a: string, b: string): boolean {
  if (a === b) return true;
  return a.includes(".") !== b.includes(".") && a.split(".").at(-1) === b.split(".").at(-1);
}

/** What the files of one set make, so that a rule about tables in use keeps silent about those that are not in use yet. */

import type { Statement } from "../read/parse.ts";
import { fieldsOf, kindOf, tableName } from "../read/statement.ts";
import { constraintsOf } from "./effects.ts";
import { commandsOf, type Fields, texts, typeNamed } from "./rule.ts";

export interface Names {
  readonly names: readonly string[];
  some(table: string): boolean;
}

export interface FileSet {
  isNew(table: string): boolean;
  /** Whether the set creates this type; a built-in type is in use. */
  isNewType(type: string): boolean;
  /** Tables with row-level security. */
  readonly protected: Names;
  /** Those where it binds the owner too. */
  readonly forced: Names;
  /** Foreign keys whose first column no index of the set begins with. */
  readonly bareForeignKeys: readonly { readonly statement: Statement; readonly table: string; readonly columns: readonly string[] }[];
}

export function buildFileSet(statements: readonly Statement[]): FileSet {
  const made: string[] = [];
  const types: string[] = [];
  const guarded: string[] = [];
  const forced: string[] = [];
  const keys: { statement: Statement; table: string; columns: string[] }[] = [];
  const indexed: { table: string; columns: string[] }[] = [];
  for (const statement of statements) {
    const fields = fieldsOf(statement.node);
    const on = tableName((fields.relation ?? {}) as { relname?: string });
    switch (kindOf(statement.node)) {
      case "CreateStmt":
        made.push(on);
        for (const element of (fields.tableElts as { ColumnDef?: Fields; Constraint?: Fields }[] | undefined) ?? []) {
          if (element.ColumnDef)
            for (const constraint of constraintsOf(element.ColumnDef)) take(constraint, on, [String(element.ColumnDef.colname)], statement);
          else if (element.Constraint) take(element.Constraint, on, undefined, statement);
        }
        break;
      case "CreateEnumStmt":
      case "CreateRangeStmt":
        types.push(typeNamed(fields.typeName));
        break;
      case "CreateDomainStmt":
        types.push(typeNamed(fields.domainname));
        break;
      case "CompositeTypeStmt":
        types.push(tableName((fields.typevar ?? {}) as { relname?: string }));
        break;
      case "CreateTableAsStmt":
        made.push(tableName(((fields.into as Fields | undefined)?.rel ?? {}) as { relname?: string }));
        break;
      case "IndexStmt": {
        const columns = ((fields.indexParams as { IndexElem: { name?: string } }[] | undefined) ?? []).map(
          ({ IndexElem }) => IndexElem.name ?? "",
        );
        indexed.push({ table: on, columns });
        break;
      }
      case "AlterTableStmt":
        for (const { subtype, def } of commandsOf(fields)) {
          const { Constraint, ColumnDef } = (def ?? {}) as { Constraint?: Fields; ColumnDef?: Fields };
          if (subtype === "AT_EnableRowSecurity") guarded.push(on);
          if (subtype === "AT_ForceRowSecurity") forced.push(on);
          if (Constraint) take(Constraint, on, undefined, statement);
          if (ColumnDef) for (const constraint of constraintsOf(ColumnDef)) take(constraint, on, [String(ColumnDef.colname)], statement);
        }
        break;
    }
  }
  const names = (list: readonly string[]): Names => ({ names: list, some: (table) => list.some((other) => sameTable(other, table)) });
  return {
    isNew: names(made).some,
    isNewType: names(types).some,
    protected: names(guarded),
    forced: names(forced),
    bareForeignKeys: keys.filter(
      ({ table, columns }) => !indexed.some((index) => sameTable(index.table, table) && index.columns[0] === columns[0]),
    ),
  };

  function take(constraint: Fields, table: string, column: string[] | undefined, statement: Statement): void {
    if (constraint.contype === "CONSTR_FOREIGN") keys.push({ statement, table, columns: column ?? texts(constraint.fk_attrs) });
    if (constraint.contype === "CONSTR_PRIMARY" || constraint.contype === "CONSTR_UNIQUE")
      indexed.push({ table, columns: column ?? texts(constraint.keys) });
  }
}

/** "messages" and "app.messages" may be one table; "a.messages" and "b.messages" are not. */
export function sameTable(a: string, b: string): boolean {
  if (a === b) return true;
  return a.includes(".") !== b.includes(".") && a.split(".").at(-1) === b.split(".").at(-1);
}

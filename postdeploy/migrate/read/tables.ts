/** The tables that a statement names, for messages and for asking who holds them. */
import type { Node } from "libpg-query";

interface RangeVar {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** As one would write them: "devx.users". */
export function tablesOf(node: Node): string[] {
  const found = new Set<string>();
  visit(node, found);
  return [...found];
}

export function tableName({ schemaname, relname }: RangeVar): string {
  return [schemaname, relname]
    .filter((part) => part !== undefined)
    .map(plain)
    .join(".");
}

/** Quoted where Postgres would fold or misread it. */
export function plain(name: string | undefined): string {
  const text = name ?? "";
  return /^[a-z_][a-z0-9_$]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
}

function visit(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) visit(item, found);
  else if (typeof value === "object" && value !== null) {
    const { relname } = value as RangeVar;
    if (typeof relname === "string" && "relpersistence" in value) found.add(tableName(value as RangeVar));
    const drop = (value as { DropStmt?: { removeType?: string; objects?: unknown[] } }).DropStmt;
    if (drop?.removeType === "OBJECT_TABLE" || drop?.removeType === "OBJECT_INDEX")
      for (const object of drop.objects ?? []) {
        const names =
          (object as { List?: { items?: { String?: { sval?: string } }[] } }).List?.items?.map((item) => plain(item.String?.sval)) ?? [];
        if (names.length > 0) found.add(names.join("."));
      }
    for (const item of Object.values(value)) visit(item, found);
  }
}

/** Which tables files say they make, and which of them are there: what a person needs to decide what has been applied. */
import type { Session } from "../connect/session.ts";
import type { MigrationFile } from "./files.ts";
import { fieldsOf, kindOf } from "./outside.ts";
import { parseText } from "./parse.ts";
import { tableName } from "./tables.ts";

export interface Evidence {
  readonly file: string;
  readonly present: readonly string[];
  readonly absent: readonly string[];
}

export async function evidenceOf(session: Session, files: readonly MigrationFile[]): Promise<readonly Evidence[]> {
  const made = await Promise.all(files.map(async (file) => ({ file: file.name, tables: await tablesMadeBy(file) })));
  const rows = await session.query<{ name: string; there: boolean }>(
    "SELECT name, to_regclass(name) IS NOT NULL AS there FROM unnest($1::text[]) AS name",
    [made.flatMap(({ tables }) => tables)],
  );
  const there = new Set(rows.filter((row) => row.there).map(({ name }) => name));
  return made.map(({ file, tables }) => ({
    file,
    present: tables.filter((name) => there.has(name)),
    absent: tables.filter((name) => !there.has(name)),
  }));
}

async function tablesMadeBy(file: MigrationFile): Promise<string[]> {
  const { statements } = await parseText(file.name, file.text);
  return statements
    .filter(({ node }) => kindOf(node) === "CreateStmt" && !fieldsOf(node).if_not_exists)
    .map(({ node }) => tableName(fieldsOf(node).relation as { relname?: string; schemaname?: string }));
}

export function describeEvidence({ file, present, absent }: Evidence): string {
  if (present.length + absent.length === 0) return `  ${file}: makes no table`;
  if (absent.length === 0) return `  ${file}: all of its tables are there (${present.join(", ")})`;
  if (present.length === 0) return `  ${file}: none of its tables is there (${absent.join(", ")})`;
  return `  ${file}: there are ${present.join(", ")}; missing are ${absent.join(", ")}`;
}

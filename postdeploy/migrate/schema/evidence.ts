/** Which tables files say they make, and which of them are there: what a person needs to decide what has been applied. */
import { Failure } from "../../connect/failure.ts";
import type { Session } from "../../connect/session.ts";
import type { Statement } from "../read/parse.ts";
import type { PreparedFile } from "../read/prepare.ts";
import { fieldsOf, kindOf, tableName } from "../read/statement.ts";

export interface Evidence {
  readonly file: string;
  readonly present: readonly string[];
  readonly absent: readonly string[];
}

export async function findEvidence(session: Session, files: readonly PreparedFile[]): Promise<readonly Evidence[]> {
  const made = files.map(({ file, statements }) => ({ file: file.name, tables: createdTables(statements) }));
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

export function createdTables(statements: readonly Statement[]): string[] {
  return statements
    .filter(({ node }) => kindOf(node) === "CreateStmt" && !fieldsOf(node).if_not_exists)
    .map(({ node }) => tableName(fieldsOf(node).relation as { relname?: string; schemaname?: string }));
}

const MOST_SHOWN = 10;

/** A first run on a database that holds these tables would stop at the first of them, half way. */
export function taken(evidence: readonly Evidence[], database: string): Failure {
  const files = evidence.filter(({ present }) => present.length > 0);
  return new Failure(
    "not-empty",
    2,
    `Nothing was applied: ${database} has no ledger of slipway, and holds tables that these files are to make.
${files.slice(0, MOST_SHOWN).map(describeEvidence).join("\n")}${files.length > MOST_SHOWN ? `\n  … and ${files.length - MOST_SHOWN} more files` : ""}
  If they came from these files, say so: slipway migrate baseline --applied ${files[0]?.file},…
  If they belong to somebody else, the files need a schema of their own.`,
  );
}

export function describeEvidence({ file, present, absent }: Evidence): string {
  if (present.length + absent.length === 0) return `  ${file}: makes no table`;
  if (absent.length === 0) return `  ${file}: all of its tables are there (${present.join(", ")})`;
  if (present.length === 0) return `  ${file}: none of its tables is there (${absent.join(", ")})`;
  return `  ${file}: there are ${present.join(", ")}; missing are ${absent.join(", ")}`;
}

/** Which tables the files create, and which of them exist: the evidence that a file has been applied. */
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
  const created = files.map(({ file, statements }) => ({ file: file.name, tables: createdTables(statements) }));
  const rows = await session.query<{ name: string }>("SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL", [
    created.flatMap(({ tables }) => tables),
  ]);
  const existing = new Set(rows.map(({ name }) => name));
  return created.map(({ file, tables }) => ({
    file,
    present: tables.filter((name) => existing.has(name)),
    absent: tables.filter((name) => !existing.has(name)),
  }));
}

export function createdTables(statements: readonly Statement[]): string[] {
  return statements
    .filter(({ node }) => kindOf(node) === "CreateStmt" && !fieldsOf(node).if_not_exists)
    .map(({ node }) => tableName(fieldsOf(node).relation));
}

const MAX_LISTED = 10;

/** The failure of a first run on a database that already contains tables of these files. */
export function notEmptyFailure(evidence: readonly Evidence[], database: string): Failure {
  const files = evidence.filter(({ present }) => present.length > 0);
  return new Failure(
    "not-empty",
    2,
    `Nothing was applied: database ${database} has no slipway ledger, but contains tables that these files create.
${files.slice(0, MAX_LISTED).map(describeEvidence).join("\n")}${files.length > MAX_LISTED ? `\n  … and ${files.length - MAX_LISTED} more files` : ""}
  If these files created the tables, record it: slipway migrate baseline --applied ${files[0]?.file},…
  If another application owns the tables, use a separate schema for the files.`,
  );
}

export function describeEvidence({ file, present, absent }: Evidence): string {
  if (present.length + absent.length === 0) return `  ${file}: creates no table`;
  if (absent.length === 0) return `  ${file}: all of its tables exist (${present.join(", ")})`;
  if (present.length === 0) return `  ${file}: none of its tables exist (${absent.join(", ")})`;
  return `  ${file}: ${present.join(", ")} exist; ${absent.join(", ")} do not exist`;
}

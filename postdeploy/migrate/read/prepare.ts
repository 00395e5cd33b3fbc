/** Parses files and rejects what cannot work, before the first write. */
import { type DownFile, type MigrationFile, readFolder } from "./files.ts";
import { type Finding, formatError, isError, throwOnErrors } from "./finding.ts";
import { parseText, type Statement } from "./parse.ts";
import { positionAt } from "./position.ts";
import { concurrentIndexOf, kindOf, needsNoTransaction, transactionCommand } from "./statement.ts";
import { templateFindings } from "./template.ts";

export interface PreparedFile {
  readonly file: MigrationFile | DownFile;
  readonly statements: readonly Statement[];
  readonly meaning: string;
}

/** @throws with the errors of all files together. */
export async function prepare(files: readonly (MigrationFile | DownFile)[]): Promise<PreparedFile[]> {
  const prepared: PreparedFile[] = [];
  const findings: Finding[] = [];
  for (const file of files) {
    const { statements, meaning, findings: found } = await parseFile(file);
    findings.push(...found);
    prepared.push({ file, statements, meaning });
  }
  throwOnErrors(findings, new Map(files.map(({ name, text }) => [name, text])));
  return prepared;
}

/** Every error in the files of a folder, each with the folder before its position. */
export async function findMigrationErrors(folder: string): Promise<string[]> {
  const { files, findings } = readFolder(folder);
  const all = files.flatMap((file): (MigrationFile | DownFile)[] => (file.down === undefined ? [file] : [file, file.down]));
  const parsed = await Promise.all(all.map(parseFile));
  const texts = new Map(all.map(({ name, text }) => [name, text]));
  return [...findings, ...parsed.flatMap((one) => one.findings)].filter(isError).map((error) => `${folder}/${formatError(error, texts)}`);
}

export async function parseFile(
  file: MigrationFile | DownFile,
): Promise<{ statements: readonly Statement[]; meaning: string; findings: Finding[] }> {
  const { statements, meaning, findings } = await parseText(file.name, file.text);
  return {
    statements,
    meaning,
    findings: [
      ...findings,
      ...file.header.findings,
      ...templateFindings(file),
      ...statements.flatMap((statement) => statementErrors(file, statement)),
    ],
  };
}

const UNLOCK_ALL = /\bpg_advisory_unlock_all\b/i;
/** Statements that execute an expression at once, unlike CREATE FUNCTION. */
const EXECUTES = new Set(["SelectStmt", "DoStmt", "ExplainStmt", "CreateTableAsStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"]);

function statementErrors(file: MigrationFile | DownFile, { node, start, text }: Statement): Finding[] {
  const reject = (rule: string, message: string, fix: string): Finding[] => [
    { rule, severity: "error", file: file.name, ...positionAt(file.text, start), message, fix },
  ];
  const command = transactionCommand(node);
  if (command !== undefined)
    return reject(
      "transaction",
      `${command} would end the transaction that makes the file and its ledger entry atomic.`,
      "Remove it: slipway runs each file in its own transaction.",
    );
  if (kindOf(node) === "DiscardStmt")
    return reject(
      "discard",
      "DISCARD would release the lock that excludes other migration runs.",
      "Remove it: slipway resets the session before each file.",
    );
  if (UNLOCK_ALL.test(text) && EXECUTES.has(kindOf(node)))
    return reject(
      "unlock-all",
      "pg_advisory_unlock_all() would release the lock that excludes other migration runs.",
      "Release the locks of this file by their keys: pg_advisory_unlock(…).",
    );
  const name = needsNoTransaction(node);
  if (name !== undefined && file.header.transaction)
    return reject(
      "needs-no-transaction",
      `${name} cannot run inside a transaction.`,
      "Move it to a separate file that begins with: -- slipway: no-transaction",
    );
  if (name === "CREATE INDEX CONCURRENTLY" && concurrentIndexOf(node) === undefined)
    return reject(
      "unnamed-index",
      "CREATE INDEX CONCURRENTLY needs an index name: without it slipway cannot find the index after an interrupted build.",
      "CREATE INDEX CONCURRENTLY table_column_idx ON …",
    );
  return [];
}

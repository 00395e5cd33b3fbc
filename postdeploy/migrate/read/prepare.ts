/** A file made ready to be sent: parsed, and refused before the first write where it cannot work. */

import type { DownFile, MigrationFile } from "./files.ts";
import { type Finding, refuseBad } from "./finding.ts";
import { parseText, type Statement } from "./parse.ts";
import { placeAt } from "./position.ts";
import { builtBy, kindOf, needsNoTransaction, takesOver } from "./statement.ts";
import { unwritten } from "./template.ts";

export interface Ready {
  readonly file: MigrationFile | DownFile;
  readonly statements: readonly Statement[];
  readonly meaning: string;
}

/** @throws with every mistake of every file, not only the first. */
export async function prepare(files: readonly (MigrationFile | DownFile)[], also: readonly Finding[] = []): Promise<Ready[]> {
  const ready: Ready[] = [];
  const findings: Finding[] = [...also];
  for (const file of files) {
    const { statements, meaning, findings: mistakes } = await parseFile(file);
    findings.push(...mistakes);
    ready.push({ file, statements, meaning });
  }
  refuseBad(findings, new Map(files.map(({ name, text }) => [name, text])));
  return ready;
}

export async function parseFile(
  file: MigrationFile | DownFile,
): Promise<{ statements: readonly Statement[]; meaning: string; findings: Finding[] }> {
  const { statements, meaning, findings } = await parseText(file.name, file.text);
  return {
    statements,
    meaning,
    findings: [...findings, ...file.header.findings, ...unwritten(file), ...statements.flatMap((statement) => refusals(file, statement))],
  };
}

const UNLOCKS = /\bpg_advisory_unlock_all\b/i;
const RUNS_NOW = new Set(["SelectStmt", "DoStmt", "ExplainStmt", "CreateTableAsStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"]);

function refusals(file: MigrationFile | DownFile, { node, start, text }: Statement): Finding[] {
  const refuse = (rule: string, message: string, fix: string): Finding[] => [
    { rule, severity: "error", file: file.name, ...placeAt(file.text, start), message, fix },
  ];
  const ours = takesOver(node);
  if (ours !== undefined)
    return refuse(
      "transaction",
      `${ours} would end the transaction in which this file and its ledger row stand or fall together.`,
      "Remove it: every file runs in a transaction of its own.",
    );
  if (kindOf(node) === "DiscardStmt")
    return refuse(
      "discard",
      "DISCARD would give up the lock that keeps other runs out.",
      "Remove it: every file begins with settings as new.",
    );
  if (UNLOCKS.test(text) && RUNS_NOW.has(kindOf(node)))
    return refuse(
      "unlock-all",
      "pg_advisory_unlock_all() would give up the lock that keeps other runs out.",
      "Give back the locks that this file took, by their numbers: pg_advisory_unlock(…).",
    );
  const alone = needsNoTransaction(node);
  if (alone !== undefined && file.header.transaction)
    return refuse(
      "needs-no-transaction",
      `${alone} cannot run inside a transaction.`,
      "Put it into a file of its own that begins with: -- slipway: no-transaction",
    );
  if (alone === "CREATE INDEX CONCURRENTLY" && builtBy(node) === undefined)
    return refuse(
      "unnamed-index",
      "An index built CONCURRENTLY needs a name: without one it cannot be found again when the build breaks off.",
      "CREATE INDEX CONCURRENTLY table_column_idx ON …",
    );
  return [];
}

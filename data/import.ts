/**
 * Imports JSON files into the tables of a system. All rows are staged, checked and written in one transaction: a run that fails or is killed changes
 * nothing, and the same run again continues from the start. A second run of the same files writes no row.
 */
import { Failure } from "../postdeploy/connect/failure.ts";
import { type Session, withSession } from "../postdeploy/connect/session.ts";
import { isLost } from "../postdeploy/connect/sqlstate.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { Conflict, DataMapping } from "../systems/data/mapping.ts";
import type { FileDigest } from "./json/records.ts";
import { collectMarked, markDuplicateKeys, markRefused } from "./postgres/checks.ts";
import { SETTINGS, takeLock } from "./postgres/connection.ts";
import { explain } from "./postgres/failures.ts";
import { bytesOf, run, type Staged, stage } from "./postgres/staging.ts";
import { readTables } from "./postgres/tables.ts";
import { NOTHING, type Written, write } from "./postgres/write.ts";
import type { Progress } from "./progress.ts";
import { type RejectionGroup, Rejections } from "./rejections.ts";
import type { Source } from "./source.ts";

export interface ImportOptions {
  readonly connection: Connection;
  readonly system: string;
  readonly mapping: DataMapping;
  readonly source: Source;
  /** Where rejected rows are listed. It is created only if there are some. */
  readonly rejectedFile: string;
  /** Everything is checked, and nothing is written. */
  readonly dryRun?: boolean;
  /** Imports the valid rows, although others are rejected. @default nothing is imported then */
  readonly skipRejected?: boolean;
  onProgress?(progress: Progress): void;
}

export interface ImportedEntity extends Written {
  readonly entity: string;
  readonly table: string;
  readonly conflict: Conflict;
  /** Rows in the files, rejected ones included. */
  readonly read: number;
  readonly rejected: number;
  /** How often a declared rule changed a value. */
  readonly changes: Readonly<Record<string, number>>;
}

export interface ImportResult {
  readonly outcome: "imported" | "checked" | "rejected";
  readonly entities: readonly ImportedEntity[];
  readonly rejected: number;
  readonly rejections: readonly RejectionGroup[];
  readonly rejectedFile: string | undefined;
  readonly ignoredFiles: Source["ignored"];
  readonly digests: readonly FileDigest[];
  readonly ms: number;
}

export async function importData(options: ImportOptions): Promise<ImportResult> {
  const rejections = new Rejections(options.rejectedFile);
  try {
    return await withSession(options.connection, { application: `slipway data import ${options.system}`, settings: SETTINGS }, (session) =>
      importWith(session, options, rejections),
    );
  } finally {
    rejections.close();
  }
}

async function importWith(session: Session, options: ImportOptions, rejections: Rejections): Promise<ImportResult> {
  const { mapping, source, dryRun = false, skipRejected = false, onProgress } = options;
  const start = performance.now();
  await run(session, "BEGIN");
  try {
    await takeLock(session);
    const tables = await readTables(session, mapping);
    const of = bytesOf(mapping, source);
    let bytes = 0;
    const onBytes = (count: number) => {
      bytes += count;
      onProgress?.({ kind: "read", bytes, of });
    };
    const { staged, digests } = await stage({ session, mapping, tables, source, rejections, onBytes }, "DROP");
    onProgress?.({ kind: "check" });
    await markDuplicateKeys(session, staged);
    await markRefused(session, staged);
    await collectMarked(session, staged, rejections);
    const isRefused = rejections.total > 0 && !skipRejected;
    const entities: ImportedEntity[] = [];
    for (const one of staged)
      entities.push(describe(one, isRefused ? NOTHING : await write(session, one, !dryRun, onProgress), rejections));
    if (isRefused || dryRun) await run(session, "ROLLBACK");
    else await commit(session);
    return {
      outcome: isRefused ? "rejected" : dryRun ? "checked" : "imported",
      ...{ entities, digests, rejected: rejections.total, rejections: rejections.groups, rejectedFile: rejections.file },
      ignoredFiles: source.ignored,
      ms: performance.now() - start,
    };
  } catch (error) {
    throw explain(error, "Nothing was imported.");
  }
}

function describe({ entity, read, changes }: Staged, written: Written, rejections: Rejections): ImportedEntity {
  const { name, table, conflict } = entity;
  return {
    entity: name,
    table,
    conflict,
    read,
    rejected: rejections.rows.get(name) ?? 0,
    ...written,
    changes: Object.fromEntries(changes),
  };
}

async function commit(session: Session): Promise<void> {
  const { error } = await session.send("COMMIT");
  if (error === undefined) return;
  if (isLost(error))
    throw new Failure(
      "unknown",
      3,
      "The connection was lost while the import was being committed, so either all rows were imported or none. Run the same command again: it writes only what is missing.",
      { cause: error },
    );
  throw error;
}

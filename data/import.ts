/**
 * Imports JSON files into the tables of a system. All rows are staged, checked and written in one transaction: a run that fails or is killed changes
 * nothing, and the same run again continues from the start. A second run of the same files writes no row.
 */
import { Failure } from "../postdeploy/connect/failure.ts";
import { type Session, withSession } from "../postdeploy/connect/session.ts";
import { isLost } from "../postdeploy/connect/sqlstate.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { Conflict, DataMapping, Entity } from "../systems/data/mapping.ts";
import type { FileDigest } from "./json/records.ts";
import { collectMarked, markDuplicateKeys, markRefused } from "./postgres/checks.ts";
import { SETTINGS, takeLock } from "./postgres/connection.ts";
import { type Copied, copyIntoEmpty } from "./postgres/direct.ts";
import { explain } from "./postgres/failures.ts";
import { countBytes, Digests, entitiesOf, run, type Staged, stageEntity } from "./postgres/staging.ts";
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
    const common = { session, mapping, tables, source, rejections };
    const digests = new Digests();
    const onBytes = countBytes(mapping, source, onProgress);
    const copied = (await copyIntoEmpty({ ...common, onBytes }, digests, !dryRun)) ?? [];
    // Where a row was refused, all files are read again.
    const onStagedBytes = copied.length === 0 ? countBytes(mapping, source, onProgress) : onBytes;
    const staged: Staged[] = [];
    const isCopied = (entity: Entity) => copied.some((one) => one.entity === entity);
    for (const entity of entitiesOf(mapping, source))
      if (!isCopied(entity)) staged.push(await stageEntity(entity, { ...common, onBytes: onStagedBytes }, digests, "DROP"));
    onProgress?.({ kind: "check" });
    await markDuplicateKeys(session, staged);
    await markRefused(session, staged);
    await collectMarked(session, staged, rejections);
    const isRefused = rejections.total > 0 && !skipRejected;
    const written = new Map<Entity, Written>();
    for (const one of staged) written.set(one.entity, isRefused ? NOTHING : await write(session, one, !dryRun, onProgress));
    const entities = entitiesOf(mapping, source).map((entity): ImportedEntity => {
      const direct = copied.find((one) => one.entity === entity);
      if (direct !== undefined) return describeCopied(direct, isRefused);
      return describe(staged.find((one) => one.entity === entity)!, written.get(entity)!, rejections);
    });
    if (isRefused || dryRun) await run(session, "ROLLBACK");
    else await commit(session);
    return {
      outcome: isRefused ? "rejected" : dryRun ? "checked" : "imported",
      ...{ entities, digests: digests.all, rejected: rejections.total, rejections: rejections.groups, rejectedFile: rejections.file },
      ignoredFiles: source.ignored,
      ms: performance.now() - start,
    };
  } catch (error) {
    throw explain(error, "Nothing was imported.");
  }
}

/** @param isRefused Another entity has a rejected row, so these rows are not kept. */
function describeCopied({ entity, inserted, changes }: Copied, isRefused: boolean): ImportedEntity {
  const { name, table, conflict } = entity;
  const written = isRefused ? NOTHING : { ...NOTHING, inserted };
  return { entity: name, table, conflict, read: inserted, rejected: 0, ...written, changes: Object.fromEntries(changes) };
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

/**
 * Writes the tables of a system as JSON files in the layout that an import reads, from one snapshot. The files are read again and compared with the
 * snapshot, and only then get their name: a folder with that name is a complete export.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { isRunning } from "../local/servers/is-running.ts";
import { Failure } from "../postdeploy/connect/failure.ts";
import { printable } from "../postdeploy/connect/quote.ts";
import { type Session, withSession } from "../postdeploy/connect/session.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { DataMapping } from "../systems/data/mapping.ts";
import { SETTINGS } from "./postgres/connection.ts";
import { explain } from "./postgres/failures.ts";
import { type ReadBack, readBack } from "./postgres/readback.ts";
import { type FileEntity, isFileEntity, selectRecords } from "./postgres/records.ts";
import { countBytes, run } from "./postgres/staging.ts";
import { readTables } from "./postgres/tables.ts";
import type { Progress } from "./progress.ts";
import { Rejections } from "./rejections.ts";
import { EXPORT_MANIFEST, openSource } from "./source.ts";
import { readClock } from "./validate.ts";

export interface ExportOptions {
  readonly connection: Connection;
  readonly system: string;
  readonly mapping: DataMapping;
  /** The folder. One that has an export of the system is replaced. */
  readonly to: string;
  /** Where rows are listed that cannot be read back. */
  readonly rejectedFile: string;
  onProgress?(progress: Progress): void;
}

export interface ExportedFile {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ExportManifest {
  readonly format: 1;
  readonly system: string;
  /** When the snapshot was taken, by the server's clock. */
  readonly at: string;
  /** The position of the write-ahead log just before the snapshot. */
  readonly walPosition: string;
  /** Rows by entity. */
  readonly rows: Readonly<Record<string, number>>;
  readonly files: readonly ExportedFile[];
}

export interface ExportResult extends ExportManifest {
  readonly folder: string;
  readonly ms: number;
}

const BATCH = 2000;
const FLUSH_AT = 2 ** 18;

export async function exportData(options: ExportOptions): Promise<ExportResult> {
  const { connection, system } = options;
  const start = performance.now();
  const folder = path.resolve(options.to);
  checkTarget(folder, system);
  removeLeftovers(folder);
  const unfinished = `${folder}.partial-${process.pid}`;
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  try {
    const manifest = await withSession(connection, { application: `slipway data export ${system}`, settings: SETTINGS }, (session) =>
      exportWith(session, options, unfinished),
    );
    await writeManifest(unfinished, manifest);
    await publish(unfinished, folder);
    return { ...manifest, folder, ms: performance.now() - start };
  } catch (error) {
    throw explain(error, "Nothing was exported.");
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function exportWith(
  session: Session,
  { system, mapping, rejectedFile, onProgress }: ExportOptions,
  folder: string,
): Promise<ExportManifest> {
  const [position] = await run(session, "SELECT pg_current_wal_lsn() AS lsn");
  await run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  const at = await readClock(session);
  const tables = await readTables(session, mapping);
  const files: ExportedFile[] = [];
  for (const entity of mapping.entities.filter(isFileEntity)) {
    onProgress?.({ kind: "export", entity: entity.name });
    files.push(await writeFileOf(session, entity, mapping, folder));
  }
  const rejections = new Rejections(rejectedFile);
  try {
    const source = await openSource(mapping, { from: folder });
    const onBytes = countBytes(mapping, source, onProgress);
    const rows: Record<string, number> = {};
    const problems: string[] = [];
    for (const entity of mapping.entities) {
      const result = await readBack(entity, { session, mapping, tables, source, rejections, onBytes });
      rows[entity.name] = result.rows;
      if (result.matched !== result.rows || result.extra > 0) problems.push(describe(entity.name, result));
    }
    const [first] = rejections.groups;
    if (problems.length > 0)
      throw new Failure(
        "round-trip",
        1,
        [
          "The exported files do not read back as the rows of the database, so nothing was exported:",
          ...problems.map((problem) => `  ${problem}`),
          ...(first === undefined
            ? []
            : [
                `  ${first.entity}${first.path === "" ? "" : `, ${first.path}`}: ${first.problem}. All ${rejections.total} rows: ${rejectedFile}`,
              ]),
          "Correct these rows, or the mapping in systems/data.",
        ].join("\n"),
      );
    await run(session, "ROLLBACK");
    return { format: 1, system, at, walPosition: position!.lsn!, rows, files };
  } finally {
    rejections.close();
  }
}

function describe(entity: string, { rows, matched, columns }: ReadBack): string {
  return `${entity}: ${matched} of ${rows} rows${columns.length === 0 ? "" : `; ${columns.join(", ")} would change`}`;
}

async function writeFileOf(session: Session, entity: FileEntity, mapping: DataMapping, folder: string): Promise<ExportedFile> {
  const name = `${entity.from.file}.json`;
  const file = await open(path.join(folder, name), "wx", 0o600);
  try {
    const writer = new HashedWriter(file);
    await run(session, `DECLARE records NO SCROLL CURSOR FOR ${selectRecords(entity, mapping)}`);
    let records = 0;
    for (;;) {
      const rows = await run(session, `FETCH ${BATCH} FROM records`);
      for (const { record } of rows) await writer.write(`${records++ === 0 ? "[\n" : ",\n"}${record}`);
      if (rows.length < BATCH) break;
    }
    await writer.write(records === 0 ? "[]\n" : "\n]\n");
    await run(session, "CLOSE records");
    return { name, records, ...(await writer.end()) };
  } finally {
    await file.close();
  }
}

class HashedWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #text = "";
  #bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(text: string): Promise<void> {
    this.#text += text;
    if (this.#text.length >= FLUSH_AT) await this.#flush();
  }

  async end(): Promise<{ bytes: number; sha256: string }> {
    await this.#flush();
    await this.#file.sync();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
    await this.#file.writeFile(bytes);
  }
}

async function writeManifest(folder: string, manifest: ExportManifest): Promise<void> {
  const file = await open(path.join(folder, EXPORT_MANIFEST), "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A run that is killed between the two renames leaves the earlier export under its other name, and the next run writes a new one. */
async function publish(unfinished: string, folder: string): Promise<void> {
  await syncFolder(unfinished);
  const earlier = `${folder}.old-${process.pid}`;
  if (existsSync(folder)) renameSync(folder, earlier);
  renameSync(unfinished, folder);
  await syncFolder(path.dirname(folder));
  rmSync(earlier, { recursive: true, force: true });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

function checkTarget(folder: string, system: string): void {
  if (!existsSync(path.dirname(folder)))
    throw new Failure("no-folder", 2, `${printable(path.dirname(folder))} does not exist. Create it, or name another folder.`);
  if (!existsSync(folder)) return;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    throw new Failure("no-folder", 2, `${printable(folder)} is no folder. Name one that does not exist yet.`);
  }
  if (names.length > 0 && readManifest(folder)?.system !== system)
    throw new Failure(
      "not-empty",
      2,
      `${printable(folder)} has other files than an export of ${system}. Name a folder that does not exist yet.`,
    );
}

/** @returns undefined if the folder is no complete export */
export function readManifest(folder: string): ExportManifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(path.join(folder, EXPORT_MANIFEST), "utf8")) as ExportManifest | null;
    return manifest?.format === 1 ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Of runs that were killed. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(path.dirname(folder))) {
    if (!name.startsWith(`${path.basename(folder)}.`)) continue;
    const [, pid] = /^\.(?:partial|old)-(\d+)$/.exec(name.slice(path.basename(folder).length)) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(path.join(path.dirname(folder), name), { recursive: true, force: true });
  }
}

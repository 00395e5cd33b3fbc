/** Temporary tables with the rows of the source. They have the columns of the mapping, and the place of each row. A killed run leaves none behind. */

import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import { sqlstate } from "../../postdeploy/connect/sqlstate.ts";
import type { DataMapping, Entity } from "../../systems/data/mapping.ts";
import { changed, type FileDigest, readRecords } from "../json/records.ts";
import type { Progress } from "../progress.ts";
import type { Rejections } from "../rejections.ts";
import { type EntityRows, entityRows } from "../rows.ts";
import type { Source, SourceFile } from "../source.ts";
import { fieldsOf, quoted, type Table } from "./tables.ts";

/** An entity with its rows in a temporary table. */
export interface Staged {
  readonly entity: Entity;
  readonly table: Table;
  /** The name of the temporary table, quoted. */
  readonly stage: string;
  readonly columns: readonly string[];
  /** By number, as in the column "#file". */
  readonly files: readonly string[];
  /** Rows that were read, rejected ones included. */
  readonly read: number;
  readonly changes: ReadonlyMap<string, number>;
}

export interface StagingOptions {
  readonly session: Session;
  readonly mapping: DataMapping;
  readonly tables: ReadonlyMap<string, Table>;
  readonly source: Source;
  readonly rejections: Rejections;
  onBytes?(bytes: number): void;
}

/** A name in a mapping has no #, so none of its columns is one of these. */
export const PLACE = ['"#file"', '"#record"', '"#item"'] as const;
export const PROBLEM = '"#problem"';

const CHUNK = 2 ** 16;

/** Entities that a source can fill: all for a folder, those of the file for a file. */
export function entitiesOf({ entities }: DataMapping, { isWhole, files }: Source): readonly Entity[] {
  return entities.filter((entity) => isWhole || files.has(fileOf(entity, entities)));
}

/** The name of the file that has the rows of an entity. */
export function fileOf({ from }: Entity, entities: readonly Entity[]): string {
  return "file" in from ? from.file : fileOf(entities.find(({ name }) => name === from.entity)!, entities);
}

/** Reports how much is read of all that `stage` reads: a file once for each entity with rows in it. @returns what takes the bytes of each chunk */
export function countBytes(
  mapping: DataMapping,
  source: Source,
  onProgress: ((event: Progress) => void) | undefined,
): (count: number) => void {
  const of = entitiesOf(mapping, source)
    .flatMap((entity) => filesOf(entity, mapping, source))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  return (count) => {
    bytes += count;
    onProgress?.({ kind: "read", bytes, of });
  };
}

export interface StagedSource {
  readonly staged: readonly Staged[];
  readonly digests: readonly FileDigest[];
}

/** Reads the source into temporary tables. They are dropped with the transaction or the session. */
export async function stage(options: StagingOptions, onCommit: "DROP" | "PRESERVE ROWS"): Promise<StagedSource> {
  const digests = new Digests();
  const staged: Staged[] = [];
  for (const entity of entitiesOf(options.mapping, options.source)) staged.push(await stageEntity(entity, options, digests, onCommit));
  return { staged, digests: digests.all };
}

export async function stageEntity(
  entity: Entity,
  { session, mapping, tables, source, rejections, onBytes }: StagingOptions,
  digests: Digests,
  onCommit: "DROP" | "PRESERVE ROWS",
): Promise<Staged> {
  const table = tables.get(entity.table)!;
  const rows = entityRows(mapping, entity, (problems) => rejections.add(problems));
  const name = `pg_temp."#${mapping.entities.indexOf(entity)}"`;
  await createStage(session, name, { entity, mapping, table, onCommit });
  const files = filesOf(entity, mapping, source);
  await copy(session, { relation: name, rows, files, withPlace: true, digests, onBytes });
  await run(session, `ANALYZE ${name}`);
  const { columns, read, changes } = rows;
  return { entity, table, stage: name, columns, files: files.map((file) => file.name), read, changes };
}

export const filesOf = (entity: Entity, { entities }: DataMapping, { files }: Source): readonly SourceFile[] =>
  files.get(fileOf(entity, entities)) ?? [];

/** The files that a run has read. One that is read again must be the same. */
export class Digests {
  readonly #digests = new Map<string, FileDigest>();

  get all(): readonly FileDigest[] {
    return [...this.#digests.values()];
  }

  add(digest: FileDigest): void {
    const other = this.#digests.get(digest.name);
    if (other !== undefined && other.sha256 !== digest.sha256) throw changed(digest);
    this.#digests.set(digest.name, digest);
  }
}

async function createStage(
  session: Session,
  name: string,
  { entity, mapping, table, onCommit }: { entity: Entity; mapping: DataMapping; table: Table; onCommit: string },
): Promise<void> {
  const columns = fieldsOf(entity, mapping).map(([column]) => `${quoted(column)} ${table.columns.get(column)!.type}`);
  const all = [`${PLACE[0]} int`, `${PLACE[1]} bigint`, `${PLACE[2]} int`, ...columns, `${PROBLEM} text`];
  await run(session, `CREATE TEMP TABLE ${name.replace("pg_temp.", "")} (${all.join(", ")}) ON COMMIT ${onCommit}`);
}

interface Copy {
  readonly relation: string;
  readonly rows: EntityRows;
  readonly files: readonly SourceFile[];
  /** Each line begins with the place of its row. */
  readonly withPlace: boolean;
  readonly digests: Digests;
  readonly onBytes: StagingOptions["onBytes"];
}

/** @returns how many rows were copied */
export async function copy(session: Session, work: Copy): Promise<number> {
  const { relation, rows, files, withPlace } = work;
  if (files.length === 0) return 0;
  const columns = [...(withPlace ? PLACE : []), ...rows.columns.map(quoted)].join(", ");
  try {
    return await session.copyIn(`COPY ${relation} (${columns}) FROM STDIN`, encode(work));
  } catch (error) {
    throw copyFailure(error, rows.entity);
  }
}

async function* encode({ rows, files, withPlace, digests, onBytes }: Copy): AsyncGenerator<Buffer> {
  const events = { digest: (digest: FileDigest) => digests.add(digest), ...(onBytes === undefined ? {} : { bytes: onBytes }) };
  let text = "";
  for (const [number, file] of files.entries())
    for await (const records of readRecords(file, events)) {
      for (const record of records) {
        for (const { line, item } of rows.rowsOf(record, file.name))
          text += withPlace ? `${number}\t${record.index}\t${item}\t${line}\n` : `${line}\n`;
        if (text.length >= CHUNK) {
          yield Buffer.from(text);
          text = "";
        }
      }
    }
  if (text !== "") yield Buffer.from(text);
}

/** The server's own message repeats the value, which may be a secret. */
function copyFailure(error: unknown, { name }: Entity): unknown {
  const code = sqlstate(error);
  if (code === undefined || !/^22/.test(code)) return error;
  const [, line = "?", column = "?"] = /, line (\d+)(?:, column "?([^":]+))?/.exec((error as { where?: string }).where ?? "") ?? [];
  return new Failure(
    "refused-value",
    1,
    `Postgres refused a value that passed every check of slipway (${code}): column ${column} of row ${line} of ${name}. Nothing was changed. Please report this as a bug.`,
  );
}

/** @throws the error of the server */
export async function run(session: Session, text: string): Promise<readonly Readonly<Record<string, string | null>>[]> {
  const { replies, error } = await session.send(text);
  if (error !== undefined) throw error;
  return replies.at(-1)?.rows ?? [];
}

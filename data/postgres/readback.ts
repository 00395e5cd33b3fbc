/**
 * Reads the files of an export again and compares them with the tables, in the snapshot of the transaction. Both have the order of the key, so they are
 * compared row by row, and no temporary table is needed: the backup role, which exports on a schedule, reads everything and may not create any.
 */
import type { Session } from "../../postdeploy/connect/session.ts";
import type { DataMapping, Entity } from "../../systems/data/mapping.ts";
import { NULL, unescapeCopy } from "../convert.ts";
import { readRecords } from "../json/records.ts";
import type { Rejections } from "../rejections.ts";
import { type EntityRows, entityRows } from "../rows.ts";
import type { Source } from "../source.ts";
import { orderOf } from "./records.ts";
import { filesOf, run } from "./staging.ts";
import { quoted, type Table } from "./tables.ts";

export interface ReadBackOptions {
  readonly session: Session;
  readonly mapping: DataMapping;
  readonly tables: ReadonlyMap<string, Table>;
  readonly source: Source;
  /** Rows of the files that an import would refuse. */
  readonly rejections: Rejections;
  onBytes(count: number): void;
}

export interface ReadBack {
  /** Rows of the table. */
  readonly rows: number;
  /** Rows whose fields are all equal to those of the file. */
  readonly matched: number;
  /** Rows of the file without one in the table. */
  readonly extra: number;
  /** Columns that differ. */
  readonly columns: readonly string[];
}

/** The texts of a row's columns. */
type Texts = readonly (string | null)[];

const BATCH = 2000;

export async function readBack(entity: Entity, options: ReadBackOptions): Promise<ReadBack> {
  const { session, mapping, tables, source, rejections, onBytes } = options;
  const rows = entityRows(mapping, entity, (problems) => rejections.add(problems));
  const types = rows.columns.map((column) => tables.get(entity.table)!.columns.get(column)!.type);
  const differing = new Set<string>();
  let matched = 0;
  const stored = new StoredRows(session);
  await stored.open(entity, mapping, rows.columns);
  for await (const batch of batchesOf(rows, filesOf(entity, mapping, source), onBytes)) {
    const texts = await normalize(session, batch, types);
    for (const [index, { position }] of batch.entries()) {
      const row = await stored.at(position);
      if (row === undefined) continue;
      const different = rows.columns.filter((_, column) => row[column] !== texts[index]![column]);
      if (different.length === 0) matched++;
      for (const column of different) differing.add(column);
    }
  }
  const count = await stored.close();
  return { rows: count, matched, extra: Math.max(0, rows.read - count), columns: [...differing] };
}

interface FileRow {
  /** Among the rows of the file, those included that an import would refuse. */
  readonly position: number;
  readonly texts: Texts;
}

async function* batchesOf(rows: EntityRows, files: ReturnType<typeof filesOf>, bytes: (count: number) => void): AsyncGenerator<FileRow[]> {
  let batch: FileRow[] = [];
  for (const file of files)
    for await (const records of readRecords(file, { bytes, digest: () => {} }))
      for (const record of records) {
        const first = rows.read;
        for (const { line, item } of rows.rowsOf(record, file.name))
          batch.push({ position: first + Math.max(0, item), texts: textsOf(line) });
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
  if (batch.length > 0) yield batch;
}

const textsOf = (line: string): Texts => line.split("\t").map((text) => (text === NULL ? null : unescapeCopy(text)));

/** As the server writes the values: the same time can be written in several ways. */
async function normalize(session: Session, batch: readonly FileRow[], types: readonly string[]): Promise<readonly Texts[]> {
  const columns = types.map((type, index) => `(r->>${index})::${type}::text AS "#${index}"`);
  const found = await session.query<Record<string, string | null>>(
    `SELECT ${columns.join(", ")} FROM json_array_elements($1::json) WITH ORDINALITY AS t (r, n) ORDER BY n`,
    [JSON.stringify(batch.map(({ texts }) => texts))],
  );
  return found.map((row) => types.map((_, index) => row[`#${index}`]!));
}

/** The rows of a table in the order of the key, from the first one to the last. */
class StoredRows {
  readonly #session: Session;
  #columns = 0;
  #batch: readonly Readonly<Record<string, string | null>>[] = [];
  /** The number of rows before those of the batch. */
  #before = 0;
  #isAtEnd = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async open(entity: Entity, mapping: DataMapping, columns: readonly string[]): Promise<void> {
    this.#columns = columns.length;
    const texts = columns.map((column, index) => `t.${quoted(column)}::text AS "#${index}"`);
    await run(this.#session, `DECLARE stored NO SCROLL CURSOR FOR SELECT ${texts.join(", ")} FROM ${inFileOrder(entity, mapping)}`);
  }

  /** @param position not before that of the last call @returns undefined if the table has fewer rows */
  async at(position: number): Promise<Texts | undefined> {
    while (position >= this.#before + this.#batch.length && !this.#isAtEnd) await this.#fetch();
    const row = this.#batch[position - this.#before];
    return row && Array.from({ length: this.#columns }, (_, index) => row[`#${index}`]!);
  }

  /** @returns the number of rows */
  async close(): Promise<number> {
    while (!this.#isAtEnd) await this.#fetch();
    await run(this.#session, "CLOSE stored");
    return this.#before + this.#batch.length;
  }

  async #fetch(): Promise<void> {
    this.#before += this.#batch.length;
    this.#batch = await run(this.#session, `FETCH ${BATCH} FROM stored`);
    this.#isAtEnd = this.#batch.length < BATCH;
  }
}

/** A list is in the record around it. A row without such a record is in no file, and comes last. */
function inFileOrder(entity: Entity, { entities }: DataMapping): string {
  const { from, table } = entity;
  if ("file" in from) return `${quoted(table)} t ORDER BY ${orderOf(entity, "t")}`;
  const outer = entities.find(({ name }) => name === from.entity)!;
  const on = Object.entries(from.parent).map(([column, name]) => `o.${quoted(outer.fields[name]!.column)} = t.${quoted(column)}`);
  const order = [orderOf(outer, "o"), orderOf(entity, "t")].join(", ");
  return `${quoted(table)} t LEFT JOIN ${quoted(outer.table)} o ON ${on.join(" AND ")} ORDER BY ${order}`;
}

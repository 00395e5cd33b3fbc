/** What a keyspace's files declare, entry by entry, with every mistake told by its place. */
import { join } from "node:path";
import { declarationError, type Entry, escapeControlCharacters, type FileLocation, formatLocation, measureValue } from "./entry.ts";
import { KeySet } from "./key-set.ts";
import type { Keyspace } from "./keyspace.ts";
import { parseLines, readBlocks } from "./lines.ts";
import { parseEntry } from "./parse.ts";
import { addRunKeys, readRunKey, type StringRun, StringRunFinder } from "./string-runs.ts";

/** As much as is read and compared at a time. */
const MAX_BATCH_KEYS = 1000;
const MAX_BATCH_BYTES = 1024 * 1024;

/** @param declared is told every key, and finds those that are there twice. */
export async function* readBatches(keyspace: Keyspace, declared: KeySet = new KeySet()): AsyncGenerator<readonly Entry[]> {
  const batch = new BatchBuilder(keyspace, declared);
  for await (const one of readDeclarations(keyspace))
    for (const [given, place] of one) if (await batch.add(given, place)) yield batch.take();
  if (batch.entries.length > 0) yield batch.take();
}

/**
 * The same, where strings of the plain form that follow one another stay the bytes that they are in the file.
 *
 * @param declared not given where the keys were looked at before
 */
export async function* readPieces(keyspace: Keyspace, declared?: KeySet): AsyncGenerator<readonly Entry[] | StringRun> {
  const batch = new BatchBuilder(keyspace, declared);
  for (const { given, place } of keyspace.seeds) if (await batch.add(given, place)) yield batch.take();
  const runs = new StringRunFinder(keyspace, MAX_BATCH_KEYS);
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of readBlocks(dataFilePath(keyspace, name), file)) {
      for (const piece of runs.split(block)) {
        if ("marks" in piece) {
          if (declared !== undefined)
            for (let nth = addRunKeys(declared, piece, 0); nth !== -1; nth = addRunKeys(declared, piece, nth + 1))
              await rejectDuplicateKey(keyspace, readRunKey(piece, nth));
          yield piece;
        } else for (const [given, line] of parseLines(piece)) if (await batch.add(given, { file, line })) yield batch.take();
      }
    }
  }
  if (batch.entries.length > 0) yield batch.take();
}

class BatchBuilder {
  entries: Entry[] = [];
  #bytes = 0;
  readonly #keyspace: Keyspace;
  readonly #declared: KeySet | undefined;

  constructor(keyspace: Keyspace, declared: KeySet | undefined) {
    this.#keyspace = keyspace;
    this.#declared = declared;
  }

  /** @returns whether it is as large as it may be. */
  async add(given: unknown, place: FileLocation): Promise<boolean> {
    const entry = parseEntry(given, this.#keyspace, place);
    if (this.#declared?.add(entry.key) === false) await rejectDuplicateKey(this.#keyspace, entry.key);
    this.entries.push(entry);
    this.#bytes += measureValue(entry.value).bytes;
    return this.entries.length >= MAX_BATCH_KEYS || this.#bytes >= MAX_BATCH_BYTES;
  }

  take(): readonly Entry[] {
    const { entries } = this;
    this.entries = [];
    this.#bytes = 0;
    return entries;
  }
}

type Declaration = readonly [given: unknown, place: FileLocation];

async function* readDeclarations(keyspace: Keyspace): AsyncGenerator<Iterable<Declaration>> {
  yield keyspace.seeds.map(({ given, place }) => [given, place] as const);
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of readBlocks(dataFilePath(keyspace, name), file)) yield locateLines(parseLines(block), file);
  }
}

export const dataFilePath = ({ folder }: Keyspace, name: string): string => join(folder, name);

function* locateLines(lines: Iterable<readonly [unknown, number]>, file: string): Generator<Declaration> {
  for (const [given, line] of lines) yield [given, { file, line }];
}

/** 64 bits of a key may be another key's too, so the files are asked. */
export async function rejectDuplicateKey(keyspace: Keyspace, key: string): Promise<void> {
  let first: FileLocation | undefined;
  for await (const one of readDeclarations(keyspace))
    for (const [given, place] of one) {
      if ((given as { key?: unknown } | null)?.key !== key) continue;
      if (first !== undefined)
        throw declarationError(
          place,
          `${escapeControlCharacters(key)} is declared twice, first in ${formatLocation(first)}. Take one out.`,
        );
      first = place;
    }
}

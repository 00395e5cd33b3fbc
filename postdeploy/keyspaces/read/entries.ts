/** Reads the entries that the files of a keyspace declare, in batches. */

import {
  type Declaration,
  declarationError,
  type Entry,
  escapeControlCharacters,
  type FileLocation,
  formatLocation,
  measureValue,
} from "./entry.ts";
import { dataFilePath } from "./files.ts";
import { KeySet } from "./key-set.ts";
import type { Keyspace } from "./keyspace.ts";
import { parseLines, readBlocks } from "./lines.ts";
import { parseEntry } from "./parse.ts";
import { addRunKeys, readRunKey, type StringRun, StringRunFinder } from "./string-runs.ts";

/** The limits of a batch. */
const MAX_BATCH_KEYS = 1000;
const MAX_BATCH_BYTES = 1024 * 1024;

/** @param declared collects the keys, to detect duplicates */
export async function* readBatches(keyspace: Keyspace, declared: KeySet = new KeySet()): AsyncGenerator<readonly Entry[]> {
  const batch = new BatchBuilder(keyspace, declared);
  for await (const part of readDeclarations(keyspace))
    for (const { raw, location } of part) if (await batch.add(raw, location)) yield batch.take();
  if (batch.entries.length > 0) yield batch.take();
}

/**
 * Like `readBatches`, but leaves consecutive plain strings as bytes of the file.
 *
 * @param declared collects the keys, to detect duplicates; omitted if an earlier pass has done so
 */
export async function* readPieces(keyspace: Keyspace, declared?: KeySet): AsyncGenerator<readonly Entry[] | StringRun> {
  const batch = new BatchBuilder(keyspace, declared);
  for (const { raw, location } of keyspace.seeds) if (await batch.add(raw, location)) yield batch.take();
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
        } else for (const { raw, location } of parseLines(piece)) if (await batch.add(raw, location)) yield batch.take();
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

  /** @returns whether the batch is full. */
  async add(raw: unknown, location: FileLocation): Promise<boolean> {
    const entry = parseEntry(raw, this.#keyspace, location);
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

async function* readDeclarations(keyspace: Keyspace): AsyncGenerator<Iterable<Declaration>> {
  yield keyspace.seeds;
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of readBlocks(dataFilePath(keyspace, name), file)) yield parseLines(block);
  }
}

/** Throws if the files declare the key twice. Two keys may share a 64-bit hash, so this reads the files again. */
export async function rejectDuplicateKey(keyspace: Keyspace, key: string): Promise<void> {
  let first: FileLocation | undefined;
  for await (const part of readDeclarations(keyspace))
    for (const { raw, location } of part) {
      if ((raw as { key?: unknown } | null)?.key !== key) continue;
      if (first !== undefined)
        throw declarationError(
          location,
          `${escapeControlCharacters(key)} is declared twice, first in ${formatLocation(first)}. Remove one.`,
        );
      first = location;
    }
}

/** What a keyspace's files declare, entry by entry, with every mistake told by its place. */
import { join } from "node:path";
import { type Entry, misdeclared, type Place, placed, printable, sizeOf } from "./entry.ts";
import { KeySet } from "./key-set.ts";
import type { Keyspace } from "./keyspace.ts";
import { blocksOf, jsonOf } from "./lines.ts";
import { entryOf } from "./parse.ts";
import { addKeys, keyText, type Run, Runs } from "./string-runs.ts";

/** As much as is read and compared at a time. */
const KEYS = 1000;
const BYTES = 1024 * 1024;

/** @param declared is told every key, and finds those that are there twice. */
export async function* batchesOf(keyspace: Keyspace, declared: KeySet = new KeySet()): AsyncGenerator<readonly Entry[]> {
  const batch = new Batch(keyspace, declared);
  for await (const one of declarations(keyspace)) for (const [given, place] of one) if (await batch.add(given, place)) yield batch.take();
  if (batch.entries.length > 0) yield batch.take();
}

/**
 * The same, where strings of the plain form that follow one another stay the bytes that they are in the file.
 *
 * @param declared not given where the keys were looked at before
 */
export async function* piecesOf(keyspace: Keyspace, declared?: KeySet): AsyncGenerator<readonly Entry[] | Run> {
  const batch = new Batch(keyspace, declared);
  for (const { given, place } of keyspace.seeds) if (await batch.add(given, place)) yield batch.take();
  const runs = new Runs(keyspace, KEYS);
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of blocksOf(dataFile(keyspace, name), file)) {
      for (const piece of runs.of(block)) {
        if ("marks" in piece) {
          if (declared !== undefined)
            for (let nth = addKeys(declared, piece, 0); nth !== -1; nth = addKeys(declared, piece, nth + 1))
              await refuseTwice(keyspace, keyText(piece, nth));
          yield piece;
        } else for (const [given, line] of jsonOf(piece)) if (await batch.add(given, { file, line })) yield batch.take();
      }
    }
  }
  if (batch.entries.length > 0) yield batch.take();
}

class Batch {
  entries: Entry[] = [];
  #bytes = 0;
  readonly #keyspace: Keyspace;
  readonly #declared: KeySet | undefined;

  constructor(keyspace: Keyspace, declared: KeySet | undefined) {
    this.#keyspace = keyspace;
    this.#declared = declared;
  }

  /** @returns whether it is as large as it may be. */
  async add(given: unknown, place: Place): Promise<boolean> {
    const entry = entryOf(given, this.#keyspace, place);
    if (this.#declared?.add(entry.key) === false) await refuseTwice(this.#keyspace, entry.key);
    this.entries.push(entry);
    this.#bytes += sizeOf(entry.value).bytes;
    return this.entries.length >= KEYS || this.#bytes >= BYTES;
  }

  take(): readonly Entry[] {
    const { entries } = this;
    this.entries = [];
    this.#bytes = 0;
    return entries;
  }
}

type Declaration = readonly [given: unknown, place: Place];

async function* declarations(keyspace: Keyspace): AsyncGenerator<Iterable<Declaration>> {
  yield keyspace.seeds.map(({ given, place }) => [given, place] as const);
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of blocksOf(dataFile(keyspace, name), file)) yield withPlaces(jsonOf(block), file);
  }
}

export const dataFile = ({ folder }: Keyspace, name: string): string => join(folder, name);

function* withPlaces(lines: Iterable<readonly [unknown, number]>, file: string): Generator<Declaration> {
  for (const [given, line] of lines) yield [given, { file, line }];
}

/** 64 bits of a key may be another key's too, so the files are asked. */
export async function refuseTwice(keyspace: Keyspace, key: string): Promise<void> {
  let first: Place | undefined;
  for await (const one of declarations(keyspace))
    for (const [given, place] of one) {
      if ((given as { key?: unknown } | null)?.key !== key) continue;
      if (first !== undefined) throw misdeclared(place, `${printable(key)} is declared twice, first in ${placed(first)}. Take one out.`);
      first = place;
    }
}

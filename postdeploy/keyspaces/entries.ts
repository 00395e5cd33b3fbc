/** What a keyspace's files declare, entry by entry, with every mistake told by its place. */
import { join } from "node:path";
import { type Entry, misdeclared, type Place, placed, sizeOf } from "./entry.ts";
import { KeySet } from "./keyset.ts";
import type { Keyspace } from "./keyspace.ts";
import { blocksOf, jsonOf } from "./lines.ts";
import { entryOf } from "./parse.ts";

/** As much as is read and compared at a time. */
const KEYS = 1000;
const BYTES = 1024 * 1024;

/** @param declared is told every key, and finds those that are there twice. */
export async function* batchesOf(keyspace: Keyspace, declared: KeySet = new KeySet()): AsyncGenerator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for await (const one of declarations(keyspace)) {
    for (const [given, place] of one) {
      const entry = entryOf(given, keyspace, place);
      if (!declared.add(entry.key)) await refuseTwice(keyspace, entry.key, place);
      batch.push(entry);
      bytes += sizeOf(entry.value).bytes;
      if (batch.length < KEYS && bytes < BYTES) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
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
export async function refuseTwice(keyspace: Keyspace, key: string, second: Place): Promise<void> {
  for await (const one of declarations(keyspace))
    for (const [given, place] of one) {
      if (placed(place) === placed(second)) return;
      if ((given as { key?: unknown }).key === key)
        throw misdeclared(second, `${key} is declared twice, first in ${placed(place)}. Take one out.`);
    }
}

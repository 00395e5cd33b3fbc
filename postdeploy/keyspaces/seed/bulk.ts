/**
 * Bulk seeding: the prefix is ours by declaration, the files are written as plain commands at the speed of the wire, and the ledger keeps a
 * digest for each chunk instead of one for each key, which would cost four fifths of that speed.
 *
 * The ledger is a hash: digest of a chunk -> eight bytes for each of its keys. A chunk stands in it once all of its commands were answered
 * well. What is in no file any more is marked first ("-digest"), so that a file that goes back to what it was is never taken for written.
 */
import { statSync } from "node:fs";
import { look } from "../inspect/mismatch.ts";
import { type Chunk, chunksOf } from "../read/chunks.ts";
import { dataFile, refuseTwice } from "../read/entries.ts";
import { printable } from "../read/entry.ts";
import type { Names } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { entryOf } from "../read/parse.ts";
import type { Wire } from "../wire/connection.ts";
import { refused } from "../wire/errors.ts";
import { Commands, Refusal, type Reply } from "../wire/resp.ts";
import { Lane } from "./chunk-encoder.ts";
import { addWrite } from "./commands.ts";
import { inFlight } from "./concurrency.ts";
import { newTally, type Tally } from "./tally.ts";

export interface BulkPlan {
  readonly tally: Tally;
  /** Chunks that the store has. */
  readonly there: ReadonlySet<string>;
  /** Those of them that are in no file any more. */
  readonly stale: readonly string[];
  /** Of every chunk, in the order of the files; undefined where the store has none, so that nothing was to be compared. */
  readonly digests: readonly string[] | undefined;
}

const GONE = "-";

/** Measured: a key and its value take about this much more in memory than in the file. */
const SWELLING = 2.2;

export interface BulkLook {
  /** Also of a first run, which has nothing to compare and would read every file for the counts alone. */
  readonly counting: boolean;
  /** Whether the keys of a chunk are still as it was written, which its digest does not tell. */
  readonly restoring: boolean;
}

export async function planBulk(wire: Wire, keyspace: Keyspace, names: Names, { counting, restoring }: BulkLook): Promise<BulkPlan> {
  const there = new Set(((await wire.call("HKEYS", names.ledger)) as readonly Buffer[]).map(String));
  const tally = newTally();
  if (there.size === 0 && !counting) {
    tally.bytes = SWELLING * sizeOnDisk(keyspace);
    return { tally, there, stale: [], digests: undefined };
  }
  const digests: string[] = [];
  // What is written once has an end that the ledger knows nothing of.
  const looking = restoring || keyspace.patterns.some(({ ttl }) => ttl > 0);
  await inFlight(chunksOf(keyspace), AT_A_TIME, async (chunk) => {
    const { digest, bytes, lines } = chunk;
    digests.push(digest);
    tally.keys += lines;
    const changed = there.has(digest) && looking && !(await isAsWritten(wire, keyspace, chunk));
    if (changed) {
      there.delete(digest);
      tally.changes.restore += lines;
    }
    if (there.has(digest) || changed) return;
    tally.changes.write += lines;
    tally.bytes += Math.ceil(bytes * SWELLING);
  });
  const current = new Set(digests);
  return { tally, there, stale: [...there].filter((digest) => !current.has(digest)), digests };
}

async function isAsWritten(wire: Wire, keyspace: Keyspace, chunk: Chunk): Promise<boolean> {
  const entries = [...chunk.declarations()].map(([given, place]) => entryOf(given, keyspace, place));
  return (await look(wire, entries, true)).length === 0;
}

function sizeOnDisk(keyspace: Keyspace): number {
  return keyspace.data.reduce((sum, name) => sum + statSync(dataFile(keyspace, name)).size, JSON.stringify(keyspace.seeds).length);
}

export interface BulkResult {
  readonly tally: Tally;
  readonly digests: readonly string[];
}

export async function seedBulk(
  wire: Wire,
  keyspace: Keyspace,
  names: Names,
  { there, stale, digests: planned }: BulkPlan,
  onKeys: (keys: number) => void,
): Promise<BulkResult> {
  const tally = newTally();
  const digests: string[] = [];
  const marks: Promise<Reply>[] = [];
  const clean = there.size === 0 && (await isFree(wire, keyspace.prefix));
  await forget(wire, names, stale);
  const declared = await keysOf(wire, names, planned?.filter((digest) => there.has(digest)) ?? []);
  const lane = new Lane(keyspace, declared, clean);
  await inFlight(chunksOf(keyspace), AT_A_TIME, async (chunk) => {
    digests.push(chunk.digest);
    if (there.has(chunk.digest)) return;
    const { bytes, count, expected, keys, hashes, doubts } = lane.encode(chunk);
    for (const key of doubts) await refuseTwice(keyspace, key);
    await wire.drained;
    const replies = (await wire.exchange(bytes, count, expected)) ?? [];
    const refusal = replies.findIndex(isRefused);
    if (refusal !== -1) throw refusedKey(wire, keyspace, chunk, clean, replies, refusal);
    const mark = wire.call("HSET", names.ledger, chunk.digest, hashes);
    // Whether it is refused is asked below: the next chunk need not wait for it.
    mark.catch(() => {});
    marks.push(mark);
    tally.changes.write += keys;
    onKeys(tally.changes.write);
  });
  await Promise.all(marks);
  tally.keys = declared.size;
  tally.changes.remove = await removeGone(wire, keyspace, names, declared);
  return { tally, digests };
}

/** Enough that the store never waits for us, and little enough to hold. */
const AT_A_TIME = 16;

/** A prefix under which nothing lies needs nothing removed before it is written. */
async function isFree(wire: Wire, prefix: string): Promise<boolean> {
  for await (const keys of scan(wire, prefix)) if (keys.length > 0) return false;
  return true;
}

async function forget(wire: Wire, names: Names, stale: readonly string[]): Promise<void> {
  const digests = stale.filter((field) => !field.startsWith(GONE));
  if (digests.length === 0) return;
  const keys = (await wire.call("HMGET", names.ledger, ...digests)) as readonly (Buffer | null)[];
  const commands = new Commands().add("MULTI");
  digests.forEach((digest, index) => {
    commands.add("HSET", names.ledger, GONE + digest, keys[index] ?? Buffer.alloc(0)).add("HDEL", names.ledger, digest);
  });
  wire.accepted((await wire.send(commands.add("EXEC"))).at(-1));
}

/** The keys of chunks that are written already: a key may stand in one chunk only. */
async function keysOf(wire: Wire, names: Names, digests: readonly string[]): Promise<KeySet> {
  const keys = new KeySet();
  for (let at = 0; at < digests.length; at += 256)
    for (const bytes of (await wire.call("HMGET", names.ledger, ...digests.slice(at, at + 256))) as readonly (Buffer | null)[])
      if (bytes !== null) keys.addHashes(bytes);
  return keys;
}

/** EXEC answers with a list, in which a refusal may hide. */
const isRefused = (reply: Reply): boolean =>
  reply instanceof Refusal || (Array.isArray(reply) && reply.some((one) => one instanceof Refusal));

/** The chunk is read once more, to tell whose answer it was. */
function refusedKey(wire: Wire, keyspace: Keyspace, chunk: Chunk, clean: boolean, replies: readonly Reply[], index: number): Error {
  const reply = replies[index];
  const refusal = (Array.isArray(reply) ? reply.find((one) => one instanceof Refusal) : reply) as Refusal;
  const failure = refused(refusal, wire.target);
  let answers = 0;
  for (const [given, place] of chunk.declarations()) {
    const entry = entryOf(given, keyspace, place);
    answers += addWrite(new Commands(), entry, clean);
    if (answers <= index) continue;
    failure.message = `${printable(entry.key)}: ${failure.message}`;
    break;
  }
  return failure;
}

/** Only keys that the ledger says are ours, and that no file declares any more. */
async function removeGone(wire: Wire, keyspace: Keyspace, names: Names, declared: KeySet): Promise<number> {
  const marked = ((await wire.call("HKEYS", names.ledger)) as readonly Buffer[]).map(String).filter((field) => field.startsWith(GONE));
  if (marked.length === 0) return 0;
  const ours = await keysOf(wire, names, marked);
  let removed = 0;
  for await (const keys of scan(wire, keyspace.prefix)) {
    const gone = keys.filter((key) => ours.has(key) && !declared.has(key));
    if (gone.length > 0) removed += (await wire.call("UNLINK", ...gone)) as number;
  }
  await wire.call("HDEL", names.ledger, ...marked);
  return removed;
}

async function* scan(wire: Wire, prefix: string): AsyncGenerator<string[]> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const [next, keys] = (await wire.call("SCAN", cursor, "MATCH", pattern, "COUNT", "5000")) as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    yield keys.map(String);
  } while (cursor !== "0");
}

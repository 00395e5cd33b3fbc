/**
 * Bulk seeding: the prefix is ours by declaration, the files are written as plain commands at the speed of the connection, and the ledger keeps a
 * digest for each chunk instead of one for each key, which would cost four fifths of that speed.
 *
 * The ledger is a hash: digest of a chunk -> eight bytes for each of its keys. A chunk stands in it once all of its commands were answered
 * well. What is in no file any more is marked first ("-digest"), so that a file that goes back to what it was is never taken for written.
 */
import { statSync } from "node:fs";
import { findMismatches } from "../inspect/mismatch.ts";
import { type Chunk, readChunks } from "../read/chunks.ts";
import { dataFilePath, rejectDuplicateKey } from "../read/entries.ts";
import { escapeControlCharacters } from "../read/entry.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { parseEntry } from "../read/parse.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { toFailure } from "../wire/errors.ts";
import { Commands, ErrorReply, type Reply } from "../wire/resp.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { addWriteCommands } from "./commands.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { createTally, type Tally } from "./tally.ts";

export interface BulkPlan {
  readonly tally: Tally;
  /** Chunks that the store has. */
  readonly storedChunks: ReadonlySet<string>;
  /** Those of them that are in no file any more. */
  readonly staleChunks: readonly string[];
  /** Of every chunk, in the order of the files; undefined where the store has none, so that nothing was to be compared. */
  readonly digests: readonly string[] | undefined;
}

const STALE_MARK = "-";

/** Measured: a key and its value take about this much more in memory than in the file. */
const MEMORY_FACTOR = 2.2;

export interface BulkPlanOptions {
  /** Also of a first run, which has nothing to compare and would read every file for the counts alone. */
  readonly counting: boolean;
  /** Whether the keys of a chunk are still as it was written, which its digest does not tell. */
  readonly restoring: boolean;
}

export async function planBulk(
  connection: StoreConnection,
  keyspace: Keyspace,
  names: InternalKeys,
  { counting, restoring }: BulkPlanOptions,
): Promise<BulkPlan> {
  const there = new Set(((await connection.call("HKEYS", names.ledger)) as readonly Buffer[]).map(String));
  const tally = createTally();
  if (there.size === 0 && !counting) {
    tally.bytes = MEMORY_FACTOR * sizeOnDisk(keyspace);
    return { tally, storedChunks: there, staleChunks: [], digests: undefined };
  }
  const digests: string[] = [];
  // What is written once has an end that the ledger knows nothing of.
  const looking = restoring || keyspace.patterns.some(({ ttl }) => ttl > 0);
  await forEachConcurrently(readChunks(keyspace), CONCURRENCY, async (chunk) => {
    const { digest, bytes, lines } = chunk;
    digests.push(digest);
    tally.keys += lines;
    const changed = there.has(digest) && looking && !(await isAsWritten(connection, keyspace, chunk));
    if (changed) {
      there.delete(digest);
      tally.changes.restore += lines;
    }
    if (there.has(digest) || changed) return;
    tally.changes.write += lines;
    tally.bytes += Math.ceil(bytes * MEMORY_FACTOR);
  });
  const current = new Set(digests);
  return { tally, storedChunks: there, staleChunks: [...there].filter((digest) => !current.has(digest)), digests };
}

async function isAsWritten(connection: StoreConnection, keyspace: Keyspace, chunk: Chunk): Promise<boolean> {
  const entries = [...chunk.declarations()].map(([given, place]) => parseEntry(given, keyspace, place));
  return (await findMismatches(connection, entries, true)).length === 0;
}

function sizeOnDisk(keyspace: Keyspace): number {
  return keyspace.data.reduce((sum, name) => sum + statSync(dataFilePath(keyspace, name)).size, JSON.stringify(keyspace.seeds).length);
}

export interface BulkResult {
  readonly tally: Tally;
  readonly digests: readonly string[];
}

export async function seedBulk(
  connection: StoreConnection,
  keyspace: Keyspace,
  names: InternalKeys,
  { storedChunks: there, staleChunks: stale, digests: planned }: BulkPlan,
  onKeys: (keys: number) => void,
): Promise<BulkResult> {
  const tally = createTally();
  const digests: string[] = [];
  const marks: Promise<Reply>[] = [];
  const clean = there.size === 0 && (await isPrefixEmpty(connection, keyspace.prefix));
  await markStale(connection, names, stale);
  const declared = await readKeyHashes(connection, names, planned?.filter((digest) => there.has(digest)) ?? []);
  const lane = new ChunkEncoder(keyspace, declared, clean);
  await forEachConcurrently(readChunks(keyspace), CONCURRENCY, async (chunk) => {
    digests.push(chunk.digest);
    if (there.has(chunk.digest)) return;
    const { bytes, replies: count, expected, keys, hashes, possibleDuplicates: doubts } = lane.encode(chunk);
    for (const key of doubts) await rejectDuplicateKey(keyspace, key);
    await connection.drained;
    const replies = (await connection.exchange(bytes, count, expected)) ?? [];
    const refusal = replies.findIndex(isErrorReply);
    if (refusal !== -1) throw explainKeyError(connection, keyspace, chunk, clean, replies, refusal);
    const mark = connection.call("HSET", names.ledger, chunk.digest, hashes);
    // Whether it is refused is asked below: the next chunk need not wait for it.
    mark.catch(() => {});
    marks.push(mark);
    tally.changes.write += keys;
    onKeys(tally.changes.write);
  });
  await Promise.all(marks);
  tally.keys = declared.size;
  tally.changes.remove = await removeUndeclared(connection, keyspace, names, declared);
  return { tally, digests };
}

/** Enough that the store never waits for us, and little enough to hold. */
const CONCURRENCY = 16;

/** A prefix under which nothing lies needs nothing removed before it is written. */
async function isPrefixEmpty(connection: StoreConnection, prefix: string): Promise<boolean> {
  for await (const keys of scanKeys(connection, prefix)) if (keys.length > 0) return false;
  return true;
}

async function markStale(connection: StoreConnection, names: InternalKeys, stale: readonly string[]): Promise<void> {
  const digests = stale.filter((field) => !field.startsWith(STALE_MARK));
  if (digests.length === 0) return;
  const keys = (await connection.call("HMGET", names.ledger, ...digests)) as readonly (Buffer | null)[];
  const commands = new Commands().add("MULTI");
  digests.forEach((digest, index) => {
    commands.add("HSET", names.ledger, STALE_MARK + digest, keys[index] ?? Buffer.alloc(0)).add("HDEL", names.ledger, digest);
  });
  connection.unwrap((await connection.send(commands.add("EXEC"))).at(-1));
}

/** The keys of chunks that are written already: a key may stand in one chunk only. */
async function readKeyHashes(connection: StoreConnection, names: InternalKeys, digests: readonly string[]): Promise<KeySet> {
  const keys = new KeySet();
  for (let at = 0; at < digests.length; at += 256)
    for (const bytes of (await connection.call("HMGET", names.ledger, ...digests.slice(at, at + 256))) as readonly (Buffer | null)[])
      if (bytes !== null) keys.addHashes(bytes);
  return keys;
}

/** EXEC answers with a list, in which a refusal may hide. */
const isErrorReply = (reply: Reply): boolean =>
  reply instanceof ErrorReply || (Array.isArray(reply) && reply.some((one) => one instanceof ErrorReply));

/** The chunk is read once more, to tell whose answer it was. */
function explainKeyError(
  connection: StoreConnection,
  keyspace: Keyspace,
  chunk: Chunk,
  clean: boolean,
  replies: readonly Reply[],
  index: number,
): Error {
  const reply = replies[index];
  const refusal = (Array.isArray(reply) ? reply.find((one) => one instanceof ErrorReply) : reply) as ErrorReply;
  const failure = toFailure(refusal, connection.target);
  let answers = 0;
  for (const [given, place] of chunk.declarations()) {
    const entry = parseEntry(given, keyspace, place);
    answers += addWriteCommands(new Commands(), entry, clean);
    if (answers <= index) continue;
    failure.message = `${escapeControlCharacters(entry.key)}: ${failure.message}`;
    break;
  }
  return failure;
}

/** Only keys that the ledger says are ours, and that no file declares any more. */
async function removeUndeclared(connection: StoreConnection, keyspace: Keyspace, names: InternalKeys, declared: KeySet): Promise<number> {
  const marked = ((await connection.call("HKEYS", names.ledger)) as readonly Buffer[])
    .map(String)
    .filter((field) => field.startsWith(STALE_MARK));
  if (marked.length === 0) return 0;
  const ours = await readKeyHashes(connection, names, marked);
  let removed = 0;
  for await (const keys of scanKeys(connection, keyspace.prefix)) {
    const gone = keys.filter((key) => ours.has(key) && !declared.has(key));
    if (gone.length > 0) removed += (await connection.call("UNLINK", ...gone)) as number;
  }
  await connection.call("HDEL", names.ledger, ...marked);
  return removed;
}

async function* scanKeys(connection: StoreConnection, prefix: string): AsyncGenerator<string[]> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const [next, keys] = (await connection.call("SCAN", cursor, "MATCH", pattern, "COUNT", "5000")) as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    yield keys.map(String);
  } while (cursor !== "0");
}

/**
 * Bulk seeding: writes the files as plain commands, several times faster than guarded seeding. The keyspace owns its declared keys, and the
 * ledger keeps a digest per chunk instead of one per key.
 *
 * The ledger is a hash: digest of a chunk -> eight bytes for each of its keys. A chunk is added when all of its commands have succeeded. A
 * chunk that no file contains any more is first renamed to "-digest", so that it counts as unwritten if the file returns to its old content.
 */
import { statSync } from "node:fs";
import { findMismatches } from "../inspect/mismatch.ts";
import type { Session } from "../inspect/session.ts";
import { type Chunk, readChunks } from "../read/chunks.ts";
import { rejectDuplicateKey } from "../read/entries.ts";
import { escapeControlCharacters } from "../read/entry.ts";
import { dataFilePath } from "../read/files.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { parseEntry } from "../read/parse.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { toFailure } from "../wire/errors.ts";
import { Commands, ErrorReply, type Reply } from "../wire/resp.ts";
import { type ChangeCounts, createCounts } from "./change-counts.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { addWriteCommands } from "./commands.ts";
import { forEachConcurrently } from "./concurrency.ts";

export interface BulkPlan {
  readonly tally: ChangeCounts;
  /** Digests of chunks that are in the ledger. */
  readonly storedChunks: ReadonlySet<string>;
  /** Digests of stored chunks that no file contains any more. */
  readonly staleChunks: readonly string[];
  /** Digests of all chunks in the order of the files; undefined if the ledger is empty and the files were not read. */
  readonly digests: readonly string[] | undefined;
}

const STALE_MARK = "-";

/** Measured ratio of memory in the store to size in the file. */
const MEMORY_FACTOR = 2.2;

interface BulkPlanOptions {
  /** Read the files to count keys even if the ledger is empty. */
  readonly counting: boolean;
  /** Compare the keys of stored chunks, which finds changes by other clients. */
  readonly restoring: boolean;
}

export async function planBulk(
  { connection, keyspace, internalKeys }: Session,
  { counting, restoring }: BulkPlanOptions,
): Promise<BulkPlan> {
  const storedChunks = new Set(((await connection.call("HKEYS", internalKeys.ledger)) as readonly Buffer[]).map(String));
  const tally = createCounts();
  if (storedChunks.size === 0 && !counting) {
    tally.bytes = MEMORY_FACTOR * sizeOnDisk(keyspace);
    return { tally, storedChunks, staleChunks: [], digests: undefined };
  }
  const digests: string[] = [];
  // Keys with a TTL expire, which the ledger does not record.
  const comparesKeys = restoring || keyspace.patterns.some(({ ttl }) => ttl > 0);
  await forEachConcurrently(readChunks(keyspace), CONCURRENCY, async (chunk) => {
    const { digest, bytes, lines } = chunk;
    digests.push(digest);
    tally.keys += lines;
    const changed = storedChunks.has(digest) && comparesKeys && !(await isAsWritten(connection, keyspace, chunk));
    if (changed) {
      storedChunks.delete(digest);
      tally.changes.restore += lines;
    }
    if (storedChunks.has(digest) || changed) return;
    tally.changes.write += lines;
    tally.bytes += Math.ceil(bytes * MEMORY_FACTOR);
  });
  const current = new Set(digests);
  return { tally, storedChunks, staleChunks: [...storedChunks].filter((digest) => !current.has(digest)), digests };
}

async function isAsWritten(connection: StoreConnection, keyspace: Keyspace, chunk: Chunk): Promise<boolean> {
  const entries = [...chunk.declarations()].map(({ raw, location }) => parseEntry(raw, keyspace, location));
  return (await findMismatches(connection, entries, true)).length === 0;
}

function sizeOnDisk(keyspace: Keyspace): number {
  return keyspace.data.reduce((sum, name) => sum + statSync(dataFilePath(keyspace, name)).size, JSON.stringify(keyspace.seeds).length);
}

interface BulkResult {
  readonly tally: ChangeCounts;
  readonly digests: readonly string[];
}

export async function seedBulk(
  { connection, keyspace, internalKeys }: Session,
  { storedChunks, staleChunks, digests: planned }: BulkPlan,
  onKeys: (keys: number) => void,
): Promise<BulkResult> {
  const tally = createCounts();
  const digests: string[] = [];
  const ledgerWrites: Promise<Reply>[] = [];
  const isFresh = storedChunks.size === 0 && (await isPrefixEmpty(connection, keyspace.prefix));
  await markStale(connection, internalKeys, staleChunks);
  const declared = await readKeyHashes(connection, internalKeys, planned?.filter((digest) => storedChunks.has(digest)) ?? []);
  const encoder = new ChunkEncoder(keyspace, declared, isFresh);
  await forEachConcurrently(readChunks(keyspace), CONCURRENCY, async (chunk) => {
    digests.push(chunk.digest);
    if (storedChunks.has(chunk.digest)) return;
    const { bytes, replyCount, expected, keys, hashes, possibleDuplicates } = encoder.encode(chunk);
    for (const key of possibleDuplicates) await rejectDuplicateKey(keyspace, key);
    await connection.drained;
    const replies = (await connection.exchange(bytes, replyCount, expected)) ?? [];
    const failed = replies.findIndex(isErrorReply);
    if (failed !== -1) throw explainKeyError(connection, keyspace, chunk, isFresh, replies, failed);
    const ledgerWrite = connection.call("HSET", internalKeys.ledger, chunk.digest, hashes);
    // Errors surface in Promise.all below; the next chunk does not wait for this write.
    ledgerWrite.catch(() => {});
    ledgerWrites.push(ledgerWrite);
    tally.changes.write += keys;
    onKeys(tally.changes.write);
  });
  await Promise.all(ledgerWrites);
  tally.keys = declared.size;
  tally.changes.remove = await removeUndeclared(connection, keyspace, internalKeys, declared);
  return { tally, digests };
}

/** Enough chunks in flight to keep the store busy; few enough to hold in memory. */
const CONCURRENCY = 16;

async function isPrefixEmpty(connection: StoreConnection, prefix: string): Promise<boolean> {
  for await (const keys of scanKeys(connection, prefix)) if (keys.length > 0) return false;
  return true;
}

async function markStale(connection: StoreConnection, internalKeys: InternalKeys, staleChunks: readonly string[]): Promise<void> {
  const digests = staleChunks.filter((field) => !field.startsWith(STALE_MARK));
  if (digests.length === 0) return;
  const keys = (await connection.call("HMGET", internalKeys.ledger, ...digests)) as readonly (Buffer | null)[];
  const commands = new Commands().add("MULTI");
  digests.forEach((digest, index) => {
    commands.add("HSET", internalKeys.ledger, STALE_MARK + digest, keys[index] ?? Buffer.alloc(0)).add("HDEL", internalKeys.ledger, digest);
  });
  connection.unwrap((await connection.send(commands.add("EXEC"))).at(-1));
}

/** Reads the key hashes of stored chunks, to detect keys that two chunks declare. */
async function readKeyHashes(connection: StoreConnection, internalKeys: InternalKeys, digests: readonly string[]): Promise<KeySet> {
  const keys = new KeySet();
  for (let at = 0; at < digests.length; at += 256)
    for (const bytes of (await connection.call("HMGET", internalKeys.ledger, ...digests.slice(at, at + 256))) as readonly (Buffer | null)[])
      if (bytes !== null) keys.addHashes(bytes);
  return keys;
}

/** The reply of EXEC is an array that may contain an error reply. */
const isErrorReply = (reply: Reply): boolean =>
  reply instanceof ErrorReply || (Array.isArray(reply) && reply.some((item) => item instanceof ErrorReply));

/** Parses the chunk again to find the key that the error reply belongs to. */
function explainKeyError(
  connection: StoreConnection,
  keyspace: Keyspace,
  chunk: Chunk,
  isFresh: boolean,
  replies: readonly Reply[],
  index: number,
): Error {
  const reply = replies[index];
  const errorReply = (Array.isArray(reply) ? reply.find((item) => item instanceof ErrorReply) : reply) as ErrorReply;
  const failure = toFailure(errorReply, connection.target);
  let replyCount = 0;
  for (const { raw, location } of chunk.declarations()) {
    const entry = parseEntry(raw, keyspace, location);
    replyCount += addWriteCommands(new Commands(), entry, isFresh);
    if (replyCount <= index) continue;
    failure.message = `${escapeControlCharacters(entry.key)}: ${failure.message}`;
    break;
  }
  return failure;
}

/** Removes keys that stale chunks contain and that no file declares. */
async function removeUndeclared(
  connection: StoreConnection,
  keyspace: Keyspace,
  internalKeys: InternalKeys,
  declared: KeySet,
): Promise<number> {
  const staleFields = ((await connection.call("HKEYS", internalKeys.ledger)) as readonly Buffer[])
    .map(String)
    .filter((field) => field.startsWith(STALE_MARK));
  if (staleFields.length === 0) return 0;
  const written = await readKeyHashes(connection, internalKeys, staleFields);
  let removed = 0;
  for await (const keys of scanKeys(connection, keyspace.prefix)) {
    const undeclared = keys.filter((key) => written.has(key) && !declared.has(key));
    if (undeclared.length > 0) removed += (await connection.call("UNLINK", ...undeclared)) as number;
  }
  await connection.call("HDEL", internalKeys.ledger, ...staleFields);
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

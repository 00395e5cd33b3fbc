/**
 * Bulk seeding: the prefix is ours by declaration, the files are written as plain commands at the speed of the wire, and the ledger keeps a
 * digest for each chunk instead of one for each key, which would cost four fifths of that speed.
 *
 * The ledger is a hash: digest of a chunk -> eight bytes for each of its keys. A chunk stands in it once all of its commands were answered
 * well. What is in no file any more is marked first ("-digest"), so that a file that goes back to what it was is never taken for written.
 */
import { hash } from "node:crypto";
import { type Chunk, chunksOf } from "./chunks.ts";
import { addWrite } from "./commands.ts";
import { refuseTwice } from "./entries.ts";
import { inFlight } from "./flow.ts";
import { KeySet } from "./keyset.ts";
import type { Keyspace } from "./keyspace.ts";
import { Lane } from "./lane.ts";
import type { Names } from "./names.ts";
import { entryOf } from "./parse.ts";
import { refused } from "./refused.ts";
import { Commands, Refusal, type Reply } from "./resp.ts";
import { newTally, type Tally } from "./tally.ts";
import type { Wire } from "./wire.ts";

export interface BulkPlan {
  readonly tally: Tally;
  /** Chunks that the store does not have. */
  readonly open: ReadonlySet<string>;
  /** Chunks that it has and no file any more. */
  readonly stale: readonly string[];
  /** All of them, in the order of the files. */
  readonly digests: readonly string[];
}

/** What the first run was begun with: until it is done, what lies under the prefix is a part of it. */
const BEGUN = "begun";
const GONE = "-";

/** Measured: a key and its value take about this much more in memory than in the file. */
const SWELLING = 2.2;

export async function planBulk(wire: Wire, keyspace: Keyspace, names: Names): Promise<BulkPlan> {
  const there = new Set(((await wire.call("HKEYS", names.ledger)) as readonly Buffer[]).map(String));
  const tally = newTally();
  const digests: string[] = [];
  const open = new Set<string>();
  for await (const { digest, bytes, lines } of chunksOf(keyspace)) {
    digests.push(digest);
    tally.keys += lines;
    if (there.has(digest)) continue;
    open.add(digest);
    tally.changes.write += lines;
    tally.bytes += Math.ceil(bytes * SWELLING);
  }
  const current = new Set(digests);
  const stale = [...there].filter((field) => field !== BEGUN && !current.has(field));
  return { tally, open, stale, digests };
}

export async function seedBulk(
  wire: Wire,
  keyspace: Keyspace,
  names: Names,
  { open, stale, digests }: BulkPlan,
  onKeys: (keys: number) => void,
): Promise<Tally> {
  const done = newTally();
  const clean = await begin(wire, keyspace, names, hashOf(digests));
  await forget(wire, names, stale);
  const declared = await keysOf(
    wire,
    names,
    digests.filter((digest) => !open.has(digest)),
  );
  const lane = new Lane(keyspace, declared, clean);
  await inFlight(chunksOf(keyspace), AT_A_TIME, async (chunk) => {
    if (!open.has(chunk.digest)) return;
    await wire.drained;
    const { bytes, count, keys, hashes, doubts } = lane.encode(chunk);
    for (const [key, place] of doubts) await refuseTwice(keyspace, key, place);
    const replies = (await wire.exchange(bytes, count)) ?? [];
    const refusal = replies.findIndex(isRefused);
    if (refusal !== -1) throw refusedKey(wire, keyspace, chunk, clean, replies, refusal);
    await wire.call("HSET", names.ledger, chunk.digest, Buffer.from(new Uint32Array(hashes).buffer));
    done.changes.write += keys;
    onKeys(done.changes.write);
  });
  done.keys = declared.size;
  done.changes.remove = await removeGone(wire, keyspace, names, declared);
  await wire.call("HDEL", names.ledger, BEGUN);
  return done;
}

/** Enough that the store never waits for us, and little enough to hold. */
const AT_A_TIME = 6;

/** @returns whether only this very run can have written under the prefix. */
async function begin(wire: Wire, keyspace: Keyspace, names: Names, content: string): Promise<boolean> {
  const begun = await wire.call("HGET", names.ledger, BEGUN);
  if (begun !== null) return String(begun) === content;
  if ((await wire.call("EXISTS", names.ledger)) === 1) return false;
  for await (const keys of scan(wire, keyspace.prefix)) if (keys.length > 0) return false;
  await wire.call("HSET", names.ledger, BEGUN, content);
  return true;
}

const hashOf = (digests: readonly string[]): string => hash("sha1", digests.join(), "base64");

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
    failure.message = `${entry.key}: ${failure.message}`;
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

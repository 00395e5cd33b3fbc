/** Counts and checksums of the keys of a database, to compare an import with its export. */
import { createHash, type Hash, hash } from "node:crypto";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Key, Part, StreamState, Type, ValueRecord } from "./records.ts";

/** A key with the digest of its type, value and whether it expires. */
export interface DigestedKey {
  readonly database: number;
  readonly key: Buffer;
  readonly type: Type;
  readonly expiresAt: number | undefined;
  readonly digest: Buffer;
  /** False for a key without elements: a client deleted it while its parts were read. */
  readonly exists: boolean;
  /** A client changed the key while its parts were read. */
  readonly changed: boolean;
  /** False for a key that cannot be compared, because it changed while it was read, or because fields of it expire. */
  readonly comparable: boolean;
  readonly pending: number;
}

/** Sums of SHA-256 digests modulo 2^256: the same for every order. */
export class DigestSum {
  readonly #lanes = new Uint32Array(8);

  add(digest: Buffer): this {
    let carry = 0;
    for (let lane = 7; lane >= 0; lane--) {
      const sum = (this.#lanes[lane] as number) + digest.readUInt32BE(lane * 4) + carry;
      this.#lanes[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    return this;
  }

  bytes(): Buffer {
    const bytes = Buffer.alloc(32);
    for (const [at, lane] of this.#lanes.entries()) bytes.writeUInt32BE(lane, at * 4);
    return bytes;
  }
}

/** Digests keys from their records. */
export class KeyDigester {
  #open: OpenKey | undefined;

  /** @returns the key that the record completes */
  add(record: ValueRecord): DigestedKey | undefined {
    switch (record.kind) {
      case "key":
        return new OpenKey(record).add(record).finish(false, record.stream);
      case "start":
        this.#open = new OpenKey(record);
        return undefined;
      case "part":
        this.#open?.add(record);
        return undefined;
      case "end": {
        const key = this.#open?.finish(record.changed, record.stream);
        this.#open = undefined;
        return key;
      }
    }
  }
}

class OpenKey {
  readonly #key: Key;
  /** Elements of strings, lists and streams have an order. */
  readonly #ordered: Hash | undefined;
  readonly #sum = new DigestSum();
  #items = 0;
  #fieldsExpire = false;

  constructor(key: Key) {
    this.#key = key;
    this.#ordered = key.type === "string" || key.type === "list" || key.type === "stream" ? createHash("sha256") : undefined;
  }

  add({ items, fieldExpiry = [] }: Part): this {
    const { type } = this.#key;
    this.#fieldsExpire ||= fieldExpiry.length > 0;
    const width = type === "hash" || type === "zset" ? 2 : 1;
    for (let at = 0; at < items.length; at += width) {
      const item = items[at]!;
      // Parts of a string have no borders.
      if (type === "string") this.#ordered?.update(item as Buffer);
      else if (this.#ordered !== undefined) this.#ordered.update(withLengths(Buffer.isBuffer(item) ? [item] : item));
      else {
        const value = items[at + 1] as Buffer;
        const element = width === 1 ? [item as Buffer] : [item as Buffer, type === "zset" ? encodeScore(value) : value];
        this.#sum.add(digestOf(element));
      }
    }
    this.#items += items.length;
    return this;
  }

  finish(changed: boolean, stream: StreamState | undefined): DigestedKey {
    const { database, key, type, expiresAt } = this.#key;
    const parts = [Buffer.from(type), key, Buffer.from(expiresAt === undefined ? "0" : "1"), this.#ordered?.digest() ?? this.#sum.bytes()];
    if (stream !== undefined) {
      const groups = stream.groups.map(({ name, lastDelivered }) => [name.toString("base64"), lastDelivered].join(" ")).sort();
      parts.push(...[stream.lastId, ...groups].map((text) => Buffer.from(text)));
    }
    return {
      ...{ database, key, type, expiresAt, changed, pending: stream?.pending ?? 0 },
      digest: digestOf(parts),
      exists: this.#items > 0 || (type === "stream" && !changed),
      comparable: !changed && !this.#fieldsExpire,
    };
  }
}

/** With lengths, so that "ab", "c" and "a", "bc" differ. One call of `hash` is faster than a Hash that is updated. */
const digestOf = (parts: readonly Buffer[]): Buffer => hash("sha256", withLengths(parts), "buffer");

function withLengths(parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const part of parts) {
    at = bytes.writeUInt32BE(part.length, at);
    at += part.copy(bytes, at);
  }
  return bytes;
}

/** Commands and versions of the server write the same number differently, also -0, which is 0 after it has been written. */
function encodeScore(text: Buffer): Buffer {
  const name = text.toString();
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(name === "inf" ? Infinity : name === "-inf" ? -Infinity : Number(name) + 0);
  return bytes;
}

export interface DatabaseSummary {
  readonly database: number;
  readonly keys: number;
  readonly types: Readonly<Partial<Record<Type, number>>>;
  /** Keys that expire. */
  readonly expiring: number;
  /** Keys that expired or were deleted while the database was read. */
  readonly gone: number;
  /** Large keys that a client changed while their parts were read. */
  readonly changed: number;
  /** The names of the first of them, as in a message. */
  readonly changedKeys: readonly string[];
  /** Entries of streams that consumers did not acknowledge. An import does not restore which consumer received them. */
  readonly pending: number;
  /** Of the keys that can be compared; the same for every order. */
  readonly checksum: string;
}

const MAX_NAMES = 20;
const MINUTE_MS = 60_000;

interface Bucket {
  keys: number;
  readonly sum: DigestSum;
}

/**
 * The counts and checksums of one database. Keys that expire are also summed by the minute in which they do, because after an import those of
 * the past minutes are partly gone.
 */
export class Tally {
  readonly #database: number;
  readonly #buckets = new Map<number, Bucket>();
  readonly #types = new Map<Type, number>();
  readonly #sum = new DigestSum();
  readonly #changedKeys: string[] = [];
  #counts = { keys: 0, expiring: 0, changed: 0, pending: 0 };
  readonly #horizon: number;

  /** @param now in milliseconds; keys that expire more than a day later are summed together */
  constructor(database: number, now = 0) {
    this.#database = database;
    this.#horizon = now + 24 * 60 * MINUTE_MS;
  }

  get keys(): number {
    return this.#counts.keys;
  }

  add({ type, expiresAt, digest, exists, changed, comparable, pending }: DigestedKey, name: () => string): void {
    if (!exists) return;
    this.#counts.keys++;
    this.#counts.pending += pending;
    this.#types.set(type, (this.#types.get(type) ?? 0) + 1);
    if (expiresAt !== undefined) this.#counts.expiring++;
    if (changed) {
      this.#counts.changed++;
      if (this.#changedKeys.length < MAX_NAMES) this.#changedKeys.push(name());
    }
    if (!comparable) return;
    this.#sum.add(digest);
    const bucket = this.#bucket(expiresAt);
    bucket.keys++;
    bucket.sum.add(digest);
  }

  #bucket(expiresAt: number | undefined): Bucket {
    const at = expiresAt === undefined ? NEVER : expiresAt > this.#horizon ? LATER : Math.floor(expiresAt / MINUTE_MS);
    const bucket = this.#buckets.get(at) ?? { keys: 0, sum: new DigestSum() };
    this.#buckets.set(at, bucket);
    return bucket;
  }

  summarize(gone: number): DatabaseSummary {
    return {
      ...{ database: this.#database, ...this.#counts, gone, types: Object.fromEntries([...this.#types].sort()) },
      ...{ changedKeys: this.#changedKeys, checksum: this.#sum.bytes().toString("hex") },
    };
  }

  /** @param now keys that expire before may be gone */
  compare(actual: Tally, now: number): string[] {
    const differences: string[] = [];
    const describe = (at: number) =>
      at === NEVER
        ? "that do not expire"
        : at === LATER
          ? "that expire later than in a day"
          : `that expire at ${new Date(at * MINUTE_MS).toISOString().slice(0, 16)}Z`;
    for (const at of new Set([...this.#buckets.keys(), ...actual.#buckets.keys()])) {
      const [expected, found] = [this.#buckets.get(at), actual.#buckets.get(at)];
      const [expectedKeys, foundKeys] = [expected?.keys ?? 0, found?.keys ?? 0];
      const isPast = at !== NEVER && at !== LATER && at * MINUTE_MS <= now;
      if (isPast ? foundKeys > expectedKeys : foundKeys !== expectedKeys)
        differences.push(`database ${this.#database}: ${foundKeys} keys ${describe(at)}, expected ${expectedKeys}`);
      else if (!isPast && expected && found && !expected.sum.bytes().equals(found.sum.bytes()))
        differences.push(`database ${this.#database}: keys ${describe(at)} have other values`);
    }
    return differences;
  }
}

const NEVER = Number.POSITIVE_INFINITY;
const LATER = Number.MAX_SAFE_INTEGER;

/** @throws if the counts or checksums of a file are not those that its last line states */
export function checkSummaries(stated: readonly DatabaseSummary[], counted: readonly DatabaseSummary[]): void {
  for (const one of counted) {
    const other = stated.find(({ database }) => database === one.database);
    if (other?.keys === one.keys && other.checksum === one.checksum) continue;
    const description =
      other === undefined
        ? "has no total"
        : `has ${one.keys} keys with checksum ${one.checksum.slice(0, 12)}; its total states ${other.keys} with ${other.checksum.slice(0, 12)}`;
    throw new Failure("bad-export", 2, `The export is damaged: database ${one.database} ${description}.`);
  }
}

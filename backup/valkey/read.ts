/** Reads every key of a database in bounded memory. */
import { hash, randomBytes } from "node:crypto";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { addReadCommands } from "../../postdeploy/keyspaces/inspect/stored-values.ts";
import { KeySet } from "../../postdeploy/keyspaces/read/key-set.ts";
import type { StoreConnection } from "../../postdeploy/keyspaces/wire/connection.ts";
import { type Bytes, Commands, ErrorReply, type Reply } from "../../postdeploy/keyspaces/wire/resp.ts";
import { formatTarget } from "../../postdeploy/keyspaces/wire/target.ts";
import { type FunctionLibrary, type Item, type Part, type StreamState, TYPES, type Type, type ValueRecord } from "./records.ts";

/** A key that takes more memory than this on the server is read in parts. */
const PART_BYTES = 64 * 1024;
/** Parts grow or shrink to about this size. */
const TARGET_PART_BYTES = 512 * 1024;
const KEYS_PER_SCAN = 512;
/** Small keys are read together until they take about this much memory on the server. */
const BATCH_BYTES = 1024 * 1024;

/** The key that marks a database as being imported. It is neither exported nor compared. */
export const IMPORT_MARK = "slipway:{import}";

export interface ReadCounts {
  /** Keys that expired or were deleted between the scan and the read. */
  gone: number;
}

/**
 * Every key once, with the value of the moment it is read: small keys atomically; large ones in parts, with a mark if a client changed them
 * meanwhile.
 */
export async function* readDatabase(connection: StoreConnection, database: number, counts: ReadCounts): AsyncGenerator<ValueRecord[]> {
  const reader = new KeyReader(connection, database, await readFeatures(connection), counts);
  const isNew = createDeduplication();
  for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
    const page = (await connection.call("SCAN", cursor, "COUNT", String(KEYS_PER_SCAN))) as readonly [Buffer, readonly Buffer[]];
    cursor = page[0].toString();
    yield* reader.read(page[1].filter((key) => !key.equals(MARK) && isNew(key)));
  }
}

const MARK = Buffer.from(IMPORT_MARK);

/**
 * SCAN may return a key twice. The set holds 64 bits per key of a salted SHA-256: among ten million keys the probability that two share
 * them is three in a million.
 */
function createDeduplication(): (key: Buffer) => boolean {
  const seen = new KeySet();
  const salt = randomBytes(16);
  return (key) => {
    const bits = hash("sha256", Buffer.concat([salt, key]), "buffer").subarray(0, 8);
    // The set uses 0 in the first half for a free slot.
    bits[0] = (bits[0] as number) | 1;
    const before = seen.size;
    seen.addHashes(bits);
    return seen.size > before;
  };
}

interface Features {
  /** PEXPIRETIME: Redis 7.0, Valkey. */
  readonly expireTime: boolean;
  /** HPEXPIRETIME: Redis 7.4, Valkey 9. */
  readonly fieldExpiry: boolean;
}

export async function readFeatures(connection: StoreConnection): Promise<Features> {
  const [time, field] = await connection.send(
    new Commands().add("PEXPIRETIME", IMPORT_MARK).add("HPEXPIRETIME", `${IMPORT_MARK}:absent`, "FIELDS", "1", "f"),
  );
  return { expireTime: isSupported(connection, time), fieldExpiry: isSupported(connection, field) };
}

function isSupported(connection: StoreConnection, reply: Reply | undefined): boolean {
  if (reply instanceof ErrorReply && isUnknownCommand(reply)) return false;
  connection.unwrap(reply);
  return true;
}

export const isUnknownCommand = ({ message }: ErrorReply): boolean => /unknown (sub)?command/i.test(message);

/** The time of the server, in milliseconds. */
export const readTime = async (connection: StoreConnection): Promise<number> => decodeTime(await connection.call("TIME"));

const decodeTime = (reply: Reply | undefined): number => {
  const [seconds, micros] = reply as readonly Buffer[];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
};

/** @returns no libraries if the server has no functions, as before version 7 */
export async function readFunctions(connection: StoreConnection): Promise<FunctionLibrary[]> {
  const reply = await connection.tryCall("FUNCTION", "LIST", "WITHCODE");
  if (reply instanceof ErrorReply && isUnknownCommand(reply)) return [];
  return (connection.unwrap(reply) as readonly Reply[]).map((library) => {
    const about = decodeMap(library);
    return { name: String(about.get("library_name")), code: about.get("library_code") as Buffer };
  });
}

class KeyReader {
  readonly #connection: StoreConnection;
  readonly #database: number;
  readonly #features: Features;
  readonly #counts: ReadCounts;

  constructor(connection: StoreConnection, database: number, features: Features, counts: ReadCounts) {
    this.#connection = connection;
    this.#database = database;
    this.#features = features;
    this.#counts = counts;
  }

  async *read(keys: readonly Buffer[]): AsyncGenerator<ValueRecord[]> {
    let [batch, batchBytes]: [SmallKey[], number] = [[], 0];
    for (const { key, type, bytes } of await this.#inspect(keys)) {
      if (bytes > PART_BYTES) {
        yield* this.#readInParts(key);
        continue;
      }
      batch.push({ key, type });
      batchBytes += bytes;
      if (batchBytes < BATCH_BYTES) continue;
      yield* this.#readTogether(batch);
      [batch, batchBytes] = [[], 0];
    }
    yield* this.#readTogether(batch);
  }

  async *#readTogether(keys: readonly SmallKey[]): AsyncGenerator<ValueRecord[]> {
    const { records, changedType } = await this.#readBatch(keys);
    if (records.length > 0) yield records;
    if (changedType.length > 0) yield* this.read(changedType);
  }

  async #inspect(keys: readonly Buffer[]): Promise<(SmallKey & { readonly bytes: number })[]> {
    const commands = new Commands();
    for (const key of keys) commands.add("TYPE", key).add("MEMORY", "USAGE", key);
    const replies = (await this.#connection.send(commands)).map((reply) => this.#connection.unwrap(reply));
    return keys.flatMap((key, at) => {
      const [type, bytes] = [this.#checkType(key, replies[2 * at]), replies[2 * at + 1]];
      if (type !== undefined && bytes !== null) return [{ key, type, bytes: bytes as number }];
      this.#counts.gone++;
      return [];
    });
  }

  /** @returns undefined if the key is absent */
  #checkType(key: Buffer, reply: Reply | undefined): Type | undefined {
    const name = String(reply);
    if (name === "none") return undefined;
    const type = TYPES.find((one) => one === name);
    if (type !== undefined) return type;
    throw new Failure(
      "unknown-type",
      1,
      `Key ${formatKey(key)} in database ${this.#database} of ${formatTarget(this.#connection.target)} has the type ${name} of a module, which slipway cannot export. Export it with the tools of the module, delete it, or leave out database ${this.#database}.`,
    );
  }

  /** Reads value and expiry of each key in one transaction. */
  async #readBatch(keys: readonly SmallKey[]): Promise<{ readonly records: ValueRecord[]; readonly changedType: Buffer[] }> {
    const commands = new Commands();
    const counts = keys.map(({ key, type }) => {
      const before = commands.add("MULTI").count;
      this.#addExpiry(commands, key);
      addRead(commands, type, key);
      const inside = commands.count - before;
      commands.add("EXEC");
      return inside;
    });
    const replies = await this.#connection.send(commands);
    const [records, changedType]: [ValueRecord[], Buffer[]] = [[], []];
    let at = 0;
    for (const [index, { key, type }] of keys.entries()) {
      const end = at + 1 + (counts[index] as number);
      for (const queued of replies.slice(at, end)) this.#connection.unwrap(queued);
      const results = this.#connection.unwrap(replies[end]) as readonly Reply[];
      at = end + 1;
      if (results.some((result) => result instanceof ErrorReply && result.code === "WRONGTYPE")) {
        changedType.push(key);
        continue;
      }
      const [expiresAt, ...value] = this.#takeExpiry(results);
      const record = this.#decodeKey(key, type, expiresAt, value);
      if (record === undefined) this.#counts.gone++;
      else records.push(record);
    }
    return { records: await this.#addFieldExpiry(records), changedType };
  }

  #addExpiry(commands: Commands, key: Buffer): void {
    if (this.#features.expireTime) commands.add("PEXPIRETIME", key);
    else commands.add("PTTL", key).add("TIME");
  }

  /** @returns the expiry, undefined if there is none, and the other replies */
  #takeExpiry(replies: readonly Reply[]): [number | undefined, ...Reply[]] {
    const [time, ...rest] = replies as [number, ...Reply[]];
    if (this.#features.expireTime) return [time > 0 ? time : undefined, ...rest];
    const [now, ...value] = rest;
    return [time >= 0 ? decodeTime(now) + time : undefined, ...value];
  }

  #decodeKey(key: Buffer, type: Type, expiresAt: number | undefined, replies: readonly Reply[]): ValueRecord | undefined {
    // An absent stream has no XINFO, but its XRANGE is empty like that of a stream without entries.
    if (replies.some((reply) => reply instanceof ErrorReply && /no such key/i.test(reply.message))) return undefined;
    const [value, ...stream] = replies.map((reply) => this.#connection.unwrap(reply));
    const items = type === "string" ? (value === null ? [] : [value as Buffer]) : flatten(type, value as readonly Reply[]);
    if (items.length === 0 && type !== "stream") return undefined;
    return {
      ...{ kind: "key", database: this.#database, key, type, items },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(type === "stream" ? { stream: decodeStream(stream) } : {}),
    };
  }

  async #addFieldExpiry(records: readonly ValueRecord[]): Promise<ValueRecord[]> {
    if (!this.#features.fieldExpiry) return [...records];
    return Promise.all(
      records.map(async (record) => {
        if (record.kind !== "key" || record.type !== "hash") return record;
        return { ...record, ...(await this.#readFieldExpiry(record.key, record.items)) };
      }),
    );
  }

  /** Fields that expired since their values were read are left out. */
  async #readFieldExpiry(key: Buffer, items: readonly Item[]): Promise<Part> {
    const fields = items.filter((_, at) => at % 2 === 0) as Buffer[];
    if (!this.#features.fieldExpiry || fields.length === 0) return { items };
    const reply = await this.#connection.call("HPEXPIRETIME", key, "FIELDS", String(fields.length), ...fields);
    const times = Array.isArray(reply) ? (reply as readonly number[]) : fields.map(() => -2);
    const fieldExpiry = fields.flatMap((field, at) => ((times[at] as number) > 0 ? [[field, times[at] as number] as const] : []));
    const present = items.filter((_, at) => times[at >> 1] !== -2);
    return fieldExpiry.length === 0 ? { items: present } : { items: present, fieldExpiry };
  }

  /** WATCH makes the transaction at the end fail if another client changed the key while its parts were read. */
  async *#readInParts(key: Buffer): AsyncGenerator<ValueRecord[]> {
    const opening = new Commands().add("WATCH", key).add("TYPE", key);
    this.#addExpiry(opening, key);
    const [, typeReply, ...expiry] = (await this.#connection.send(opening)).map((reply) => this.#connection.unwrap(reply));
    const type = this.#checkType(key, typeReply);
    if (type === undefined) {
      await this.#connection.call("UNWATCH");
      this.#counts.gone++;
      return;
    }
    const [expiresAt] = this.#takeExpiry(expiry);
    yield [{ kind: "start", database: this.#database, key, type, ...(expiresAt === undefined ? {} : { expiresAt }) }];
    let lostType = false;
    const parts = readParts(type, key);
    for (let reply: Reply = null; ; ) {
      const { value: command, done } = parts.next(reply);
      if (done) break;
      reply = await this.#connection.tryCall(...command.words);
      if (reply instanceof ErrorReply && reply.code === "WRONGTYPE") {
        lostType = true;
        break;
      }
      const items = command.decode(this.#connection.unwrap(reply));
      if (items.length > 0) yield [{ kind: "part", ...(type === "hash" ? await this.#readFieldExpiry(key, items) : { items }) }];
    }
    const closing = new Commands().add("MULTI");
    if (type === "stream") addStreamState(closing, key);
    else closing.add("PING");
    const results = this.#connection.unwrap((await this.#connection.send(closing.add("EXEC"))).at(-1)) as readonly Reply[] | null;
    const changed = lostType || results === null;
    yield [{ kind: "end", changed, ...(type === "stream" ? { stream: await this.#finishStream(key, results) } : {}) }];
  }

  async #finishStream(key: Buffer, results: readonly Reply[] | null): Promise<StreamState> {
    const replies = results ?? (await this.#connection.send(addStreamState(new Commands(), key)));
    // Deleted or replaced since: the entries that were read are what is left.
    if (replies.some((reply) => reply instanceof ErrorReply)) return { lastId: "0-0", groups: [], pending: 0 };
    return decodeStream(replies);
  }
}

interface SmallKey {
  readonly key: Buffer;
  readonly type: Type;
}

function addRead(commands: Commands, type: Type, key: Buffer): void {
  // The state of a stream is more than what a seed compares.
  if (type === "stream") addStreamState(commands.add("XRANGE", key, "-", "+"), key);
  else addReadCommands(commands, type, key);
}

const addStreamState = (commands: Commands, key: Buffer): Commands => commands.add("XINFO", "STREAM", key).add("XINFO", "GROUPS", key);

function flatten(type: Type, replies: readonly Reply[]): Item[] {
  return type === "stream" ? (replies.flat() as Item[]) : (replies as Item[]);
}

interface PartCommand {
  readonly words: readonly Bytes[];
  decode(reply: Reply): Item[];
}

/** The commands that read a value in parts; each next one depends on the reply to the one before. */
function* readParts(type: Type, key: Buffer): Generator<PartCommand, void, Reply> {
  let count = 32;
  /** The next part has as many items as fit into a part if they are as large as those of this one. */
  const adapt = (items: readonly Item[]) => {
    const bytes = items.reduce((sum, item) => sum + sizeOf(item), 1);
    count = Math.max(1, Math.min(10_000, Math.floor((count * TARGET_PART_BYTES) / bytes), count * 8));
  };
  switch (type) {
    case "string": {
      const decode = (reply: Reply) => ((reply as Buffer).length === 0 ? [] : [reply as Buffer]);
      for (let from = 0; ; from += TARGET_PART_BYTES) {
        const reply = yield { words: ["GETRANGE", key, String(from), String(from + TARGET_PART_BYTES - 1)], decode };
        if ((reply as Buffer).length < TARGET_PART_BYTES) return;
      }
    }
    case "list": {
      const decode = (reply: Reply) => reply as Item[];
      for (let from = 0; ; ) {
        const items = (yield { words: ["LRANGE", key, String(from), String(from + count - 1)], decode }) as Item[];
        if (items.length < count) return;
        from += items.length;
        adapt(items);
      }
    }
    case "stream": {
      const decode = (reply: Reply) => flatten("stream", reply as readonly Reply[]);
      for (let from = "-"; ; ) {
        const entries = (yield { words: ["XRANGE", key, from, "+", "COUNT", String(count)], decode }) as readonly Reply[];
        if (entries.length < count) return;
        const [id] = entries.at(-1) as readonly [Buffer];
        from = nextId(id.toString());
        adapt(decode(entries));
      }
    }
    default: {
      const command = { set: "SSCAN", hash: "HSCAN", zset: "ZSCAN" }[type];
      const decode = (reply: Reply) => (reply as readonly [Buffer, Item[]])[1];
      for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
        const reply = (yield { words: [command, key, cursor, "COUNT", String(count)], decode }) as readonly [Buffer, Item[]];
        cursor = reply[0].toString();
        adapt(reply[1]);
      }
    }
  }
}

const sizeOf = (item: Item): number => (Buffer.isBuffer(item) ? item.length : item.reduce((sum, { length }) => sum + length, 0));

/** The smallest id after this one. An exclusive start of a range, "(1-1", needs version 6.2. */
function nextId(id: string): string {
  const [time = "0", sequence = "0"] = id.split("-");
  const next = BigInt(sequence) + 1n;
  return next < 1n << 64n ? `${time}-${next}` : `${BigInt(time) + 1n}-0`;
}

function decodeStream(replies: readonly Reply[]): StreamState {
  const [stream, groups] = [decodeMap(replies[0]), (replies[1] as readonly Reply[]).map(decodeMap)];
  const [added, deleted] = [stream.get("entries-added"), stream.get("max-deleted-entry-id")];
  return {
    lastId: String(stream.get("last-generated-id")),
    groups: groups.map((group) => ({
      name: group.get("name") as Buffer,
      lastDelivered: String(group.get("last-delivered-id")),
      entriesRead: (group.get("entries-read") as number | null | undefined) ?? null,
    })),
    ...(added === undefined || deleted === undefined ? {} : { entriesAdded: added as number, maxDeletedId: String(deleted) }),
    pending: groups.reduce((sum, group) => sum + (group.get("pending") as number), 0),
  };
}

/** Names and values are consecutive replies. */
function decodeMap(reply: Reply | undefined): Map<string, Reply> {
  const replies = reply as readonly Reply[];
  return new Map(replies.flatMap((name, at) => (at % 2 === 0 ? [[String(name), replies[at + 1] as Reply] as const] : [])));
}

/** For messages: printable characters as they are, others escaped, at most 100. */
export function formatKey(key: Buffer): string {
  const text = JSON.stringify(key.toString()).replaceAll("\u007f", "\\u007f");
  return text.length <= 100 ? text : `${text.slice(0, 99)}…"`;
}

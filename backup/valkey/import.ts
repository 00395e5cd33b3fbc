/** Imports an export of `exportDatabases` into empty databases and compares the result. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { readServerInfo } from "../../postdeploy/keyspaces/inspect/server.ts";
import { KeySet } from "../../postdeploy/keyspaces/read/key-set.ts";
import { StoreConnection } from "../../postdeploy/keyspaces/wire/connection.ts";
import { toFailure } from "../../postdeploy/keyspaces/wire/errors.ts";
import { generateClientName } from "../../postdeploy/keyspaces/wire/lock.ts";
import { type Bytes, Commands, ErrorReply, type Reply } from "../../postdeploy/keyspaces/wire/resp.ts";
import { formatTarget, type StoreAddress, type Target } from "../../postdeploy/keyspaces/wire/target.ts";
import { type DigestedKey, KeyDigester, Tally } from "./digest.ts";
import { withConnection } from "./export.ts";
import { ExportCheck, type ExportHeader, type ExportLine, type ExportSource, type ExportSummary, readExport } from "./lines.ts";
import { IMPORT_MARK, readDatabase, readFeatures, readFunctions, readTime } from "./read.ts";
import type { FunctionLibrary, Part, StreamState, Type, ValueRecord } from "./records.ts";

export interface ImportedDatabase {
  readonly database: number;
  /** Keys that were written. */
  readonly keys: number;
  /** Keys of the export whose expiry has passed, which were not written. */
  readonly expired: number;
  /** Keys that were written but could not be compared: they changed during the export, or fields of them expire. */
  readonly uncompared: number;
}

export interface ImportResult {
  readonly header: ExportHeader;
  /** The totals that the export states. */
  readonly summary: ExportSummary;
  readonly databases: readonly ImportedDatabase[];
}

/**
 * Writes the functions and keys of an export, reads them back, and compares counts and checksums.
 * @throws Failure if a database of the export holds keys, if the export is damaged, or if the result differs
 */
export async function importDatabases(address: StoreAddress, source: ExportSource): Promise<ImportResult> {
  const lines = readExport(source);
  const { value: first } = await lines.next();
  // readExport yields the header first, or throws.
  const { header } = first as ExportLine & { readonly kind: "header" };
  const name = generateClientName();
  const now = await withConnection(address, 0, name, (connection) => checkStore(connection));
  const check = new ExportCheck();
  check.add(first as ExportLine);
  const writers: DatabaseWriter[] = [];
  try {
    for (const database of header.databases) writers.push(await DatabaseWriter.open(address, database, name, now));
    for (const writer of writers) await writer.mark();
    return await withHint(writers, async () => {
      await writeLines(lines, check, writers, (library) =>
        withConnection(address, 0, name, (connection) => loadFunction(connection, library)),
      );
      const databases: ImportedDatabase[] = [];
      for (const writer of writers) databases.push(await writer.verify());
      for (const writer of writers) await writer.unmark();
      return { header, summary: check.total as ExportSummary, databases };
    });
  } finally {
    for (const writer of writers) writer.close();
    await lines.return(undefined);
  }
}

/** @returns the time of the server */
async function checkStore(connection: StoreConnection): Promise<number> {
  const { software } = await readServerInfo(connection);
  const { expireTime } = await readFeatures(connection);
  if (!expireTime)
    throw new Failure(
      "old-server",
      2,
      `${formatTarget(connection.target)} runs ${software}. An import needs Redis 7.0, or any Valkey. Nothing was written.`,
    );
  return readTime(connection);
}

async function writeLines(
  lines: AsyncIterable<ExportLine>,
  check: ExportCheck,
  writers: readonly DatabaseWriter[],
  load: (library: FunctionLibrary) => Promise<void>,
): Promise<void> {
  let writer: DatabaseWriter | undefined;
  for await (const line of lines) {
    if (line.kind === "function") await load(line.library);
    if (line.kind === "record") {
      const { record } = line;
      if ("database" in record) writer = writers.find(({ database }) => database === record.database);
      await writer?.write(record, line.line);
    }
    const key = check.add(line);
    if (key !== undefined) writer?.count(key);
  }
}

async function loadFunction(connection: StoreConnection, { name, code }: FunctionLibrary): Promise<void> {
  const existing = (await readFunctions(connection)).find((library) => library.name === name);
  if (existing?.code.equals(code)) return;
  if (existing !== undefined)
    throw new Failure(
      "function-exists",
      1,
      `${formatTarget(connection.target)} has a library of functions "${name}" with other code. Delete it if the one of the export is right: FUNCTION DELETE ${name}.`,
    );
  await connection.call("FUNCTION", "LOAD", code);
}

/** After the first write a failure leaves a part of the import, which the next import refuses. */
async function withHint<T>(writers: readonly DatabaseWriter[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [writer] = writers;
    if (!(error instanceof Failure) || writer === undefined) throw error;
    const databases = writers.map(({ database }) => database).join(", ");
    const steps = writers.map(({ target, database }) => emptyCommand(target, database)).join("; ");
    throw new Failure(
      error.code,
      1,
      `${error.message}\nThe import is not complete. Delete the keys of database ${databases} (${steps}), then import again.`,
      { cause: error },
    );
  }
}

const emptyCommand = ({ host, port, user }: Target, database: number) =>
  `valkey-cli --tls -h ${host} -p ${port} --user ${user} --askpass -n ${database} FLUSHDB`;

/** Commands are sent when they have about this size. */
const BATCH_BYTES = 256 * 1024;

const MAX_DIFFERENCES = 10;

/** The key whose lines are being written. */
interface OpenKey {
  readonly name: Buffer;
  readonly type: Type;
  readonly expiresAt: number | undefined;
  items: number;
}

class DatabaseWriter {
  readonly database: number;
  readonly #connection: StoreConnection;
  /** The time of the server when the import started. */
  readonly #now: number;
  readonly #expected: Tally;
  readonly #uncompared = new KeySet();
  #expired = 0;
  #key: OpenKey | undefined;
  readonly #commands = new Commands();
  /** The line of each command. */
  #lines: number[] = [];
  #sending: Promise<void> = Promise.resolve();

  private constructor(connection: StoreConnection, database: number, now: number) {
    this.#connection = connection;
    this.database = database;
    this.#now = now;
    this.#expected = new Tally(database, now);
  }

  /** @throws if the database holds keys */
  static async open(address: StoreAddress, database: number, name: string, now: number): Promise<DatabaseWriter> {
    const connection = await StoreConnection.open(address, database, name);
    try {
      const keys = (await connection.call("DBSIZE")) as number;
      if (keys === 0) return new DatabaseWriter(connection, database, now);
      throw await refuseKeys(connection, database, keys);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get target(): Target {
    return this.#connection.target;
  }

  /** Marks the database, so that no other import uses it and no export takes a part of the import for all of it. */
  async mark(): Promise<void> {
    const reply = await this.#connection.call("SET", IMPORT_MARK, new Date(this.#now).toISOString(), "NX");
    if (reply !== "OK") throw await refuseKeys(this.#connection, this.database, 1);
  }

  async unmark(): Promise<void> {
    await this.#connection.call("DEL", IMPORT_MARK);
  }

  async write(record: ValueRecord, line: number): Promise<void> {
    if (record.kind === "key" || record.kind === "start") {
      const { key: name, type, expiresAt } = record;
      this.#key = { name, type, expiresAt, items: 0 };
    }
    const key = this.#key;
    if (key === undefined || this.#hasExpired(key)) return;
    const before = this.#commands.count;
    if (record.kind === "key" || record.kind === "part") {
      addItems(this.#commands, key.name, key.type, record);
      key.items += record.items.length;
    }
    if (record.kind === "key" || record.kind === "end") this.#finish(key, record.stream, record.kind === "end" && record.changed);
    for (let added = this.#commands.count - before; added > 0; added--) this.#lines.push(line);
    if (this.#commands.size >= BATCH_BYTES) await this.#flush();
  }

  #hasExpired({ expiresAt = Number.POSITIVE_INFINITY }: { readonly expiresAt?: number | undefined }): boolean {
    return expiresAt <= this.#now;
  }

  #finish(key: OpenKey, stream: StreamState | undefined, changed: boolean): void {
    if (stream !== undefined && (key.items > 0 || !changed)) addStream(this.#commands, key.name, stream, key.items, changed);
    if (key.expiresAt !== undefined) this.#commands.add("PEXPIREAT", key.name, String(key.expiresAt));
  }

  /** Sends the commands while the next ones are collected. */
  async #flush(): Promise<void> {
    await this.#sending;
    const lines = this.#lines;
    this.#lines = [];
    this.#sending = this.#connection.send(this.#commands).then((replies) => this.#checkReplies(replies, lines));
    // A failure is thrown by the next flush.
    this.#sending.catch(() => {});
  }

  #checkReplies(replies: readonly Reply[], lines: readonly number[]): void {
    const at = replies.findIndex((reply) => reply instanceof ErrorReply);
    const error = replies[at];
    if (!(error instanceof ErrorReply)) return;
    const { code } = toFailure(error, this.target);
    throw new Failure(code, 1, `${formatTarget(this.target)} refused line ${lines[at]} of the export: ${error.message}`);
  }

  /** Counts a key that has been written. */
  count(key: DigestedKey): void {
    if (!key.exists) return;
    if (this.#hasExpired(key)) {
      this.#expired++;
      return;
    }
    this.#expected.add(key, () => "");
    if (!key.comparable) this.#uncompared.add(key.key.toString("latin1"));
  }

  /** Compares the database with what was written. */
  async verify(): Promise<ImportedDatabase> {
    await this.#flush();
    await this.#sending;
    const actual = new Tally(this.database, this.#now);
    const digester = new KeyDigester();
    for await (const records of readDatabase(this.#connection, this.database, { gone: 0 }))
      for (const record of records) {
        const key = digester.add(record);
        if (key === undefined) continue;
        const comparable = key.comparable && !this.#uncompared.has(key.key.toString("latin1"));
        actual.add({ ...key, comparable }, () => "");
      }
    const differences = this.#expected.compare(actual, await readTime(this.#connection));
    if (differences.length === 0)
      return { database: this.database, keys: this.#expected.keys, expired: this.#expired, uncompared: this.#uncompared.size };
    const more = differences.length > MAX_DIFFERENCES ? `\n… and ${differences.length - MAX_DIFFERENCES} more` : "";
    throw new Failure(
      "import-differs",
      1,
      `${formatTarget(this.target)} does not hold what was imported. Another client writes to it, or it evicts keys:\n${differences.slice(0, MAX_DIFFERENCES).join("\n")}${more}`,
    );
  }

  close(): void {
    this.#connection.close();
  }
}

async function refuseKeys(connection: StoreConnection, database: number, keys: number): Promise<Failure> {
  const where = `Database ${database} of ${formatTarget(connection.target)}`;
  const startedAt = await connection.call("GET", IMPORT_MARK);
  if (startedAt !== null)
    return new Failure(
      "import-unfinished",
      1,
      `${where} holds a part of an import that started at ${String(startedAt)} and did not finish. Nothing was written. If it does not run any more, ` +
        `delete its keys (${emptyCommand(connection.target, database)}), then import again.`,
    );
  return new Failure(
    "not-empty",
    2,
    `${where} holds ${keys} ${keys === 1 ? "key" : "keys"}. Nothing was written. Import into a store without keys, or delete them if they are not needed: ` +
      emptyCommand(connection.target, database),
  );
}

function addItems(commands: Commands, key: Buffer, type: Type, { kind, items, fieldExpiry = [] }: Part & { readonly kind: string }): void {
  if (items.length === 0) return;
  const flat = items as readonly Buffer[];
  switch (type) {
    case "string":
      commands.add(kind === "key" ? "SET" : "APPEND", key, flat[0] as Buffer);
      return;
    case "list":
      commands.add("RPUSH", key, ...flat);
      return;
    case "set":
      commands.add("SADD", key, ...flat);
      return;
    case "hash":
      commands.add("HSET", key, ...flat);
      for (const [field, time] of fieldExpiry) commands.add("HPEXPIREAT", key, String(time), "FIELDS", "1", field);
      return;
    case "zset":
      // An export has the member first, the command the score.
      commands.add("ZADD", key, ...flat.map((_, at) => flat[at ^ 1] as Buffer));
      return;
    case "stream":
      for (let at = 0; at < items.length; at += 2) commands.add("XADD", key, items[at] as Buffer, ...(items[at + 1] as readonly Buffer[]));
  }
}

function addStream(commands: Commands, key: Buffer, stream: StreamState, items: number, changed: boolean): void {
  if (items === 0) {
    // No command creates a stream without entries and groups.
    commands.add("XGROUP", "CREATE", key, "slipway", "0", "MKSTREAM").add("XGROUP", "DESTROY", key, "slipway");
  }
  const { lastId, entriesAdded, maxDeletedId, groups } = stream;
  const counters: Bytes[] = entriesAdded === undefined ? [] : ["ENTRIESADDED", String(entriesAdded), "MAXDELETEDID", maxDeletedId ?? "0-0"];
  // The state of a stream that was replaced while it was read can contradict its entries.
  if (!changed) commands.add("XSETID", key, lastId, ...counters);
  for (const { name, lastDelivered, entriesRead } of groups)
    commands.add("XGROUP", "CREATE", key, name, lastDelivered, ...(entriesRead === null ? [] : ["ENTRIESREAD", String(entriesRead)]));
}

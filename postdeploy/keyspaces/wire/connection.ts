/**
 * One TLS connection to one database of a store, many commands in flight.
 *
 * It logs in, selects the database and asks the server which one it is in before anybody may write: a client library that is given a number
 * which does not exist goes on in database 0 (ioredis#1213). For the same reason it never reconnects by itself: whoever lost a connection
 * starts again from what the store then holds.
 */
import { connect, type TLSSocket } from "node:tls";
import { Failure } from "../../connect/failure.ts";
import type { Bytes } from "../read/entry.ts";
import { clusterModeFailure, StoreUnavailable, toFailure } from "./errors.ts";
import { Commands, ErrorReply, type Reply, ReplyParser } from "./resp.ts";
import { formatTarget, parseTarget, type StoreAddress, type Target, tlsServerName } from "./target.ts";

export interface ConnectionOptions {
  /** @default 10000 */
  readonly connectTimeoutMs?: number;
  /** How long the server may be silent while an answer is due. @default 60000 */
  readonly replyTimeoutMs?: number;
}

/** As much may wait in this process for the socket; what a server that is busy for a moment finds when it comes back. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;

interface PendingReplies {
  readonly count: number;
  readonly replies: Reply[];
  /** What the answers are if nothing has changed, byte for byte: then there is nothing to read. */
  expected: Buffer | undefined;
  matched: number;
  resolve(replies: readonly Reply[] | undefined): void;
  reject(error: Failure): void;
}

export class StoreConnection {
  readonly target: Target;
  /** How this connection is called in the server's list of clients. */
  readonly name: string;
  /** The server shows it under this name. */
  isListed = false;
  readonly #socket: TLSSocket;
  readonly #replies = new ReplyParser();
  /** What was answered is let go of at once: a megabyte of expected answer may hang on it. */
  #awaited: (PendingReplies | undefined)[] = [];
  #first = 0;
  #broken: Failure | undefined;
  /** Until the socket has sent what it holds. */
  #drained: Promise<void> | undefined;
  #drain = () => {};

  private constructor(socket: TLSSocket, target: Target, name: string) {
    this.#socket = socket;
    this.target = target;
    this.name = name;
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("drain", () => {
      this.#drained = undefined;
      this.#drain();
    });
    socket.on("error", (error) => this.#break(toFailure(error, target)));
    socket.on("close", () => this.#break(new StoreUnavailable("lost", `${formatTarget(target)} closed the connection.`)));
    socket.on("timeout", () => {
      if (this.#first < this.#awaited.length)
        this.#break(new StoreUnavailable("no-answer", `${formatTarget(target)} has stopped answering.`));
    });
  }

  static async open(address: StoreAddress, database: number, name: string, options: ConnectionOptions = {}): Promise<StoreConnection> {
    const target = parseTarget(address);
    const socket = await connectTls(target, options.connectTimeoutMs ?? 10_000);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.setTimeout(options.replyTimeoutMs ?? 60_000);
    const connection = new StoreConnection(socket, target, name);
    try {
      await connection.#enter(database);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #enter(database: number): Promise<void> {
    const { user, password } = this.target;
    if (password !== "") await this.call("AUTH", user, password);
    this.isListed = (await this.tryCall("CLIENT", "SETNAME", this.name)) === "OK";
    const selected = await this.tryCall("SELECT", String(database));
    if (selected instanceof ErrorReply) {
      if (selected.code !== "ERR") throw toFailure(selected, this.target);
      if (/cluster mode/.test(selected.message)) throw clusterModeFailure(formatTarget(this.target));
      throw wrongDatabaseFailure(this.target, database, selected.message);
    }
    const info = await this.tryCall("CLIENT", "INFO");
    if (!Buffer.isBuffer(info)) return;
    const actual = /(?:^| )db=(\d+)/.exec(info.toString())?.[1];
    if (actual !== String(database))
      throw wrongDatabaseFailure(this.target, database, `it put the connection into ${actual ?? "another one"}`);
  }

  /** One command. Throws what it is refused with. */
  async call(...args: readonly Bytes[]): Promise<Reply> {
    return this.unwrap(await this.tryCall(...args));
  }

  /** The answer, or its refusal as a failure that a person can act on. */
  unwrap(reply: Reply | undefined): Reply {
    if (reply instanceof ErrorReply) throw toFailure(reply, this.target);
    return reply ?? null;
  }

  /** One command. A refusal is an answer. */
  async tryCall(...args: readonly Bytes[]): Promise<Reply> {
    const [reply = null] = await this.send(new Commands().add(...args));
    return reply;
  }

  /** Several commands in one packet, one reply each. A refusal is an answer. */
  async send(commands: Commands): Promise<readonly Reply[]> {
    const { count } = commands;
    return (await this.exchange(commands.take(), count)) ?? [];
  }

  /** @returns undefined where the answers are, byte for byte, the expected ones. */
  exchange(bytes: Buffer, count: number, expected?: Buffer): Promise<readonly Reply[] | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      if (count === 0) return resolve([]);
      this.#awaited.push({ count, replies: [], expected, matched: 0, resolve, reject });
      if (!this.#socket.write(bytes) && this.#socket.writableLength > MAX_UNSENT_BYTES) {
        this.#drained ??= new Promise((drained) => {
          this.#drain = drained;
        });
      }
    });
  }

  /** Wait here before sending more: the server reads more slowly than we write. */
  get drained(): Promise<void> {
    return this.#drained ?? Promise.resolve();
  }

  close(): void {
    this.#broken ??= new Failure("closed", 1, "The connection is closed.");
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    let at = 0;
    try {
      while (at < bytes.length) {
        const head = this.#awaited[this.#first];
        if (head === undefined) throw new Error("The server answered what nobody asked.");
        at = head.expected === undefined ? this.#parse(head, bytes, at) : this.#compare(head, head.expected, bytes, at);
      }
    } catch (error) {
      this.#break(toFailure(error, this.target));
    }
  }

  #compare(head: PendingReplies, expected: Buffer, bytes: Buffer, at: number): number {
    const length = Math.min(expected.length - head.matched, bytes.length - at);
    if (expected.compare(bytes, at, at + length, head.matched, head.matched + length) !== 0) {
      // Something differs: what was taken so far is known, so it is read from where it is known.
      head.expected = undefined;
      this.#parseAll(head, expected.subarray(0, head.matched));
      return at;
    }
    head.matched += length;
    if (head.matched === expected.length) {
      this.#next();
      head.resolve(undefined);
    }
    return at + length;
  }

  #parseAll(head: PendingReplies, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at = this.#parse(head, bytes, at);
  }

  #parse(head: PendingReplies, bytes: Buffer, at: number): number {
    const next = this.#replies.read(bytes, at);
    if (next === -1) return bytes.length;
    head.replies.push(this.#replies.value);
    if (head.replies.length === head.count) {
      this.#next();
      head.resolve(head.replies);
    }
    return next;
  }

  #next(): void {
    this.#awaited[this.#first++] = undefined;
    if (this.#first < 1024) return;
    this.#awaited = this.#awaited.slice(this.#first);
    this.#first = 0;
  }

  #break(failure: Failure): void {
    this.#broken ??= failure;
    this.#drain();
    for (const awaited of this.#awaited.splice(this.#first)) awaited?.reject(this.#broken);
    this.#socket.destroy();
  }
}

function connectTls(target: Target, timeout: number): Promise<TLSSocket> {
  const { host, port, ca } = target;
  const servername = tlsServerName(target);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...(ca === undefined ? {} : { ca }), ...(servername === undefined ? {} : { servername }) });
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(toFailure(error, target));
    };
    const timer = setTimeout(() => fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), timeout);
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function wrongDatabaseFailure(target: Target, database: number, why: string): Failure {
  return new Failure(
    "wrong-database",
    2,
    `${formatTarget(target)} has no database ${database} (${why}); nothing was written. Raise the cluster's number of databases to ${database + 1} at least (valkey_number_of_databases), or mend the keyspace's number.`,
  );
}

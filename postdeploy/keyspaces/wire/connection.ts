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
import { Away, clusterMode, refused } from "./errors.ts";
import { Commands, Refusal, Replies, type Reply } from "./resp.ts";
import { type Connection, nameOf, serverName, type Target, targetOf } from "./target.ts";

export interface WireOptions {
  /** @default 10000 */
  readonly connectTimeoutMs?: number;
  /** How long the server may be silent while an answer is due. @default 60000 */
  readonly answerTimeoutMs?: number;
}

/** As much may wait in this process for the socket; what a server that is busy for a moment finds when it comes back. */
const UNSENT = 2 * 1024 * 1024;

interface Awaited {
  readonly count: number;
  readonly replies: Reply[];
  /** What the answers are if nothing has changed, byte for byte: then there is nothing to read. */
  expected: Buffer | undefined;
  matched: number;
  resolve(replies: readonly Reply[] | undefined): void;
  reject(error: Failure): void;
}

export class Wire {
  readonly target: Target;
  /** How this connection is called in the server's list of clients. */
  readonly name: string;
  /** The server shows it under this name. */
  isListed = false;
  readonly #socket: TLSSocket;
  readonly #replies = new Replies();
  /** What was answered is let go of at once: a megabyte of expected answer may hang on it. */
  #awaited: (Awaited | undefined)[] = [];
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
    socket.on("error", (error) => this.#break(refused(error, target)));
    socket.on("close", () => this.#break(new Away("lost", `${nameOf(target)} closed the connection.`)));
    socket.on("timeout", () => {
      if (this.#first < this.#awaited.length) this.#break(new Away("no-answer", `${nameOf(target)} has stopped answering.`));
    });
  }

  static async open(connection: Connection, database: number, name: string, options: WireOptions = {}): Promise<Wire> {
    const target = targetOf(connection);
    const socket = await secured(target, options.connectTimeoutMs ?? 10_000);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.setTimeout(options.answerTimeoutMs ?? 60_000);
    const wire = new Wire(socket, target, name);
    try {
      await wire.#enter(database);
      return wire;
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  async #enter(database: number): Promise<void> {
    const { user, password } = this.target;
    if (password !== "") await this.call("AUTH", user, password);
    this.isListed = (await this.try("CLIENT", "SETNAME", this.name)) === "OK";
    const selected = await this.try("SELECT", String(database));
    if (selected instanceof Refusal) {
      if (selected.code !== "ERR") throw refused(selected, this.target);
      if (/cluster mode/.test(selected.message)) throw clusterMode(nameOf(this.target));
      throw wrongDatabase(this.target, database, selected.message);
    }
    const info = await this.try("CLIENT", "INFO");
    if (!Buffer.isBuffer(info)) return;
    const actual = /(?:^| )db=(\d+)/.exec(info.toString())?.[1];
    if (actual !== String(database)) throw wrongDatabase(this.target, database, `it put the connection into ${actual ?? "another one"}`);
  }

  /** One command. Throws what it is refused with. */
  async call(...args: readonly Bytes[]): Promise<Reply> {
    return this.accepted(await this.try(...args));
  }

  /** The answer, or its refusal as a failure that a person can act on. */
  accepted(reply: Reply | undefined): Reply {
    if (reply instanceof Refusal) throw refused(reply, this.target);
    return reply ?? null;
  }

  /** One command. A refusal is an answer. */
  async try(...args: readonly Bytes[]): Promise<Reply> {
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
      if (!this.#socket.write(bytes) && this.#socket.writableLength > UNSENT) {
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
      this.#break(refused(error, this.target));
    }
  }

  #compare(head: Awaited, expected: Buffer, bytes: Buffer, at: number): number {
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

  #parseAll(head: Awaited, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at = this.#parse(head, bytes, at);
  }

  #parse(head: Awaited, bytes: Buffer, at: number): number {
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

function secured(target: Target, timeout: number): Promise<TLSSocket> {
  const { host, port, ca } = target;
  const servername = serverName(target);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...(ca === undefined ? {} : { ca }), ...(servername === undefined ? {} : { servername }) });
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(refused(error, target));
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

function wrongDatabase(target: Target, database: number, why: string): Failure {
  return new Failure(
    "wrong-database",
    2,
    `${nameOf(target)} has no database ${database} (${why}); nothing was written. Raise the cluster's number of databases to ${database + 1} at least (valkey_number_of_databases), or mend the keyspace's number.`,
  );
}

/**
 * A pipelined TLS connection to one database of a store.
 *
 * `open` authenticates, selects the database and verifies with CLIENT INFO that the server switched to it, because some client libraries
 * continue in database 0 if the number does not exist (ioredis#1213). A connection never reconnects: after a loss the caller opens another one
 * and compares again with what the store then holds.
 */
import { connect, type TLSSocket } from "node:tls";
import { Failure } from "../../connect/failure.ts";
import { clusterModeFailure, StoreUnavailable, toFailure } from "./errors.ts";
import { type Bytes, Commands, ErrorReply, type Reply, ReplyParser } from "./resp.ts";
import { formatTarget, parseTarget, type StoreAddress, type Target, tlsServerName } from "./target.ts";

interface ConnectionOptions {
  /** @default 10000 */
  readonly connectTimeoutMs?: number;
  /** How long to wait for data while a reply is pending. @default 60000 */
  readonly replyTimeoutMs?: number;
}

/** More unsent data than this makes `drained` wait. Large enough that a server which pauses briefly finds work when it resumes. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;

interface PendingReplies {
  readonly count: number;
  readonly replies: Reply[];
  /** The exact reply if nothing has changed; a reply that matches it needs no parsing. */
  expected: Buffer | undefined;
  matched: number;
  resolve(replies: readonly Reply[] | undefined): void;
  reject(error: Failure): void;
}

export class StoreConnection {
  readonly target: Target;
  /** The name of this connection in CLIENT LIST. */
  readonly name: string;
  /** Whether the server accepted the name, so that CLIENT LIST shows it. */
  isListed = false;
  readonly #socket: TLSSocket;
  readonly #parser = new ReplyParser();
  /** Answered items are cleared at once: each may hold a megabyte of expected reply. */
  #pending: (PendingReplies | undefined)[] = [];
  #first = 0;
  #failure: Failure | undefined;
  /** Resolves when the socket buffer is empty. */
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
    socket.on("error", (error) => this.#fail(toFailure(error, target)));
    socket.on("close", () => this.#fail(new StoreUnavailable("lost", `${formatTarget(target)} closed the connection.`)));
    socket.on("timeout", () => {
      if (this.#first < this.#pending.length) this.#fail(new StoreUnavailable("no-answer", `${formatTarget(target)} stopped responding.`));
    });
  }

  /** When the certificate of the server expires, in milliseconds since 1970. */
  get certificateEnd(): number | undefined {
    const { valid_to } = this.#socket.getPeerCertificate() ?? {};
    return valid_to === undefined ? undefined : Date.parse(valid_to);
  }

  /** "TLSv1.3" */
  get protocol(): string | null {
    return this.#socket.getProtocol();
  }

  static async open(address: StoreAddress, database: number, name: string, options: ConnectionOptions = {}): Promise<StoreConnection> {
    const target = parseTarget(address);
    const socket = await connectTls(target, options.connectTimeoutMs ?? 10_000);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.setTimeout(options.replyTimeoutMs ?? 60_000);
    const connection = new StoreConnection(socket, target, name);
    try {
      await connection.#logIn(database);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #logIn(database: number): Promise<void> {
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
      throw wrongDatabaseFailure(this.target, database, `the server selected database ${actual ?? "unknown"} instead`);
  }

  /** Sends one command. Throws if the server replies with an error. */
  async call(...args: readonly Bytes[]): Promise<Reply> {
    return this.unwrap(await this.tryCall(...args));
  }

  /** Returns the reply; throws an error reply as a failure. */
  unwrap(reply: Reply | undefined): Reply {
    if (reply instanceof ErrorReply) throw toFailure(reply, this.target);
    return reply ?? null;
  }

  /** Sends one command. Returns an error reply instead of throwing it. */
  async tryCall(...args: readonly Bytes[]): Promise<Reply> {
    const [reply = null] = await this.send(new Commands().add(...args));
    return reply;
  }

  /** Sends several commands at once; one reply each. Returns error replies instead of throwing them. */
  async send(commands: Commands): Promise<readonly Reply[]> {
    const { count } = commands;
    return (await this.exchange(commands.take(), count)) ?? [];
  }

  /** @returns undefined if the replies match `expected` byte for byte. */
  exchange(bytes: Buffer, count: number, expected?: Buffer): Promise<readonly Reply[] | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      if (count === 0) return resolve([]);
      this.#pending.push({ count, replies: [], expected, matched: 0, resolve, reject });
      if (!this.#socket.write(bytes) && this.#socket.writableLength > MAX_UNSENT_BYTES) {
        this.#drained ??= new Promise((drained) => {
          this.#drain = drained;
        });
      }
    });
  }

  /** Backpressure: await this before sending more. */
  get drained(): Promise<void> {
    return this.#drained ?? Promise.resolve();
  }

  close(): void {
    this.#failure ??= new Failure("closed", 1, "The connection is closed.");
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    let at = 0;
    try {
      while (at < bytes.length) {
        const head = this.#pending[this.#first];
        if (head === undefined) throw new Error("The server sent a reply without a request.");
        at = head.expected === undefined ? this.#parse(head, bytes, at) : this.#compare(head, head.expected, bytes, at);
      }
    } catch (error) {
      this.#fail(toFailure(error, this.target));
    }
  }

  #compare(head: PendingReplies, expected: Buffer, bytes: Buffer, at: number): number {
    const length = Math.min(expected.length - head.matched, bytes.length - at);
    if (expected.compare(bytes, at, at + length, head.matched, head.matched + length) !== 0) {
      // The bytes compared so far equal the expected ones and were not kept, so parse them from there.
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
    const next = this.#parser.parse(bytes, at);
    if (next === -1) return bytes.length;
    head.replies.push(this.#parser.value);
    if (head.replies.length === head.count) {
      this.#next();
      head.resolve(head.replies);
    }
    return next;
  }

  #next(): void {
    this.#pending[this.#first++] = undefined;
    if (this.#first < 1024) return;
    this.#pending = this.#pending.slice(this.#first);
    this.#first = 0;
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#drain();
    for (const pending of this.#pending.splice(this.#first)) pending?.reject(this.#failure);
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
    const timer = setTimeout(() => fail(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })), timeout);
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function wrongDatabaseFailure(target: Target, database: number, reason: string): Failure {
  return new Failure(
    "wrong-database",
    2,
    `${formatTarget(target)} has no database ${database} (${reason}). Nothing was written. Set valkey_number_of_databases of the cluster to at least ${database + 1}, or change the database of the keyspace.`,
  );
}

/**
 * A direct connection that sends one message at a time.
 *
 * A message is a script of several statements. The server replies to each of them, so a batch of files takes one round trip, and the number of replies
 * identifies the statement that failed.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import pg from "pg";
import { connectionFailure } from "./connection-failure.ts";
import { type Connection, type Target, targetOf } from "./target.ts";

export interface Reply {
  /** The command tag: "CREATE TABLE", "INSERT 0 1", "COMMIT". */
  readonly tag: string;
  readonly rows: readonly Row[];
}

/** Values in the text format of the server. */
export type Row = Readonly<Record<string, string | null>>;

export interface Notice {
  readonly severity: string;
  readonly message: string;
  readonly hint?: string;
  readonly code?: string;
}

export interface Sent {
  /** One for each successful statement, in order. */
  readonly replies: readonly Reply[];
  /** The error that stopped the script. */
  readonly error?: Error;
}

export interface Listener {
  reply?(index: number, reply: Reply): void;
  /** @param index of the running statement. */
  notice?(index: number, notice: Notice): void;
}

interface SessionOptions {
  /** The application_name, shown in pg_stat_activity and in messages of waiting sessions. */
  readonly application: string;
  /** Settings of the connection start, which RESET ALL restores. */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default 10000, enough for TLS and a failover */
  readonly connectTimeoutMs?: number;
}

/** The server then cancels the statement of a dead client, instead of holding its locks and committing it later. */
const KEEPALIVE = {
  client_connection_check_interval: "1000",
  tcp_keepalives_idle: "30",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3",
};

export async function open(connection: Connection, options: SessionOptions): Promise<Session> {
  const target = targetOf(connection);
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    password: target.password,
    ssl: target.tls,
    application_name: options.application.slice(0, 63),
    options: startupOptions({ ...KEEPALIVE, ...options.settings }),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const session = new Session(client, target);
  try {
    await client.connect();
  } catch (error) {
    throw connectionFailure(error, target);
  }
  return session;
}

/** A session for one piece of work, which ends with it. */
export async function withSession<T>(connection: Connection, options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(connection, options);
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

export class Session {
  readonly target: Target;
  readonly #client: pg.Client;
  #running: { index: number; listener: Listener } | undefined;
  #lost = false;

  constructor(client: pg.Client, target: Target) {
    this.#client = client;
    this.target = target;
    // Without a listener, a connection lost between two messages would crash the process.
    client.on("error", () => {
      this.#lost = true;
    });
    client.on("notice", (notice) => {
      const running = this.#running;
      running?.listener.notice?.(running.index, {
        severity: notice.severity ?? "NOTICE",
        message: notice.message ?? "",
        ...(notice.hint === undefined ? {} : { hint: notice.hint }),
        ...(notice.code === undefined ? {} : { code: notice.code }),
      });
    });
  }

  /** The backend pid that the server sent at the connection start. */
  get pid(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** When the certificate of the server expires, in milliseconds since 1970; undefined without TLS. */
  get certificateEnd(): number | undefined {
    const { valid_to } = (this.#stream as Partial<TLSSocket>).getPeerCertificate?.() ?? {};
    return valid_to === undefined ? undefined : Date.parse(valid_to);
  }

  /** "I" outside a transaction, "T" inside one, "E" inside one that failed. */
  get transaction(): string | null {
    return (this.#client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
  }

  /** Sends one script. Never throws: the result contains the error. */
  send(text: string, listener: Listener = {}): Promise<Sent> {
    return new Promise((resolve) => {
      const running = { index: 0, listener };
      this.#running = running;
      const replies: Reply[] = [];
      const done = (error?: Error) => {
        if (this.#running === running) this.#running = undefined;
        resolve(error === undefined ? { replies } : { replies, error });
      };
      const script = new Script(
        text,
        (reply) => {
          replies.push(reply);
          running.index = replies.length;
          listener.reply?.(replies.length - 1, reply);
        },
        done,
      );
      this.#client.query(script as unknown as pg.Submittable);
    });
  }

  /** Runs one statement with parameters. @throws the error of the server. */
  async query<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#client.query<R>(text, [...values])).rows;
  }

  /** Sends rows in the text format of COPY. @returns how many. @throws the error of the server, or of the source of the rows. */
  async copyIn(text: string, chunks: AsyncIterable<Buffer>): Promise<number> {
    // Migrations, whose start-up counts, copy nothing.
    const { CopyIn } = await import("./copy.ts");
    return await new Promise((resolve, reject) => {
      const copy = new CopyIn(text, chunks, (error, rows) => (error === undefined ? resolve(rows) : reject(error as Error)));
      this.#client.query(copy as unknown as pg.Submittable);
    });
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#lost = true;
    this.#stream.destroy();
  }

  async end(): Promise<void> {
    if (this.#lost) return this.destroy();
    await this.#client.end().catch(() => {});
  }

  /** Disconnects without waiting for a reply, so that the process can exit a round trip earlier. */
  leave(): void {
    void this.end();
    this.#stream.unref();
  }

  get #stream(): Socket {
    return (this.#client as unknown as { connection: { stream: Socket } }).connection.stream;
  }
}

/** The part of pg's connection that a script uses. */
interface WireConnection {
  readonly stream: Socket;
  on(event: "readyForQuery" | "end", listener: () => void): void;
  off(event: "readyForQuery" | "end", listener: () => void): void;
}

/** Implements pg's Submittable interface, which receives every message of the protocol (pg-cursor does too). */
class Script {
  readonly #text: string;
  readonly #reply: (reply: Reply) => void;
  readonly #done: (error?: Error) => void;
  #columns: string[] = [];
  #rows: Row[] = [];

  constructor(text: string, reply: (reply: Reply) => void, done: (error?: Error) => void) {
    this.#text = text;
    this.#reply = reply;
    this.#done = done;
  }

  submit(wire: { query(text: string): void }): void {
    wire.query(this.#text);
  }
  handleRowDescription({ fields }: { fields: readonly { name: string }[] }): void {
    this.#columns = fields.map(({ name }) => name);
  }
  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    this.#rows.push(Object.fromEntries(this.#columns.map((name, index) => [name, fields[index] ?? null])));
  }
  handleCommandComplete({ text }: { text: string }): void {
    this.#reply({ tag: text, rows: this.#rows });
    this.#rows = [];
  }
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(wire: { sendCopyFail(why: string): void }): void {
    wire.sendCopyFail("COPY FROM STDIN is not supported");
  }
  handleCopyData(): void {}
  /** Waits for the transaction status, which follows the error: a message sent earlier would miss that the transaction failed. */
  handleError(error: Error, wire: WireConnection): void {
    if (wire.stream.destroyed) {
      this.#done(error);
      return;
    }
    const done = () => {
      wire.off("readyForQuery", done);
      wire.off("end", done);
      this.#done(error);
    };
    wire.on("readyForQuery", done);
    wire.on("end", done);
  }
  handleReadyForQuery(): void {
    this.#done();
  }
}

/** The `options` of the startup packet: whitespace and backslashes are escaped. */
function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`)
    .join(" ");
}

/**
 * One direct connection, one message at a time.
 *
 * A message is a script of several statements. The server answers each in turn, so the sender learns how far a script came even when its
 * last answer is an error: which is how a batch of files costs one round trip and still names the statement that failed.
 */
import type { Socket } from "node:net";
import pg from "pg";
import { refused } from "./refused.ts";
import { type Connection, type Target, targetOf } from "./target.ts";

export interface Reply {
  /** The command tag: "CREATE TABLE", "INSERT 0 1", "COMMIT". */
  readonly tag: string;
  readonly rows: readonly Row[];
}

/** Every value as the server wrote it. */
export type Row = Readonly<Record<string, string | null>>;

export interface Notice {
  readonly severity: string;
  readonly message: string;
  readonly hint?: string;
  readonly code?: string;
}

export interface Sent {
  /** One for each statement that ended well, in order. */
  readonly replies: readonly Reply[];
  /** What stopped the script, if something did. */
  readonly error?: Error;
}

export interface Listener {
  reply?(index: number, reply: Reply): void;
  /** @param index of the statement that was running. */
  notice?(index: number, notice: Notice): void;
}

export interface SessionOptions {
  /** application_name: how this session is found in pg_stat_activity, and named to whoever waits for it. */
  readonly application: string;
  /** Settings that hold from the first moment, and that RESET ALL returns to. */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default 10000: TLS and a failover fit in it, two seconds do not */
  readonly connectTimeoutMs?: number;
}

/** Kept by the server: a dead client's statement must not hold its locks for the rest of its run, nor commit afterwards. */
const ALIVE = {
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
    options: flags({ ...ALIVE, ...options.settings }),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const session = new Session(client, target);
  try {
    await client.connect();
  } catch (error) {
    throw refused(error, target);
  }
  return session;
}

export class Session {
  readonly target: Target;
  readonly #client: pg.Client;
  #listener: { index: number; tell: Listener } | undefined;
  #lost = false;

  constructor(client: pg.Client, target: Target) {
    this.#client = client;
    this.target = target;
    // Without a listener a connection that breaks between two messages would end the process.
    client.on("error", () => {
      this.#lost = true;
    });
    client.on("notice", (notice) => {
      const heard = this.#listener;
      heard?.tell.notice?.(heard.index, {
        severity: notice.severity ?? "NOTICE",
        message: notice.message ?? "",
        ...(notice.hint === undefined ? {} : { hint: notice.hint }),
        ...(notice.code === undefined ? {} : { code: notice.code }),
      });
    });
  }

  /** The server process behind this session, as the server itself introduced it. */
  get pid(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** "I" outside a transaction, "T" inside one, "E" inside one that failed. */
  get transaction(): string | null {
    return (this.#client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
  }

  /** Sends one script and says how far it came. Never throws. */
  send(text: string, tell: Listener = {}): Promise<Sent> {
    return new Promise((resolve) => {
      const heard = { index: 0, tell };
      this.#listener = heard;
      const replies: Reply[] = [];
      const done = (error?: Error) => {
        if (this.#listener === heard) this.#listener = undefined;
        resolve(error === undefined ? { replies } : { replies, error });
      };
      const script = new Script(
        text,
        (reply) => {
          replies.push(reply);
          heard.index = replies.length;
          tell.reply?.(replies.length - 1, reply);
        },
        done,
      );
      this.#client.query(script as unknown as pg.Submittable);
    });
  }

  /** One statement with bound values. Throws what the server says. */
  async query<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#client.query<R>(text, [...values])).rows;
  }

  /** Cuts the wire at once; the server notices by itself. */
  destroy(): void {
    this.#lost = true;
    this.#stream.destroy();
  }

  async end(): Promise<void> {
    if (this.#lost) return this.destroy();
    await this.#client.end().catch(() => {});
  }

  /** Says goodbye and waits for no answer: a process that has nothing left to do need not outlive its last word by a round trip. */
  leave(): void {
    void this.end();
    this.#stream.unref();
  }

  get #stream(): Socket {
    return (this.#client as unknown as { connection: { stream: Socket } }).connection.stream;
  }
}

/** pg's connection, as far as a script needs it. */
interface Wire {
  readonly stream: Socket;
  on(event: "readyForQuery" | "end", heard: () => void): void;
  off(event: "readyForQuery" | "end", heard: () => void): void;
}

/** pg's own interface for whoever wants every message of the protocol (pg-cursor is another). */
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
    wire.sendCopyFail("a script has no rows to give");
  }
  handleCopyData(): void {}
  /** The server says where the session stands only after the error: who sends the next message before that takes a failed transaction for none. */
  handleError(error: Error, wire: Wire): void {
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

/** The form that the start-up packet wants: blanks and backslashes escaped. */
function flags(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`)
    .join(" ");
}

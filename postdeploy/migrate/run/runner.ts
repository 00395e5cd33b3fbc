/**
 * A connection that a run can rely on: checked before the first write, locked against other runs, found again after the server went away.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { literal } from "../../connect/quote.ts";
import { pooled } from "../../connect/refused.ts";
import { open, type Row, type Session } from "../../connect/session.ts";
import { isLost, mayConnectLater } from "../../connect/sqlstate.ts";
import { targetOf } from "../../connect/target.ts";
import { foreignSchemaFailure, type Ledger, LedgerTable, parseLedger, readLedger } from "../ledger/ledger.ts";
import { toFailure } from "./errors.ts";
import { acquireLock, unlockSql, wasUnlocked } from "./lock.ts";
import { watch } from "./monitor.ts";
import type { RunOptions } from "./options.ts";
import type { Blocker, Progress } from "./progress.ts";

/** Milliseconds, and a number that nobody else would choose: a pool that drops our settings is found out by it. */
const CHECK_INTERVAL = "997";

/** What is worth knowing of the server, read with the ledger in one message. */
export interface Facts {
  readonly version: string;
  readonly database: string;
  readonly role: string;
  readonly readOnly: boolean;
  /** Whether the schema of the ledger is there, with or without a ledger in it. */
  readonly ledgerSchema: boolean;
  readonly clockOffSeconds: number;
  /** The role, or the database, ends long transactions (Postgres 17 and later). */
  readonly endsTransactions: boolean;
}

/** Connects, works, lets go; what goes wrong is told as a failure. */
export async function withRunner<T>(options: RunOptions, work: (runner: Runner) => Promise<T>): Promise<T> {
  const runner = await Runner.start(options);
  try {
    return await work(runner);
  } catch (error) {
    await runner.rollback();
    throw toFailure(error);
  } finally {
    await runner.end();
  }
}

export class Runner {
  readonly options: RunOptions;
  readonly table: LedgerTable;
  session!: Session;
  facts!: Facts;
  /** As last read. */
  ledger: Ledger | undefined;
  #locked = false;
  #endsTransactions = false;

  private constructor(options: RunOptions) {
    this.options = options;
    this.table = new LedgerTable(options.ledgerSchema);
  }

  /** Connects and reads the ledger: one round trip, and no lock. */
  static async start(options: RunOptions): Promise<Runner> {
    const runner = new Runner(options);
    await runner.#connect(15_000, false);
    return runner;
  }

  get lockTimeoutMs(): number {
    return this.options.lockTimeoutMs ?? 5000;
  }

  tell(event: Progress): void {
    this.options.onProgress?.(event);
  }

  /** @throws where a run should not go on. */
  checkStopped(): void {
    if (this.options.signal?.aborted) throw new Failure("stopped", 1, "Stopped, as asked.");
  }

  /** Refuses what takes no writes; takes the lock; reads the ledger again, now that nobody else can write it. */
  async lock({
    waitMs = this.options.waitMs ?? 60_000,
    giveUp,
  }: {
    waitMs?: number;
    giveUp?: AbortSignal;
  } = {}): Promise<Ledger | undefined> {
    const signals = [this.options.signal, giveUp].filter((signal) => signal !== undefined);
    if (this.facts.readOnly)
      throw new Failure(
        "read-only",
        1,
        `${this.facts.database} takes no writes (default_transaction_read_only is on). A provider does that when the disk is full: add storage, then run again.`,
      );
    this.ledger = await acquireLock(this.session, this.table, {
      system: this.options.system,
      waitMs,
      signal: AbortSignal.any(signals),
      onWait: (holder) => this.tell({ kind: "waiting", holder }),
    });
    this.#locked = true;
    return this.ledger;
  }

  /**
   * Makes the ledger where there is none.
   * @param unless tables whose presence says that this database has a past nobody told us of.
   * @returns false when one of them is there; then nothing was made.
   */
  async ensureLedger(unless: readonly string[] = []): Promise<boolean> {
    if (this.ledger !== undefined) return true;
    const { replies, error } = await this.session.send(
      `${stopIfAny(unless)} BEGIN; ${this.table.create(this.options.system, this.facts.ledgerSchema)} COMMIT; ${this.table.read}`,
    );
    if (error === undefined) {
      this.ledger = parseLedger(replies.at(-1)?.rows, undefined, this.table, this.options.system);
      return true;
    }
    await this.rollback();
    const { code, message } = error as { code?: string; message: string };
    if (code === TAKEN) return false;
    if (code === "42501")
      throw new Failure(
        "ledger-closed",
        2,
        `The ledger schema ${this.table.schema} cannot be made: ${message}. Let the roles step run first, or as the admin: GRANT CREATE ON DATABASE ${this.facts.database} TO ${this.facts.role}`,
        { cause: error },
      );
    throw foreignSchemaFailure(error, this.table) ?? error;
  }

  /** Writes down what the schema looks like, so that a later change by hand is seen; the last thing of a run, and with it the lock is given back. */
  async measure(file: string): Promise<string> {
    const { measure } = await import("../schema/fingerprint.ts");
    await this.rollback();
    const once = async () => {
      const { print, after } = await measure(this.session, this.table, file, unlockSql(this.table));
      this.#locked = false;
      if (!wasUnlocked(after)) throw lockGone();
      return print;
    };
    try {
      return await once();
    } catch (error) {
      if (!isLost(error)) throw error;
      await this.recover(error as Error);
      return await once();
    }
  }

  async readLedger(): Promise<Ledger | undefined> {
    this.ledger = await readLedger(this.session, this.table, this.options.system);
    return this.ledger;
  }

  /** Runs one message with a second pair of eyes on it, and with the stop signal connected to it. */
  async watched<T>(
    file: string,
    work: (session: Session) => Promise<T>,
    { longest = this.lockTimeoutMs, peek = async () => {} }: { longest?: number; peek?: (eyes: Session) => Promise<void> } = {},
  ): Promise<{ result: T; blockers: readonly Blocker[] }> {
    this.checkStopped();
    const { session } = this;
    const patienceMs = this.options.reconnectMs ?? 180_000;
    const eyes = watch({
      session,
      open: () =>
        open(this.options.connection, {
          application: "slipway watch",
          settings: this.#role(),
          connectTimeoutMs: Math.min(3000, patienceMs),
        }),
      afterMs: longest > 0 ? Math.min(1000, longest / 2) : 1000,
      patienceMs,
      blocked: (by) => this.tell({ kind: "blocked", file, by }),
      index: (phase, done, total) => this.tell({ kind: "index", file, phase, done, total }),
      peek,
    });
    const cancel = () => void this.#cancel(session);
    this.options.signal?.addEventListener("abort", cancel, { once: true });
    try {
      return { result: await work(session), blockers: eyes.blockers };
    } finally {
      this.options.signal?.removeEventListener("abort", cancel);
      await eyes.stop();
    }
  }

  async rollback(): Promise<void> {
    if (!this.session.lost && this.session.transaction !== "I") await this.session.send("ROLLBACK");
  }

  /** After the server went away: the same database again, with the lock, and what the ledger says of the work that was under way. */
  async recover(cause: Error): Promise<Ledger | undefined> {
    const before = this.ledger?.id;
    const budget = this.options.reconnectMs ?? 180_000;
    this.tell({ kind: "lost", why: cause.message });
    this.session.destroy();
    this.#locked = false;
    const until = Date.now() + budget;
    await this.#connect(budget, true);
    // The dead session's backend may still be at work; it gives the lock up when it notices, and only then is the ledger the truth.
    await this.lock({ waitMs: Math.max(5000, until - Date.now()) });
    if (before !== undefined && this.ledger?.id !== before)
      throw new Failure(
        "other-database",
        3,
        "After the reconnect another database answers under the same address: its ledger is not the one this run began with. Nothing more was done. Look where the address leads.",
      );
    return this.ledger;
  }

  /** Gives the lock back where nobody did. */
  async end(): Promise<void> {
    const { session } = this;
    const given = !this.#locked || session.lost || wasUnlocked((await session.send(unlockSql(this.table))).replies[0]?.rows ?? []);
    this.#locked = false;
    session.leave();
    if (!given) throw lockGone();
  }

  /** @param patient whether a refused connection is worth another try: the server was there a moment ago. */
  async #connect(budgetMs: number, patient: boolean): Promise<void> {
    const until = Date.now() + budgetMs;
    for (let tries = 0; ; tries++) {
      this.checkStopped();
      try {
        this.session = await open(this.options.connection, {
          application: `slipway migrate ${hostname()}:${process.pid}`,
          settings: this.#settings(),
          connectTimeoutMs: Math.max(500, Math.min(10_000, until - Date.now())),
        });
        await this.#inspect();
        // Who sets it at every login has the last word.
        if (!this.facts.endsTransactions || this.#endsTransactions) return;
        // An older server knows no such setting and would refuse the connection: it is asked first.
        this.#endsTransactions = true;
        await this.session.end();
      } catch (error) {
        const cause = error instanceof Failure ? (error.cause ?? error) : error;
        await this.session?.end();
        const again = patient
          ? mayConnectLater(cause) || (error as Failure).code === "replica"
          : ["53300", "57P03"].includes((cause as { code?: string }).code ?? "");
        if (!again || Date.now() > until) throw error;
        await sleep(Math.min(5000, 100 * 2 ** tries) * (0.5 + Math.random() / 2));
      }
    }
  }

  #settings(): Record<string, string> {
    const { schemas } = this.options;
    return {
      lock_timeout: String(this.lockTimeoutMs),
      statement_timeout: "0",
      idle_in_transaction_session_timeout: "0",
      idle_session_timeout: "0",
      ...(this.#endsTransactions ? { transaction_timeout: "0" } : {}),
      client_min_messages: "notice",
      standard_conforming_strings: "on",
      default_transaction_isolation: "read committed",
      client_connection_check_interval: CHECK_INTERVAL,
      ...(schemas === undefined ? {} : { search_path: [...new Set([...schemas, "public"])].join(", ") }),
      ...this.#role(),
    };
  }

  #role(): Record<string, string> {
    const { owner, connection } = this.options;
    return owner === undefined || owner === targetOf(connection).user ? {} : { role: owner };
  }

  async #inspect(): Promise<void> {
    const asked = Date.now();
    const { replies, error } = await this.session.send(`${facts(this.table)}; ${this.table.read}`);
    const row = replies[0]?.rows[0];
    if (row === undefined) throw error;
    const { host, port } = this.session.target;
    // The pid that greeted us is the pid that works for us, or there is somebody in between.
    if (Number(row.pid) !== this.session.pid || row.interval !== `${CHECK_INTERVAL}ms`) throw new Failure("pooled", 2, pooled(host, port));
    if (row.standby === "t")
      throw new Failure("replica", 2, `${host}:${port} is a standby, which takes no writes. Connect to the primary.`);
    this.facts = factsFrom(row, asked);
    // This connection is not the one that stays; the next one is looked at.
    if (this.facts.endsTransactions && !this.#endsTransactions) return;
    if (Math.abs(this.facts.clockOffSeconds) > 5)
      this.tell({
        kind: "warning",
        message: `The clocks of this machine and the server differ by ${Math.round(this.facts.clockOffSeconds)} s. The ledger goes by the server's.`,
      });
    this.ledger = parseLedger(replies[1]?.rows, error, this.table, this.options.system);
  }

  /** Asks the server to cancel what runs; when it cannot be asked, cutting the line has the same end a little later. */
  async #cancel(session: Session): Promise<void> {
    try {
      const other = await open(this.options.connection, { application: "slipway cancel", connectTimeoutMs: 3000 });
      await other.query("SELECT pg_cancel_backend($1)", [session.pid]);
      await other.end();
    } catch {
      session.destroy();
    }
  }
}

/** An SQLSTATE that no server gives by itself. */
const TAKEN = "SWTKN";

/** A statement that stops the script that it stands in. */
function stopIfAny(tables: readonly string[]): string {
  if (tables.length === 0) return "";
  return `DO $slipway$ BEGIN IF EXISTS (SELECT FROM unnest(ARRAY[${tables.map(literal).join(", ")}]) AS name WHERE to_regclass(name) IS NOT NULL) THEN RAISE SQLSTATE '${TAKEN}'; END IF; END $slipway$;`;
}

function lockGone(): Failure {
  return new Failure(
    "lock-gone",
    3,
    "At its end the run did not hold its lock any more, so another may have run beside it. Is there a pool between here and the server? Look: slipway migrate verify",
  );
}

const facts = ({
  schema,
}: LedgerTable) => `SELECT pg_backend_pid() AS pid, current_setting('client_connection_check_interval') AS interval, pg_is_in_recovery() AS standby,
  current_setting('server_version') AS version, current_database() AS database, current_user AS role,
  to_regnamespace(${literal(schema)}) IS NOT NULL AS ledger_schema,
  current_setting('default_transaction_read_only') AS read_only, extract(epoch FROM clock_timestamp()) AS now,
  coalesce(current_setting('transaction_timeout', true), '0') <> '0' AS ends_transactions`;

function factsFrom(row: Row, asked: number): Facts {
  const middle = (asked + Date.now()) / 2000;
  return {
    version: row.version!.split(" ")[0]!,
    database: row.database!,
    role: row.role!,
    readOnly: row.read_only === "on",
    ledgerSchema: row.ledger_schema === "t",
    clockOffSeconds: Number(row.now) - middle,
    endsTransactions: row.ends_transactions === "t",
  };
}

/**
 * The connection of a migration run: verified before the first write, holding the advisory lock, re-established after a server restart.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { poolMessage } from "../../connect/connection-failure.ts";
import { Failure } from "../../connect/failure.ts";
import { literal } from "../../connect/quote.ts";
import { open, type Row, type Session } from "../../connect/session.ts";
import { type DatabaseError, isLost, isRetryable, sqlstate } from "../../connect/sqlstate.ts";
import { targetOf } from "../../connect/target.ts";
import { foreignSchemaFailure, type Ledger, LedgerTable, parseLedger, readLedger } from "../ledger/ledger.ts";
import { toFailure } from "./errors.ts";
import { acquireLock, describeForeign, tryLockSql, unlockSql, wasUnlocked } from "./lock.ts";
import { startMonitor } from "./monitor.ts";
import type { RunOptions } from "./options.ts";
import type { Blocker, Progress } from "./progress.ts";

/** Milliseconds. An unusual value, to detect a pool that drops our settings. */
const CHECK_INTERVAL = "997";

/** Read with the ledger in one message. */
interface ServerInfo {
  readonly version: string;
  readonly database: string;
  readonly role: string;
  readonly readOnly: boolean;
  /** Whether the schema of the ledger exists, with or without a ledger. */
  readonly hasLedgerSchema: boolean;
  /** Whether the table with the key of the lock exists. */
  readonly hasLock: boolean;
  readonly clockOffsetSeconds: number;
  /** Whether the role or the database sets transaction_timeout (Postgres 17 and later). */
  readonly hasTransactionTimeout: boolean;
}

/** Runs the work on a connection, and releases the lock and the connection at the end. @throws errors as failures. */
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
  server!: ServerInfo;
  /** As of the last read. */
  ledger: Ledger | undefined;
  /** The key of the lock that this run holds. */
  #lock: string | undefined;
  #disableTransactionTimeout = false;

  private constructor(options: RunOptions) {
    this.options = options;
    this.table = new LedgerTable(options.ledgerSchema);
  }

  /** Connects and reads the ledger in one round trip, without a lock. */
  static async start(options: RunOptions): Promise<Runner> {
    const runner = new Runner(options);
    await runner.#connect(15_000, false);
    return runner;
  }

  get lockTimeoutMs(): number {
    return this.options.lockTimeoutMs ?? 5000;
  }

  report(event: Progress): void {
    this.options.onProgress?.(event);
  }

  /** @throws if the run was aborted. */
  checkStopped(): void {
    if (this.options.signal?.aborted) throw new Failure("stopped", 1, "Stopped on request.");
  }

  /**
   * Acquires the lock and reads the ledger again under it. A database without a ledger has no lock either: `ensureLedger` creates both at once.
   *
   * @throws if the database is read-only.
   */
  async lock({
    waitMs = this.options.waitMs ?? 60_000,
    abort,
  }: {
    waitMs?: number;
    abort?: AbortSignal;
  } = {}): Promise<Ledger | undefined> {
    const signals = [this.options.signal, abort].filter((signal) => signal !== undefined);
    if (this.server.readOnly)
      throw new Failure(
        "read-only",
        1,
        `Database ${this.server.database} is read-only (default_transaction_read_only is on). Providers set this when the disk is full: add storage, then run again.`,
      );
    // A ledger of an earlier version has no lock.
    if (!this.server.hasLock && this.ledger !== undefined) await this.#createLock();
    if (!this.server.hasLock) return undefined;
    const acquired = await acquireLock(this.session, this.table, {
      system: this.options.system,
      waitMs,
      signal: AbortSignal.any(signals),
      onWait: (holder) => this.report({ kind: "waiting", holder }),
      onForeign: (holder) => this.report({ kind: "warning", message: describeForeign(holder) }),
    });
    this.#lock = acquired?.key;
    this.ledger = acquired?.ledger;
    return this.ledger;
  }

  /** Another run may create it at the same time. */
  async #createLock(): Promise<void> {
    const { error } = await this.session.send(this.table.createLockSql(true));
    if (error !== undefined && !CREATED_BY_ANOTHER.has(sqlstate(error) ?? "")) throw foreignSchemaFailure(error, this.table) ?? error;
    this.server = { ...this.server, hasLock: true };
  }

  /**
   * Creates the ledger if there is none, and acquires the lock if this run does not hold it. If another run created the ledger since it was read, this one
   * waits for the lock and reads what the other run applied.
   *
   * @param tables that the files create: if one of them exists, the database needs a baseline first.
   * @returns false if one of the tables exists. Then no ledger was created.
   */
  async ensureLedger(tables: readonly string[] = []): Promise<boolean> {
    for (let attempt = 1; this.ledger === undefined; attempt++) {
      const error = await this.#createLedger(tables);
      if (error === undefined) return true;
      await this.rollback();
      const state = sqlstate(error) ?? (error as DatabaseError).code;
      if (state === TABLE_EXISTS) return false;
      if (state === "42501")
        throw new Failure(
          "ledger-closed",
          2,
          `Cannot create the ledger schema ${this.table.schema}: ${error.message}. Run the roles step first, or as the admin: GRANT CREATE ON DATABASE ${this.server.database} TO ${this.server.role}`,
          { cause: error },
        );
      if (!CREATED_BY_ANOTHER.has(state ?? "") || attempt > 10) throw foreignSchemaFailure(error, this.table) ?? error;
      this.server = { ...this.server, hasLedgerSchema: true, hasLock: true };
      await this.lock();
      if (this.#lock === undefined) this.server = { ...this.server, hasLock: false };
    }
    return true;
  }

  /** In one transaction: a run that fails leaves no lock without a ledger. */
  async #createLedger(tables: readonly string[]): Promise<Error | undefined> {
    const { table } = this;
    const [create, take] =
      this.#lock === undefined ? [table.createLockSql(this.server.hasLedgerSchema), tryLockSql(table.schema)] : ["", ""];
    // The tables are looked for after the lock is created: another run that created it may have created them.
    const { replies, error } = await this.session.send(
      `BEGIN; ${create} ${failIfAnyExists(tables)} ${table.createSql(this.options.system)} ${take} COMMIT; ${table.selectSql}`,
    );
    if (error !== undefined) return error;
    this.#lock ??= replies.at(-3)!.rows[0]!.key!;
    this.server = { ...this.server, hasLedgerSchema: true, hasLock: true };
    this.ledger = parseLedger(replies.at(-1)!.rows, undefined, table, this.options.system);
    return undefined;
  }

  /** Records the fingerprint of the schema, to detect later changes by hand, and releases the lock in the same message. Ends a run. */
  async recordFingerprint(file: string): Promise<string> {
    const { recordFingerprint } = await import("../schema/fingerprint.ts");
    await this.rollback();
    const attempt = async () => {
      const { fingerprint, after } = await recordFingerprint(this.session, this.table, file, unlockSql(this.#lock!));
      this.#lock = undefined;
      if (!wasUnlocked(after)) throw lockLostFailure();
      return fingerprint;
    };
    try {
      return await attempt();
    } catch (error) {
      if (!isLost(error)) throw error;
      await this.recover(error as Error);
      return await attempt();
    }
  }

  async readLedger(): Promise<Ledger | undefined> {
    this.ledger = await readLedger(this.session, this.table, this.options.system);
    return this.ledger;
  }

  /** Sends one message while a monitor observes it. The abort signal cancels it. */
  async monitored<T>(
    file: string,
    work: (session: Session) => Promise<T>,
    {
      maxWaitMs = this.lockTimeoutMs,
      onCheck = async () => {},
    }: { maxWaitMs?: number; onCheck?: (connection: Session) => Promise<void> } = {},
  ): Promise<{ result: T; blockers: readonly Blocker[] }> {
    this.checkStopped();
    const { session } = this;
    const maxSilenceMs = this.options.reconnectMs ?? 180_000;
    const monitor = startMonitor({
      session,
      open: () =>
        open(this.options.connection, {
          application: "slipway monitor",
          settings: this.#role(),
          connectTimeoutMs: Math.min(3000, maxSilenceMs),
        }),
      afterMs: maxWaitMs > 0 ? Math.min(1000, maxWaitMs / 2) : 1000,
      maxSilenceMs,
      onBlocked: (by) => this.report({ kind: "blocked", file, by }),
      onIndexBuild: (phase, done, total) => this.report({ kind: "index", file, phase, done, total }),
      onCheck,
    });
    const cancel = () => void this.#cancel(session);
    this.options.signal?.addEventListener("abort", cancel, { once: true });
    try {
      return { result: await work(session), blockers: monitor.blockers };
    } finally {
      this.options.signal?.removeEventListener("abort", cancel);
      await monitor.stop();
    }
  }

  async rollback(): Promise<void> {
    if (!this.session.lost && this.session.transaction !== "I") await this.session.send("ROLLBACK");
  }

  /** Reconnects to the same database, acquires the lock, and reads from the ledger which work was committed. */
  async recover(cause: Error): Promise<Ledger | undefined> {
    const before = this.ledger?.id;
    const budget = this.options.reconnectMs ?? 180_000;
    this.report({ kind: "lost", why: cause.message });
    this.session.destroy();
    this.#lock = undefined;
    const until = Date.now() + budget;
    await this.#connect(budget, true);
    // The backend of the lost connection may still be running. When it releases the lock, the ledger is final.
    await this.lock({ waitMs: Math.max(5000, until - Date.now()) });
    if (before !== undefined && this.ledger?.id !== before)
      throw new Failure(
        "other-database",
        3,
        "The address reached a different database after the reconnect: its ledger has another id. The run stopped there. Check the address.",
      );
    return this.ledger;
  }

  /** Releases the lock, if it is still held, and disconnects. */
  async end(): Promise<void> {
    const { session } = this;
    const key = this.#lock;
    this.#lock = undefined;
    const unlocked = key === undefined || session.lost || wasUnlocked((await session.send(unlockSql(key))).replies[0]?.rows ?? []);
    session.leave();
    if (!unlocked) throw lockLostFailure();
  }

  /** @param reconnecting retry refused connections too: the server was available a moment ago. */
  async #connect(budgetMs: number, reconnecting: boolean): Promise<void> {
    const until = Date.now() + budgetMs;
    for (let tries = 0; ; tries++) {
      this.checkStopped();
      try {
        this.session = await open(this.options.connection, {
          application: `slipway migrate ${hostname()}:${process.pid}`,
          settings: this.#settings(),
          connectTimeoutMs: Math.max(500, Math.min(10_000, until - Date.now())),
        });
        await this.#readServer();
        // A login trigger can set the timeout in spite of the start-up settings, so there is only one attempt to disable it.
        if (!this.server.hasTransactionTimeout || this.#disableTransactionTimeout) return;
        // Servers before Postgres 17 reject connections with this setting, so it is sent only if the server knows it.
        this.#disableTransactionTimeout = true;
        await this.session.end();
      } catch (error) {
        const cause = error instanceof Failure ? (error.cause ?? error) : error;
        await this.session?.end();
        const retry = reconnecting
          ? isRetryable(cause) || (error as Failure).code === "replica"
          : ["53300", "57P03"].includes((cause as { code?: string }).code ?? "");
        if (!retry || Date.now() > until) throw error;
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
      ...(this.#disableTransactionTimeout ? { transaction_timeout: "0" } : {}),
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

  async #readServer(): Promise<void> {
    const sentAt = Date.now();
    const { replies, error } = await this.session.send(`${serverSql(this.table)}; ${this.table.selectSql}`);
    const row = replies[0]?.rows[0];
    if (row === undefined) throw error;
    const { host, port } = this.session.target;
    // With a pool in between, the backend pid is not the one from the connection start, or our settings are lost.
    if (Number(row.pid) !== this.session.pid || row.interval !== `${CHECK_INTERVAL}ms`)
      throw new Failure("pooled", 2, poolMessage(host, port));
    if (row.standby === "t") throw new Failure("replica", 2, `${host}:${port} is a standby, which is read-only. Connect to the primary.`);
    this.server = parseServer(row, sentAt);
    // #connect opens another connection, and reads the ledger there.
    if (this.server.hasTransactionTimeout && !this.#disableTransactionTimeout) return;
    if (Math.abs(this.server.clockOffsetSeconds) > 5)
      this.report({
        kind: "warning",
        message: `The clocks of this machine and the server differ by ${Math.round(this.server.clockOffsetSeconds)} s. The ledger uses the server's clock.`,
      });
    this.ledger = parseLedger(replies[1]?.rows, error, this.table, this.options.system);
  }

  /** Cancels the running statement. If the server cannot be reached, closing the connection cancels it a little later. */
  async #cancel(session: Session): Promise<void> {
    try {
      const canceller = await open(this.options.connection, { application: "slipway cancel", connectTimeoutMs: 3000 });
      await canceller.query("SELECT pg_cancel_backend($1)", [session.pid]);
      await canceller.end();
    } catch {
      session.destroy();
    }
  }
}

/** An SQLSTATE that Postgres itself does not use. */
const TABLE_EXISTS = "SWTKN";

/** The schema or a table of the ledger exists, or is being created by another transaction. */
const CREATED_BY_ANOTHER: ReadonlySet<string> = new Set(["42P06", "42P07", "42710", "23505"]);

/** A statement that fails if one of the tables exists. */
function failIfAnyExists(tables: readonly string[]): string {
  if (tables.length === 0) return "";
  return `DO $slipway$ BEGIN IF EXISTS (SELECT FROM unnest(ARRAY[${tables.map(literal).join(", ")}]) AS name WHERE to_regclass(name) IS NOT NULL) THEN RAISE SQLSTATE '${TABLE_EXISTS}'; END IF; END $slipway$;`;
}

function lockLostFailure(): Failure {
  return new Failure(
    "lock-gone",
    3,
    "The run lost the migration lock before it ended, so another run may have worked at the same time. Check whether a pool is between this machine and the server, then run: slipway migrate verify",
  );
}

const serverSql = ({
  schema,
}: LedgerTable) => `SELECT pg_backend_pid() AS pid, current_setting('client_connection_check_interval') AS interval, pg_is_in_recovery() AS standby,
  current_setting('server_version') AS version, current_database() AS database, current_user AS role,
  to_regnamespace(${literal(schema)}) IS NOT NULL AS ledger_schema, 
  EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(${literal(schema)}) AND relname = 'lock') AS lock,
  current_setting('default_transaction_read_only') AS read_only, extract(epoch FROM clock_timestamp()) AS now,
  coalesce(current_setting('transaction_timeout', true), '0') <> '0' AS transaction_timeout`;

function parseServer(row: Row, sentAt: number): ServerInfo {
  const middle = (sentAt + Date.now()) / 2000;
  return {
    version: row.version!.split(" ")[0]!,
    database: row.database!,
    role: row.role!,
    readOnly: row.read_only === "on",
    hasLedgerSchema: row.ledger_schema === "t",
    hasLock: row.lock === "t",
    clockOffsetSeconds: Number(row.now) - middle,
    hasTransactionTimeout: row.transaction_timeout === "t",
  };
}

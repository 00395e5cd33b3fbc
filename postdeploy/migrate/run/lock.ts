/**
 * The advisory lock that lets one run at a time work on a ledger.
 *
 * Every login can take any advisory lock, so its key is random and is stored in a table of the ledger that only the owner role writes. A run reads the key
 * while it holds a lock on the row. If a session holds the lock that may not write the table, it is no run: the run replaces the key and takes the new one
 * in the same transaction, so no other session can hold up a migration.
 *
 * It polls with pg_try_advisory_lock: a session that waits inside the server holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every
 * snapshot, so a waiting run and the run that holds the lock would deadlock.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { printable } from "../../connect/quote.ts";
import type { Row, Session } from "../../connect/session.ts";
import { sqlstate } from "../../connect/sqlstate.ts";
import { isMissing, type Ledger, type LedgerTable, parseLedger } from "../ledger/ledger.ts";
import { findLockHolders } from "./monitor.ts";
import { type Blocker, describeHolder, type Holder } from "./progress.ts";

interface LockOptions {
  readonly system?: string | undefined;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  onWait(holder: Holder | undefined): void;
  /** Called for each session that held the lock and is no run. */
  onForeign(holder: Holder): void;
}

export interface AcquiredLock {
  /** Of pg_advisory_lock. */
  readonly key: string;
  /** Read in the message that acquired the lock. */
  readonly ledger: Ledger | undefined;
}

/** @returns undefined if the ledger has no lock table yet. */
export async function acquireLock(
  session: Session,
  table: LedgerTable,
  { system, waitMs, signal, onWait, onForeign }: LockOptions,
): Promise<AcquiredLock | undefined> {
  const until = Date.now() + waitMs;
  for (let reported = ""; ; ) {
    const { replies, error } = await session.send(`BEGIN; ${acquireSql(table)} COMMIT; ${table.selectSql}`);
    if (error !== undefined && session.transaction !== "I") await session.send("ROLLBACK");
    const isBlocked = error !== undefined && sqlstate(error) === "55P03";
    if (replies.length < ACQUIRED && error !== undefined && !isBlocked) {
      if (isMissing(error)) return undefined;
      parseLedger(undefined, error, table, system);
      throw error;
    }
    const holders = (replies[HOLDERS]?.rows ?? []).map(parseHolder);
    const [acquired] = replies[TRIED]?.rows ?? [];
    if (acquired?.held === "t") {
      for (const holder of holders) if (!holder.isRun) onForeign(holder);
      return { key: acquired.key!, ledger: parseLedger(replies[ACQUIRED]?.rows, error, table, system) };
    }
    const holder = holders.find(({ isRun }) => isRun) ?? (isBlocked ? await findRowHolder(session, table) : undefined);
    if (Date.now() >= until) throw lockedFailure(holder, waitMs);
    if (reported !== String(holder?.pid)) onWait(holder);
    reported = String(holder?.pid);
    await sleep(100 + Math.random() * 150, undefined, signal ? { signal } : {}).catch(() => {});
    if (signal?.aborted) throw new Failure("stopped", 1, "Stopped while waiting for another run to end. Nothing was applied.");
  }
}

/** The positions of the replies to the message that acquires the lock: BEGIN, INSERT, SELECT … FOR UPDATE, holders, UPDATE, key, COMMIT, ledger. */
const HOLDERS = 3;
const TRIED = 5;
const ACQUIRED = 7;

function acquireSql({ schema }: LedgerTable): string {
  return `INSERT INTO ${schema}.lock DEFAULT VALUES ON CONFLICT DO NOTHING;
    SELECT FROM ${schema}.lock FOR UPDATE;
    ${holdersSql(schema)};
    UPDATE ${schema}.lock SET key = DEFAULT FROM (SELECT bool_or(is_run) AS any_run FROM (${holdersSql(schema)}) holders) h WHERE NOT h.any_run;
    ${tryLockSql(schema)}`;
}

/** The statement that takes the lock in the transaction that locked, or created, the row with the key. */
export function tryLockSql(schema: string): string {
  return `SELECT key, pg_try_advisory_lock(key) AS held FROM ${schema}.lock;`;
}

/** The statement that releases the lock. `wasUnlocked` reads its reply. */
export function unlockSql(key: string): string {
  return `SELECT pg_advisory_unlock(${key}) AS unlocked`;
}

/** @returns false if the session did not hold the lock any more, so another run may have worked at the same time. */
export function wasUnlocked([row]: readonly Row[]): boolean {
  return row?.unlocked === "t";
}

interface LockHolder extends Holder {
  /** Whether its role may write the lock table. */
  readonly isRun: boolean;
}

/** Every role reads pg_locks, and the roles of all sessions in pg_stat_activity. A role of a run may be a member of the owner role. */
function holdersSql(schema: string): string {
  return `SELECT l.pid, s.application_name, s.usename, date_trunc('second', s.backend_start) AS since, s.state, left(s.query, 80) AS query,
      coalesce(pg_has_role(s.usesysid, c.relowner, 'MEMBER') OR has_table_privilege(s.usesysid, c.oid, 'UPDATE'), false) AS is_run
    FROM ${schema}.lock k JOIN pg_class c ON c.oid = k.tableoid
    JOIN pg_locks l ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.classid::bigint = (k.key >> 32) & 4294967295 AND l.objid::bigint = k.key & 4294967295
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    LEFT JOIN pg_stat_activity s ON s.pid = l.pid`;
}

function parseHolder(row: Row): LockHolder {
  const query = (row.query ?? "").replace(/\s+/g, " ");
  return {
    pid: Number(row.pid),
    application: row.application_name ?? "",
    user: row.usename ?? "",
    since: row.since ?? "",
    doing: row.state === "active" ? `running ${query}` : (row.state ?? ""),
    isRun: row.is_run === "t",
  };
}

/** Only the owner role and its members can lock the row. */
async function findRowHolder(session: Session, { schema }: LedgerTable): Promise<Holder | undefined> {
  const [blocker]: readonly (Blocker | undefined)[] = await findLockHolders(session, [`${schema}.lock`]);
  if (blocker === undefined) return undefined;
  const { pid, application, user, state } = blocker;
  return { pid, application, user, since: "", doing: state };
}

export function describeForeign(holder: Holder): string {
  const session = `pid ${holder.pid} (${printable(holder.application) || "no application name"}, ${printable(holder.user) || "no role"})`;
  return `A session that is no migration run held the migration lock: ${session}. slipway replaced the lock and goes on. To end the session, as doadmin: SELECT pg_terminate_backend(${holder.pid});`;
}

function lockedFailure(holder: Holder | undefined, waitMs: number): Failure {
  return new Failure(
    "locked",
    75,
    `Another run holds the migration lock: ${describeHolder(holder)}. Waited ${Math.round(waitMs / 1000)} s; nothing was applied. Run again when it has finished, or wait longer: --wait 10min`,
  );
}

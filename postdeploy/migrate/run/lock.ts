/**
 * The advisory lock that lets one run at a time work on a ledger.
 *
 * It polls with pg_try_advisory_lock: a session that waits inside the server holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every
 * snapshot, so a waiting run and the run that holds the lock would deadlock.
 */
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import type { Row, Session } from "../../connect/session.ts";
import { type Ledger, type LedgerTable, parseLedger } from "../ledger/ledger.ts";
import { describeHolder, type Holder } from "./progress.ts";

/** The two-key form, so that the lock cannot collide with another application's single-key lock. */
export function lockKey(schema: string): readonly [number, number] {
  return [hashToInt("slipway.migrate"), hashToInt(schema)];
}

interface LockOptions {
  readonly system?: string | undefined;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  onWait(holder: Holder | undefined): void;
}

/** @returns the ledger, read in the message that acquired the lock. */
export async function acquireLock(
  session: Session,
  table: LedgerTable,
  { system, waitMs, signal, onWait }: LockOptions,
): Promise<Ledger | undefined> {
  const [a, b] = lockKey(table.schema);
  const until = Date.now() + waitMs;
  for (let reported = ""; ; ) {
    const { replies, error } = await session.send(`SELECT pg_try_advisory_lock(${a}, ${b}) AS held; ${table.selectSql}`);
    const [lockReply, ledgerReply] = replies;
    if (lockReply === undefined) throw error;
    if (lockReply.rows[0]?.held === "t") return parseLedger(ledgerReply?.rows, error, table, system);
    const holder = await findHolder(session, a, b);
    if (Date.now() >= until) throw lockedFailure(holder, waitMs);
    if (reported !== String(holder?.pid)) onWait(holder);
    reported = String(holder?.pid);
    await sleep(100 + Math.random() * 150, undefined, signal ? { signal } : {}).catch(() => {});
    if (signal?.aborted) throw new Failure("stopped", 1, "Stopped while waiting for another run to end. Nothing was applied.");
  }
}

/** The statement that releases the lock. `wasUnlocked` reads its reply. */
export function unlockSql({ schema }: LedgerTable): string {
  return `SELECT pg_advisory_unlock(${lockKey(schema).join(", ")}) AS unlocked`;
}

/** @returns false if the session did not hold the lock any more, so another run may have worked at the same time. */
export function wasUnlocked([row]: readonly Row[]): boolean {
  return row?.unlocked === "t";
}

async function findHolder(session: Session, a: number, b: number): Promise<Holder | undefined> {
  const { replies } = await session.send(
    `SELECT s.pid, s.application_name, s.usename, date_trunc('second', s.backend_start) AS since, s.state, left(s.query, 80) AS query
     FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = ${a >>> 0} AND l.objid = ${b >>> 0}
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  const row = replies[0]?.rows[0];
  if (row === undefined) return undefined;
  const query = (row.query ?? "").replace(/\s+/g, " ");
  return {
    pid: Number(row.pid),
    application: row.application_name ?? "",
    user: row.usename ?? "",
    since: row.since ?? "",
    doing: row.state === "active" ? `running ${query}` : (row.state ?? ""),
  };
}

function lockedFailure(holder: Holder | undefined, waitMs: number): Failure {
  return new Failure(
    "locked",
    75,
    `Another run holds the migration lock: ${describeHolder(holder)}. Waited ${Math.round(waitMs / 1000)} s; nothing was applied. Run again when it has finished, or wait longer: --wait 10min`,
  );
}

function hashToInt(text: string): number {
  return hash("sha256", text, "buffer").readInt32BE(0);
}

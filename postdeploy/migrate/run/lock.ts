/**
 * One run at a time: an advisory lock of the session, asked for again and again and never waited for.
 *
 * A session that waits inside the server holds a snapshot there, and CREATE INDEX CONCURRENTLY waits for every snapshot: a waiter and a
 * holder would end in a deadlock.
 */
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import type { Row, Session } from "../../connect/session.ts";
import { type Ledger, type LedgerTable, parseLedger } from "../ledger/ledger.ts";
import { describeHolder, type Holder } from "./progress.ts";

/** Two numbers, so that no other application's single number is ever the same. */
export function lockKey(schema: string): readonly [number, number] {
  return [number("slipway.migrate"), number(schema)];
}

export interface LockOptions {
  readonly system?: string | undefined;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  onWait(holder: Holder | undefined): void;
}

/** @returns the ledger as it is once nobody else can write it, read in the same message that took the lock. */
export async function acquireLock(
  session: Session,
  table: LedgerTable,
  { system, waitMs, signal, onWait }: LockOptions,
): Promise<Ledger | undefined> {
  const [a, b] = lockKey(table.schema);
  const until = Date.now() + waitMs;
  for (let told = ""; ; ) {
    const { replies, error } = await session.send(`SELECT pg_try_advisory_lock(${a}, ${b}) AS held; ${table.read}`);
    const [answer, rows] = replies;
    if (answer === undefined) throw error;
    if (answer.rows[0]?.held === "t") return parseLedger(rows?.rows, error, table, system);
    const holder = await findHolder(session, a, b);
    if (Date.now() >= until) throw locked(holder, waitMs);
    if (told !== String(holder?.pid)) onWait(holder);
    told = String(holder?.pid);
    await sleep(100 + Math.random() * 150, undefined, signal ? { signal } : {}).catch(() => {});
    if (signal?.aborted) throw new Failure("stopped", 1, "Stopped while waiting for another run to end. Nothing was applied.");
  }
}

/** Gives it back; the answer is a row for `wasUnlocked`. */
export function unlockSql({ schema }: LedgerTable): string {
  return `SELECT pg_advisory_unlock(${lockKey(schema).join(", ")}) AS given`;
}

/** @returns false when the lock was not there any more: then it protected nothing, and somebody must look. */
export function wasUnlocked([row]: readonly Row[]): boolean {
  return row?.given === "t";
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

function locked(holder: Holder | undefined, waitMs: number): Failure {
  return new Failure(
    "locked",
    75,
    `Another run holds the lock: ${describeHolder(holder)}. Waited ${Math.round(waitMs / 1000)} s; nothing was applied. Try again when it is done, or wait longer: --wait 10min`,
  );
}

/** A signed 32-bit number that depends on the text alone. */
function number(text: string): number {
  return hash("sha256", text, "buffer").readInt32BE(0);
}

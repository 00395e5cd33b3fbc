/**
 * The loop that runs jobs: it retries after lock conflicts and reconnects after a lost connection.
 *
 * After each failure it rolls back and reads the ledger, which decides what was committed, whatever replies arrived.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import type { Session } from "../../connect/session.ts";
import { CONTENTION, isLost, sqlstate } from "../../connect/sqlstate.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { positionAt } from "../read/position.ts";
import { tablesOf } from "../read/statement.ts";
import { toFailure, toSqlFailure } from "../run/errors.ts";
import { findLockHolders } from "../run/monitor.ts";
import type { Runner } from "../run/runner.ts";
import { batches, sendBatch } from "./batch.ts";
import type { CompletedFile, FailedJob, Job } from "./job.ts";
import { applyNonTransactional } from "./nontransactional.ts";

export interface Work {
  readonly kind: "applied" | "reverted";
  /** The jobs that remain according to the ledger. */
  remaining(ledger: Ledger | undefined): readonly Job[];
}

/** Runs all jobs and records the fingerprint of the schema, also after a failure. */
export async function applyAndRecord(runner: Runner, work: Work): Promise<{ completed: readonly CompletedFile[]; fingerprint: string }> {
  const completed: CompletedFile[] = [];
  const record = () => runner.recordFingerprint(completed.at(-1)?.file ?? runner.ledger?.events.at(-1)?.file ?? "");
  try {
    await applyAll(runner, completed, work);
    return { completed, fingerprint: await record() };
  } catch (error) {
    if (completed.length > 0 && !runner.session.lost) await record().catch(() => {});
    throw addCompleted(toFailure(error), work.kind, completed);
  }
}

function addCompleted(error: unknown, kind: Work["kind"], completed: readonly CompletedFile[]): unknown {
  if (!(error instanceof Failure) || completed.length === 0) return error;
  const names = completed.map(({ file }) => file);
  const list = names.length <= 6 ? names.join(", ") : `${names.slice(0, 2).join(", ")} … ${names.at(-1)}`;
  error.message += `\n  ${names.length === 1 ? "1 earlier file was" : `${names.length} earlier files were`} ${kind}: ${list}.`;
  return error;
}

/** @param completed grows during the run, so that the caller has the completed files after an error. */
export async function applyAll(runner: Runner, completed: CompletedFile[], { kind, remaining }: Work): Promise<void> {
  const attempts = new Map<string, number>();
  const finishedNames = new Set<string>();
  let jobs = remaining(runner.ledger);
  const total = jobs.length;
  const finish = ({ file: { name } }: Job, ms?: number) => {
    if (finishedNames.has(name)) return;
    finishedNames.add(name);
    const result: CompletedFile = { file: name, ...(ms === undefined ? {} : { ms }) };
    completed.push(result);
    runner.report({ kind, ...result, nth: completed.length, of: total });
  };
  for (let rest = jobs; rest.length > 0; rest = jobs.filter(({ file }) => !finishedNames.has(file.name))) {
    const failed = rest[0]!.file.header.transaction
      ? await applyBatches(runner, rest, finish)
      : await applyNonTransactional(runner, rest[0]!, finish);
    if (failed === undefined) continue;
    await recover(runner, failed, attempts);
    const before = jobs;
    jobs = remaining(runner.ledger);
    // The server crashed before a reported commit was on disk: the file counts as never run.
    for (const { file } of jobs) {
      if (!finishedNames.delete(file.name)) continue;
      completed.splice(
        completed.findIndex((one) => one.file === file.name),
        1,
      );
    }
    // Committed, but the reply of the server was lost.
    for (const job of before) if (!finishedNames.has(job.file.name) && !jobs.some(({ file }) => file.name === job.file.name)) finish(job);
  }
}

/** Runs all jobs before the first non-transactional one. */
async function applyBatches(runner: Runner, jobs: readonly Job[], finish: (job: Job, ms?: number) => void): Promise<FailedJob | undefined> {
  const end = jobs.findIndex(({ file }) => !file.header.transaction);
  for (const batch of batches(end === -1 ? jobs : jobs.slice(0, end))) {
    const start = performance.now();
    const { result, blockers } = await runner.monitored(
      batch[0]!.file.name,
      (session) =>
        sendBatch(session, batch, runner.table, {
          onCommit: (job) => finish(job, batch.length === 1 ? performance.now() - start : undefined),
          onNotice(job, statement, notice) {
            const line = statement === undefined ? {} : { line: positionAt(job.file.text, statement.start).line };
            runner.report({ kind: "notice", file: job.file.name, ...line, notice });
          },
        }),
      { onCheck: (connection) => finishCommitted(runner, connection, batch, finish) },
    );
    if (result) return { ...result, blockers };
  }
  return undefined;
}

/** The server buffers its replies until the message ends, so the monitor reads the commits from the ledger. */
async function finishCommitted(runner: Runner, connection: Session, batch: readonly Job[], finish: (job: Job) => void): Promise<void> {
  const since = runner.ledger?.events.at(-1)?.id ?? 0;
  const events = await connection.query<{ kind: string; file: string }>(
    `SELECT kind, file FROM ${runner.table.schema}.events WHERE id > $1`,
    [since],
  );
  for (const job of batch) if (events.some(({ kind, file }) => kind === job.event.kind && file === job.event.file)) finish(job);
}

/** Returns with the current ledger if the job is to be attempted again. @throws otherwise. */
async function recover(
  runner: Runner,
  { job, error, source, statement, blockers }: FailedJob,
  attempts: Map<string, number>,
): Promise<void> {
  const name = job.file.name;
  const state = sqlstate(error) ?? "";
  const maxAttempts = runner.options.attempts ?? 5;
  const attempt = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, attempt);
  const stopped = runner.options.signal?.aborted === true;

  if (isLost(error) || runner.session.lost) {
    if (stopped || attempt >= maxAttempts)
      throw outcomeUnknown(name, stopped ? "the run was stopped" : `the connection was lost ${attempt} times during this file`, error);
    try {
      await runner.recover(error);
    } catch (cause) {
      if (cause instanceof Failure && cause.exit === 3) throw cause;
      throw outcomeUnknown(name, (cause as Error).message, error);
    }
    return;
  }

  await runner.rollback();
  if (stopped)
    throw new Failure(
      "stopped",
      1,
      `Stopped on request while ${name} ran. ${source.remainder ?? "It was rolled back completely."} Run again to continue.`,
      { cause: error },
    );

  const holders =
    CONTENTION.has(state) && blockers.length === 0 && statement
      ? await findLockHolders(runner.session, tablesOf(statement.node))
      : blockers;
  if (CONTENTION.has(state) && attempt < maxAttempts) {
    const inMs = Math.round(Math.min(8000, 250 * 2 ** attempt) * (0.5 + Math.random() / 2));
    if (holders.length > 0) runner.report({ kind: "blocked", file: name, by: holders });
    runner.report({ kind: "retry", file: name, attempt: attempt + 1, of: maxAttempts, inMs, why: error.message });
    const { signal } = runner.options;
    await sleep(inMs, undefined, signal ? { signal } : {}).catch(() => {});
    runner.checkStopped();
    await runner.readLedger();
    return;
  }
  throw toSqlFailure(error, source, { blockers: holders, ...(state === "57014" ? { hint: cancelHint(runner, job, error) } : {}) });
}

function cancelHint(runner: Runner, { file }: Job, { message }: Error): string {
  const ms = file.header.statementTimeoutMs;
  if (ms) return `The statement exceeded the timeout of the file (${ms} ms). Raise it: -- slipway: statement-timeout 30min`;
  if (/timeout/.test(message)) return "The statement exceeded a timeout that the file itself set.";
  return `Another session cancelled the statement (pg_cancel_backend, pid ${runner.session.pid}).`;
}

function outcomeUnknown(file: string, reason: string, cause: Error): Failure {
  return new Failure(
    "outcome-unknown",
    3,
    `The connection was lost while ${file} ran (${cause.message}), and slipway could not find out whether it was committed: ${reason}. Run again: slipway then reads it from the ledger.`,
    { cause },
  );
}

/**
 * The loop that applies: as many files as a message holds, again where somebody was in the way, and on from the ledger where the line broke.
 *
 * After every failure the transaction is rolled back and the ledger is read: what it says is what happened, whatever we saw last.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import type { Session } from "../../connect/session.ts";
import { CONTENTION, isLost, sqlstate } from "../../connect/sqlstate.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { positionAt } from "../read/position.ts";
import { tablesOf } from "../read/statement.ts";
import { toFailure, toSqlFailure } from "../run/errors.ts";
import { holdersOf } from "../run/monitor.ts";
import type { Runner } from "../run/runner.ts";
import { batches, sendBatch } from "./batch.ts";
import type { Done, Failed, Job } from "./job.ts";
import { applyNonTransactional } from "./nontransactional.ts";

export interface Work {
  readonly kind: "applied" | "reverted";
  /** What is still to do, by what the ledger says now. */
  todo(ledger: Ledger | undefined): readonly Job[];
}

/** Does the work, and writes down what the schema looks like afterwards, also where the work stopped half way. */
export async function applyAndRecord(runner: Runner, work: Work): Promise<{ done: readonly Done[]; fingerprint: string }> {
  const done: Done[] = [];
  const measure = () => runner.measure(done.at(-1)?.file ?? runner.ledger?.events.at(-1)?.file ?? "");
  try {
    await applyAll(runner, done, work);
    return { done, fingerprint: await measure() };
  } catch (error) {
    if (done.length > 0 && !runner.session.lost) await measure().catch(() => {});
    throw withProgress(toFailure(error), work.kind, done);
  }
}

/** What had been done before a failure is part of what a person must know. */
function withProgress(error: unknown, kind: Work["kind"], done: readonly Done[]): unknown {
  if (!(error instanceof Failure) || done.length === 0) return error;
  error.message += `\n  ${done.length} ${done.length === 1 ? "file was" : "files were"} ${kind} before it: ${names(done)}.`;
  return error;
}

function names(done: readonly Done[]): string {
  const all = done.map(({ file }) => file);
  return all.length <= 6 ? all.join(", ") : `${all.slice(0, 2).join(", ")} … ${all.at(-1)}`;
}

/** @param done grows while it works, so that a caller knows how far it came when this throws. */
export async function applyAll(runner: Runner, done: Done[], { kind, todo }: Work): Promise<void> {
  const attempts = new Map<string, number>();
  const over = new Set<string>();
  let jobs = todo(runner.ledger);
  const total = jobs.length;
  const finished = (job: Job, ms?: number) => {
    if (over.has(job.file.name)) return;
    over.add(job.file.name);
    done.push({ file: job.file.name, ...(ms === undefined ? {} : { ms }) });
    runner.tell({ kind, file: job.file.name, ...(ms === undefined ? {} : { ms }), nth: done.length, of: total });
  };
  for (let rest = jobs; rest.length > 0; rest = jobs.filter(({ file }) => !over.has(file.name))) {
    const failed = rest[0]!.file.header.transaction
      ? await inTransactions(runner, rest, finished)
      : await outside(runner, rest[0]!, finished);
    if (failed === undefined) continue;
    await comeBack(runner, failed, attempts);
    const before = jobs;
    jobs = todo(runner.ledger);
    // Committed by a server that died before it was on disk: it is as if it had never run.
    for (const { file } of jobs) {
      if (!over.delete(file.name)) continue;
      done.splice(
        done.findIndex((one) => one.file === file.name),
        1,
      );
    }
    // Committed, though the server's word of it never arrived.
    for (const job of before) if (!over.has(job.file.name) && !jobs.some(({ file }) => file.name === job.file.name)) finished(job);
  }
}

/** All jobs up to the first that runs outside a transaction. */
async function inTransactions(
  runner: Runner,
  jobs: readonly Job[],
  finished: (job: Job, ms?: number) => void,
): Promise<Failed | undefined> {
  const end = jobs.findIndex(({ file }) => !file.header.transaction);
  for (const batch of batches(end === -1 ? jobs : jobs.slice(0, end))) {
    const since = performance.now();
    const { result, blockers } = await runner.watched(
      batch[0]!.file.name,
      (session) =>
        sendBatch(session, batch, runner.table, {
          committed: (job) => finished(job, batch.length === 1 ? performance.now() - since : undefined),
          notice(job, statement, notice) {
            const line = statement === undefined ? {} : { line: positionAt(job.file.text, statement.start).line };
            runner.tell({ kind: "notice", file: job.file.name, ...line, notice });
          },
        }),
      { peek: (eyes) => tellCommitted(runner, eyes, batch, finished) },
    );
    if (result) return { ...result, blockers };
  }
  return undefined;
}

/** The server keeps its replies until the message is done; what is committed so far stands in the ledger for everybody. */
async function tellCommitted(runner: Runner, eyes: Session, batch: readonly Job[], finished: (job: Job) => void): Promise<void> {
  const since = runner.ledger?.events.at(-1)?.id ?? 0;
  const events = await eyes.query<{ kind: string; file: string }>(`SELECT kind, file FROM ${runner.table.schema}.events WHERE id > $1`, [
    since,
  ]);
  for (const job of batch) if (events.some(({ kind, file }) => kind === job.event.kind && file === job.event.file)) finished(job);
}

async function outside(runner: Runner, job: Job, finished: (job: Job, ms: number) => void): Promise<Failed | undefined> {
  const since = performance.now();
  const failed = await applyNonTransactional(runner, job);
  if (failed === undefined) finished(job, performance.now() - since);
  return failed;
}

/** Decides what a failure means: try again (and returns, with the ledger read anew), or stop (and throws). */
async function comeBack(runner: Runner, { job, error, source, statement, blockers }: Failed, attempts: Map<string, number>): Promise<void> {
  const name = job.file.name;
  const state = sqlstate(error);
  const most = runner.options.attempts ?? 5;
  const tried = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, tried);
  const stopped = runner.options.signal?.aborted === true;

  if (isLost(error) || runner.session.lost) {
    if (stopped || tried >= most)
      throw unknown(name, stopped ? "the run was told to stop" : `the connection broke ${tried} times at this file`, error);
    try {
      await runner.recover(error);
    } catch (cause) {
      if (cause instanceof Failure && cause.exit === 3) throw cause;
      throw unknown(name, (cause as Error).message, error);
    }
    return;
  }

  await runner.rollback();
  if (stopped)
    throw new Failure(
      "stopped",
      1,
      `Stopped, as asked, while ${name} ran. ${source.left ?? "It was rolled back; nothing of it is left."} Run again to go on from there.`,
      { cause: error },
    );

  const inTheWay =
    CONTENTION.has(state ?? "") && blockers.length === 0 && statement
      ? await holdersOf(runner.session, tablesOf(statement.node))
      : blockers;
  if (CONTENTION.has(state ?? "") && tried < most) {
    const inMs = Math.round(Math.min(8000, 250 * 2 ** tried) * (0.5 + Math.random() / 2));
    if (inTheWay.length > 0) runner.tell({ kind: "blocked", file: name, by: inTheWay });
    runner.tell({ kind: "retry", file: name, attempt: tried + 1, of: most, inMs, why: error.message });
    const { signal } = runner.options;
    await sleep(inMs, undefined, signal ? { signal } : {}).catch(() => {});
    runner.checkStopped();
    await runner.readLedger();
    return;
  }
  throw toSqlFailure(error, source, { blockers: inTheWay, ...(state === "57014" ? { hint: cancelled(runner, job, error) } : {}) });
}

function cancelled(runner: Runner, { file }: Job, { message }: Error): string {
  const ms = file.header.statementTimeoutMs;
  if (ms) return `The statement took longer than the file allows (${ms} ms). Give it more: -- slipway: statement-timeout 30min`;
  if (/timeout/.test(message)) return "A timeout that the file itself set ran out.";
  return `Somebody cancelled it on the server (pg_cancel_backend, pid ${runner.session.pid}).`;
}

function unknown(file: string, why: string, cause: Error): Failure {
  return new Failure(
    "outcome-unknown",
    3,
    `The connection was lost while ${file} ran (${cause.message}), and what the server made of it could not be asked: ${why}. Run again: the ledger knows.`,
    { cause },
  );
}

/**
 * Runs the statements of a file one at a time, because one of them cannot run inside a transaction.
 *
 * Each statement that can run inside a transaction gets one, together with its ledger entry. The other statements get a ledger entry before and after
 * them. If a run is interrupted between the two, the next run looks for the result of the statement before it repeats it.
 */
import { quoteWord } from "../../../catalog/shell.ts";
import { Failure } from "../../connect/failure.ts";
import type { Session } from "../../connect/session.ts";
import { type DatabaseError, isLost } from "../../connect/sqlstate.ts";
import { foldEvents, type StatementProgress } from "../ledger/history.ts";
import type { NewEvent } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import { indexOfCharacter, positionAt } from "../read/position.ts";
import { concurrentIndexOf, fieldsOf, isConcurrent, kindOf, mayCommit, needsNoTransaction } from "../read/statement.ts";
import { meaningChecksum } from "../read/text.ts";
import type { Runner } from "../run/runner.ts";
import { findIndex } from "../schema/indexes.ts";
import { DISCARD_SESSION_STATE, RESET_SETTINGS } from "./batch.ts";
import type { FailedJob, Job } from "./job.ts";
import { checkOutcome, dropBrokenIndexes } from "./outcome.ts";

/** The file that a session is running. */
const currentFile = new WeakMap<Session, string>();

export async function applyNonTransactional(
  runner: Runner,
  job: Job,
  finish: (job: Job, ms: number) => void,
): Promise<FailedJob | undefined> {
  const start = performance.now();
  const { file, statements, event } = job;
  const progress = foldEvents(runner.ledger?.events ?? []).get(file.name)?.progress;
  if (progress) rejectEdited(job, progress);
  // After a lock timeout the file continues in the same session, with the temporary tables of its earlier statements.
  const continues = progress !== undefined && progress.done > 0 && currentFile.get(runner.session) === file.name;
  if (!continues) await runner.session.send(DISCARD_SESSION_STATE);
  currentFile.set(runner.session, file.name);
  if (statements.length === 0) await record(runner, event);
  for (let index = progress?.done ?? 0; index < statements.length; index++) {
    const step = stepOf(job, index);
    runner.report({ kind: "statement", file: file.name, statement: index + 1, statements: statements.length, text: step.statement.text });
    try {
      const failed = runsAlone(step.statement) ? await runAlone(runner, step, progress) : await runInTransaction(runner, step);
      if (failed) return failed;
    } catch (error) {
      if (error instanceof Failure) throw error;
      return failedJob(step, error as DatabaseError);
    }
  }
  finish(job, performance.now() - start);
  return undefined;
}

interface Step {
  readonly job: Job;
  readonly statement: Statement;
  /** From 1. */
  readonly nth: number;
  readonly started: NewEvent;
  readonly failed: NewEvent;
  /** The SET statements before this one, to repeat them in a run that resumes the file. */
  readonly settings: string;
  /** The event after success: of the statement, or after the last statement of the file. */
  readonly done: NewEvent;
}

function stepOf(job: Job, index: number): Step {
  const { file, statements, event } = job;
  const statement = statements[index]!;
  const { kind: _, ...rest } = event;
  // The checksum of the file up to this statement: later statements may still be edited.
  const common = {
    ...rest,
    file: file.name,
    statement: index + 1,
    statements: statements.length,
    meaning: meaningChecksum(file.text.slice(0, statement.end)),
  };
  const last = index === statements.length - 1;
  return {
    job,
    statement,
    nth: index + 1,
    started: { ...common, kind: "started" },
    failed: { ...common, kind: "failed" },
    settings: settingsIn(statements.slice(0, index)),
    done: last ? event : { ...common, kind: "done" },
  };
}

const TRANSACTION_SETTINGS = /^(transaction|transaction_(isolation|read_only|deferrable))$/i;

function settingsIn(statements: readonly Statement[]): string {
  return statements
    .filter(
      ({ node }) =>
        kindOf(node) === "VariableSetStmt" && !fieldsOf(node).is_local && !TRANSACTION_SETTINGS.test(String(fieldsOf(node).name)),
    )
    .map(({ text }) => `${text}\n;`)
    .join(" ");
}

function runsAlone({ node }: Statement): boolean {
  return needsNoTransaction(node) !== undefined || mayCommit(node);
}

/** Runs the statement and its ledger entry in one transaction. */
function runInTransaction(runner: Runner, step: Step): Promise<FailedJob | undefined> {
  return send(
    runner,
    step,
    `BEGIN; ${timeouts(step.job, "SET LOCAL")} ${step.settings}`,
    `;${RESET_SETTINGS} ${runner.table.insertSql(step.done)} COMMIT`,
  );
}

async function runAlone(runner: Runner, step: Step, progress: StatementProgress | undefined): Promise<FailedJob | undefined> {
  const { statement, settings } = step;
  // The search path of the file applies to the lookup of an index.
  if (settings !== "") await runner.session.send(settings);
  if (progress !== undefined && progress.started >= step.nth) {
    const outcome = progress.startedMeaning === step.started.meaning ? await checkOutcome(runner.session, statement.node) : "unknown";
    if (outcome === "unknown") throw outcomeUnknown(step);
    if (outcome === "applied") return await record(runner, step.done);
  } else {
    const index = concurrentIndexOf(statement.node);
    const found = index && (await findIndex(runner.session, index));
    if (found && !found.valid) throw invalidIndex(step, index);
  }
  await record(runner, step.started, `${timeouts(step.job, "SET", isConcurrent(statement.node))} ${settings}`);
  const failed = await send(runner, step, "", "");
  if (failed === undefined) return await record(runner, step.done);
  if (isLost(failed.error) || runner.session.lost) return failed;
  await dropBrokenIndexes(runner.session, statement.node);
  await record(runner, step.failed);
  return failed;
}

/** Writes a ledger entry in a separate transaction. */
async function record(runner: Runner, event: NewEvent, then = ""): Promise<undefined> {
  const { error } = await runner.session.send(`${RESET_SETTINGS} ${runner.table.insertSql(event)} ${then}`);
  if (error) throw error;
}

function timeouts({ file }: Job, set: "SET" | "SET LOCAL", concurrent = false): string {
  const { statementTimeoutMs, lockTimeoutMs } = file.header;
  const lock = lockTimeoutMs ?? (concurrent ? 0 : undefined);
  return `${statementTimeoutMs === undefined ? "" : `${set} statement_timeout = ${statementTimeoutMs};`} ${lock === undefined ? "" : `${set} lock_timeout = ${lock};`}`;
}

async function send(runner: Runner, step: Step, before: string, after: string): Promise<FailedJob | undefined> {
  const { job, statement } = step;
  const { line } = positionAt(job.file.text, statement.start);
  const script = `${before}${statement.text}\n${after}`;
  const { result, blockers } = await runner.monitored(
    job.file.name,
    (session) => session.send(script, { notice: (_, notice) => runner.report({ kind: "notice", file: job.file.name, line, notice }) }),
    isConcurrent(statement.node) ? { maxWaitMs: 0 } : {},
  );
  if (result.error === undefined) return undefined;
  const error = result.error as DatabaseError;
  const at = error.position === undefined ? 0 : indexOfCharacter(script, Number(error.position) - 1) - before.length;
  return { ...failedJob(step, error, at >= 0 && at <= statement.text.length ? at : 0), blockers };
}

function failedJob({ job, statement, nth }: Step, error: DatabaseError, at = 0): FailedJob {
  const { name } = job.file;
  const applied =
    nth === 2 ? `Statement 1 of ${name} was applied and stays.` : `Statements 1 to ${nth - 1} of ${name} were applied and stay.`;
  const remainder =
    nth === 1
      ? `No statement of ${name} was applied.`
      : `${applied} Fix statement ${nth} in the file and run again to continue from there.`;
  return { job, error, statement, source: { file: job.file.name, text: job.file.text, at: statement.start + at, remainder }, blockers: [] };
}

function rejectEdited({ file, statements }: Job, progress: StatementProgress): void {
  const { done, doneMeaning } = progress;
  if (done === 0 || (statements.length >= done && meaningChecksum(file.text.slice(0, statements[done - 1]!.end)) === doneMeaning)) return;
  throw new Failure(
    "edited",
    2,
    `${file.name} stopped after statement ${done}, and the statements up to there were changed since. Restore statements 1 to ${done}; later ones may be changed. Or accept the file as applied: slipway migrate repair --accept ${quoteWord(file.name)} --reason "…"`,
  );
}

function invalidIndex({ job, statement }: Step, { name, table }: { name: string; table: { name: string } }): Failure {
  return new Failure(
    "invalid-index",
    1,
    `${job.file.name}:${positionAt(job.file.text, statement.start).line}: index ${name} on ${table.name} already exists and is invalid. IF NOT EXISTS would skip it and leave the table without a usable index.
  Drop it and run again: DROP INDEX CONCURRENTLY ${name};`,
  );
}

function outcomeUnknown({ job: { file }, statement, nth }: Step): Failure {
  return new Failure(
    "outcome-unknown",
    3,
    `${file.name}:${positionAt(file.text, statement.start).line}: the previous run ended while statement ${nth} ran, and slipway cannot find out whether it took effect:
    ${statement.text.split("\n")[0]}
  Check the database. If it took effect: slipway migrate repair --happened ${quoteWord(`${file.name}:${nth}`)} --reason "…"
  If not: slipway migrate repair --again ${quoteWord(`${file.name}:${nth}`)} --reason "…"`,
  );
}

/**
 * A file whose statements run one at a time, because one of them cannot run inside a transaction.
 *
 * Each statement that can have a transaction gets one, with its ledger row in it. For the others the ledger is told before and after; when a
 * run dies in between, the next one looks at what the statement was to make, and never runs blindly again what may have happened already.
 */
import { Failure } from "../../connect/failure.ts";
import type { Session } from "../../connect/session.ts";
import { type DatabaseError, isLost } from "../../connect/sqlstate.ts";
import { foldEvents, type LedgerEntry } from "../ledger/history.ts";
import type { NewEvent } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import { indexOfCharacter, positionAt } from "../read/position.ts";
import { concurrentIndexOf, fieldsOf, isConcurrent, kindOf, mayCommit, needsNoTransaction } from "../read/statement.ts";
import { meaningChecksum } from "../read/text.ts";
import type { Runner } from "../run/runner.ts";
import { findIndex } from "../schema/indexes.ts";
import { DISCARD_SESSION_STATE, RESET_SETTINGS } from "./batch.ts";
import type { Failed, Job } from "./job.ts";
import { checkOutcome, clean } from "./outcome.ts";

type Progress = NonNullable<LedgerEntry["progress"]>;

/** Which file a session is in the midst of. */
const within = new WeakMap<Session, string>();

export async function applyNonTransactional(runner: Runner, job: Job): Promise<Failed | undefined> {
  const { file, statements, event } = job;
  const progress = foldEvents(runner.ledger?.events ?? []).get(file.name)?.progress;
  if (progress) refuseEdited(job, progress);
  // After a wait for a lock the file goes on where its own first statements left what the later ones may need.
  const goesOn = progress !== undefined && progress.done > 0 && within.get(runner.session) === file.name;
  if (!goesOn) await runner.session.send(DISCARD_SESSION_STATE);
  within.set(runner.session, file.name);
  if (statements.length === 0) await write(runner, event);
  for (let index = progress?.done ?? 0; index < statements.length; index++) {
    const step = stepOf(job, index);
    runner.tell({ kind: "statement", file: file.name, statement: index + 1, statements: statements.length, text: step.statement.text });
    try {
      const failed = standsAlone(step.statement) ? await alone(runner, step, progress) : await together(runner, step);
      if (failed) return failed;
    } catch (error) {
      if (error instanceof Failure) throw error;
      return failedAt(step, error as DatabaseError);
    }
  }
  return undefined;
}

interface Step {
  readonly job: Job;
  readonly statement: Statement;
  /** From 1. */
  readonly nth: number;
  readonly started: NewEvent;
  readonly failed: NewEvent;
  /** What the file set before: a statement finds it, also in a run that goes on after another one's end. */
  readonly settings: string;
  /** What the ledger says once it is done: of the statement, or, after the last one, of the file. */
  readonly done: NewEvent;
}

function stepOf(job: Job, index: number): Step {
  const { file, statements, event } = job;
  const statement = statements[index]!;
  const { kind: _, ...rest } = event;
  // The meaning of the file so far: what is done must not be edited, what is still to come may be.
  const said = {
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
    started: { ...said, kind: "started" },
    failed: { ...said, kind: "failed" },
    settings: settingsIn(statements.slice(0, index)),
    done: last ? event : { ...said, kind: "done" },
  };
}

const OF_ONE_TRANSACTION = /^(transaction|transaction_(isolation|read_only|deferrable))$/i;

function settingsIn(statements: readonly Statement[]): string {
  return statements
    .filter(
      ({ node }) => kindOf(node) === "VariableSetStmt" && !fieldsOf(node).is_local && !OF_ONE_TRANSACTION.test(String(fieldsOf(node).name)),
    )
    .map(({ text }) => `${text}\n;`)
    .join(" ");
}

function standsAlone({ node }: Statement): boolean {
  return needsNoTransaction(node) !== undefined || mayCommit(node);
}

/** The statement and its ledger row, in a transaction. */
function together(runner: Runner, step: Step): Promise<Failed | undefined> {
  return send(
    runner,
    step,
    `BEGIN; ${timeouts(step.job, "SET LOCAL")} ${step.settings}`,
    `;${RESET_SETTINGS} ${runner.table.write(step.done)} COMMIT`,
  );
}

async function alone(runner: Runner, step: Step, progress: Progress | undefined): Promise<Failed | undefined> {
  const { statement, settings } = step;
  // An index is looked for where the file's own search path leads.
  if (settings !== "") await runner.session.send(settings);
  if (progress !== undefined && progress.started >= step.nth) {
    const came = progress.startedMeaning === step.started.meaning ? await checkOutcome(runner.session, statement.node) : "unknown";
    if (came === "unknown") throw mustBeDecided(step);
    if (came === "happened") return await write(runner, step.done);
  } else {
    const index = concurrentIndexOf(statement.node);
    const found = index && (await findIndex(runner.session, index));
    if (found && !found.valid) throw foreignIndex(step, index);
  }
  await write(runner, step.started, `${timeouts(step.job, "SET", isConcurrent(statement.node))} ${settings}`);
  const failed = await send(runner, step, "", "");
  if (failed === undefined) return await write(runner, step.done);
  if (isLost(failed.error) || runner.session.lost) return failed;
  await clean(runner.session, statement.node);
  await write(runner, step.failed);
  return failed;
}

/** A ledger row in a transaction of its own. */
async function write(runner: Runner, event: NewEvent, then = ""): Promise<undefined> {
  const { error } = await runner.session.send(`${RESET_SETTINGS} ${runner.table.write(event)} ${then}`);
  if (error) throw error;
}

function timeouts({ file }: Job, set: "SET" | "SET LOCAL", concurrent = false): string {
  const { statementTimeoutMs, lockTimeoutMs } = file.header;
  const lock = lockTimeoutMs ?? (concurrent ? 0 : undefined);
  return `${statementTimeoutMs === undefined ? "" : `${set} statement_timeout = ${statementTimeoutMs};`} ${lock === undefined ? "" : `${set} lock_timeout = ${lock};`}`;
}

async function send(runner: Runner, step: Step, before: string, after: string): Promise<Failed | undefined> {
  const { job, statement } = step;
  const { line } = positionAt(job.file.text, statement.start);
  const script = `${before}${statement.text}\n${after}`;
  const { result, blockers } = await runner.watched(
    job.file.name,
    (session) => session.send(script, { notice: (_, notice) => runner.tell({ kind: "notice", file: job.file.name, line, notice }) }),
    isConcurrent(statement.node) ? { longest: 0 } : {},
  );
  if (result.error === undefined) return undefined;
  const error = result.error as DatabaseError;
  const at = error.position === undefined ? 0 : indexOfCharacter(script, Number(error.position) - 1) - before.length;
  return { ...failedAt(step, error, at >= 0 && at <= statement.text.length ? at : 0), blockers };
}

function failedAt({ job, statement, nth }: Step, error: DatabaseError, at = 0): Failed {
  const { name } = job.file;
  const stays = nth === 2 ? `Statement 1 of ${name} is done and stays.` : `Statements 1 to ${nth - 1} of ${name} are done and stay.`;
  const left =
    nth === 1 ? `Nothing of ${name} was done.` : `${stays} Mend statement ${nth} in the file and run again: it goes on from there.`;
  return { job, error, statement, source: { file: job.file.name, text: job.file.text, at: statement.start + at, left }, blockers: [] };
}

function refuseEdited({ file, statements }: Job, progress: Progress): void {
  const { done, doneMeaning } = progress;
  if (done === 0 || (statements.length >= done && meaningChecksum(file.text.slice(0, statements[done - 1]!.end)) === doneMeaning)) return;
  throw new Failure(
    "edited",
    2,
    `${file.name} stopped after statement ${done}, and what was done up to there has been changed since. Put statements 1 to ${done} back as they were; the ones after may be mended. Or accept the file as done: slipway migrate repair --accept ${file.name} --reason "…"`,
  );
}

function foreignIndex({ job, statement }: Step, { name, table }: { name: string; table: { name: string } }): Failure {
  return new Failure(
    "invalid-index",
    1,
    `${job.file.name}:${positionAt(job.file.text, statement.start).line}: there is an index ${name} on ${table.name} that does not work (invalid), and slipway did not make it. IF NOT EXISTS would skip over it and leave the table without one.
  Remove it: DROP INDEX CONCURRENTLY ${name}; then run again.`,
  );
}

function mustBeDecided({ job: { file }, statement, nth }: Step): Failure {
  return new Failure(
    "outcome-unknown",
    3,
    `${file.name}:${positionAt(file.text, statement.start).line}: the run before this one ended while statement ${nth} ran, and nobody can tell whether it took effect:
    ${statement.text.split("\n")[0]}
  Look, then say so: slipway migrate repair --happened ${file.name}:${nth} --reason "…" (or --again ${file.name}:${nth})`,
  );
}

/**
 * Several files in one message, each in its own transaction with its ledger row.
 *
 * Over a network the number of messages decides how long a run takes; with one for many files 200 of them cost five round trips instead of
 * a thousand. The server answers statement by statement, so the place of a failure is known; what stood before it is committed, what comes
 * after it is never run.
 */
import type { Listener, Notice, Reply, Session } from "../../connect/session.ts";
import type { DatabaseError } from "../../connect/sqlstate.ts";
import type { LedgerTable } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import { indexOfCharacter } from "../read/position.ts";
import type { Failed, Job } from "./job.ts";

/** More would only make a longer message to lose; at this size a round trip is already nothing beside the work. */
const MOST_FILES = 200;
const MOST_CHARACTERS = 1024 * 1024;

/** Cuts the jobs into messages; a file larger than the limit goes alone. */
export function* batches(jobs: readonly Job[]): Generator<readonly Job[]> {
  let batch: Job[] = [];
  let size = 0;
  for (const job of jobs) {
    const { length } = job.file.text;
    if (batch.length > 0 && (batch.length === MOST_FILES || size + length > MOST_CHARACTERS)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(job);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

/** Whatever a file set, neither its ledger row nor the next file is to know of it: settings go back to those of the connection's start. */
export const RESET_SETTINGS = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL;";

/**
 * What outlives a transaction: cursors, prepared statements, and temporary tables, one of which would stand in front of the real one of that
 * name. It is sent before a file, not after it, because a file that is rolled back and tried again left such things too.
 */
export const DISCARD_SESSION_STATE = "CLOSE ALL; DEALLOCATE ALL; DISCARD TEMP;";

/**
 * Only the last commit of a message waits for the disk. The log has one order, so with it all before it are there; and should the server die
 * in between, it comes back as it was after one of the files, with the ledger that says which.
 */
const ASYNC_COMMIT = "SET LOCAL synchronous_commit = off;";

interface Step {
  readonly job: number;
  /** Which of the file's statements; undefined for what stands around them. */
  readonly statement?: number;
  readonly commit?: true;
}

export interface Message {
  readonly text: string;
  /** What each reply of the server is about, in order. */
  readonly steps: readonly Step[];
  /** Where each file's text begins in the message. */
  readonly starts: readonly number[];
}

export function message(jobs: readonly Job[], table: LedgerTable): Message {
  const parts: string[] = [];
  const steps: Step[] = [];
  const starts: number[] = [];
  let length = 0;
  const add = (part: string) => {
    parts.push(part);
    length += part.length;
  };
  jobs.forEach(({ file, statements, event }, job) => {
    const { statementTimeoutMs, lockTimeoutMs } = file.header;
    const around = (sql: string, count = 1) => {
      add(sql);
      for (let n = 0; n < count; n++) steps.push({ job });
    };
    around(`BEGIN; ${DISCARD_SESSION_STATE}`, 4);
    if (statementTimeoutMs !== undefined) around(`SET LOCAL statement_timeout = ${statementTimeoutMs};`);
    if (lockTimeoutMs !== undefined) around(`SET LOCAL lock_timeout = ${lockTimeoutMs};`);
    starts.push(length);
    add(file.text);
    statements.forEach((_, statement) => {
      steps.push({ job, statement });
    });
    // A file may end in a comment without a line end; without the line feed that comment would swallow the ledger row and the COMMIT.
    around(`\n;${RESET_SETTINGS} ${table.write(event)}`, 4);
    if (job < jobs.length - 1) around(ASYNC_COMMIT);
    add("COMMIT;\n");
    steps.push({ job, commit: true });
  });
  return { text: parts.join(""), steps, starts };
}

export interface BatchListener {
  committed(job: Job): void;
  notice(job: Job, statement: Statement | undefined, notice: Notice): void;
}

export async function sendBatch(
  session: Session,
  jobs: readonly Job[],
  table: LedgerTable,
  tell: BatchListener,
): Promise<Failed | undefined> {
  const sent = message(jobs, table);
  let committed = 0;
  const listener: Listener = {
    reply(index: number, reply: Reply) {
      // COMMIT of a transaction that had failed answers ROLLBACK.
      if (sent.steps[index]?.commit && reply.tag === "COMMIT") {
        committed++;
        tell.committed(jobs[sent.steps[index].job]!);
      }
    },
    notice(index: number, notice: Notice) {
      const step = sent.steps[index];
      if (step) tell.notice(jobs[step.job]!, statementOf(jobs, step), notice);
    },
  };
  const { replies, error } = await session.send(sent.text, listener);
  if (error === undefined && committed === jobs.length) return undefined;
  const step = sent.steps[replies.length] ?? { job: jobs.length - 1 };
  const job = jobs[step.job]!;
  const statement = statementOf(jobs, step);
  const failure = (error ??
    new Error(`The server answered ${replies.length} of ${sent.steps.length} statements and reported no error`)) as DatabaseError;
  const at = placeOf(failure, sent, step, job) ?? statement?.start;
  return { job, error: failure, source: { file: job.file.name, text: job.file.text, at }, statement, blockers: [] };
}

function statementOf(jobs: readonly Job[], { job, statement }: Step): Statement | undefined {
  return statement === undefined ? undefined : jobs[job]!.statements[statement];
}

/** The server counts characters of the whole message. */
function placeOf(error: DatabaseError, { text, starts }: Message, { job }: Step, { file }: Job): number | undefined {
  if (error.position === undefined) return undefined;
  const start = starts[job]!;
  const at = indexOfCharacter(text, Number(error.position) - 1) - start;
  return at >= 0 && at <= file.text.length ? at : undefined;
}

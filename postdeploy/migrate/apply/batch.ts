/**
 * Sends several files in one message, each in its own transaction with its ledger entry.
 *
 * Over a network, round trips dominate the duration of a run: 200 files take five round trips instead of a thousand. The server replies to each
 * statement, so the position of an error is known. Files before it are committed, files after it do not run.
 */
import type { Listener, Notice, Reply, Session } from "../../connect/session.ts";
import type { DatabaseError } from "../../connect/sqlstate.ts";
import type { LedgerTable } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import { indexOfCharacter } from "../read/position.ts";
import type { FailedJob, Job } from "./job.ts";

/** At this size the round trip no longer matters, and a lost connection repeats at most one message. */
const MAX_FILES = 200;
const MAX_CHARACTERS = 1024 * 1024;

/** Groups the jobs into messages. A file above the size limit gets its own. */
export function* batches(jobs: readonly Job[]): Generator<readonly Job[]> {
  let batch: Job[] = [];
  let size = 0;
  for (const job of jobs) {
    const { length } = job.file.text;
    if (batch.length > 0 && (batch.length === MAX_FILES || size + length > MAX_CHARACTERS)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(job);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

/** Resets the settings of a file before its ledger entry is written and before the next file runs. */
export const RESET_SETTINGS = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL;";

/**
 * Discards what survives a transaction: cursors, prepared statements and temporary tables, which would hide tables of the same name. Sent before each
 * file, because a file that is rolled back and retried leaves them too.
 */
export const DISCARD_SESSION_STATE = "CLOSE ALL; DEALLOCATE ALL; DISCARD TEMP;";

/**
 * Only the last commit of a message waits for the disk. The WAL is sequential, so the last commit makes the earlier ones durable. After a crash the
 * ledger shows which files were committed.
 */
const ASYNC_COMMIT = "SET LOCAL synchronous_commit = off;";

interface Step {
  readonly job: number;
  /** Undefined for the statements that slipway adds. */
  readonly statement?: number;
  readonly commit?: true;
}

interface Message {
  readonly text: string;
  /** The steps in the order of the server's replies. */
  readonly steps: readonly Step[];
  /** The offset of each file's text in the message. */
  readonly starts: readonly number[];
}

function buildMessage(jobs: readonly Job[], table: LedgerTable): Message {
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
    const addOwn = (sql: string, count = 1) => {
      add(sql);
      for (let n = 0; n < count; n++) steps.push({ job });
    };
    addOwn(`BEGIN; ${DISCARD_SESSION_STATE}`, 4);
    if (statementTimeoutMs !== undefined) addOwn(`SET LOCAL statement_timeout = ${statementTimeoutMs};`);
    if (lockTimeoutMs !== undefined) addOwn(`SET LOCAL lock_timeout = ${lockTimeoutMs};`);
    starts.push(length);
    add(file.text);
    statements.forEach((_, statement) => {
      steps.push({ job, statement });
    });
    // Without the line feed, a comment at the end of the file would comment out the ledger entry and the COMMIT.
    addOwn(`\n;${RESET_SETTINGS} ${table.insertSql(event)}`, 4);
    if (job < jobs.length - 1) addOwn(ASYNC_COMMIT);
    add("COMMIT;\n");
    steps.push({ job, commit: true });
  });
  return { text: parts.join(""), steps, starts };
}

interface BatchListener {
  onCommit(job: Job): void;
  onNotice(job: Job, statement: Statement | undefined, notice: Notice): void;
}

export async function sendBatch(
  session: Session,
  jobs: readonly Job[],
  table: LedgerTable,
  events: BatchListener,
): Promise<FailedJob | undefined> {
  const message = buildMessage(jobs, table);
  let committed = 0;
  const listener: Listener = {
    reply(index: number, reply: Reply) {
      // The reply to the COMMIT of a failed transaction is ROLLBACK.
      if (message.steps[index]?.commit && reply.tag === "COMMIT") {
        committed++;
        events.onCommit(jobs[message.steps[index].job]!);
      }
    },
    notice(index: number, notice: Notice) {
      const step = message.steps[index];
      if (step) events.onNotice(jobs[step.job]!, statementOf(jobs, step), notice);
    },
  };
  const { replies, error } = await session.send(message.text, listener);
  if (error === undefined && committed === jobs.length) return undefined;
  const step = message.steps[replies.length] ?? { job: jobs.length - 1 };
  const job = jobs[step.job]!;
  const statement = statementOf(jobs, step);
  const failure = (error ??
    new Error(`The server replied to ${replies.length} of ${message.steps.length} statements without an error`)) as DatabaseError;
  const at = errorOffset(failure, message, step, job) ?? statement?.start;
  return { job, error: failure, source: { file: job.file.name, text: job.file.text, at }, statement, blockers: [] };
}

function statementOf(jobs: readonly Job[], { job, statement }: Step): Statement | undefined {
  return statement === undefined ? undefined : jobs[job]!.statements[statement];
}

/** The server counts the characters of the whole message. */
function errorOffset(error: DatabaseError, { text, starts }: Message, { job }: Step, { file }: Job): number | undefined {
  if (error.position === undefined) return undefined;
  const start = starts[job]!;
  const at = indexOfCharacter(text, Number(error.position) - 1) - start;
  return at >= 0 && at <= file.text.length ? at : undefined;
}

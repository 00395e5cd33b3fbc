/** Turns server errors into failures with the file, the line, an excerpt and a hint. */
import { Failure } from "../../connect/failure.ts";
import { type DatabaseError, isLost, sqlstate } from "../../connect/sqlstate.ts";
import { formatExcerpt, positionAt } from "../read/position.ts";
import { type Blocker, describeBlocker, terminationHint } from "./progress.ts";

export interface ErrorSource {
  readonly file: string;
  readonly text: string;
  /** The position of the error; undefined if it occurred at COMMIT (a deferred constraint). */
  readonly at: number | undefined;
  /** Which statements of a non-transactional file stay applied. */
  readonly remainder?: string;
}

export class SqlFailure extends Failure {
  readonly sqlstate: string;
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(error: DatabaseError, source: ErrorSource, message: string) {
    super("sql", 1, message, { cause: error });
    this.sqlstate = error.code ?? "";
    this.file = source.file;
    const at = source.at === undefined ? undefined : positionAt(source.text, source.at);
    this.line = at?.line;
    this.column = at?.column;
  }
}

export function toSqlFailure(
  error: DatabaseError,
  source: ErrorSource,
  extra: { hint?: string; blockers?: readonly Blocker[] } = {},
): SqlFailure {
  const state = sqlstate(error) ?? "";
  const { blockers = [] } = extra;
  const { at, file, text } = source;
  const location = at === undefined ? file : `${file}:${positionAt(text, at).line}:${positionAt(text, at).column}`;
  const lines = [
    `${location}: ${error.message}${state ? ` (${state})` : ""}`,
    ...(at === undefined ? ["  at the end of the file, during COMMIT"] : indent(formatExcerpt(text, at))),
    ...(error.detail ? [`  detail: ${error.detail}`] : []),
    ...(error.where ? [`  in: ${error.where.split("\n").join("\n      ")}`] : []),
    ...(error.internalQuery ? [`  query: ${error.internalQuery}`] : []),
    ...blockers.map((blocker) => `  blocked by: ${describeBlocker(blocker)}`),
    ...(blockers.length === 0 ? [] : [`  ${terminationHint(blockers)}`]),
    ...hintLines(extra.hint ?? HINTS[state] ?? error.hint, extra.hint === undefined && HINTS[state] !== undefined ? error.hint : undefined),
    `  ${source.remainder ?? `${file} was rolled back completely.`}`,
  ];
  return new SqlFailure(error, source, lines.join("\n"));
}

/** Converts errors of slipway's own statements. */
export function toFailure(error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  if (isLost(error))
    return new Failure(
      "connection-lost",
      3,
      `The connection was lost (${error.message}). The ledger records every committed file: run again to continue.`,
      { cause: error },
    );
  const state = sqlstate(error);
  if (state === undefined) return error;
  return new Failure("server", 1, [`The server returned an error: ${error.message} (${state})`, ...hintLines(HINTS[state])].join("\n"), {
    cause: error,
  });
}

function hintLines(...hints: (string | undefined)[]): string[] {
  return hints.filter((hint) => hint !== undefined && hint !== "").map((hint) => `  hint: ${hint}`);
}

function indent(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}

const HINTS: Readonly<Record<string, string>> = {
  "0A000":
    "If this is an extension, DigitalOcean may not support it. https://docs.digitalocean.com/products/databases/postgresql/details/supported-extensions/",
  "22P05": "The text contains a character that the encoding of the database lacks. Create databases with UTF8.",
  "25001": "This statement cannot run inside a transaction. Move it to a file that begins with: -- slipway: no-transaction",
  "25006": "The server is read-only: it is a standby, or its disk is full. Connect to the primary, or free or add storage.",
  "2BP01": "Other objects depend on it. Drop them first, or use CASCADE if all of them are to be dropped.",
  "2D000":
    "COMMIT or ROLLBACK inside a function or DO block would end the transaction of the file. Move it to a file that begins with: -- slipway: no-transaction",
  "40001": "Another transaction changed the same rows at every attempt. Run again at a time of less load.",
  "40P01": "This file and another session deadlocked at every attempt. Lock the tables in the same order as the application.",
  "42501": "The role lacks the privilege. Run the roles step first: it grants the privileges and creates extensions and schemas.",
  "42883": "To call a function of an extension, add its schema to the search path or to the name. gen_random_uuid() needs no extension.",
  "42P07": "It already exists. If the database is older than its ledger, record the applied files: slipway migrate baseline",
  "53100": "The disk is full. Free space, or add storage to the cluster (doctl databases resize ID --storage-size-mib …), then run again.",
  "53200": "The server is out of memory or lock slots. If the file locks thousands of tables, split it.",
  "53300": "All connections are in use. Reduce the size of a pool, or choose a larger node.",
  "55006": "Another session is using it. Run again later, or end that session.",
  "55P03": "Another session held the lock at every attempt. Run again when it has finished, or end it.",
  "55P04": "A new enum value cannot be used in the transaction that adds it. Add it in one file and use it in the next.",
};

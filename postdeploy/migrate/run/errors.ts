/** What the server says of a statement, told as a person would: the file, the line, the place, and what to do. */
import { Failure } from "../../connect/failure.ts";
import { type DatabaseError, isLost, sqlstate } from "../../connect/sqlstate.ts";
import { formatExcerpt, positionAt } from "../read/position.ts";
import { type Blocker, describeBlocker } from "./progress.ts";

export interface Source {
  readonly file: string;
  readonly text: string;
  /** Where in the text; undefined when the server was past the text (a deferred constraint at COMMIT). */
  readonly at: number | undefined;
  /** What stays of the file, where that is more than nothing. */
  readonly left?: string;
}

export class SqlFailure extends Failure {
  readonly sqlstate: string;
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(error: DatabaseError, source: Source, message: string) {
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
  source: Source,
  extra: { hint?: string; blockers?: readonly Blocker[] } = {},
): SqlFailure {
  const state = sqlstate(error) ?? "";
  const { at, file, text } = source;
  const where = at === undefined ? file : `${file}:${positionAt(text, at).line}:${positionAt(text, at).column}`;
  const lines = [
    `${where}: ${error.message}${state ? ` (${state})` : ""}`,
    ...(at === undefined ? ["  at the end of the file, when its transaction was to be committed"] : indent(formatExcerpt(text, at))),
    ...(error.detail ? [`  detail: ${error.detail}`] : []),
    ...(error.where ? [`  in: ${error.where.split("\n").join("\n      ")}`] : []),
    ...(error.internalQuery ? [`  it ran: ${error.internalQuery}`] : []),
    ...(extra.blockers ?? []).map((blocker) => `  in the way: ${describeBlocker(blocker)}`),
    ...hintLines(extra.hint ?? HINTS[state] ?? error.hint, extra.hint === undefined && HINTS[state] !== undefined ? error.hint : undefined),
    `  ${source.left ?? `${file} was rolled back; nothing of it is left.`}`,
  ];
  return new SqlFailure(error, source, lines.join("\n"));
}

/** What the server said when it was asked for something of ours, not of a file. */
export function toFailure(error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  if (isLost(error))
    return new Failure(
      "connection-lost",
      3,
      `The connection was lost (${error.message}). What was committed stands in the ledger: run again, and it goes on from there.`,
      { cause: error },
    );
  const state = sqlstate(error);
  if (state === undefined) return error;
  return new Failure("server", 1, [`The server refused: ${error.message} (${state})`, ...hintLines(HINTS[state])].join("\n"), {
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
    "If this is an extension: DigitalOcean allows those of its list only. https://docs.digitalocean.com/products/databases/postgresql/details/supported-extensions/",
  "22P05": "The text holds a character that the database's own encoding lacks. Make databases with UTF8.",
  "25001": "This statement cannot run inside a transaction. Put it into a file that begins with: -- slipway: no-transaction",
  "25006":
    "The server takes no writes: it is a standby, or the provider made it read-only because its disk is full. Connect to the primary, or free or add storage.",
  "2BP01": "Other objects depend on it. Drop those first, by name, or say CASCADE and mean it.",
  "2D000":
    "COMMIT or ROLLBACK inside a function or DO block would end the file's transaction. Put it into a file that begins with: -- slipway: no-transaction",
  "40001": "Another transaction changed the same rows each time it was tried. Run again when it is quiet.",
  "40P01": "Each time, this file and another session waited for each other. Lock the tables in the order in which the application does.",
  "42501": "The role lacks the right. The roles step grants what migrations need: run it first; extensions and schemas are made there too.",
  "42883":
    "If a function of an extension is meant, its schema must be on the search path, or written before its name; gen_random_uuid() needs no extension.",
  "42P07": "It exists already. If this database was there before slipway: slipway migrate baseline",
  "53100":
    "The disk is full. Nothing is tried again until there is room: free some, or add storage to the cluster (doctl databases resize ID --storage-size-mib …).",
  "53200": "The server is out of memory or of locks. A file that touches thousands of tables takes as many locks: split it.",
  "53300": "Every connection is taken. Let a pool give some back, or choose a larger node.",
  "55006": "Somebody uses it right now. Try again, or end that session.",
  "55P03": "Others held the lock each time it was tried. Run again when they are done, or end the session named above.",
  "55P04": "A new value of an enum can be used only after the transaction that added it. Add it in one file, and use it in the next.",
};

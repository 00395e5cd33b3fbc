/**
 * Creates the ledger of an existing database. The operator names the files that it already contains; entries of a former ledger become history.
 *
 * A named file whose tables are missing, or an unnamed file whose tables exist, is an error.
 */
import { Failure } from "../connect/failure.ts";
import { identifier } from "../connect/quote.ts";
import type { Session } from "../connect/session.ts";
import { foldEvents } from "./ledger/history.ts";
import type { NewEvent } from "./ledger/ledger.ts";
import { type Folder, readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import { prepare } from "./read/prepare.ts";
import type { RunOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";
import { describeEvidence, type Evidence, findEvidence } from "./schema/evidence.ts";

export interface BaselineOptions extends RunOptions {
  /** The former ledger: "public.migrations" or "public.migrations(column)". It is only read. */
  from?: string | undefined;
  /** Files that the database already contains, in addition to those of the former ledger. */
  applied?: readonly string[] | undefined;
  /** Recorded in the ledger. @default "baseline" */
  reason?: string | undefined;
}

export interface BaselineResult {
  /** The files recorded as applied, in the order in which they were applied. */
  readonly baselined: readonly string[];
  /** Entries of the former ledger without a file in the folder, kept as history. */
  readonly adopted: readonly string[];
  /** The files that `up` will apply. */
  readonly pending: readonly Evidence[];
}

export async function baseline(options: BaselineOptions): Promise<BaselineResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    const evidence = await findEvidence(runner.session, await prepare(folder.files));
    if (options.from === undefined && (options.applied ?? []).length === 0) throw undecidedFailure(evidence);
    const former = options.from === undefined ? [] : await readFormerLedger(runner.session, options.from);
    for (const name of options.applied ?? [])
      if (!folder.files.some((file) => file.name === name))
        throw new Failure("no-such-file", 2, `File ${name} is not in ${folder.path}. Nothing was written.`);

    await runner.lock();
    const unrecorded = () => {
      const entries = foldEvents(runner.ledger?.events ?? []);
      return createEvents(folder, former, options).filter(({ file }) => !entries.has(file));
    };
    const entries = foldEvents(runner.ledger?.events ?? []);
    let events = unrecorded();
    const named = new Set(events.map(({ file }) => file));
    rejectContradictions(
      evidence,
      (file) => named.has(file),
      (file) => named.has(file) || entries.has(file),
    );
    await runner.ensureLedger();
    // Another run may have created the ledger since.
    events = unrecorded();
    const { error } = await runner.session.send(`BEGIN; ${events.map((event) => runner.table.insertSql(event)).join(" ")} COMMIT`);
    if (error) throw error;
    return {
      baselined: events.filter(({ kind }) => kind === "baselined").map(({ file }) => file),
      adopted: events.filter(({ kind }) => kind === "adopted").map(({ file }) => file),
      pending: evidence.filter(({ file }) => !named.has(file) && !entries.has(file)),
    };
  });
}

interface FormerEntry {
  readonly file: string;
  readonly when: string | null;
}

/** Keeps the order of the former ledger, in which the files ran, whatever their numbers. */
function createEvents(
  folder: Folder,
  former: readonly FormerEntry[],
  { applied = [], from, reason = "baseline" }: BaselineOptions,
): NewEvent[] {
  const events = former.map(({ file, when }): NewEvent => {
    const inFolder = folder.files.find(({ name }) => name === file);
    const note = `from ${from}${when ? `, applied ${when}` : ""}`;
    return inFolder
      ? { kind: "baselined", file, checksum: inFolder.checksum, meaning: inFolder.meaning, note }
      : { kind: "adopted", file, note };
  });
  const known = new Set(former.map(({ file }) => file));
  for (const file of folder.files)
    if (applied.includes(file.name) && !known.has(file.name))
      events.push({ kind: "baselined", file: file.name, checksum: file.checksum, meaning: file.meaning, note: reason });
  return events;
}

async function readFormerLedger(session: Session, from: string): Promise<FormerEntry[]> {
  const [, table = "", column] = /^([^()]+?)(?:\(([^()]+)\))?$/.exec(from.trim()) ?? [];
  const columns = await session.query<{ name: string; type: string }>(
    "SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [table],
  );
  const list = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
  if (columns.length === 0)
    throw new Failure("no-former-ledger", 2, `Table ${table} does not exist or is not visible to this role. Nothing was written.`);
  const texts = columns.filter(({ type }) => /^(text|character varying|character|name)$/.test(type));
  const name = column === undefined ? (texts.length === 1 ? texts[0] : undefined) : columns.find((one) => one.name === column);
  if (name === undefined)
    throw new Failure(
      "unclear-former-ledger",
      2,
      `Which column of ${table} contains the file names? Columns: ${list}. Name it: --from "${table}(column)". Nothing was written.`,
    );
  const when = columns.filter(({ type }) => type.startsWith("timestamp"));
  const order = when.length === 1 ? when[0]!.name : columns.find((one) => /^(bigint|integer)$/.test(one.type))?.name;
  const at = when.length === 1 ? `${identifier(when[0]!.name)}::text` : "NULL";
  const qualified = table.split(".").map(identifier).join(".");
  return await session.query<FormerEntry & Record<string, unknown>>(
    `SELECT ${identifier(name.name)}::text AS file, ${at} AS "when" FROM ${qualified} ORDER BY ${[...(order === undefined ? [] : [identifier(order)]), "1"].join(", ")}`,
  );
}

/** The tables of an applied file must exist. Those of a pending file must not, or `up` would fail on them. */
function rejectContradictions(
  evidence: readonly Evidence[],
  claimed: (file: string) => boolean,
  recorded: (file: string) => boolean,
): void {
  const wrong = evidence.filter(({ file, present, absent }) => (claimed(file) ? absent.length > 0 : !recorded(file) && present.length > 0));
  if (wrong.length === 0) return;
  throw new Failure(
    "contradiction",
    2,
    `The named files do not match the database; nothing was written.
${wrong.map((one) => `${describeEvidence(one)}${claimed(one.file) ? ", but it is named as applied" : ", but it is not named as applied"}`).join("\n")}
Name every file whose tables exist (--applied 001_….sql,002_….sql). If only some tables of a file exist, move the statements of the missing ones to a new file.`,
  );
}

function undecidedFailure(evidence: readonly Evidence[]): Failure {
  return new Failure(
    "undecided",
    2,
    `Which of these files are already applied to the database? Name them: slipway does not guess.
${evidence.map(describeEvidence).join("\n")}
  slipway migrate baseline --applied 001_….sql,002_….sql      files whose tables exist
  slipway migrate baseline --from public.migrations           the files of a former ledger, in its order`,
  );
}

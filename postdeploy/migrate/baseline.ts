/**
 * Takes over a database that was there before: a person says which files it already holds, and its former ledger becomes history.
 *
 * Nothing is guessed. Which files count as applied is said by name; what supports or contradicts it is shown; a contradiction stops it.
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
  /** The former ledger, as "public.migrations" or "public.migrations(name)"; it is read and never written. */
  from?: string | undefined;
  /** Files of the folder whose effect is there already, beside those that the former ledger names. */
  applied?: readonly string[] | undefined;
  /** Kept in the ledger. @default "baseline" */
  reason?: string | undefined;
}

export interface BaselineResult {
  /** Files of the folder that count as applied from now on, in the order in which they were. */
  readonly baselined: readonly string[];
  /** Lines of the former ledger that have no file here: kept as history. */
  readonly adopted: readonly string[];
  /** What `up` will apply. */
  readonly pending: readonly Evidence[];
}

export async function baseline(options: BaselineOptions): Promise<BaselineResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    const evidence = await findEvidence(runner.session, await prepare(folder.files));
    if (options.from === undefined && (options.applied ?? []).length === 0) throw undecided(evidence);
    const former = options.from === undefined ? [] : await readFormer(runner.session, options.from);
    for (const name of options.applied ?? [])
      if (!folder.files.some((file) => file.name === name))
        throw new Failure("no-such-file", 2, `There is no file ${name} in ${folder.path}. Nothing was written.`);

    const ledger = await runner.lock();
    const standing = foldEvents(ledger?.events ?? []);
    const events = eventsOf(folder, former, options).filter(({ file }) => !standing.has(file));
    const named = new Set(events.map(({ file }) => file));
    refuseContradictions(
      evidence,
      (file) => named.has(file),
      (file) => named.has(file) || standing.has(file),
    );
    await runner.ensureLedger();
    const { error } = await runner.session.send(`BEGIN; ${events.map((event) => runner.table.write(event)).join(" ")} COMMIT`);
    if (error) throw error;
    return {
      baselined: events.filter(({ kind }) => kind === "baselined").map(({ file }) => file),
      adopted: events.filter(({ kind }) => kind === "adopted").map(({ file }) => file),
      pending: evidence.filter(({ file }) => !named.has(file) && !standing.has(file)),
    };
  });
}

interface Former {
  readonly file: string;
  readonly when: string | null;
}

/** The order of the former ledger is the order in which they ran, whatever their numbers say. */
function eventsOf(folder: Folder, former: readonly Former[], { applied = [], from, reason = "baseline" }: BaselineOptions): NewEvent[] {
  const events = former.map(({ file, when }): NewEvent => {
    const here = folder.files.find(({ name }) => name === file);
    const note = `from ${from}${when ? `, applied ${when}` : ""}`;
    return here ? { kind: "baselined", file, checksum: here.checksum, meaning: here.meaning, note } : { kind: "adopted", file, note };
  });
  const known = new Set(former.map(({ file }) => file));
  for (const file of folder.files)
    if (applied.includes(file.name) && !known.has(file.name))
      events.push({ kind: "baselined", file: file.name, checksum: file.checksum, meaning: file.meaning, note: reason });
  return events;
}

async function readFormer(session: Session, from: string): Promise<Former[]> {
  const [, table = "", column] = /^([^()]+?)(?:\(([^()]+)\))?$/.exec(from.trim()) ?? [];
  const columns = await session.query<{ name: string; type: string }>(
    "SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [table],
  );
  const shown = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
  if (columns.length === 0)
    throw new Failure("no-former-ledger", 2, `There is no table ${table} that this role may see. Nothing was written.`);
  const texts = columns.filter(({ type }) => /^(text|character varying|character|name)$/.test(type));
  const name = column === undefined ? (texts.length === 1 ? texts[0] : undefined) : columns.find((one) => one.name === column);
  if (name === undefined)
    throw new Failure(
      "unclear-former-ledger",
      2,
      `Which column of ${table} holds the file names? It has: ${shown}. Say it: --from "${table}(column)". Nothing was written.`,
    );
  const when = columns.filter(({ type }) => type.startsWith("timestamp"));
  const order = when.length === 1 ? when[0]!.name : columns.find((one) => /^(bigint|integer)$/.test(one.type))?.name;
  const at = when.length === 1 ? `${identifier(when[0]!.name)}::text` : "NULL";
  const qualified = table.split(".").map(identifier).join(".");
  return await session.query<Former & Record<string, unknown>>(
    `SELECT ${identifier(name.name)}::text AS file, ${at} AS "when" FROM ${qualified} ORDER BY ${[...(order === undefined ? [] : [identifier(order)]), "1"].join(", ")}`,
  );
}

/** A file that counts as applied must show; one that does not must not, or `up` would stumble over it. */
function refuseContradictions(
  evidence: readonly Evidence[],
  claimed: (file: string) => boolean,
  standing: (file: string) => boolean,
): void {
  const wrong = evidence.filter(({ file, present, absent }) => (claimed(file) ? absent.length > 0 : !standing(file) && present.length > 0));
  if (wrong.length === 0) return;
  throw new Failure(
    "contradiction",
    2,
    `What is said and what is there do not fit; nothing was written.
${wrong.map((one) => `${describeEvidence(one)}${claimed(one.file) ? ", though it is said to be applied" : ", though it is not said to be applied"}`).join("\n")}
Name every file whose tables are there (--applied 001_….sql,002_….sql). Where a file is there in part, put what is missing into a new file and its own tables into the one that is applied.`,
  );
}

function undecided(evidence: readonly Evidence[]): Failure {
  return new Failure(
    "undecided",
    2,
    `Which of these files does the database already hold? Say it by name; nothing is guessed.
${evidence.map(describeEvidence).join("\n")}
  slipway migrate baseline --applied 001_….sql,002_….sql      files whose effect is there
  slipway migrate baseline --from public.migrations           what a former ledger says, in its order`,
  );
}

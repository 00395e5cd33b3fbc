/** Compares JSON files with the tables of a system: every row and every field, in one snapshot of the database. */
import { type Session, withSession } from "../postdeploy/connect/session.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { DataMapping } from "../systems/data/mapping.ts";
import type { FileDigest } from "./json/records.ts";
import { collectMarked, markDuplicateKeys } from "./postgres/checks.ts";
import { type Comparison, compare } from "./postgres/compare.ts";
import { SETTINGS } from "./postgres/connection.ts";
import { explain } from "./postgres/failures.ts";
import { countBytes, run, stage } from "./postgres/staging.ts";
import { readTables } from "./postgres/tables.ts";
import type { Progress } from "./progress.ts";
import { type RejectionGroup, Rejections } from "./rejections.ts";
import type { Source } from "./source.ts";

export interface ValidateOptions {
  readonly connection: Connection;
  readonly system: string;
  readonly mapping: DataMapping;
  readonly source: Source;
  readonly rejectedFile: string;
  /** In per cent. @default 100 */
  readonly threshold?: number;
  onProgress?(progress: Progress): void;
}

export interface ComparedEntity extends Comparison {
  readonly entity: string;
  readonly table: string;
  /** Rows in the files, rejected ones included. */
  readonly read: number;
  readonly rejected: number;
  /** In per cent, rounded down; undefined if neither side has a row. */
  readonly accuracy: number | undefined;
}

export interface ValidateResult {
  /** "passed", or why not. */
  readonly outcome: string;
  /** When the snapshot of the database was taken, by the server's clock. */
  readonly at: string;
  /** When reading the files began, by the server's clock. */
  readonly filesReadFrom: string;
  readonly threshold: number;
  readonly entities: readonly ComparedEntity[];
  /** Over all rows; undefined if there are none. */
  readonly accuracy: number | undefined;
  readonly rejections: readonly RejectionGroup[];
  readonly rejectedFile: string | undefined;
  readonly ignoredFiles: Source["ignored"];
  /** Fields that are not imported, with the reason: they are not compared. */
  readonly ignoredFields: Readonly<Record<string, string>>;
  readonly digests: readonly FileDigest[];
  readonly ms: number;
}

export async function validateData(options: ValidateOptions): Promise<ValidateResult> {
  const rejections = new Rejections(options.rejectedFile);
  try {
    return await withSession(
      options.connection,
      { application: `slipway data validate ${options.system}`, settings: SETTINGS },
      (session) => validateWith(session, options, rejections),
    );
  } catch (error) {
    throw explain(error, "Nothing was compared.");
  } finally {
    rejections.close();
  }
}

async function validateWith(session: Session, options: ValidateOptions, rejections: Rejections): Promise<ValidateResult> {
  const { mapping, source, threshold = 100, onProgress } = options;
  const start = performance.now();
  const filesReadFrom = await readClock(session);
  const tables = await readTables(session, mapping);
  const onBytes = countBytes(mapping, source, onProgress);
  const { staged, digests } = await stage({ session, mapping, tables, source, rejections, onBytes }, "PRESERVE ROWS");
  await run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  await markDuplicateKeys(session, staged);
  await collectMarked(session, staged, rejections);
  await run(session, "COMMIT");
  // The snapshot is taken with the first statement, and temporary tables can be read in it.
  await run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const at = await readClock(session);
  const entities: ComparedEntity[] = [];
  for (const one of staged) {
    const { name, table } = one.entity;
    onProgress?.({ kind: "compare", entity: name });
    const comparison = await compare(session, one);
    const rejected = rejections.rows.get(name) ?? 0;
    entities.push({ entity: name, table, read: one.read, rejected, ...comparison, accuracy: accuracyOf([{ ...comparison, rejected }]) });
  }
  await run(session, "ROLLBACK");
  const accuracy = accuracyOf(entities);
  return {
    outcome: describeOutcome(accuracy, threshold),
    ...{ at, filesReadFrom, threshold, entities, accuracy, digests, ignoredFiles: source.ignored },
    ignoredFields: Object.fromEntries(
      staged.flatMap(({ entity }) => Object.entries(entity.ignored ?? {}).map(([field, reason]) => [`${entity.name}.${field}`, reason])),
    ),
    ...{ rejections: rejections.groups, rejectedFile: rejections.file, ms: performance.now() - start },
  };
}

export async function readClock(session: Session): Promise<string> {
  const [row] = await run(session, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS now`);
  return row!.now!;
}

type Counted = Pick<ComparedEntity, "matched" | "missing" | "extra" | "differing" | "rejected">;

/** Of all rows of both sides, how many match, in per cent. Rounded down: 999,999 of 1,000,000 is not 100. */
export function accuracyOf(counted: readonly Counted[]): number | undefined {
  const sum = (count: (one: Counted) => number) => counted.reduce((total, one) => total + count(one), 0);
  const matched = sum((one) => one.matched);
  const all = matched + sum(({ missing, extra, differing, rejected }) => missing + extra + differing + rejected);
  return all === 0 ? undefined : matched === all ? 100 : Math.min(99.9999, Math.floor((matched / all) * 1e6) / 1e4);
}

function describeOutcome(accuracy: number | undefined, threshold: number): string {
  if (accuracy === undefined) return "there is no row on either side, which shows nothing";
  return accuracy >= threshold ? "passed" : `the accuracy is ${accuracy} %, below the threshold of ${threshold} %`;
}

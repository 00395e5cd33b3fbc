/** What `up` would do: the pending files with their locks, the size of the locked tables, and their down migrations. */
import type { Session } from "../connect/session.ts";
import { type DescribedLock, describeSet, type MigrationDescription } from "./describe.ts";
import { compareToLedger, type Mismatch, type Pending } from "./ledger/compare.ts";
import { readFolder } from "./read/files.ts";
import type { Finding } from "./read/finding.ts";
import type { UpOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface PlanResult {
  readonly database: string;
  readonly files: readonly PlannedFile[];
  readonly mismatches: readonly Mismatch[];
  readonly findings: readonly Finding[];
}

export interface PlannedFile extends Omit<MigrationDescription, "findings" | "locks"> {
  readonly why: Pending["why"];
  readonly locks: readonly PlannedLock[];
}

export interface PlannedLock extends DescribedLock {
  /** Absent if the table does not exist yet. */
  readonly bytes?: number;
  /** The estimate of the server. */
  readonly rows?: number;
}

export async function plan(options: UpOptions): Promise<PlanResult> {
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const { pending, mismatches } = compareToLedger(folder, runner.ledger);
    const why = new Map(pending.map((one) => [one.file.name, one.why]));
    const { files, findings } = await describeSet(folder, [...why.keys()]);
    const sizes = await readSizes(runner.session, [...new Set(files.flatMap(({ locks }) => locks.map(({ table }) => table)))]);
    return {
      database: runner.server.database,
      files: files.map(({ findings: _, ...file }) => ({
        ...file,
        why: why.get(file.file)!,
        locks: file.locks.map((lock) => ({ ...lock, ...sizes.get(lock.table) })),
      })),
      mismatches,
      findings,
    };
  });
}

/** For an index, the size of its table. */
async function readSizes(session: Session, names: readonly string[]): Promise<ReadonlyMap<string, { bytes: number; rows: number }>> {
  if (names.length === 0) return new Map();
  const rows = await session.query<{ name: string; bytes: string; rows: number }>(
    `SELECT name, pg_total_relation_size(t.oid)::text AS bytes, greatest(t.reltuples, 0)::float8 AS rows FROM unnest($1::text[]) AS name
       LEFT JOIN pg_index i ON i.indexrelid = to_regclass(name) JOIN pg_class t ON t.oid = coalesce(i.indrelid, to_regclass(name))`,
    [names],
  );
  return new Map(rows.map(({ name, bytes, rows: count }) => [name, { bytes: Number(bytes), rows: count }]));
}

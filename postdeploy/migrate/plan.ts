/** What `up` would do: each pending file, with what its statements lock, how large that is, and whether there is a way back. */

import type { Session } from "../connect/session.ts";
import { readFolder } from "./files.ts";
import type { Finding } from "./finding.ts";
import { blocks, effectsOf, LOCKS, type Lock } from "./lint/effects.ts";
import { lintFolder } from "./lint/index.ts";
import { setOf } from "./lint/set.ts";
import type { UpOptions } from "./options.ts";
import { placeAt } from "./position.ts";
import { readFile } from "./prepare.ts";
import { withRunner } from "./runner.ts";
import { compare, type Mismatch, type Pending } from "./state.ts";

export interface PlanResult {
  readonly database: string;
  readonly files: readonly PlannedFile[];
  readonly mismatches: readonly Mismatch[];
  readonly findings: readonly Finding[];
}

export interface PlannedFile {
  readonly file: string;
  readonly why: Pending["why"];
  readonly transaction: boolean;
  readonly statements: number;
  readonly reversible: boolean | string;
  /** The strongest lock on each table that is there already. */
  readonly locks: readonly PlannedLock[];
}

export interface PlannedLock {
  readonly table: string;
  readonly line: number;
  readonly lock: Lock;
  readonly blocks: ReturnType<typeof blocks>;
  readonly work: "none" | "scan" | "rewrite" | "maybe-rewrite";
  /** Absent where no such table is known yet. */
  readonly bytes?: number;
  /** As the server last counted them. */
  readonly rows?: number;
}

export async function plan(options: UpOptions): Promise<PlanResult> {
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const { pending, mismatches } = compare(folder, runner.ledger);
    const read = await Promise.all(pending.map(async (one) => ({ ...one, ...(await readFile(one.file)) })));
    const set = setOf(read.flatMap(({ statements }) => statements));
    const files = read.map(({ file, why, statements }): PlannedFile => {
      const strongest = new Map<string, PlannedLock & { readonly index?: true }>();
      for (const { node, start } of statements)
        for (const { table, lock, work, index } of effectsOf(node)) {
          if (set.isNew(table)) continue;
          const before = strongest.get(table);
          if (before && LOCKS.indexOf(before.lock) >= LOCKS.indexOf(lock) && (work === "none" || before.work !== "none")) continue;
          const kept = before && LOCKS.indexOf(before.lock) > LOCKS.indexOf(lock) ? before.lock : lock;
          strongest.set(table, {
            table,
            line: placeAt(file.text, start).line,
            lock: kept,
            blocks: blocks(kept),
            work,
            ...(index ? { index } : {}),
          });
        }
      const reversible = file.kind === "repeatable" || file.down !== undefined || (file.header.irreversible ?? false);
      return {
        file: file.name,
        why,
        transaction: file.header.transaction,
        statements: statements.length,
        reversible,
        locks: [...strongest.values()],
      };
    });
    const sizes = await sizesOf(runner.session, [...new Set(files.flatMap(({ locks }) => locks.map(({ table }) => table)))]);
    return {
      database: runner.facts.database,
      files: files.map((file) => ({ ...file, locks: file.locks.map((lock) => ({ ...lock, ...sizes.get(lock.table) })) })),
      mismatches,
      findings: await lintFolder(folder, { files: pending.map(({ file }) => file.name) }),
    };
  });
}

/** An index stands for its table. */
async function sizesOf(session: Session, names: readonly string[]): Promise<ReadonlyMap<string, { bytes: number; rows: number }>> {
  if (names.length === 0) return new Map();
  const rows = await session.query<{ name: string; bytes: string; rows: number }>(
    `SELECT name, pg_total_relation_size(t.oid)::text AS bytes, greatest(t.reltuples, 0)::float8 AS rows FROM unnest($1::text[]) AS name
       LEFT JOIN pg_index i ON i.indexrelid = to_regclass(name) JOIN pg_class t ON t.oid = coalesce(i.indrelid, to_regclass(name))`,
    [names],
  );
  return new Map(rows.map(({ name, bytes, rows: count }) => [name, { bytes: Number(bytes), rows: count }]));
}

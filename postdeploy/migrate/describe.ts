/** Describes the effects of migrations from the files alone, for `plan` and for reviews without a database. */

import { ColumnTypes, changesType } from "./lint/column-types.ts";
import { blocks, effectsOf, LOCKS, type Lock } from "./lint/effects.ts";
import { buildFileSet } from "./lint/file-set.ts";
import { lintFolder } from "./lint/index.ts";
import type { Folder } from "./read/files.ts";
import type { Finding } from "./read/finding.ts";
import type { Statement } from "./read/parse.ts";
import { positionAt } from "./read/position.ts";
import { parseFile } from "./read/prepare.ts";

export interface MigrationDescription {
  readonly file: string;
  readonly transaction: boolean;
  readonly statements: number;
  /** Whether there is a down migration, or the reason why not. */
  readonly reversible: boolean | string;
  /** The strongest lock on each table that no file of the set creates. */
  readonly locks: readonly DescribedLock[];
  /** Of this file and its down migration. */
  readonly findings: readonly Finding[];
}

/** From the least to the most work. */
const WORK = ["none", "scan", "maybe-rewrite", "rewrite"] as const;

export interface DescribedLock {
  readonly table: string;
  /** The line of the statement. */
  readonly line: number;
  readonly lock: Lock;
  readonly blocks: ReturnType<typeof blocks>;
  /** The most work that any statement does on the table, under any lock. */
  readonly work: (typeof WORK)[number];
}

/**
 * @param names of the files to describe. The other files count as applied.
 * @returns in the order in which they are applied.
 */
export async function describeMigrations(folder: Folder, names: readonly string[]): Promise<MigrationDescription[]> {
  return (await describeSet(folder, names)).files;
}

/** Also returns the findings of the whole folder. */
export async function describeSet(
  folder: Folder,
  names: readonly string[],
): Promise<{ files: MigrationDescription[]; findings: readonly Finding[] }> {
  const selected = folder.files.filter(({ name }) => names.includes(name));
  const parsed = await Promise.all(selected.map(async (file) => ({ file, ...(await parseFile(file)) })));
  const set = buildFileSet(parsed.flatMap(({ statements }) => statements));
  const types = await columnTypesBefore(folder, names, parsed);
  const findings = await lintFolder(folder, { files: names });
  const files = parsed.map(
    ({ file, statements }): MigrationDescription => ({
      file: file.name,
      transaction: file.header.transaction,
      statements: statements.length,
      reversible: file.kind === "repeatable" || file.down !== undefined || (file.header.irreversible ?? false),
      locks: locksOf(file.text, statements, set.isNew, types),
      findings: findings.filter((finding) => finding.file === file.name || finding.file === file.down?.name),
    }),
  );
  return { files, findings };
}

/** The types of columns before the named files run. Other files are read only if one of the named changes a type. */
export async function columnTypesBefore(
  { files }: Folder,
  names: readonly string[],
  parsed: readonly { readonly statements: readonly Statement[] }[],
): Promise<ColumnTypes> {
  if (!parsed.some(({ statements }) => statements.some(changesType))) return new ColumnTypes();
  const applied = await Promise.all(files.filter(({ name }) => !names.includes(name)).map(parseFile));
  return new ColumnTypes(applied.flatMap(({ statements }) => statements));
}

/** The strongest lock on each table in use. @param types before the statements; follows them */
export function locksOf(
  text: string,
  statements: readonly Statement[],
  isNew: (table: string) => boolean,
  types = new ColumnTypes(),
): DescribedLock[] {
  const strongest = new Map<string, DescribedLock>();
  for (const { node, start } of statements) {
    const effects = effectsOf(node, types);
    types.apply(node);
    for (const { table, lock, work } of effects) {
      if (isNew(table)) continue;
      const before = strongest.get(table);
      const stronger = before === undefined || LOCKS.indexOf(lock) > LOCKS.indexOf(before.lock);
      const lockOfTable = stronger ? { table, line: positionAt(text, start).line, lock, blocks: blocks(lock) } : before;
      const heavier = before === undefined || WORK.indexOf(work) > WORK.indexOf(before.work);
      strongest.set(table, { ...lockOfTable, work: heavier ? work : before.work });
    }
  }
  return [...strongest.values()];
}

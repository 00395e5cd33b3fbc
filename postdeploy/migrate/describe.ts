/** What migrations do, read from the files alone: for `plan`, and for whoever reviews a change without a database. */

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
  /** Or the reason why there is no way back. */
  readonly reversible: boolean | string;
  /** The strongest lock on each table that no file of the set makes. */
  readonly locks: readonly DescribedLock[];
  /** Of this file and its way back. */
  readonly findings: readonly Finding[];
}

/** From the lightest to the heaviest. */
const WORKS = ["none", "scan", "maybe-rewrite", "rewrite"] as const;

export interface DescribedLock {
  readonly table: string;
  /** Of the statement. */
  readonly line: number;
  readonly lock: Lock;
  readonly blocks: ReturnType<typeof blocks>;
  /** The heaviest that any statement does to the table, under whichever lock. */
  readonly work: (typeof WORKS)[number];
}

/**
 * @param names of the files to describe: the ones that go together to a database that has the others already.
 * @returns one for each, in the order in which they apply.
 */
export async function describeMigrations(folder: Folder, names: readonly string[]): Promise<MigrationDescription[]> {
  return (await describeSet(folder, names)).files;
}

/** With what lint says of the folder as a whole. */
export async function describeSet(
  folder: Folder,
  names: readonly string[],
): Promise<{ files: MigrationDescription[]; findings: readonly Finding[] }> {
  const wanted = folder.files.filter(({ name }) => names.includes(name));
  const read = await Promise.all(wanted.map(async (file) => ({ file, ...(await parseFile(file)) })));
  const set = buildFileSet(read.flatMap(({ statements }) => statements));
  const findings = await lintFolder(folder, { files: names });
  const files = read.map(
    ({ file, statements }): MigrationDescription => ({
      file: file.name,
      transaction: file.header.transaction,
      statements: statements.length,
      reversible: file.kind === "repeatable" || file.down !== undefined || (file.header.irreversible ?? false),
      locks: locksOf(file.text, statements, set.isNew),
      findings: findings.filter((finding) => finding.file === file.name || finding.file === file.down?.name),
    }),
  );
  return { files, findings };
}

/** On each table that is in use. */
export function locksOf(text: string, statements: readonly Statement[], isNew: (table: string) => boolean): DescribedLock[] {
  const strongest = new Map<string, DescribedLock>();
  for (const { node, start } of statements)
    for (const { table, lock, work } of effectsOf(node)) {
      if (isNew(table)) continue;
      const before = strongest.get(table);
      const stronger = before === undefined || LOCKS.indexOf(lock) > LOCKS.indexOf(before.lock);
      const held = stronger ? { table, line: positionAt(text, start).line, lock, blocks: blocks(lock) } : before;
      const heavier = before === undefined || WORKS.indexOf(work) > WORKS.indexOf(before.work);
      strongest.set(table, { ...held, work: heavier ? work : before.work });
    }
  return [...strongest.values()];
}

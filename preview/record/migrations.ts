/** Compares the migrations of two commits: which of them will run, what they lock, and whether they are reversible. */
import { locksOf } from "../../postdeploy/migrate/describe.ts";
import { effectsOf, LOCKS } from "../../postdeploy/migrate/lint/effects.ts";
import { buildFileSet } from "../../postdeploy/migrate/lint/file-set.ts";
import { lintFolder } from "../../postdeploy/migrate/lint/index.ts";
import { compareNames, type Folder, type MigrationFile, readFolder } from "../../postdeploy/migrate/read/files.ts";
import type { Statement } from "../../postdeploy/migrate/read/parse.ts";
import { parseFile } from "../../postdeploy/migrate/read/prepare.ts";
import { fieldsOf, kindOf } from "../../postdeploy/migrate/read/statement.ts";
import { type MigrationChange, type Risk, worst } from "../../report/review.ts";

type Lock = MigrationChange["locks"][number];
type Lint = MigrationChange["findings"][number];

/** @param before undefined if the folder does not exist at base */
export async function migrationChanges(before: string | undefined, after: string, system: string): Promise<MigrationChange[]> {
  const [old, now] = [before === undefined ? [] : readFolder(before).files, readFolder(after)];
  const known = new Map(old.map((file) => [file.name, file]));
  const names = new Set(now.files.map(({ name }) => name));
  const removedFiles = old.filter(({ name }) => !names.has(name));
  const touched: Touched[] = [];
  for (const file of now.files) {
    const former = known.get(file.name);
    if (former === undefined) touched.push(addedFile(file, removedFiles, old));
    else if (former.checksum !== file.checksum && (await parseFile(former)).meaning !== (await parseFile(file)).meaning)
      touched.push(editedFile(file));
  }
  const pending = touched.filter(({ change }) => change !== "edited").map(({ file }) => file);
  const changes = await describeChanges(now, touched, pending, system);
  const renamed = new Set(touched.flatMap(({ from }) => from ?? []));
  return [...changes, ...removedFiles.filter(({ name }) => !renamed.has(name)).map((file) => removedFile(file, system))];
}

interface Touched {
  readonly file: MigrationFile;
  readonly change: MigrationChange["change"];
  readonly risk: Risk;
  readonly note?: string;
  /** Its former name. */
  readonly from?: string;
}

function addedFile(file: MigrationFile, removedFiles: readonly MigrationFile[], old: readonly MigrationFile[]): Touched {
  if (file.kind === "repeatable") return { file, change: "repeatable", risk: "routine" };
  const former = removedFiles.find(({ checksum }) => checksum === file.checksum);
  if (former) {
    const note = `was ${former.name}: a database that has applied it refuses both names until the ledger is repaired`;
    return { file, change: "renamed", risk: "danger", note, from: former.name };
  }
  const last = old.findLast(({ kind }) => kind === "numbered");
  if (last !== undefined && compareNames(file.name, last.name) < 0) {
    return { file, change: "added", risk: "care", note: `out of order: it sorts before ${last.name}, which is already applied` };
  }
  return { file, change: "added", risk: "routine" };
}

function editedFile(file: MigrationFile): Touched {
  if (file.kind === "repeatable") return { file, change: "repeatable", risk: "routine", note: "runs again" };
  return {
    file,
    change: "edited",
    risk: "danger",
    note: "a database that has applied this file refuses the next run. Write a new migration instead",
  };
}

function removedFile(file: MigrationFile, system: string): MigrationChange {
  return {
    ...{ system, file: file.name, change: "removed", reversible: false, transactional: file.header.transaction, locks: [], findings: [] },
    ...(file.kind === "repeatable"
      ? { risk: "routine" as const, note: "its effects stay" }
      : { risk: "danger" as const, note: "a database that has applied it refuses the next run" }),
  };
}

async function describeChanges(
  folder: Folder,
  touched: readonly Touched[],
  pending: readonly MigrationFile[],
  system: string,
): Promise<MigrationChange[]> {
  if (touched.length === 0) return [];
  const read = new Map(await Promise.all(pending.map(async (file) => [file.name, (await parseFile(file)).statements] as const)));
  const set = buildFileSet([...read.values()].flat());
  const findings = await lintFolder(folder, { files: touched.map(({ file }) => file.name) });
  return touched.map(({ file, change, risk, note }): MigrationChange => {
    const statements = read.get(file.name) ?? [];
    const locks = seriousLocks(file, statements, set.isNew);
    const own = findings.filter((finding) => finding.file === file.name || finding.file === file.down?.name);
    const lost = findLosses(statements, set.isNew);
    const reversible = file.kind === "repeatable" || file.down !== undefined;
    const notes = [note, ...lost, rewriting(locks), reversible ? undefined : "no down migration"].filter((text) => text !== undefined);
    return {
      ...{ system, file: file.name, change, reversible, transactional: file.header.transaction, locks },
      findings: own.filter(({ allowed }) => allowed === undefined).map(lintOf),
      risk: worst([
        risk,
        ...(lost.length > 0 ? ["danger" as const] : []),
        ...locks.map(riskOf),
        ...own.map(gravity),
        ...(reversible ? [] : ["care" as const]),
      ]),
      ...(notes.length > 0 && { note: notes.join("; ") }),
    };
  });
}

/** Locks stronger than those of an INSERT, and whether they rewrite the table. */
function seriousLocks(file: MigrationFile, statements: readonly Statement[], isNew: (table: string) => boolean): Lock[] {
  return locksOf(file.text, statements, isNew)
    .filter(({ lock }) => lock !== "ROW EXCLUSIVE")
    .map(({ table, line, lock, work }) => ({ mode: lock, table, rewrites: work.endsWith("rewrite"), line }));
}

function riskOf({ mode, rewrites }: Lock): Risk {
  if (rewrites) return "danger";
  return LOCKS.indexOf(mode as (typeof LOCKS)[number]) >= LOCKS.indexOf("SHARE") && mode !== "ACCESS EXCLUSIVE" ? "care" : "routine";
}

function rewriting(locks: readonly Lock[]): string | undefined {
  const tables = locks.filter(({ rewrites }) => rewrites).map(({ table }) => table);
  return tables.length === 0 ? undefined : `rewrites ${tables.join(", ")} under ACCESS EXCLUSIVE: reads and writes block until it finishes`;
}

/** Data that is lost, and that no down migration restores. */
function findLosses(statements: readonly Statement[], isNew: (table: string) => boolean): string[] {
  return statements.flatMap(({ node }) => {
    const fields = fieldsOf(node) as {
      removeType?: string;
      objects?: unknown[];
      cmds?: { AlterTableCmd: { subtype?: string; name?: string } }[];
    };
    const tables = [...new Set(effectsOf(node).map(({ table }) => table))].filter((table) => !isNew(table));
    if (tables.length === 0) return [];
    if (kindOf(node) === "TruncateStmt") return [`empties ${tables.join(", ")}`];
    if (kindOf(node) === "DropStmt" && fields.removeType === "OBJECT_TABLE") return [`drops ${tables.join(", ")} with every row`];
    if (kindOf(node) !== "AlterTableStmt") return [];
    return (fields.cmds ?? [])
      .filter(({ AlterTableCmd }) => AlterTableCmd.subtype === "AT_DropColumn")
      .map(({ AlterTableCmd }) => `drops ${tables[0]}.${AlterTableCmd.name} with every value`);
  });
}

type Found = Awaited<ReturnType<typeof lintFolder>>[number];

function gravity({ severity, allowed }: Found): Risk {
  if (allowed !== undefined || severity === "note") return "none";
  return severity === "error" ? "danger" : "care";
}

function lintOf({ rule, severity, line, message, fix }: Found): Lint {
  return { rule, severity: severity === "note" ? "notice" : severity, line: line ?? 1, message, ...(fix !== undefined && { fix }) };
}

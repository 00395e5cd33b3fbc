/** Migrations of two commits, compared: which will run, what they lock, and whether there is a way back. */

import { locksOf } from "../../postdeploy/migrate/describe.ts";
import { compareNames, type Folder, type MigrationFile, readFolder } from "../../postdeploy/migrate/read/files.ts";
import { effectsOf, LOCKS } from "../../postdeploy/migrate/lint/effects.ts";
import { lintFolder } from "../../postdeploy/migrate/lint/index.ts";
import { buildFileSet } from "../../postdeploy/migrate/lint/file-set.ts";
import { fieldsOf, kindOf } from "../../postdeploy/migrate/read/statement.ts";
import type { Statement } from "../../postdeploy/migrate/read/parse.ts";
import { parseFile } from "../../postdeploy/migrate/read/prepare.ts";
import { type MigrationChange, type Risk, worst } from "../../report/review.ts";

type Lock = MigrationChange["locks"][number];
type Lint = MigrationChange["findings"][number];

/** @param before undefined where base had no such folder */
export async function migrationChanges(before: string | undefined, after: string, system: string): Promise<MigrationChange[]> {
  const [old, now] = [before === undefined ? [] : readFolder(before).files, readFolder(after)];
  const known = new Map(old.map((file) => [file.name, file]));
  const names = new Set(now.files.map(({ name }) => name));
  const gone = old.filter(({ name }) => !names.has(name));
  const touched: Touched[] = [];
  for (const file of now.files) {
    const former = known.get(file.name);
    if (former === undefined) touched.push(came(file, gone, old));
    else if (former.checksum !== file.checksum && (await parseFile(former)).meaning !== (await parseFile(file)).meaning)
      touched.push(edited(file));
  }
  const pending = touched.filter(({ change }) => change !== "edited").map(({ file }) => file);
  const told = await described(now, touched, pending, system);
  const renamed = new Set(touched.flatMap(({ from }) => from ?? []));
  return [...told, ...gone.filter(({ name }) => !renamed.has(name)).map((file) => removed(file, system))];
}

interface Touched {
  readonly file: MigrationFile;
  readonly change: MigrationChange["change"];
  readonly risk: Risk;
  readonly note?: string;
  /** The name that it had. */
  readonly from?: string;
}

function came(file: MigrationFile, gone: readonly MigrationFile[], old: readonly MigrationFile[]): Touched {
  if (file.kind === "repeatable") return { file, change: "repeatable", risk: "routine" };
  const former = gone.find(({ checksum }) => checksum === file.checksum);
  if (former) {
    const note = `was ${former.name}: where that is applied, this is another file, and both are refused until the ledger is repaired`;
    return { file, change: "renamed", risk: "danger", note, from: former.name };
  }
  const last = old.findLast(({ kind }) => kind === "numbered");
  if (last !== undefined && compareNames(file.name, last.name) < 0) {
    return { file, change: "added", risk: "care", note: `comes before ${last.name}, which is applied already: out of order` };
  }
  return { file, change: "added", risk: "routine" };
}

function edited(file: MigrationFile): Touched {
  if (file.kind === "repeatable") return { file, change: "repeatable", risk: "routine", note: "runs again" };
  return {
    file,
    change: "edited",
    risk: "danger",
    note: "applied files do not change: where it is applied, the next run refuses. Write a new file",
  };
}

function removed(file: MigrationFile, system: string): MigrationChange {
  return {
    ...{ system, file: file.name, change: "removed", reversible: false, transactional: file.header.transaction, locks: [], findings: [] },
    ...(file.kind === "repeatable"
      ? { risk: "routine" as const, note: "what it made stays" }
      : { risk: "danger" as const, note: "where it is applied, the ledger knows it, and the next run refuses" }),
  };
}

async function described(
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
    const lost = losses(statements, set.isNew);
    const reversible = file.kind === "repeatable" || file.down !== undefined;
    const notes = [note, ...lost, rewriting(locks), reversible ? undefined : "there is no way back"].filter((text) => text !== undefined);
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

/** Without those that any INSERT takes, and whether every row is written anew. */
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
  return tables.length === 0 ? undefined : `writes every row of ${tables.join(", ")} anew, and nobody else reads or writes meanwhile`;
}

/** What is gone afterwards, and no down file brings back. */
function losses(statements: readonly Statement[], isNew: (table: string) => boolean): string[] {
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

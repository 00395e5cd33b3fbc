/** Compares the migrations of two commits: which of them will run, what they lock, and whether they are reversible. */
import { columnTypesBefore, locksOf } from "../../postdeploy/migrate/describe.ts";
import type { ColumnTypes } from "../../postdeploy/migrate/lint/column-types.ts";
import { LOCKS } from "../../postdeploy/migrate/lint/effects.ts";
import { buildFileSet } from "../../postdeploy/migrate/lint/file-set.ts";
import { lintFolder } from "../../postdeploy/migrate/lint/index.ts";
import { compareNames, type Folder, type MigrationFile, readFolder } from "../../postdeploy/migrate/read/files.ts";
import type { Statement } from "../../postdeploy/migrate/read/parse.ts";
import { positionAt } from "../../postdeploy/migrate/read/position.ts";
import { parseFile } from "../../postdeploy/migrate/read/prepare.ts";
import { commandsOf, fieldsOf, kindOf, stringsOf, tableName } from "../../postdeploy/migrate/read/statement.ts";
import { type MigrationChange, type Risk, worst } from "../../report/review.ts";
import type { Consequence, Created } from "./sql/consequences.ts";
import { consequencesOfStatement, type Definition, type FindDefinition } from "./sql/follow.ts";

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
  const types = await columnTypesBefore(
    folder,
    [...read.keys()],
    [...read.values()].map((statements) => ({ statements })),
  );
  const created = createdBy([...read.values()].flat(), set.isNew);
  const find = definitionFinder(folder);
  const changes: MigrationChange[] = [];
  // One after the other, in the order in which they run: the types of columns follow them.
  for (const one of touched) changes.push(await describe(one));
  return changes;

  async function describe({ file, change, risk, note }: Touched): Promise<MigrationChange> {
    const statements = read.get(file.name) ?? [];
    const locks = seriousLocks(file, statements, set.isNew, types);
    const own = findings.filter((finding) => finding.file === file.name || finding.file === file.down?.name);
    const consequences = await consequencesIn(file, statements, created, find);
    const reversible = file.kind === "repeatable" || file.down !== undefined;
    const notes = [note, ...consequences.map(({ text }) => text), rewriting(locks), reversible ? undefined : "no down migration"].filter(
      (text) => text !== undefined,
    );
    return {
      ...{ system, file: file.name, change, reversible, transactional: file.header.transaction, locks },
      findings: [...own.filter(({ allowed }) => allowed === undefined).map(lintOf), ...consequences.map(findingOf)],
      risk: worst([
        risk,
        ...consequences.map((one) => one.risk),
        ...locks.map(riskOf),
        ...own.map(gravity),
        ...(reversible ? [] : ["care" as const]),
      ]),
      ...(notes.length > 0 && { note: notes.join("; ") }),
    };
  }
}

interface Located extends Consequence {
  readonly line: number;
}

async function consequencesIn(
  file: MigrationFile,
  statements: readonly Statement[],
  created: Created,
  find: FindDefinition,
): Promise<readonly Located[]> {
  const found: Located[] = [];
  for (const statement of statements)
    for (const one of await consequencesOfStatement(statement, created, find))
      found.push({ ...one, line: positionAt(file.text, statement.start).line });
  return found;
}

const findingOf = ({ kind, risk, text, line }: Located): Lint => ({
  ...{ rule: kind, severity: risk === "danger" ? "error" : "warning", line },
  message: `The statement ${text}.`,
});

/** What the pending files create: nothing in it can be lost yet. */
function createdBy(statements: readonly Statement[], isNew: (table: string) => boolean): Created {
  const columns = new Set(
    statements.flatMap(({ node }) =>
      kindOf(node) === "AlterTableStmt"
        ? commandsOf(fieldsOf(node)).flatMap(({ subtype, def }) =>
            subtype === "AT_AddColumn"
              ? [`${tableName(fieldsOf(node).relation)}.${(def as { ColumnDef?: { colname?: string } }).ColumnDef?.colname}`]
              : [],
          )
        : [],
    ),
  );
  return { hasTable: isNew, hasColumn: (table, column) => columns.has(`${table}.${column}`) };
}

/** Reads the functions that the folder's files define, once a statement calls one that may be among them. */
function definitionFinder({ files }: Folder): FindDefinition {
  const candidates = files.filter(({ text }) => /\b(?:function|procedure)\b/i.test(text));
  let definitions: Promise<ReadonlyMap<string, readonly Definition[]>> | undefined;
  return async (name) => {
    if (!candidates.some(({ text }) => text.includes(name))) return [];
    definitions ??= readDefinitions(candidates);
    return (await definitions).get(name) ?? [];
  };
}

async function readDefinitions(files: readonly MigrationFile[]): Promise<ReadonlyMap<string, readonly Definition[]>> {
  const last = new Map<string, Definition & { readonly name: string }>();
  for (const file of files)
    for (const { node, text } of (await parseFile(file)).statements) {
      if (kindOf(node) !== "CreateFunctionStmt") continue;
      const { funcname, parameters } = fieldsOf(node);
      const name = stringsOf(funcname).at(-1) ?? "";
      // The last definition counts, of each number of parameters: which of those a call means is not resolved.
      last.set(`${name} ${((parameters ?? []) as unknown[]).length}`, { name, node, text });
    }
  const found = new Map<string, Definition[]>();
  for (const { name, ...definition } of last.values()) found.set(name, [...(found.get(name) ?? []), definition]);
  return found;
}

/** Locks stronger than those of an INSERT, and whether they rewrite the table. */
function seriousLocks(
  file: MigrationFile,
  statements: readonly Statement[],
  isNew: (table: string) => boolean,
  types: ColumnTypes,
): Lock[] {
  return locksOf(file.text, statements, isNew, types)
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

type Found = Awaited<ReturnType<typeof lintFolder>>[number];

function gravity({ severity, allowed }: Found): Risk {
  if (allowed !== undefined || severity === "note") return "none";
  return severity === "error" ? "danger" : "care";
}

function lintOf({ rule, severity, line, message, fix }: Found): Lint {
  return { rule, severity: severity === "note" ? "notice" : severity, line: line ?? 1, message, ...(fix !== undefined && { fix }) };
}

/** Reads files for what would hurt a database in use, without a server. */
import { type DownFile, type Folder, type MigrationFile, readFolder } from "../read/files.ts";
import type { Finding } from "../read/finding.ts";
import type { Statement } from "../read/parse.ts";
import { placeAt } from "../read/position.ts";
import { parseFile } from "../read/prepare.ts";
import { fieldsOf, isConcurrent, kindOf, mayCommit, needsNoTransaction } from "../read/statement.ts";
import { buildFileSet } from "./file-set.ts";
import { setsNotNull } from "./not-null.ts";
import { lintStatement } from "./rules.ts";

export interface LintOptions {
  /**
   * Names of the files that are not applied anywhere yet; what they make is new, and may be locked as one likes.
   * @default all: as if the whole folder went to an empty database
   */
  files?: readonly string[] | undefined;
  /** Two files with one number are an error. @default false */
  strictNumbers?: boolean | undefined;
  /** Extensions that the system declares. @default any */
  extensions?: readonly string[] | undefined;
}

export interface LintResult {
  readonly findings: readonly Finding[];
  /** No error, and no warning without a suppression. */
  readonly ok: boolean;
}

/** Checks every file of a folder. Needs no server. */
export async function lint({ folder, ...options }: LintOptions & { folder: string }): Promise<LintResult> {
  const findings = await lintFolder(readFolder(folder), options);
  return { findings, ok: !findings.some(({ severity, allowed }) => severity !== "note" && allowed === undefined) };
}

export async function lintFolder(folder: Folder, options: LintOptions = {}): Promise<Finding[]> {
  const wanted = options.files === undefined ? undefined : new Set(options.files);
  const files = folder.files.filter(({ name }) => wanted === undefined || wanted.has(name));
  const findings: Finding[] = folder.findings.map((finding) =>
    finding.rule === "equal-numbers" && options.strictNumbers ? { ...finding, severity: "error" } : finding,
  );
  const read = new Map<MigrationFile | DownFile, readonly Statement[]>();
  for (const file of files)
    for (const one of [file, ...(file.down ? [file.down] : [])]) {
      const { statements, findings: found } = await parseFile(one);
      findings.push(...found);
      read.set(one, statements);
    }
  const set = buildFileSet(files.flatMap((file) => read.get(file) ?? []));
  const asks = [...read.values()].flat().some(setsNotNull);
  const earlier: Statement[] = [];
  for (const file of folder.files) {
    const statements = read.get(file) ?? (asks ? (await parseFile(file)).statements : []);
    if (!read.has(file)) {
      earlier.push(...statements);
      continue;
    }
    for (const statement of statements)
      for (const found of lintStatement(statement, { set, transaction: file.header.transaction, siblings: statements, earlier }))
        findings.push(placed(file, statement, found));
    for (const { statement, table, columns } of set.bareForeignKeys)
      if (statements.includes(statement))
        findings.push(
          placed(file, statement, {
            rule: "foreign-key-without-index",
            severity: "warning",
            message: `No index begins with ${table}.${columns.join(", ")}: each delete of a row that it refers to reads all of ${table}.`,
            fix: `CREATE INDEX ON ${table} (${columns.join(", ")});`,
          }),
        );
    findings.push(...aboutFile(file, statements, options));
    if (asks) earlier.push(...statements);
  }
  const byName = new Map([...read.keys()].map((file) => [file.name, file]));
  return findings.map((finding) => allow(finding, byName.get(finding.file))).sort(byPlace);
}

function aboutFile(file: MigrationFile, statements: readonly Statement[], { extensions }: LintOptions): Finding[] {
  const findings: Finding[] = [];
  if (file.kind === "numbered" && file.down === undefined && file.header.irreversible === undefined)
    findings.push({
      rule: "no-way-back",
      severity: "warning",
      file: file.name,
      message: "There is no way back.",
      fix: `Write ${file.name.replace(/\.sql$/, ".down.sql")}, or: -- slipway: irreversible <reason>`,
    });
  if (!file.header.transaction && statements.length > 0 && !statements.some(({ node }) => needsNoTransaction(node) ?? mayCommit(node)))
    findings.push({
      rule: "needless-no-transaction",
      severity: "note",
      file: file.name,
      message: "Nothing in this file needs to run outside a transaction; inside one it would stand or fall as a whole.",
      fix: "Remove: -- slipway: no-transaction",
    });
  for (const statement of statements) {
    const name = String(fieldsOf(statement.node).extname ?? "");
    if (kindOf(statement.node) === "CreateExtensionStmt" && extensions !== undefined && !extensions.includes(name))
      findings.push(
        placed(file, statement, {
          rule: "undeclared-extension",
          severity: "warning",
          message: `The extension ${name} is not declared for this system; the owner may not be allowed to create it.`,
          fix: "Add it to the system's extensions: the roles step makes it, as the admin.",
        }),
      );
  }
  if (!file.header.transaction && file.kind === "repeatable" && statements.some(({ node }) => isConcurrent(node)))
    findings.push({
      rule: "repeatable-concurrently",
      severity: "warning",
      file: file.name,
      message: "An index in a repeatable file is built again with every change of the file.",
      fix: "Put it into a numbered file.",
    });
  return findings;
}

function placed(file: MigrationFile | DownFile, { start }: Statement, found: Omit<Finding, "file" | "line" | "column">): Finding {
  return { ...found, file: file.name, ...placeAt(file.text, start) };
}

function allow(finding: Finding, file: MigrationFile | DownFile | undefined): Finding {
  const reason = file?.header.allowed.find(
    ({ rule, whole, at }) => rule === finding.rule && (whole || finding.line === undefined || follows(file.text, at, finding.line)),
  )?.reason;
  return reason === undefined || finding.severity === "error" ? finding : { ...finding, allowed: reason };
}

/** Whether nothing but comments and blank lines stands between an allowance and a line. */
function follows(text: string, at: number, line: number): boolean {
  const from = placeAt(text, at).line;
  if (line < from) return false;
  return text
    .split(/\r?\n/)
    .slice(from, line - 1)
    .every((between) => /^\s*(--.*)?$/.test(between));
}

const byPlace = (a: Finding, b: Finding) =>
  a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) : a.file < b.file ? -1 : 1;

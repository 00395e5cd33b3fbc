/** Checks migration files for statements that fail, block or lose data. Needs no server. */
import { type DownFile, downName, type Folder, type MigrationFile, readFolder } from "../read/files.ts";
import type { Finding } from "../read/finding.ts";
import type { Statement } from "../read/parse.ts";
import { positionAt } from "../read/position.ts";
import { parseFile } from "../read/prepare.ts";
import { commandsOf, fieldsOf, isConcurrent, kindOf, mayCommit, needsNoTransaction } from "../read/statement.ts";
import { changesType } from "./column-types.ts";
import { buildFileSet } from "./file-set.ts";
import { setsNotNull } from "./not-null.ts";
import { lintStatement } from "./rules.ts";

export interface LintOptions {
  /**
   * The files that are not applied yet. Rules about tables in use do not apply to the tables that these files create.
   * @default all files of the folder
   */
  files?: readonly string[] | undefined;
  /** Report two files with the same number as an error. @default false */
  strictNumbers?: boolean | undefined;
  /** The extensions that the system declares. @default any extension is accepted */
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
  const names = options.files === undefined ? undefined : new Set(options.files);
  const files = folder.files.filter(({ name }) => names === undefined || names.has(name));
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
  const needsEarlier = [...read.values()].flat().some((statement) => setsNotNull(statement) || changesType(statement));
  const earlier: Statement[] = [];
  for (const file of folder.files) {
    const statements = read.get(file) ?? (needsEarlier ? (await parseFile(file)).statements : []);
    if (!read.has(file)) {
      earlier.push(...statements);
      continue;
    }
    for (const statement of statements)
      for (const found of lintStatement(statement, { set, transaction: file.header.transaction, siblings: statements, earlier }))
        findings.push(withPosition(file, statement, found));
    for (const { statement, table, columns } of set.unindexedForeignKeys)
      if (statements.includes(statement))
        findings.push(
          withPosition(file, statement, {
            rule: "foreign-key-without-index",
            severity: "warning",
            message: `No index begins with ${table}.${columns.join(", ")}: each delete of a referenced row scans ${table}.`,
            fix: `CREATE INDEX ON ${table} (${columns.join(", ")});`,
          }),
        );
    findings.push(...lintFile(file, statements, options));
    if (needsEarlier) earlier.push(...statements);
  }
  const byName = new Map([...read.keys()].map((file) => [file.name, file]));
  return findings.map((finding) => suppress(finding, byName.get(finding.file))).sort(byPosition);
}

function lintFile(file: MigrationFile, statements: readonly Statement[], { extensions }: LintOptions): Finding[] {
  const findings: Finding[] = [];
  if (file.kind === "numbered" && file.down === undefined && file.header.irreversible === undefined)
    findings.push({
      rule: "no-down-migration",
      severity: "warning",
      file: file.name,
      message: "No down migration.",
      fix: `Add ${downName(file.name)}, or mark the file with: -- slipway: irreversible <reason>`,
    });
  const isNeeded = statements.some(({ node }) => needsNoTransaction(node) ?? mayCommit(node)) || validatesOwnConstraint(statements);
  if (!file.header.transaction && statements.length > 0 && !isNeeded)
    findings.push({
      rule: "needless-no-transaction",
      severity: "note",
      file: file.name,
      message: "No statement of this file needs to run outside a transaction. Inside one, the file would be atomic.",
      fix: "Remove: -- slipway: no-transaction",
    });
  for (const statement of statements) {
    const name = String(fieldsOf(statement.node).extname ?? "");
    if (kindOf(statement.node) === "CreateExtensionStmt" && extensions !== undefined && !extensions.includes(name))
      findings.push(
        withPosition(file, statement, {
          rule: "undeclared-extension",
          severity: "warning",
          message: `The extension ${name} is not declared for this system. The owner role may lack the right to create it.`,
          fix: "Add it to the extensions of the system: the roles step creates them as the admin.",
        }),
      );
  }
  if (!file.header.transaction && file.kind === "repeatable" && statements.some(({ node }) => isConcurrent(node)))
    findings.push({
      rule: "repeatable-concurrently",
      severity: "warning",
      file: file.name,
      message: "The index is built again at every change of this repeatable file.",
      fix: "Move it to a numbered file.",
    });
  return findings;
}

/** In one transaction, VALIDATE would scan the table under the lock of the NOT VALID constraint. */
function validatesOwnConstraint(statements: readonly Statement[]): boolean {
  const validated = statements
    .flatMap(({ node }) => (kindOf(node) === "AlterTableStmt" ? commandsOf(fieldsOf(node)) : []))
    .filter(({ subtype }) => subtype === "AT_ValidateConstraint")
    .map(({ name }) => String(name));
  return statements.some(({ text }) => text.includes("NOT VALID") && validated.some((name) => text.includes(name)));
}

function withPosition(file: MigrationFile | DownFile, { start }: Statement, found: Omit<Finding, "file" | "line" | "column">): Finding {
  return { ...found, file: file.name, ...positionAt(file.text, start) };
}

function suppress(finding: Finding, file: MigrationFile | DownFile | undefined): Finding {
  const reason = file?.header.allowed.find(
    ({ rule, whole, at }) => rule === finding.rule && (whole || finding.line === undefined || follows(file.text, at, finding.line)),
  )?.reason;
  return reason === undefined || finding.severity === "error" ? finding : { ...finding, allowed: reason };
}

/** Whether only comments and blank lines separate a suppression from a line. */
function follows(text: string, at: number, line: number): boolean {
  const from = positionAt(text, at).line;
  if (line < from) return false;
  return text
    .split(/\r?\n/)
    .slice(from, line - 1)
    .every((between) => /^\s*(--.*)?$/.test(between));
}

const byPosition = (a: Finding, b: Finding) =>
  a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) : a.file < b.file ? -1 : 1;

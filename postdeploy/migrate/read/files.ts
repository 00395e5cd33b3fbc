/**
 * A folder of migrations.
 *
 *   001_core_tables.sql         forward migration; applied once, ordered by number, then by name
 *   001_core_tables.down.sql    its down migration
 *   R_active_users.sql          repeatable (views, functions); applied again when its text changes, after all numbered files
 *
 * The whole file name is the identity: two files can have the same number, and a renamed file is a different file.
 */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { Failure } from "../../connect/failure.ts";
import type { Finding } from "./finding.ts";
import { type Header, parseHeader } from "./header.ts";
import { decodeFile, meaningChecksum } from "./text.ts";

export interface MigrationFile {
  readonly name: string;
  readonly kind: "numbered" | "repeatable";
  readonly text: string;
  readonly checksum: string;
  /** Computed on first access: a run with nothing to do needs neither the header nor the meaning. */
  readonly header: Header;
  readonly meaning: string;
  readonly down?: DownFile;
}

export interface DownFile {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
  readonly header: Header;
}

export interface Folder {
  readonly path: string;
  /** Numbered files in order, then repeatable files by name. */
  readonly files: readonly MigrationFile[];
  readonly findings: readonly Finding[];
}

const NUMBERED = /^(\d+)[_-].+\.sql$/;
const REPEATABLE = /^R_.+\.sql$/;
const DOWN = /\.down\.sql$/;
const PRINTABLE = /^[\p{L}\p{N}_.,()+ -]+$/u;

export function readFolder(path: string): Folder {
  const root = resolveFolder(path);
  const findings: Finding[] = [];
  const read = new Map<string, ReturnType<typeof decodeFile>>();
  for (const name of listNames(root, findings)) read.set(name, decodeFile(name, readFileSync(`${root}/${name}`)));
  for (const { findings: found } of read.values()) findings.push(...found);

  const files: MigrationFile[] = [];
  for (const [name, { text, checksum }] of read) {
    if (DOWN.test(name)) {
      const forward = name.replace(DOWN, ".sql");
      if (!read.has(forward))
        findings.push({
          rule: "orphan-down",
          severity: "error",
          file: name,
          message: `The down migration has no forward file ${forward}.`,
          fix: "Rename or remove it.",
        });
      continue;
    }
    const reverse = read.get(downName(name));
    const down = reverse && createFile<DownFile>(downName(name), reverse.text, { checksum: reverse.checksum });
    files.push(
      createFile<MigrationFile>(name, text, {
        kind: REPEATABLE.test(name) ? "repeatable" : "numbered",
        checksum,
        ...(down ? { down } : {}),
      }),
    );
  }
  files.sort((a, b) => (a.kind === b.kind ? compareNames(a.name, b.name) : a.kind === "numbered" ? -1 : 1));
  return { path, files, findings: [...findings, ...equalNumbers(files)] };
}

/** The name of the down migration of a file. The ledger records the progress of a non-transactional down migration under it. */
export function downName(file: string): string {
  return file.replace(/\.sql$/, ".down.sql");
}

/** Orders by number, then by name: 2 before 10, and 1, 01 and 001 next to each other. */
export function compareNames(a: string, b: string): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x.length !== y.length) return x.length - y.length;
  if (x !== y) return x < y ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The number without leading zeros, as text: a timestamp of 17 digits exceeds the safe integers of JavaScript. */
export function numberOf(name: string): string {
  return (NUMBERED.exec(name)?.[1] ?? "").replace(/^0+(?=\d)/, "");
}

function createFile<F extends DownFile | MigrationFile>(
  name: string,
  text: string,
  rest: Omit<F, "name" | "text" | "header" | "meaning">,
): F {
  let header: Header | undefined;
  let meaning: string | undefined;
  return {
    name,
    text,
    ...rest,
    get header() {
      header ??= parseHeader(name, text);
      return header;
    },
    get meaning() {
      meaning ??= meaningChecksum(text);
      return meaning;
    },
  } as unknown as F;
}

function resolveFolder(path: string): string {
  try {
    const root = realpathSync(path);
    if (statSync(root).isDirectory()) return root;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Failure(
      "no-folder",
      2,
      `Folder ${path} does not exist. Name the folder of the .sql files, or create it: slipway migrate new <name> --dir ${path}`,
    );
  }
  throw new Failure("no-folder", 2, `${path} is a file. Name its folder.`);
}

function listNames(root: string, findings: Finding[]): string[] {
  const names: string[] = [];
  const seen = new Map<string, string>();
  const reject = (file: string, rule: string, message: string, fix: string) =>
    findings.push({ rule, severity: "error", file: JSON.stringify(file).slice(1, -1), message, fix });
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const { name } = entry;
    if (!/\.sql$/i.test(name) || name.startsWith(".")) continue;
    const twin = seen.get(name.normalize("NFC").toLowerCase());
    if (!PRINTABLE.test(name) || name.length > 200)
      reject(name, "file-name", "The name is too long or has characters that cannot be printed or typed.", "Use letters, digits, _ and -.");
    else if (twin !== undefined)
      reject(name, "file-name", `The name is the same as ${twin} on file systems that ignore case or Unicode form.`, "Rename one of them.");
    else if (!NUMBERED.test(name) && !REPEATABLE.test(name))
      reject(
        name,
        "file-name",
        "The name has neither a number nor the prefix R_.",
        "Use 001_what_it_does.sql, 001_what_it_does.down.sql for the down migration, or R_view_name.sql for a repeatable file.",
      );
    else if (!entry.isFile() && !isFileInside(root, name))
      reject(name, "file-kind", "This is not a regular file inside the folder.", "Replace the link, folder or device with the file.");
    else names.push(name);
    seen.set(name.normalize("NFC").toLowerCase(), name);
  }
  return names.sort();
}

/** Accepts links to files of the same folder. Some file systems do not report the type of a directory entry. */
function isFileInside(root: string, name: string): boolean {
  const path = `${root}/${name}`;
  try {
    return lstatSync(path).isFile() || (statSync(path).isFile() && realpathSync(path).startsWith(`${root}/`));
  } catch (error) {
    // A dangling or circular link.
    if (["ENOENT", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function equalNumbers(files: readonly MigrationFile[]): Finding[] {
  const first = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { name, kind } of files) {
    if (kind !== "numbered") continue;
    const number = numberOf(name);
    const other = first.get(number);
    if (other === undefined) first.set(number, name);
    else
      findings.push({
        rule: "equal-numbers",
        severity: "warning",
        file: name,
        message: `The number is the same as that of ${other}. The two files are applied in the order of their names.`,
        fix: "Give the newer one the next free number.",
      });
  }
  return findings;
}

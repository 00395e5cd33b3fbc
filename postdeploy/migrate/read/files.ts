/**
 * A folder of migrations.
 *
 *   001_core_tables.sql         forward; applied once, in the order of the number, then the name
 *   001_core_tables.down.sql    its way back
 *   R_active_users.sql          repeatable (views, functions): applied again whenever its text changes, after all numbered ones
 *
 * The whole file name is the identity: two files may carry one number, and a renamed file is another file.
 */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { Failure } from "../../connect/failure.ts";
import type { Finding } from "./finding.ts";
import { type Header, headerOf } from "./header.ts";
import { decode, meaningSum } from "./text.ts";

export interface MigrationFile {
  readonly name: string;
  readonly kind: "numbered" | "repeatable";
  readonly text: string;
  readonly checksum: string;
  /** Read from the text when asked for: a run with nothing to do never asks. */
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
  /** Numbered ones in order, then repeatable ones by name. */
  readonly files: readonly MigrationFile[];
  readonly findings: readonly Finding[];
}

const NUMBERED = /^(\d+)[_-].+\.sql$/;
const REPEATABLE = /^R_.+\.sql$/;
const DOWN = /\.down\.sql$/;
const PLAIN = /^[\p{L}\p{N}_.,()+ -]+$/u;

export function readFolder(path: string): Folder {
  const root = rootOf(path);
  const findings: Finding[] = [];
  const read = new Map<string, ReturnType<typeof decode>>();
  for (const name of namesIn(root, findings)) read.set(name, decode(name, readFileSync(`${root}/${name}`)));
  for (const { findings: found } of read.values()) findings.push(...found);

  const files: MigrationFile[] = [];
  for (const [name, { text, checksum }] of read) {
    if (DOWN.test(name)) {
      const forward = name.replace(DOWN, ".sql");
      if (!read.has(forward))
        findings.push({
          rule: "lonely-down",
          severity: "error",
          file: name,
          message: `This is the way back of ${forward}, which is not here.`,
          fix: "Rename or remove it.",
        });
      continue;
    }
    const back = read.get(downName(name));
    const down = back && fileOf<DownFile>(downName(name), back.text, { checksum: back.checksum });
    files.push(
      fileOf<MigrationFile>(name, text, { kind: REPEATABLE.test(name) ? "repeatable" : "numbered", checksum, ...(down ? { down } : {}) }),
    );
  }
  files.sort((a, b) => (a.kind === b.kind ? compareNames(a.name, b.name) : a.kind === "numbered" ? -1 : 1));
  return { path, files, findings: [...findings, ...equalNumbers(files)] };
}

/** The ledger also records the progress of a non-transactional down migration under this name. */
export function downName(file: string): string {
  return file.replace(/\.sql$/, ".down.sql");
}

/** Numeric, then by name: 2 before 10, and 1, 01 and 001 side by side. */
export function compareNames(a: string, b: string): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x.length !== y.length) return x.length - y.length;
  if (x !== y) return x < y ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Without leading zeros, as text: a time stamp of seventeen digits is no number that JavaScript can hold. */
export function numberOf(name: string): string {
  return (NUMBERED.exec(name)?.[1] ?? "").replace(/^0+(?=\d)/, "");
}

function fileOf<F extends DownFile | MigrationFile>(name: string, text: string, rest: Omit<F, "name" | "text" | "header" | "meaning">): F {
  let header: Header | undefined;
  let meaning: string | undefined;
  return {
    name,
    text,
    ...rest,
    get header() {
      header ??= headerOf(name, text);
      return header;
    },
    get meaning() {
      meaning ??= meaningSum(text);
      return meaning;
    },
  } as unknown as F;
}

function rootOf(path: string): string {
  try {
    const root = realpathSync(path);
    if (statSync(root).isDirectory()) return root;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Failure(
      "no-folder",
      2,
      `There is no folder ${path}. Name the one with the .sql files, or make it: slipway migrate new <name> --dir ${path}`,
    );
  }
  throw new Failure("no-folder", 2, `${path} is a file. Name the folder that it is in.`);
}

function namesIn(root: string, findings: Finding[]): string[] {
  const names: string[] = [];
  const twins = new Map<string, string>();
  const refuse = (file: string, rule: string, message: string, fix: string) =>
    findings.push({ rule, severity: "error", file: JSON.stringify(file).slice(1, -1), message, fix });
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const { name } = entry;
    if (!/\.sql$/i.test(name) || name.startsWith(".")) continue;
    const twin = twins.get(name.normalize("NFC").toLowerCase());
    if (!PLAIN.test(name) || name.length > 200)
      refuse(name, "file-name", "The name holds what cannot be typed or seen, or is too long.", "Use letters, digits, _ and -.");
    else if (twin !== undefined)
      refuse(name, "file-name", `The name differs from ${twin} only in a way that some file systems do not see.`, "Rename one of them.");
    else if (!NUMBERED.test(name) && !REPEATABLE.test(name))
      refuse(
        name,
        "file-name",
        "The name says neither when it applies nor that it repeats.",
        "001_what_it_does.sql, its way back 001_what_it_does.down.sql, or R_view_name.sql.",
      );
    else if (!entry.isFile() && !leadsInside(root, name))
      refuse(name, "file-kind", "This is no plain file inside the folder.", "Put the file itself here: no link, folder or device.");
    else names.push(name);
    twins.set(name.normalize("NFC").toLowerCase(), name);
  }
  return names.sort();
}

/** A link to a file of the same folder; some file systems do not say of what kind an entry is. */
function leadsInside(root: string, name: string): boolean {
  const path = `${root}/${name}`;
  try {
    return lstatSync(path).isFile() || (statSync(path).isFile() && realpathSync(path).startsWith(`${root}/`));
  } catch (error) {
    // A link to nothing, and one that leads round in a circle.
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
        message: `It carries the number of ${other}; the two apply in the order of their names.`,
        fix: "Give the newer one the next free number.",
      });
  }
  return findings;
}

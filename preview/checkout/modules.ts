/** The packages of each side: those installed for the working tree if its lock file is the same, otherwise its own. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";
import { type Commit, isInside, type Repository } from "./git.ts";

export interface Modules {
  /** A real path that ends in node_modules. */
  readonly directory: string;
  /** The folder of the checkout that expects them. */
  readonly place: string;
  /** Set if these are not the packages of this side. */
  readonly caveat?: string;
}

const LOCKS = ["npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/** The packages that are installed for the working tree. */
export function installedFor(repository: Repository, project: string): Modules {
  for (let folder = project; ; folder = path.dirname(folder)) {
    const directory = path.join(folder, "node_modules");
    if (existsSync(directory)) {
      const place = isInside(repository.top, folder) ? path.relative(repository.top, folder) : "";
      return { directory: realpathSync(directory), place };
    }
    if (folder === path.dirname(folder)) throw new ProjectError(`No node_modules in ${project} or above it. Run: npm ci`);
  }
}

/** @param installed the packages of the head, which the base uses too if its lock file is the same */
export async function modulesOfBase(
  repository: Repository,
  base: Commit,
  head: Commit,
  installed: Modules,
  cache: string,
): Promise<Modules> {
  const before = await lockOf(repository, base, installed.place);
  const after = await lockOf(repository, head, installed.place);
  if (before === undefined || before.text === after?.text) return installed;
  const manifest = await repository.text(base, path.posix.join(installed.place, "package.json"));
  if (before.name !== "package-lock.json" || manifest === undefined) {
    return {
      ...installed,
      caveat: `The base's ${before.name} differs from the head's, and only packages of a package-lock.json can be installed separately: the base ran with the head's packages.`,
    };
  }
  try {
    return { ...installed, directory: await install(manifest, before.text, path.join(cache, "modules")) };
  } catch (error) {
    return {
      ...installed,
      caveat: `The base's package-lock.json differs from the head's, and its packages could not be installed (${(error as Error).message}): the base ran with the head's packages, so a change that a package causes is not shown.`,
    };
  }
}

/** Links the packages into a checkout, unless it contains packages itself. */
export function link(checkout: string, { directory, place }: Modules): void {
  const here = path.join(checkout, place, "node_modules");
  if (!existsSync(here)) symlinkSync(directory, here);
}

async function lockOf(repository: Repository, commit: Commit, place: string) {
  for (const name of LOCKS) {
    const text = await repository.text(commit, path.posix.join(place, name));
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

const TIME = 5 * 60_000;

/** Installed once for each content of the lock file. */
async function install(manifest: string, lock: string, cache: string): Promise<string> {
  const known = path.join(cache, createHash("sha256").update(`${manifest}\0${lock}`).digest("hex").slice(0, 32));
  if (existsSync(known)) {
    utimesSync(known, new Date(), new Date());
    return realpathSync(path.join(known, "node_modules"));
  }
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const fresh = mkdtempSync(path.join(cache, "new-"));
  try {
    writeFileSync(path.join(fresh, "package.json"), manifest);
    writeFileSync(path.join(fresh, "package-lock.json"), lock);
    await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], fresh);
    // An empty lock file creates none.
    mkdirSync(path.join(fresh, "node_modules"), { recursive: true });
    // Another preview may have installed the same packages.
    if (!existsSync(known)) renameSync(fresh, known);
    return realpathSync(path.join(known, "node_modules"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function npm(args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile("npm", [...args], { cwd, timeout: TIME, maxBuffer: 16 * 1024 * 1024 }, (error, _, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`npm ${args[0]}: ${stderr.trim().split("\n").at(-1) || error.message.split("\n")[0]}`));
    });
  });
}

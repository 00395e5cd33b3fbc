/** The packages that each side runs with: those installed here where its lock file is the same, its own where it is another. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";
import { type Commit, inside, type Repository } from "./git.ts";

export interface Modules {
  /** A real path that ends in node_modules. */
  readonly directory: string;
  /** Where in the checkout they are expected. */
  readonly place: string;
  /** Why these are not the side's own. */
  readonly caveat?: string;
}

const LOCKS = ["npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/** What is installed for the working tree. */
export function installedFor(repository: Repository, project: string): Modules {
  for (let folder = project; ; folder = path.dirname(folder)) {
    const directory = path.join(folder, "node_modules");
    if (existsSync(directory)) {
      const place = inside(repository.top, folder) ? path.relative(repository.top, folder) : "";
      return { directory: realpathSync(directory), place };
    }
    if (folder === path.dirname(folder)) throw new ProjectError(`Nothing is installed in ${project} or above it. Run: npm ci`);
  }
}

/** @param installed for the head; the base's are the same as long as its lock file is. */
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
      caveat: `The base's ${before.name} differs from the head's, and only a package-lock.json can be installed beside it: the base ran with the head's packages.`,
    };
  }
  try {
    return { ...installed, directory: await install(manifest, before.text, path.join(cache, "modules")) };
  } catch (error) {
    return {
      ...installed,
      caveat: `The base's package-lock.json differs from the head's, and its packages could not be installed (${(error as Error).message}): the base ran with the head's packages, so a change that comes of a package is not shown.`,
    };
  }
}

/** Makes a checkout find its packages. A checkout that brings some of its own keeps them. */
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

/** By content, once: a lock file means the same packages for ever. */
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
    // A lock file without a package makes none.
    mkdirSync(path.join(fresh, "node_modules"), { recursive: true });
    // Another preview may have been faster; its packages are the same.
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

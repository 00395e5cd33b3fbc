/**
 * The packages of each side. Code of an untrusted commit must not reach the base's side, and npm must not run what such a commit configures: its lock
 * file is checked, and its packages are installed in the sandbox.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";
import { type Commit, isInside, type Repository } from "../checkout/git.ts";
import type { Mount, Sandbox } from "../sandbox/box.ts";
import { findNpm, installPackages } from "./install.ts";
import { readLockFile, UnsafePackages } from "./lock-file.ts";

export interface Modules {
  /** A real path that ends in node_modules. */
  readonly directory: string;
  /** The folder of the checkout that expects them. */
  readonly place: string;
  /** Set if these are not the packages of this side. */
  readonly caveat?: string;
}

export interface Commits {
  readonly base: Commit;
  readonly head: Commit;
}

const NPM_LOCK = "package-lock.json";
const LOCKS = ["npm-shrinkwrap.json", NPM_LOCK, "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

interface Lock {
  readonly name: string;
  readonly text: string;
}

/** A folder of packages, or why there is none: the reason continues "The base …". */
type Found = { readonly directory: string } | { readonly reason: string };

/** @param project of the working tree, which is the head */
export async function findModules(
  repository: Repository,
  { base, head }: Commits,
  project: string,
  sandbox: Sandbox,
  cache: string,
): Promise<Readonly<Record<"base" | "head", Modules>>> {
  const installed = installedFor(repository, project);
  const place = installed?.place ?? path.relative(repository.top, project);
  const own = findOwnPackages();
  const [before, after] = await Promise.all([lockOf(repository, base, place), lockOf(repository, head, place)]);
  const ofHead: Found = installed ?? (await packagesOf(after));
  const ofBase: Found = before?.text === after?.text ? ofHead : await packagesOf(before);
  // Never what an untrusted lock file names: the base's plan is what the head's is compared with.
  const forBase = "directory" in ofBase ? ofBase.directory : (installed?.directory ?? own.directory);
  if (forBase === undefined)
    throw new ProjectError(`The base ${"reason" in ofBase ? ofBase.reason : ""}, so its program cannot run. Run: npm ci`);
  const forHead = "directory" in ofHead ? ofHead.directory : forBase;
  return {
    base: {
      ...{ directory: forBase, place },
      ...("reason" in ofBase && {
        caveat: `The base ${ofBase.reason}: it ran with ${installed ? "the head's packages" : "slipway's own"}${UNSEEN}`,
      }),
    },
    head: {
      directory: forHead,
      place,
      ...("reason" in ofHead && { caveat: `The head ${ofHead.reason}: it ran with the base's packages${UNSEEN}` }),
    },
  };

  async function packagesOf(lock: Lock | undefined): Promise<Found> {
    if (lock === undefined) return { reason: "has no lock file" };
    if (lock.text === own.lock && own.directory !== undefined) return { directory: own.directory };
    if (lock.name !== NPM_LOCK) return { reason: `has a ${lock.name}, and only packages of a ${NPM_LOCK} are installed here` };
    try {
      const npm = await findNpm();
      return {
        directory: await installPackages(
          readLockFile(lock.text, [npm.registry, npm.defaultRegistry]),
          npm,
          sandbox,
          path.join(cache, "modules"),
        ),
      };
    } catch (error) {
      const why = (error as Error).message;
      return {
        reason: `has a ${NPM_LOCK} that ${error instanceof UnsafePackages ? "is not installed" : "could not be installed"} (${why})`,
      };
    }
  }
}

const UNSEEN = ", so a change that a package causes is not shown.";

/** The packages that are installed for the working tree. */
function installedFor(repository: Repository, project: string): Modules | undefined {
  for (let folder = project; ; folder = path.dirname(folder)) {
    const directory = path.join(folder, "node_modules");
    if (existsSync(directory)) {
      const place = isInside(repository.top, folder) ? path.relative(repository.top, folder) : "";
      return { directory: realpathSync(directory), place };
    }
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Those of the checkout that this slipway runs from, which in a workflow is the base's. */
function findOwnPackages(): { readonly directory: string | undefined; readonly lock: string | undefined } {
  const root = path.join(import.meta.dirname, "../..");
  const [directory, lock] = [path.join(root, "node_modules"), path.join(root, NPM_LOCK)];
  return {
    directory: existsSync(directory) ? realpathSync(directory) : undefined,
    lock: existsSync(lock) ? readFileSync(lock, "utf8") : undefined,
  };
}

/** Makes the place of the packages in a checkout. @returns undefined if the commit contains its own */
export function placePackages(checkout: string, { directory, place }: Modules, sandbox: Sandbox): Mount | undefined {
  const here = path.join(checkout, place, "node_modules");
  if (lstatSync(here, { throwIfNoEntry: false }) !== undefined) return undefined;
  if (sandbox.name === "none") symlinkSync(directory, here);
  else mkdirSync(here, { recursive: true });
  return { from: directory, to: here };
}

async function lockOf(repository: Repository, commit: Commit, place: string): Promise<Lock | undefined> {
  for (const name of LOCKS) {
    const text = await repository.text(commit, path.posix.join(place, name));
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/**
 * Temporary checkouts of the two commits of a preview.
 *
 * They are removed afterwards, also if the preview is interrupted. The next preview removes those of a killed one.
 */

import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { ProjectError } from "../../engine/projecterror.ts";
import { isRunning } from "../../local/servers/is-running.ts";
import { type Commit, isInside, type Repository } from "./git.ts";

/** The cache of previews: packages of other commits, compiled code. */
export function previewCache(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return path.join(env.XDG_CACHE_HOME || path.join(env.HOME || homedir(), ".cache"), "slipway", "preview");
}

/** Keeps the most recently used entries of a cache folder. */
export function prune(folder: string, kept: number): void {
  if (!existsSync(folder)) return;
  // Another preview may remove an entry at the same time.
  const used = (name: string): number => statSync(path.join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const byAge = readdirSync(folder).map((name) => ({ name, used: used(name) }));
  for (const { name } of byAge.sort((one, other) => other.used - one.used).slice(kept))
    rmSync(path.join(folder, name), { recursive: true, force: true });
}

/**
 * The folder of checkouts: in memory if there is room, because writing two checkouts to a disk takes longer than everything else.
 *
 * @param cache used if there is not
 */
export function treesFolder(cache: string): string {
  const uid = process.getuid?.();
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  const inMemory = [runtime && path.join(runtime, "slipway"), uid !== undefined && `/dev/shm/slipway-${uid}`];
  const found = inMemory.find((folder) => typeof folder === "string" && isRoomy(path.dirname(folder)) && isOwn(folder));
  return path.join(found || cache, "trees");
}

/** Docker's default is 64 MiB, which a repository can fill. */
const ROOM = 512 * 2 ** 20;

function isRoomy(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}

/** Other users can write to the parent folder, so a link or a folder of another user is not used. */
function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

/** Of a commit. */
const MOST_FILES = 200_000;
const MOST_BYTES = 2 * 2 ** 30;

const ATTEMPTS = 5;

/** Retries, because a killed git may still write a file. */
const REMOVE = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };

export class Worktrees {
  readonly #repository: Repository;
  readonly #root: string;
  readonly #mine = new Set<string>();
  /** git cannot add two worktrees at once. */
  #added: Promise<unknown> = Promise.resolve();

  constructor(repository: Repository, folder: string) {
    this.#repository = repository;
    const root = path.join(folder, createHash("sha256").update(repository.common).digest("hex").slice(0, 12));
    mkdirSync(root, { recursive: true, mode: 0o700 });
    // As git writes it in its records.
    this.#root = realpathSync(root);
    this.#sweep();
  }

  /** The same commit has the same path every time, so that Node's compile cache fits. */
  async add(side: "base" | "head", { tree }: Commit): Promise<string> {
    const links = await this.#measure(side, tree);
    const directory = this.#claim(`${side}-${tree.slice(0, 16)}`);
    this.#added = this.#added.then(() => this.#register(directory, tree));
    await this.#added;
    // The checkout takes longest; two can run at once.
    await this.#repository.git(["-C", directory, "checkout", "--quiet", "--detach", "--force", tree]);
    refuseLinksOutside(side, directory, links);
    return directory;
  }

  /** Synchronous, for use while the process ends. */
  removeAll(): void {
    for (const directory of this.#mine) this.#remove(directory);
    this.#mine.clear();
  }

  /** Retries, because another preview of the repository may add a worktree at the same time. */
  async #register(directory: string, tree: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#repository.git(["worktree", "add", "--no-checkout", "--detach", "--force", "--quiet", directory, tree]);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        rmSync(directory, { recursive: true, force: true });
        await setTimeout(50 * attempt);
      }
    }
  }

  #claim(name: string): string {
    for (let attempt = 0; ; attempt++) {
      const directory = path.join(this.#root, attempt === 0 ? name : `${name}-${attempt}`);
      try {
        // The process that creates the file owns the directory.
        writeFileSync(`${directory}.pid`, String(process.pid), { flag: "wx" });
        this.#mine.add(directory);
        return directory;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }

  #sweep(): void {
    for (const file of readdirSync(this.#root)) {
      if (!file.endsWith(".pid")) continue;
      const owner = ownerIn(path.join(this.#root, file));
      if (owner !== undefined && !isRunning(owner)) this.#remove(path.join(this.#root, file.slice(0, -".pid".length)));
    }
  }

  /**
   * Without git, which reads the records of all worktrees and fails while one of them is incomplete: that of a git that was killed while it added
   * another.
   */
  #remove(directory: string): void {
    rmSync(directory, REMOVE);
    const records = path.join(this.#repository.common, "worktrees");
    for (const name of namesIn(records)) {
      const record = path.join(records, name);
      const link = textOf(path.join(record, "gitdir")).trimEnd();
      // A record that git has only begun names no directory yet.
      const isOurs = link === "" ? name === path.basename(directory) : path.resolve(record, link) === path.join(directory, ".git");
      if (isOurs) rmSync(record, REMOVE);
    }
    rmSync(`${directory}.pid`, { force: true });
  }

  /** A tree of a few kilobytes can name billions of files. @returns the paths of its symbolic links */
  async #measure(side: string, tree: string): Promise<readonly string[]> {
    const { files, bytes, links } = await this.#repository.measure(tree, { files: MOST_FILES, bytes: MOST_BYTES });
    if (files > MOST_FILES || bytes > MOST_BYTES)
      throw new ProjectError(
        `${side}: the commit has more than ${files > MOST_FILES ? `${MOST_FILES} files` : `${MOST_BYTES / 2 ** 30} GiB`}, which is more than a preview checks out.`,
      );
    return links;
  }
}

/** Node's permission model follows symbolic links, so a link out of the checkout would let the program read other files. */
function refuseLinksOutside(side: string, directory: string, links: readonly string[]): void {
  const real = realpathSync(directory);
  for (const file of links)
    if (!pointsInside(real, path.join(real, file)))
      throw new ProjectError(
        `${side}: ${file} is a symbolic link to a place outside of the repository, through which the program could read. Remove the link.`,
      );
}

function pointsInside(folder: string, link: string): boolean {
  try {
    if (!lstatSync(link).isSymbolicLink()) return true;
    return isInside(folder, realpathSync(link));
  } catch {
    // A broken link.
    return false;
  }
}

/** Undefined if another preview has removed the file. */
function ownerIn(file: string): number | undefined {
  const text = textOf(file);
  return text === "" ? undefined : Number(text);
}

/** Empty if the file does not exist. */
const textOf = (file: string): string => unlessMissing(() => readFileSync(file, "utf8")) ?? "";

const namesIn = (folder: string): readonly string[] => unlessMissing(() => readdirSync(folder)) ?? [];

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code!)) throw error;
    return undefined;
  }
}

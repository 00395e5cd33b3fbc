/**
 * A commit checked out beside the repository, for as long as a preview takes.
 *
 * It is gone afterwards, also when the preview is interrupted. What a killed preview leaves behind is swept up by the next.
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
import { type Commit, inside, type Repository } from "./git.ts";

/** Everything of previews that outlives one: other commits' packages, compiled code. */
export function previewCache(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return path.join(env.XDG_CACHE_HOME || path.join(env.HOME || homedir(), ".cache"), "slipway", "preview");
}

/** Of what is kept per commit, only what was used last stays. */
export function prune(folder: string, kept: number): void {
  if (!existsSync(folder)) return;
  // Another preview prunes, too: what it took away since is no longer there to be looked at.
  const used = (name: string): number => statSync(path.join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const byAge = readdirSync(folder).map((name) => ({ name, used: used(name) }));
  for (const { name } of byAge.sort((one, other) => other.used - one.used).slice(kept))
    rmSync(path.join(folder, name), { recursive: true, force: true });
}

/**
 * Where checkouts stand: in memory where there is room, because two of them on a disk take longer than all the rest.
 *
 * @param cache where there is not
 */
export function treesFolder(cache: string): string {
  const uid = process.getuid?.();
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  const inMemory = [runtime && path.join(runtime, "slipway"), uid !== undefined && `/dev/shm/slipway-${uid}`];
  const found = inMemory.find((folder) => typeof folder === "string" && isRoomy(path.dirname(folder)) && isOwn(folder));
  return path.join(found || cache, "trees");
}

/** Docker gives 64 MiB, which a repository may fill. */
const ROOM = 512 * 2 ** 20;

function isRoomy(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}

/** Others may write beside it: one that is not ours, or that leads elsewhere, is left alone. */
function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

const ATTEMPTS = 5;

/** A git that has just been killed may have written one more file meanwhile. */
const WHOLLY = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };

export class Worktrees {
  readonly #repository: Repository;
  readonly #root: string;
  readonly #mine = new Set<string>();
  /** Two at once disturb each other in git's own files. */
  #added: Promise<unknown> = Promise.resolve();

  constructor(repository: Repository, folder: string) {
    this.#repository = repository;
    this.#root = path.join(folder, createHash("sha256").update(repository.common).digest("hex").slice(0, 12));
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    this.#sweep();
  }

  /** The same commit comes to the same place, so that what Node has compiled of it fits again. */
  async add(side: "base" | "head", { tree }: Commit): Promise<string> {
    const directory = this.#claim(`${side}-${tree.slice(0, 16)}`);
    this.#added = this.#added.then(() => this.#register(directory, tree));
    await this.#added;
    // What takes its time may be done side by side.
    await this.#repository.git(["-C", directory, "checkout", "--quiet", "--detach", "--force", tree]);
    await this.#refuseWaysOut(side, directory, tree);
    return directory;
  }

  /** Synchronous, because a process that is told to end has no time for more. */
  removeAll(): void {
    for (const directory of this.#mine) this.#remove(directory);
    this.#mine.clear();
  }

  /** Another preview of the same repository may be at it, too. */
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
        // Whoever makes the file owns the place.
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
      if (owner !== undefined && !isAlive(owner)) this.#remove(path.join(this.#root, file.slice(0, -".pid".length)));
    }
  }

  #remove(directory: string): void {
    rmSync(directory, WHOLLY);
    try {
      // Its directory being gone, git forgets it; twice forced, also where it was only about to know of it.
      this.#repository.gitAtOnce(["worktree", "remove", "--force", "--force", directory]);
    } catch {
      // It was killed before git knew of it, or while it noted it down.
      const noted = path.join(this.#repository.common, "worktrees", path.basename(directory));
      if (!existsSync(path.join(noted, "gitdir"))) rmSync(noted, WHOLLY);
    }
    rmSync(`${directory}.pid`, { force: true });
  }

  /** Node's permission model follows a symbolic link wherever it leads: one that leads out of the checkout would take the program along. */
  async #refuseWaysOut(side: string, directory: string, tree: string): Promise<void> {
    const listed = await this.#repository.git(["ls-tree", "-r", "-z", tree]);
    const real = realpathSync(directory);
    for (const line of listed.split("\0")) {
      if (!line.startsWith("120000")) continue;
      const file = line.slice(line.indexOf("\t") + 1);
      if (!leadsInside(real, path.join(real, file))) {
        throw new ProjectError(
          `${side}: ${file} is a symbolic link that leads out of the repository. A preview refuses it: the program could read through it.`,
        );
      }
    }
  }
}

function leadsInside(folder: string, link: string): boolean {
  try {
    if (!lstatSync(link).isSymbolicLink()) return true;
    return inside(folder, realpathSync(link));
  } catch {
    // It leads nowhere here; what it would find elsewhere is not there either.
    return false;
  }
}

/** Another preview may take its own away between two looks. */
function ownerIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

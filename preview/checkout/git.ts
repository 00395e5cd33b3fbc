/** Runs git on the previewed repository without hooks, filters, pager or prompts of the repository. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";

export interface Commit {
  /** As given, or "the working tree". */
  readonly ref: string;
  readonly commit: string;
  /** The commit to check out: the same one, or a temporary commit of the uncommitted changes. */
  readonly tree: string;
}

export interface TreeSize {
  readonly files: number;
  readonly bytes: number;
  /** The paths of symbolic links. */
  readonly links: readonly string[];
}

/** Git's mode of a symbolic link. */
const LINK = "120000";

const QUIET = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"];
const ENV = { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0", GIT_LFS_SKIP_SMUDGE: "1", LC_ALL: "C" };
const LARGEST = 256 * 1024 * 1024;

export class Repository {
  readonly top: string;
  /** The git directory that all worktrees of the repository share. */
  readonly common: string;

  private constructor(top: string, common: string) {
    this.top = top;
    this.common = common;
  }

  static async at(directory: string): Promise<Repository> {
    const answer = await run(directory, ["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"]).catch((error) => {
      throw new ProjectError(
        error.code === "ENOENT"
          ? "slipway preview needs git, which is not on the PATH: https://git-scm.com/downloads"
          : error.message.includes("not a git repository")
            ? `${directory} is not in a git repository, so there is no base to compare with. Set --cwd to a checkout.`
            : error.message,
      );
    });
    const [top = "", common = ""] = answer.trimEnd().split("\n");
    return new Repository(top, common);
  }

  git(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return run(this.top, args, env);
  }

  /** The merge base, so that later commits of the base do not count as changes. */
  async base(ref: string): Promise<Commit> {
    const named = await this.#commitOf(ref);
    if (named === undefined) {
      throw new ProjectError(
        `Commit "${ref}" not found in this repository. A shallow clone may lack it: git fetch --unshallow, or fetch-depth: 0 in a workflow.`,
      );
    }
    const fork = await this.git(["merge-base", named, "HEAD"]).catch(() => named);
    const commit = fork.trim();
    return { ref, commit, tree: commit };
  }

  /** The working tree with every file that git does not ignore. */
  async head(): Promise<Commit & { readonly dirty: boolean }> {
    const commit = await this.#commitOf("HEAD");
    if (commit === undefined) throw new ProjectError("This repository has no commit yet. Make one: git commit");
    const [status, branch] = await Promise.all([
      this.git(["status", "--porcelain", "--ignore-submodules=none"]),
      this.git(["rev-parse", "--abbrev-ref", "HEAD"]),
    ]);
    const ref = branch.trim();
    if (status === "") return { ref, commit, tree: commit, dirty: false };
    return { ref, commit, tree: await this.#commitWorkingTree(commit), dirty: true };
  }

  /** Paths from the repository's root. */
  async changed(base: Commit, head: Commit): Promise<readonly string[]> {
    const names = await this.git(["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", base.tree, head.tree]);
    return names.split("\0").filter((name) => name !== "");
  }

  /** Undefined if the commit does not have the file. */
  async text(commit: Commit, file: string): Promise<string | undefined> {
    return this.git(["cat-file", "blob", `${commit.tree}:${file}`]).catch(() => undefined);
  }

  /** Lists a commit without checking it out, and stops once it has more than asked for. */
  measure(tree: string, most: Pick<TreeSize, "files" | "bytes">): Promise<TreeSize> {
    return new Promise((resolve, reject) => {
      const child = spawn("git", [...QUIET, "ls-tree", "-r", "-l", "-z", tree], {
        cwd: this.top,
        env: ENV,
        stdio: ["ignore", "pipe", "ignore"],
      });
      let [files, bytes, rest] = [0, 0, ""];
      const links: string[] = [];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const entries = (rest + text).split("\0");
        rest = entries.pop()!;
        for (const entry of entries) {
          // "100644 blob <hash>     <size>\t<path>"; a submodule has no size.
          const [, mode, size, file] = /^(\d+) \S+ \S+ +(\d+|-)\t([\s\S]*)$/.exec(entry) ?? [];
          bytes += Number(size) || 0;
          if (mode === LINK) links.push(file!);
        }
        files += entries.length;
        if (files > most.files || bytes > most.bytes) child.kill("SIGKILL");
      });
      running.add(child);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        running.delete(child);
        if (code === 0 || signal === "SIGKILL") resolve({ files, bytes, links });
        else reject(new Error(`git ls-tree failed with code ${code}`));
      });
    });
  }

  async #commitOf(ref: string): Promise<string | undefined> {
    const found = await this.git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`]).catch(() => undefined);
    return found?.trim();
  }

  /** Commits the working tree with a temporary index, not the user's. The same changes create the same commit. */
  async #commitWorkingTree(parent: string): Promise<string> {
    const index = (await this.git(["rev-parse", "--path-format=absolute", "--git-path", `slipway-preview-${process.pid}.index`])).trim();
    const own = (await this.git(["rev-parse", "--path-format=absolute", "--git-path", "index"])).trim();
    // A copy of the index saves hashing unchanged files.
    if (existsSync(own)) copyFileSync(own, index);
    try {
      await this.git(["add", "--all"], { GIT_INDEX_FILE: index });
      const tree = (await this.git(["write-tree"], { GIT_INDEX_FILE: index })).trim();
      const author = { NAME: "slipway preview", EMAIL: "preview@localhost", DATE: "2000-01-01T00:00:00Z" };
      const env = Object.fromEntries(
        Object.entries(author).flatMap(([what, value]) => [`GIT_AUTHOR_${what}`, `GIT_COMMITTER_${what}`].map((key) => [key, value])),
      );
      return (await this.git(["commit-tree", tree, "-p", parent, "-m", "the working tree"], env)).trim();
    } finally {
      rmSync(index, { force: true });
    }
  }
}

const running = new Set<ChildProcess>();

/** Stops git before its files are removed. */
export function killGit(): void {
  for (const child of running) child.kill("SIGKILL");
}

function run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile("git", [...QUIET, ...args], { cwd, env: { ...ENV, ...env }, maxBuffer: LARGEST }, (error, stdout, stderr) => {
      running.delete(child);
      if (error === null) resolve(stdout);
      else reject(Object.assign(new Error(`git ${args[0]} failed: ${stderr.trim()}`), { code: error.code }));
    });
    running.add(child);
  });
}

export const isInside = (folder: string, file: string): boolean => {
  const relative = path.relative(folder, file);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
};

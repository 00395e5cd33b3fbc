/** The repository that is previewed, asked with nothing of it run: no hook, no filter, no pager, no prompt. */
import { type ChildProcess, execFile, execFileSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { ProjectError } from "../../engine/projecterror.ts";

export interface Commit {
  /** As it was asked for, or "the working tree". */
  readonly ref: string;
  readonly commit: string;
  /** What is checked out: the commit itself, or one made of uncommitted changes that no branch will ever name. */
  readonly tree: string;
}

const QUIET = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"];
const ENV = { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0", GIT_LFS_SKIP_SMUDGE: "1", LC_ALL: "C" };
const LARGEST = 256 * 1024 * 1024;

export class Repository {
  readonly top: string;
  /** Of git itself, shared by all of a repository's worktrees. */
  readonly common: string;

  private constructor(top: string, common: string) {
    this.top = top;
    this.common = common;
  }

  static async at(directory: string): Promise<Repository> {
    const answer = await run(directory, ["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"]).catch((error) => {
      throw new ProjectError(
        error.code === "ENOENT"
          ? "slipway preview compares two commits and needs git, which is not on the PATH: https://git-scm.com/downloads"
          : error.message.includes("not a git repository")
            ? `${directory} is in no git repository, so there is no base to compare with. Give --cwd a checkout.`
            : error.message,
      );
    });
    const [top = "", common = ""] = answer.trimEnd().split("\n");
    return new Repository(top, common);
  }

  git(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return run(this.top, args, env);
  }

  /** For what must be done before a dying process is gone. */
  gitAtOnce(args: readonly string[]): void {
    execFileSync("git", [...QUIET, ...args], { cwd: this.top, env: ENV, stdio: "ignore" });
  }

  /** Where the head left the base: what the base has gained since then is no change of the head's. */
  async base(ref: string): Promise<Commit> {
    const named = await this.#commitOf(ref);
    if (named === undefined) {
      throw new ProjectError(
        `There is no commit "${ref}" in this repository. A shallow clone may lack it: git fetch --unshallow, or fetch-depth: 0 in a workflow.`,
      );
    }
    const fork = await this.git(["merge-base", named, "HEAD"]).catch(() => named);
    const commit = fork.trim();
    return { ref, commit, tree: commit };
  }

  /** The working tree, files that git does not ignore included; dirty where that is not the commit. */
  async head(): Promise<Commit & { readonly dirty: boolean }> {
    const commit = await this.#commitOf("HEAD");
    if (commit === undefined) throw new ProjectError("This repository has no commit yet. Make one: git commit");
    const [status, branch] = await Promise.all([
      this.git(["status", "--porcelain", "--ignore-submodules=none"]),
      this.git(["rev-parse", "--abbrev-ref", "HEAD"]),
    ]);
    const ref = branch.trim();
    if (status === "") return { ref, commit, tree: commit, dirty: false };
    return { ref, commit, tree: await this.#committed(commit), dirty: true };
  }

  /** Paths from the repository's top. */
  async changed(base: Commit, head: Commit): Promise<readonly string[]> {
    const names = await this.git(["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", base.tree, head.tree]);
    return names.split("\0").filter((name) => name !== "");
  }

  /** undefined: not in that commit. */
  async text(commit: Commit, file: string): Promise<string | undefined> {
    return this.git(["cat-file", "blob", `${commit.tree}:${file}`]).catch(() => undefined);
  }

  async #commitOf(ref: string): Promise<string | undefined> {
    const found = await this.git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`]).catch(() => undefined);
    return found?.trim();
  }

  /** The working tree as a commit of an index of its own: the user's is not touched. The same changes make the same commit. */
  async #committed(parent: string): Promise<string> {
    const index = (await this.git(["rev-parse", "--path-format=absolute", "--git-path", `slipway-preview-${process.pid}.index`])).trim();
    const own = (await this.git(["rev-parse", "--path-format=absolute", "--git-path", "index"])).trim();
    // A copy knows which files are as they were.
    if (existsSync(own)) copyFileSync(own, index);
    try {
      await this.git(["add", "--all"], { GIT_INDEX_FILE: index });
      const tree = (await this.git(["write-tree"], { GIT_INDEX_FILE: index })).trim();
      const nobody = { NAME: "slipway preview", EMAIL: "preview@localhost", DATE: "2000-01-01T00:00:00Z" };
      const by = Object.fromEntries(
        Object.entries(nobody).flatMap(([what, value]) => [`GIT_AUTHOR_${what}`, `GIT_COMMITTER_${what}`].map((key) => [key, value])),
      );
      return (await this.git(["commit-tree", tree, "-p", parent, "-m", "the working tree"], by)).trim();
    } finally {
      rmSync(index, { force: true });
    }
  }
}

const running = new Set<ChildProcess>();

/** For a process that is told to end: what git is still writing would outlive what is cleared away. */
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

export const inside = (folder: string, file: string): boolean => {
  const way = path.relative(folder, file);
  return way === "" || (!way.startsWith("..") && !path.isAbsolute(way));
};

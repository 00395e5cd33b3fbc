import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { Repository } from "./git.ts";
import { prune, Worktrees } from "./worktree.ts";

it("keeps the most recently used entries, even if another preview removes one meanwhile", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway pruned "));
  try {
    for (const [day, name] of ["old", "newer", "newest"].entries()) {
      mkdirSync(path.join(folder, name));
      utimesSync(path.join(folder, name), new Date(2026, 0, 1 + day), new Date(2026, 0, 1 + day));
    }
    // A broken link is listed, but has no status: like an entry that is removed in between.
    symlinkSync(path.join(folder, "nothing"), path.join(folder, "gone"));
    prune(folder, 2);
    expect(readdirSync(folder).sort()).toEqual(["newer", "newest"]);
    prune(path.join(folder, "never made"), 2);
    expect(existsSync(path.join(folder, "never made"))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("refuses a commit of a billion files before it checks them out", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway tree of trees "));
  try {
    const git = (args: readonly string[], input = "") => execFileSync("git", [...args], { cwd: folder, input, encoding: "utf8" }).trim();
    git(["init", "--quiet"]);
    let tree = git(["mktree"], `100644 blob ${git(["hash-object", "-w", "--stdin"], "x")}\tfile\n`);
    for (let level = 0; level < 9; level++)
      tree = git(["mktree"], Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\t${index}\n`).join(""));
    const worktrees = new Worktrees(await Repository.at(folder), path.join(folder, "trees"));
    await expect(worktrees.add("head", { ref: "main", commit: tree, tree })).rejects.toThrow("head: the commit has more than 200000 files");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

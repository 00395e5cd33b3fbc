import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { prune } from "./worktree.ts";

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

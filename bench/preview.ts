/** What a preview of two commits costs over one plan of the same stack: whole processes, checkouts and two recorded programs included. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Bench } from "./race.ts";
import { raceVerbs } from "./verb.ts";

const RUNS = 9;

const PLAN = "slipway plan";
const PREVIEW = "slipway preview";

const ROOT = path.join(import.meta.dirname, "..");

export const bench: Bench = {
  about: "slipway preview --base HEAD~1 --stack prod, this project and one changed setting; CPU is that of the process that compares",
  unit: "ms",
  async run() {
    const folder = mkdtempSync(path.join(tmpdir(), "slipway-bench-"));
    const before = process.env.XDG_CACHE_HOME;
    try {
      const checkout = path.join(folder, "checkout");
      repository(checkout);
      // Its own: a preview of two commits at a time is kept compiled there.
      process.env.XDG_CACHE_HOME = path.join(folder, "cache");
      const prod = ["--stack", "prod", "--cwd", checkout];
      return {
        runners: await raceVerbs(
          { [PLAN]: ["plan", "--json", ...prod], [PREVIEW]: ["preview", "--base", "HEAD~1", "--format", "json", ...prod] },
          RUNS,
        ),
        targets: [{ runner: PREVIEW, comparedTo: PLAN, atMost: 2.5 }],
      };
    } finally {
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const LEFT_BEHIND = ["node_modules", ".git", ".slipway", "dist", "coverage"];

/** Two commits of this project. */
function repository(checkout: string): void {
  cpSync(ROOT, checkout, { recursive: true, filter: (file) => path.dirname(file) !== ROOT || !LEFT_BEHIND.includes(path.basename(file)) });
  writeFileSync(path.join(checkout, ".gitignore"), "node_modules\n");
  symlinkSync(path.join(ROOT, "node_modules"), path.join(checkout, "node_modules"));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=bench", "-c", "user.email=bench@localhost", ...args], { cwd: checkout });
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "base");
  const stack = path.join(checkout, "Pulumi.prod.yaml");
  writeFileSync(stack, readFileSync(stack, "utf8").replace("size: db-s-2vcpu-4gb", "size: db-s-4vcpu-8gb"));
  git("commit", "--quiet", "--all", "--message", "head");
}

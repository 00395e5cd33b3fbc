/** What a preview of two commits costs over one plan of the same stack: whole processes, checkouts and two recorded programs included. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { copyCheckout } from "../tests/copy.ts";
import type { Bench } from "./race.ts";
import { raceVerbs } from "./verb.ts";

const RUNS = 9;

const PLAN = "slipway plan";
const PREVIEW = "slipway preview";

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

/** Two commits of this project. */
function repository(checkout: string): void {
  copyCheckout(checkout);
  writeFileSync(path.join(checkout, ".gitignore"), "node_modules\n");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=bench", "-c", "user.email=bench@localhost", ...args], { cwd: checkout });
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "base");
  const stack = path.join(checkout, "Pulumi.prod.yaml");
  writeFileSync(stack, readFileSync(stack, "utf8").replace("size: db-s-2vcpu-4gb", "size: db-s-4vcpu-8gb"));
  git("commit", "--quiet", "--all", "--message", "head");
}

/** Measures `slipway preview` of two commits compared with `slipway plan`, as whole processes including the checkouts. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { copyCheckout } from "../tests/copy.ts";
import type { Benchmark } from "./benchmark.ts";
import { compareCommands } from "./command.ts";

const RUNS = 9;

const PLAN = "slipway plan";
const PREVIEW = "slipway preview";

export const bench: Benchmark = {
  about: "slipway preview --base HEAD~1 --stack prod, this project with one changed setting; CPU time of the comparing process only",
  unit: "ms",
  async run() {
    const folder = mkdtempSync(path.join(tmpdir(), "slipway-bench-"));
    const before = process.env.XDG_CACHE_HOME;
    try {
      const checkout = path.join(folder, "checkout");
      createRepository(checkout);
      // A separate cache, because previews keep compiled checkouts there.
      process.env.XDG_CACHE_HOME = path.join(folder, "cache");
      const prod = ["--stack", "prod", "--cwd", checkout];
      return {
        runners: await compareCommands(
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

/** Creates a repository with two commits of this project. */
function createRepository(checkout: string): void {
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

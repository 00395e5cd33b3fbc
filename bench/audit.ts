/** Measures `slipway audit` compared with `slipway plan` of the same stack, as whole processes. */
import path from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { compareCommands } from "./command.ts";

const RUNS = 9;

const PLAN = "slipway plan";
const AUDIT = "slipway audit";
const AUDIT_RUN = "slipway audit --run (starts every component)";

const prod = ["--stack", "prod", "--json", "--cwd", path.join(import.meta.dirname, "..")];

export const bench: Benchmark = {
  about: "slipway audit --stack prod --json, whole process, compile cache warm",
  unit: "ms",
  run: async () => ({
    runners: await compareCommands(
      { [PLAN]: ["plan", ...prod], [AUDIT]: ["audit", ...prod], [AUDIT_RUN]: ["audit", ...prod, "--run"] },
      RUNS,
    ),
    targets: [{ runner: AUDIT, comparedTo: PLAN, atMost: 4 }],
  }),
};

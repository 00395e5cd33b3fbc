/** What it costs to know where every secret goes, over one plan of the same stack: whole processes. */
import path from "node:path";
import type { Bench } from "./race.ts";
import { raceVerbs } from "./verb.ts";

const RUNS = 9;

const PLAN = "slipway plan";
const AUDIT = "slipway audit";
const SEEN = "slipway audit --run, which starts every component";

const prod = ["--stack", "prod", "--json", "--cwd", path.join(import.meta.dirname, "..")];

export const bench: Bench = {
  about: "slipway audit --stack prod --json, whole process, compile cache warm",
  unit: "ms",
  run: async () => ({
    runners: await raceVerbs({ [PLAN]: ["plan", ...prod], [AUDIT]: ["audit", ...prod], [SEEN]: ["audit", ...prod, "--run"] }, RUNS),
    targets: [{ runner: AUDIT, comparedTo: PLAN, atMost: 3 }],
  }),
};

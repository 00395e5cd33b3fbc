/** What planning the whole platform costs over planning nothing: whole processes, by the same launcher and recorder. */
import path from "node:path";
import type { Bench } from "./race.ts";
import { raceVerbs } from "./verb.ts";

const RUNS = 11;

const EMPTY = "an empty program";
const WHOLE = "three systems, prod";

const plan = (directory: string) => ["plan", "--stack", "prod", "--json", "--cwd", path.join(import.meta.dirname, directory)];

export const bench: Bench = {
  about: "slipway plan --stack prod --json, whole process, compile cache warm",
  unit: "ms",
  run: async () => ({
    runners: await raceVerbs({ [EMPTY]: plan("fixtures/empty"), [WHOLE]: plan("..") }, RUNS),
    targets: [{ runner: WHOLE, comparedTo: EMPTY, atMost: 1.5 }],
  }),
};

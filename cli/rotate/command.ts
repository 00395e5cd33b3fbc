import type { Session } from "../shared/command.ts";
import { declareGroup, declareKeys, declarePlan, declareRun, declareSecrets, declareStatus } from "./flags.ts";

export function rotateCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  declareStatus(group).action(async (_, command) => exit(await (await import("./status.ts")).status(command.optsWithGlobals(), terminal)));
  declarePlan(group).action(async (_, command) => exit(await (await import("./plan.ts")).plan(command.optsWithGlobals(), terminal)));
  declareKeys(group).action(async (_, command) => exit(await (await import("./keys.ts")).keys(command.optsWithGlobals(), terminal)));
  declareSecrets(group).action(async (_, command) =>
    exit(await (await import("./secrets.ts")).secrets(command.optsWithGlobals(), terminal)),
  );
  declareRun(group).action(async (_, command) => exit(await (await import("./run.ts")).run(command.optsWithGlobals(), terminal)));
  return group;
}

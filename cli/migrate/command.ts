import type { Session } from "../shared/command.ts";
import {
  declareBaseline,
  declareDiagram,
  declareDown,
  declareGroup,
  declareLint,
  declareNew,
  declarePlan,
  declareRepair,
  declareStatus,
  declareUp,
  declareVerify,
} from "./flags.ts";

/** The runner loads what the command uses and no more: a run with nothing to do takes no longer than starting up. */
export function migrateCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const load = () => import("./run.ts");
  declareStatus(group).action(async (_, command) => exit(await (await load()).status(command.optsWithGlobals(), terminal)));
  declarePlan(group).action(async (_, command) => exit(await (await load()).plan(command.optsWithGlobals(), terminal)));
  declareUp(group).action(async (_, command) => exit(await (await load()).up(command.optsWithGlobals(), terminal)));
  declareDown(group).action(async (_, command) => exit(await (await load()).down(command.optsWithGlobals(), terminal)));
  declareVerify(group).action(async (_, command) => exit(await (await load()).verify(command.optsWithGlobals(), terminal)));
  declareDiagram(group).action(async (_, command) => exit(await (await load()).diagram(command.optsWithGlobals(), terminal)));
  declareLint(group).action(async (_, command) => exit(await (await load()).lint(command.optsWithGlobals(), terminal)));
  declareNew(group).action(async (name, _, command) => exit(await (await load()).create(name, command.optsWithGlobals(), terminal)));
  declareBaseline(group).action(async (_, command) => exit(await (await load()).baseline(command.optsWithGlobals(), terminal)));
  declareRepair(group).action(async (_, command) => exit(await (await load()).repair(command.optsWithGlobals(), terminal)));
  return group;
}

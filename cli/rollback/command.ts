import type { Session } from "../shared/command.ts";
import { declareCommit, declareFull, declareGroup, declarePlan, declareQuick, declareRevert } from "./flags.ts";

export function rollbackCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const load = () => import("./run.ts");
  declarePlan(group).action(async (_, command) => exit(await (await load()).plan(command.optsWithGlobals(), terminal)));
  declareQuick(group).action(async (_, command) => exit(await (await load()).quick(command.optsWithGlobals(), terminal)));
  declareFull(group).action(async (_, command) => exit(await (await load()).full(command.optsWithGlobals(), terminal)));
  declareCommit(group).action(async (_, command) => exit(await (await load()).commit(command.optsWithGlobals(), terminal)));
  declareRevert(group).action(async (_, command) => exit(await (await load()).revert(command.optsWithGlobals(), terminal)));
  return group;
}

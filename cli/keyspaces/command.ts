import type { Session } from "../shared/command.ts";
import { declareCall, declareExport, declareGroup, declarePlan, declareSeed, declareStatus, declareVerify } from "./flags.ts";

export function keyspacesCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const load = () => import("./run.ts");
  declareStatus(group).action(async (_, command) => exit(await (await load()).status(command.optsWithGlobals(), terminal)));
  declarePlan(group).action(async (_, command) => exit(await (await load()).plan(command.optsWithGlobals(), terminal)));
  declareSeed(group).action(async (_, command) => exit(await (await load()).seed(command.optsWithGlobals(), terminal)));
  declareVerify(group).action(async (_, command) => exit(await (await load()).verify(command.optsWithGlobals(), terminal)));
  declareExport(group).action(async (_, command) => exit(await (await load()).exportKeyspaces(command.optsWithGlobals(), terminal)));
  declareCall(group).action(async (script, _, command) => exit(await (await load()).call(script, command.optsWithGlobals(), terminal)));
  return group;
}

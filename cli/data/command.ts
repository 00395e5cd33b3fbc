import type { Session } from "../shared/command.ts";
import { declareExport, declareGroup, declareImport, declareValidate } from "./flags.ts";

export function dataCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const load = () => import("./run.ts");
  declareImport(group).action(async (_, command) => exit(await (await load()).importFiles(command.optsWithGlobals(), terminal)));
  declareValidate(group).action(async (_, command) => exit(await (await load()).validate(command.optsWithGlobals(), terminal)));
  declareExport(group).action(async (_, command) => exit(await (await load()).exportFiles(command.optsWithGlobals(), terminal)));
  return group;
}

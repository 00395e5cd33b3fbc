import type { Session } from "../shared/command.ts";
import { declareArchive, declareBack, declareGroup, declareNext, declareStatus } from "./flags.ts";

export function phaseCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  declareStatus(group).action(async (_, command) => exit(await (await import("./run.ts")).status(command.optsWithGlobals(), terminal)));
  declareNext(group).action(async (_, command) =>
    exit(await (await import("./run.ts")).change("next", command.optsWithGlobals(), terminal)),
  );
  declareBack(group).action(async (_, command) =>
    exit(await (await import("./run.ts")).change("back", command.optsWithGlobals(), terminal)),
  );
  declareArchive(group).action(async (_, command) =>
    exit(await (await import("./archive.ts")).archive(command.optsWithGlobals(), terminal)),
  );
  return group;
}

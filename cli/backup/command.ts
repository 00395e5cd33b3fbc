import type { Session } from "../shared/command.ts";
import {
  declareCreate,
  declareExtract,
  declareFork,
  declareGroup,
  declareKeep,
  declareKeys,
  declareList,
  declarePrune,
  declareRehearse,
  declareRestore,
  declareStatus,
  declareVerify,
  declareWorker,
} from "./flags.ts";

export function backupCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const load = () => import("./run.ts");
  declareCreate(group).action(async (_, command) => exit(await (await load()).create(command.optsWithGlobals(), terminal)));
  declareList(group).action(async (_, command) => exit(await (await load()).list(command.optsWithGlobals(), terminal)));
  declareVerify(group).action(async (id, _, command) => exit(await (await load()).verify(id, command.optsWithGlobals(), terminal)));
  declareRestore(group).action(async (id, _, command) =>
    exit(await (await import("./restore.ts")).restore(id, command.optsWithGlobals(), terminal)),
  );
  declareExtract(group).action(async (time, _, command) =>
    exit(await (await import("./extract.ts")).extract(time, command.optsWithGlobals(), terminal)),
  );
  declareFork(group).action(async (_, command) => exit(await (await import("./fork.ts")).fork(command.optsWithGlobals(), terminal)));
  declareRehearse(group).action(async (_, command) =>
    exit(await (await import("./rehearsal.ts")).runRehearsal(command.optsWithGlobals(), terminal)),
  );
  declarePrune(group).action(async (_, command) => exit(await (await load()).runPrune(command.optsWithGlobals(), terminal)));
  declareKeep(group).action(async (id, _, command) => exit(await (await load()).keep(id, command.optsWithGlobals(), terminal)));
  declareStatus(group).action(async (_, command) => exit(await (await load()).status(command.optsWithGlobals(), terminal)));
  declareWorker(group).action(async (_, command) => exit(await (await import("./worker.ts")).work(command.optsWithGlobals(), terminal)));
  declareKeys(group).action(async (_, command) => exit(await (await load()).createKeys(command.optsWithGlobals(), terminal)));
  return group;
}

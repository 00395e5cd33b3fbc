import type { Session } from "../shared/command.ts";
import {
  declareApi,
  declareDown,
  declareEnv,
  declareGroup,
  declareLogs,
  declareReset,
  declareStatus,
  declareUp,
  type LocalOptions,
} from "./flags.ts";

export function localCommand({ terminal, exit }: Session) {
  const group = declareGroup();
  const openWorkspace = async ({ cwd }: LocalOptions) => {
    const [{ findProject }, { workspaceAt }] = await Promise.all([
      import("../../engine/project.ts"),
      import("../../local/platform/workspace.ts"),
    ]);
    return workspaceAt(findProject(cwd).root);
  };
  declareUp(group).action(async (_, command) => {
    const options = command.optsWithGlobals();
    exit(await (await import("./up.ts")).up(options, await openWorkspace(options), terminal));
  });
  declareDown(group).action(async (_, command) => {
    exit(await (await import("./down.ts")).down(await openWorkspace(command.optsWithGlobals()), terminal));
  });
  declareReset(group).action(async (_, command) => {
    exit(await (await import("./down.ts")).reset(await openWorkspace(command.optsWithGlobals()), terminal));
  });
  declareStatus(group).action(async (_, command) => {
    const options = command.optsWithGlobals();
    exit(await (await import("./status.ts")).status(options, await openWorkspace(options), terminal));
  });
  declareEnv(group).action(async (system, service, _, command) => {
    const options = command.optsWithGlobals();
    exit(await (await import("./env.ts")).env([system, service], options, await openWorkspace(options), terminal));
  });
  declareLogs(group).action(async (name, _, command) => {
    const options = command.optsWithGlobals();
    exit(await (await import("./logs.ts")).logs(name, options, await openWorkspace(options), terminal));
  });
  declareApi(group).action(async (_, command) => {
    const options = command.optsWithGlobals();
    exit(await (await import("./api.ts")).api(options, await openWorkspace(options), terminal));
  });
  return group;
}

/** `slipway local down` and `reset`: stops what `up` started, and nothing else. */

import { stopPlatform } from "../../local/platform/daemon/client.ts";
import { deleteWorkspaceState, type Workspace } from "../../local/platform/workspace.ts";
import { DONE } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";

export async function down(workspace: Workspace, { print }: Terminal): Promise<number> {
  const { daemon, servers } = await stopPlatform(workspace);
  print(!daemon && servers === 0 ? "Nothing was running." : "Stopped every process; the data is kept.");
  return DONE;
}

export async function reset(workspace: Workspace, { print }: Terminal): Promise<number> {
  await stopPlatform(workspace);
  deleteWorkspaceState(workspace);
  print(`Stopped every process and deleted ${workspace.home.state}. Start again: npx slipway local up`);
  return DONE;
}

/** `slipway local down` and `reset`: ends what `up` started, and nothing else. */

import { stopPlatform } from "../local/platform/daemon/client.ts";
import { deleteWorkspaceState, type Workspace } from "../local/platform/workspace.ts";
import { DONE } from "./command.ts";
import type { Terminal } from "./terminal.ts";

export async function down({ place }: { place: Workspace }, { print }: Terminal): Promise<number> {
  print(await ended(place));
  return DONE;
}

export async function reset({ place }: { place: Workspace }, { print }: Terminal): Promise<number> {
  await stopPlatform(place);
  deleteWorkspaceState(place);
  print(`Everything has ended, and all that was kept of it in ${place.home.state} is gone. Start anew: npx slipway local up`);
  return DONE;
}

async function ended(place: Workspace): Promise<string> {
  const { daemon, servers } = await stopPlatform(place);
  if (!daemon && servers === 0) return "Nothing was running.";
  return "Everything has ended; the data stays.";
}

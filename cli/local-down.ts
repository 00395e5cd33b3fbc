/** `slipway local down` and `reset`: ends what `up` started, and nothing else. */

import { takeDown } from "../local/platform/daemon/client.ts";
import { forget, type Place } from "../local/platform/workspace.ts";
import { DONE } from "./command.ts";
import type { Terminal } from "./terminal.ts";

export async function down({ place }: { place: Place }, { print }: Terminal): Promise<number> {
  print(await ended(place));
  return DONE;
}

export async function reset({ place }: { place: Place }, { print }: Terminal): Promise<number> {
  await takeDown(place);
  forget(place);
  print(`Everything has ended, and all that was kept of it in ${place.home.state} is gone. Start anew: npx slipway local up`);
  return DONE;
}

async function ended(place: Place): Promise<string> {
  const { daemon, servers } = await takeDown(place);
  if (!daemon && servers === 0) return "Nothing was running.";
  return "Everything has ended; the data stays.";
}

/** `slipway local status`. */

import { findDaemon } from "../local/platform/daemon/client.ts";
import { listServers } from "../local/platform/host.ts";
import { fetchStatus } from "../local/platform/start.ts";
import { isHealthy, type PlatformStatus } from "../local/platform/status.ts";
import type { Workspace } from "../local/platform/workspace.ts";
import { DONE, FAILED, type Given } from "./command.ts";
import { appRows, endpointNote, moves, problems, serverRow, table } from "./local-text.ts";
import type { Terminal } from "./terminal.ts";

export async function status({ values, place }: Given & { place: Workspace }, { print, say, style }: Terminal): Promise<number> {
  const now = await statusOf(place);
  if (values.json === true) print(JSON.stringify(now, null, 2));
  else {
    if (now.servers.length > 0) print(table(now.servers.map(serverRow), "").join("\n"));
    if (now.daemon)
      print(
        table(
          [
            ["API", now.daemon.api],
            ["Page", now.daemon.page],
          ],
          "",
        ).join("\n"),
      );
    if (now.apps.length > 0) print(`\n${table(appRows(now), "").join("\n")}`);
    for (const move of moves(now)) say(move);
    const note = endpointNote(now, place.checkout);
    if (note !== undefined) say(style.warn(note));
    for (const problem of problems(now)) say(style.bad(problem));
  }
  return isHealthy(now) ? DONE : FAILED;
}

/** Without a daemon there is still to say which servers run. */
export async function statusOf(place: Workspace): Promise<PlatformStatus> {
  const line = findDaemon(place);
  return line ? fetchStatus(line) : { servers: listServers(place), apps: [] };
}

import { findDaemon } from "../../local/platform/daemon/client.ts";
import { listServers } from "../../local/platform/host.ts";
import { fetchStatus } from "../../local/platform/start.ts";
import { isHealthy, type PlatformStatus } from "../../local/platform/status.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import type { StatusOptions } from "./flags.ts";
import { appRows, describeEndpoint, describeProblems, movedPorts, serverRow } from "./text.ts";

export async function status({ json }: StatusOptions, workspace: Workspace, { print, log, style }: Terminal): Promise<number> {
  const now = await readStatus(workspace);
  if (json) print(JSON.stringify(now, null, 2));
  else {
    const { daemon } = now;
    const addresses =
      daemon === undefined
        ? []
        : [
            ["API", "", daemon.api],
            ["Page", "", daemon.page],
          ];
    const rows = [...now.servers.map(serverRow), ...addresses];
    if (rows.length > 0) print(table(rows, "").join("\n"));
    if (now.apps.length > 0) print(`\n${table(appRows(now), "").join("\n")}`);
    for (const move of movedPorts(now)) log(move);
    const note = describeEndpoint(now, workspace.checkout);
    if (note !== undefined) log(style.warn(note));
    for (const problem of describeProblems(now)) log(style.bad(problem));
  }
  return isHealthy(now) ? DONE : FAILED;
}

/** Without a daemon, the servers that are running. */
export async function readStatus(workspace: Workspace): Promise<PlatformStatus> {
  const daemon = findDaemon(workspace);
  return daemon ? fetchStatus(daemon) : { servers: listServers(workspace), apps: [] };
}

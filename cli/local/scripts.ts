/** Local stores lose their loaded Lua scripts when they stop; DigitalOcean's keep them for months. */
import path from "node:path";
import type { Workspace } from "../../local/platform/workspace.ts";
import { readKeyspaces, reloadScripts } from "../../postdeploy/keyspaces/index.ts";
import { systems } from "../../systems/index.ts";
import { localStores } from "../shared/local-connections.ts";

/** Loads them again, so that clients can call a script by its digest after a restart. */
export async function reloadAllScripts(workspace: Workspace): Promise<void> {
  for (const system of systems) {
    const scripted = readKeyspaces(path.join(workspace.checkout, "keyspaces", system.name), system.name).filter(({ scripts }) => scripts);
    if (scripted.length === 0) continue;
    const stores = await localStores(system, workspace);
    for (const keyspace of scripted) {
      const connection = stores.get(keyspace.store);
      if (connection !== undefined) await reloadScripts({ address: connection, keyspace });
    }
  }
}

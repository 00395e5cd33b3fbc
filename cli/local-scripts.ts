/** What the local stores forget when they end, and DigitalOcean's keep for months: their loaded scripts. */
import path from "node:path";
import type { Workspace } from "../local/platform/workspace.ts";
import { readKeyspaces, reloadScripts } from "../postdeploy/keyspaces/index.ts";
import { systems } from "../systems/index.ts";
import { localStores } from "./local-databases.ts";

/** A client that calls a script by its digest finds it as it was before the platform ended. */
export async function recallAll(place: Workspace): Promise<void> {
  for (const system of systems) {
    const scripted = readKeyspaces(path.join(place.checkout, "keyspaces", system.name), system.name).filter(({ scripts }) => scripts);
    if (scripted.length === 0) continue;
    const stores = await localStores(system, place);
    for (const keyspace of scripted) {
      const connection = stores.get(keyspace.store);
      if (connection !== undefined) await reloadScripts({ address: connection, keyspace });
    }
  }
}

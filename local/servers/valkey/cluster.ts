import { join } from "node:path";
import type { BackedCluster } from "../../cloud/backing.ts";
import { folderOf, memoryGiBOf, type Workshop } from "../context.ts";
import { valkeyServer as findValkey } from "../packages/binaries.ts";
import { findRunning } from "../process.ts";
import { bringUp, takeDown } from "../server.ts";
import { valkeyServer } from "./server.ts";

/** One of DigitalOcean's Valkey clusters. Its firewall is only recorded: Valkey cannot tell one loopback address from another. */
export async function startValkey(shop: Workshop, cluster: BackedCluster): Promise<number> {
  const server = valkeyServer(
    { folder: placeOf(shop, cluster.id), key: keyOf(cluster.id), authority: shop.authority, program: await findValkey(shop.home) },
    { name: cluster.name, memoryGiB: memoryGiBOf(cluster), password: cluster.admin.password, config: cluster.config },
  );
  const up = await bringUp(server, shop.ports, shop.report);
  if (!up.found || !(await server.needsRestart(up.port))) return up.port;
  await takeDown(server);
  return (await bringUp(server, shop.ports, shop.report)).port;
}

export async function placeValkey(shop: Workshop, id: string): Promise<number> {
  return findRunning(placeOf(shop, id))?.port ?? (await shop.ports.take(keyOf(id))).port;
}

export async function removeValkey(shop: Workshop, id: string): Promise<void> {
  await takeDown({ folder: placeOf(shop, id), stopSignal: "SIGTERM" });
  shop.ports.release(keyOf(id));
}

const placeOf = (shop: Workshop, id: string) => join(folderOf(shop, id), "valkey");
const keyOf = (id: string) => `${id}/valkey`;

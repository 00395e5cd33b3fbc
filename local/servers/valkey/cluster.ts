import { join } from "node:path";
import type { BackedCluster } from "../../cloud/backing.ts";
import { clusterFolder, memoryGiBOf, type ServerContext } from "../context.ts";
import { findValkeyServer as findValkey } from "../packages/binaries.ts";
import { findRunningProcess } from "../process.ts";
import { startServer, stopServer } from "../server.ts";
import { valkeyServer } from "./server.ts";

/** One of DigitalOcean's Valkey clusters. Its firewall is only recorded: Valkey cannot tell one loopback address from another. */
export async function startValkey(shop: ServerContext, cluster: BackedCluster): Promise<number> {
  const server = valkeyServer(
    { folder: placeOf(shop, cluster.id), key: keyOf(cluster.id), authority: shop.authority, program: await findValkey(shop.home) },
    { name: cluster.name, memoryGiB: memoryGiBOf(cluster), password: cluster.admin.password, config: cluster.config },
  );
  const up = await startServer(server, shop.ports, shop.report);
  if (!up.found || !(await server.needsRestart(up.port))) return up.port;
  await stopServer(server);
  return (await startServer(server, shop.ports, shop.report)).port;
}

export async function assignValkeyPort(shop: ServerContext, id: string): Promise<number> {
  return findRunningProcess(placeOf(shop, id))?.port ?? (await shop.ports.take(keyOf(id))).port;
}

export async function removeValkey(shop: ServerContext, id: string): Promise<void> {
  await stopServer({ folder: placeOf(shop, id), stopSignal: "SIGTERM" });
  shop.ports.release(keyOf(id));
}

const placeOf = (shop: ServerContext, id: string) => join(clusterFolder(shop, id), "valkey");
const keyOf = (id: string) => `${id}/valkey`;

/** A real store for one test file, read through another client than the seed's. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Endpoint } from "../../../local/cloud/backing.ts";
import { openServers } from "../../../local/servers/backing.ts";
import { serversFolder } from "../../../local/servers/context.ts";
import { writeJson } from "../../../local/servers/files.ts";
import type { Home } from "../../../local/servers/home.ts";
import { findRunningProcess } from "../../../local/servers/process.ts";
import { removeHome, runCommand, valkeyCluster } from "../../../local/servers/testing/servers.ts";
import { freePort } from "../../migrate/testing/port.ts";
import type { Store } from "../inspect/options.ts";
import { serverHome } from "./server.ts";

export interface TestStore {
  readonly endpoint: Endpoint;
  /** @param port of a proxy; of the store by default */
  address(port?: number): Store;
  command(words: string[], database?: number): Promise<unknown>;
  /** Changes a setting that clients cannot change. */
  set(name: string, value: string): Promise<void>;
  /** Type, content and whether it expires, for every key of a database except internal ones. */
  dump(database: number): Promise<Record<string, unknown>>;
  /** Kills the server like a power loss, or with SIGTERM stops it after it has saved its keys; `start` starts it again. */
  kill(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startStore(id: string, config: Readonly<Record<string, unknown>> = {}): Promise<TestStore> {
  const home = serverHome();
  await reservePort(home, id);
  const servers = openServers({ home });
  const cluster = valkeyCluster(id, { config });
  let endpoint = await servers.startCluster(cluster);
  const folder = join(home.state, "servers", id, "valkey");
  const ask = (words: string[], db = 0) => runCommand(endpoint, words, { db });
  return {
    get endpoint() {
      return endpoint;
    },
    address: (port = endpoint.port) => ({ url: `rediss://default:AVNS_default@localhost:${port}/0`, ca: endpoint.ca }),
    command: ask,
    async set(name, value) {
      const { configCommand } = JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8")) as { configCommand: string };
      await ask([configCommand, "SET", name, value]);
    },
    async dump(db) {
      const client = new Redis({ host: "localhost", port: endpoint.port, password: "AVNS_default", tls: { ca: endpoint.ca }, db });
      try {
        const keys = (await client.keys("*")).filter((key) => !key.startsWith("slipway:")).sort();
        return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await readContent(client, key)] as const)));
      } finally {
        client.disconnect();
      }
    },
    async kill(signal = "SIGKILL") {
      process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), signal);
      // Wait until it is gone, because `start` would use a server that still runs.
      while (findRunningProcess(folder) !== undefined) await sleep(5);
    },
    async start() {
      endpoint = await servers.startCluster(cluster);
    },
    async stop() {
      await servers.close();
      await removeHome(home);
    },
  };
}

/**
 * Reserves a random port, so that a killed store starts again on the same one. By default servers take the first free port after
 * DigitalOcean's, which another server could take while the store is down.
 */
async function reservePort({ state }: Home, id: string): Promise<void> {
  const folder = serversFolder(state);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  writeJson(join(folder, "ports.json"), { [`${id}/valkey`]: await freePort() });
}

const READS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  string: ["GET"],
  hash: ["HGETALL"],
  list: ["LRANGE", "0", "-1"],
  set: ["SMEMBERS"],
  zset: ["ZRANGE", "0", "-1", "WITHSCORES"],
  stream: ["XRANGE", "-", "+"],
};

async function readContent(client: Redis, key: string): Promise<unknown> {
  const type = await client.type(key);
  const [name, ...rest] = READS[type] ?? ["TYPE"];
  // Latin-1 preserves the bytes of binary values.
  const answer = bytesOf(await client.callBuffer(name, key, ...rest));
  if (type === "stream") return [type, answer, bytesOf(await client.callBuffer("XINFO", "GROUPS", key)), (await client.ttl(key)) >= 0];
  const unordered = type === "set" || type === "hash";
  return [type, unordered ? [...(answer as string[])].sort() : answer, (await client.ttl(key)) >= 0];
}

function bytesOf(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  return Array.isArray(reply) ? reply.map(bytesOf) : reply;
}

/** A store to race on: TLS, no snapshots, nothing in it; and the store's own command line. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Redis } from "ioredis";
import { openServers } from "../../local/servers/backing.ts";
import { findValkeyServer } from "../../local/servers/packages/binaries.ts";
import { removeHome, temporaryHome, valkeyCluster } from "../../local/servers/testing/servers.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";

export interface RaceStore {
  readonly connection: StoreAddress;
  /** For what a runner needs on disk. */
  readonly folder: string;
  /** A client as applications have it. */
  client(): Promise<Redis>;
  empty(): Promise<void>;
  keys(): Promise<number>;
  /** Calls of commands that write, so far. */
  writes(): Promise<number>;
  /** valkey-cli --pipe, or redis-cli's. */
  pipe(file: string): Promise<void>;
  close(): Promise<void>;
}

const PASSWORD = "AVNS_default";

export async function openStore(config: Readonly<Record<string, unknown>> = {}): Promise<RaceStore> {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const endpoint = await servers.startCluster(
    valkeyCluster("race", { size: "db-s-4vcpu-8gb", config: { valkey_persistence: "off", ...config } }),
  );
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const authority = join(folder, "ca.pem");
  writeFileSync(authority, endpoint.ca);
  const server = await findValkeyServer(home);
  const cli = ["valkey-cli", "redis-cli"].map((name) => join(dirname(server.file), name)).find((file) => existsSync(file));
  const { port, ca } = endpoint;
  const client = async () => {
    const redis = new Redis({ host: "localhost", port, password: PASSWORD, tls: { ca }, lazyConnect: true });
    await redis.connect();
    return redis;
  };
  const control = await client();

  return {
    connection: { url: `rediss://default:${PASSWORD}@localhost:${port}`, ca },
    folder,
    client,
    empty: async () => void (await control.flushall("SYNC")),
    keys: () => control.dbsize(),
    async writes() {
      const stats = await control.info("commandstats");
      const writing = /cmdstat_(?:set|hset|hdel|del|unlink|zadd|pexpire|evalsha?):calls=(\d+)/g;
      return [...stats.matchAll(writing)].reduce((sum, [, calls]) => sum + Number(calls), 0);
    },
    async pipe(file) {
      if (cli === undefined) throw new Error(`There is no valkey-cli beside ${server.file}.`);
      const child = spawn(cli, ["--tls", "--cacert", authority, "-h", "localhost", "-p", String(port), "--no-auth-warning", "--pipe"], {
        env: { ...process.env, ...server.env, REDISCLI_AUTH: PASSWORD, VALKEYCLI_AUTH: PASSWORD },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const said: string[] = [];
      child.stdout.on("data", (chunk) => said.push(String(chunk)));
      child.stderr.on("data", (chunk) => said.push(String(chunk)));
      createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(child.stdin);
      const [code] = await once(child, "close");
      if (code !== 0 || !/errors: 0/.test(said.join(""))) throw new Error(`--pipe failed: ${said.join("")}`);
    },
    async close() {
      control.disconnect();
      await servers.close();
      await removeHome(home);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

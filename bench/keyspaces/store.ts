/** A store for benchmarks: TLS, no snapshots, initially empty. */
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

export interface BenchmarkStore {
  readonly address: StoreAddress;
  /** A folder for files of the runners. */
  readonly folder: string;
  /** Opens an ioredis client, as applications use it. */
  client(): Promise<Redis>;
  empty(): Promise<void>;
  keys(): Promise<number>;
  /** Number of write commands so far. */
  writes(): Promise<number>;
  /** Runs valkey-cli --pipe or redis-cli --pipe. */
  pipe(file: string): Promise<void>;
  close(): Promise<void>;
}

const PASSWORD = "AVNS_default";

export async function openStore(config: Readonly<Record<string, unknown>> = {}): Promise<BenchmarkStore> {
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
    address: { url: `rediss://default:${PASSWORD}@localhost:${port}`, ca },
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
      if (cli === undefined) throw new Error(`valkey-cli not found in the folder of ${server.file}.`);
      const child = spawn(cli, ["--tls", "--cacert", authority, "-h", "localhost", "-p", String(port), "--no-auth-warning", "--pipe"], {
        env: { ...process.env, ...server.env, REDISCLI_AUTH: PASSWORD, VALKEYCLI_AUTH: PASSWORD },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const output: string[] = [];
      child.stdout.on("data", (chunk) => output.push(String(chunk)));
      child.stderr.on("data", (chunk) => output.push(String(chunk)));
      createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(child.stdin);
      const [code] = await once(child, "close");
      if (code !== 0 || !/errors: 0/.test(output.join(""))) throw new Error(`--pipe failed: ${output.join("")}`);
    },
    async close() {
      control.disconnect();
      await servers.close();
      await removeHome(home);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

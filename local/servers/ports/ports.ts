import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "../error.ts";
import { readJson, writeJson } from "../files.ts";
import { openPortClaims } from "./claims.ts";

/** The address of every server here. */
export const LOOPBACK = "127.0.0.1";

/** DigitalOcean's Postgres port, so that a connection string looks as it will look there. Below every system's range of passing ports. */
const FIRST = 25060;
const LAST = 25999;

/** A server that was killed can be gone from the list of processes and still hold its port, until the system has cleared it all away. */
const LINGERING_MS = 1_000;

export interface Ports {
  /** A free port: the one this server had before where that is still free, else the next that is free and nobody's here. */
  take(server: string): Promise<TakenPort>;
  release(server: string): void;
  isFree(port: number): Promise<boolean>;
}

export interface TakenPort {
  readonly port: number;
  /** The port it had, or would have had, and that somebody else listens on now. */
  readonly insteadOf?: number;
}

/** @param range Where to look; by default where DigitalOcean's databases listen. */
export function openPorts(directory: string, range = { first: FIRST, last: LAST }): Ports {
  const file = join(directory, "ports.json");
  const remembered = new Map(Object.entries(readJson<Record<string, number>>(file) ?? {}));
  const claims = openPortClaims(directory);
  const remember = () => writeJson(file, Object.fromEntries(remembered));

  /** Another platform on this machine may have the port, or anything else may listen on it. */
  async function claimed(port: number, free: (port: number) => Promise<boolean>): Promise<boolean> {
    if (!claims.claim(port)) return false;
    if (await free(port)) return true;
    claims.release(port);
    return false;
  }

  return {
    async take(server) {
      const before = remembered.get(server);
      if (before && (await claimed(before, comesFree))) return { port: before };
      let busy = before;
      for (let port = range.first; port <= range.last; port++) {
        if ([...remembered.values()].includes(port)) continue;
        // Taken before the first await, so that two servers that start at once do not choose the same.
        remembered.set(server, port);
        if (await claimed(port, isFree)) {
          remember();
          return busy === undefined ? { port } : { port, insteadOf: busy };
        }
        busy ??= port;
      }
      throw new ServerError(
        `No port between ${range.first} and ${range.last} is free on ${LOOPBACK} for ${server}. See what listens there: ss -ltn`,
      );
    },
    release(server) {
      const port = remembered.get(server);
      if (port === undefined) return;
      claims.release(port);
      remembered.delete(server);
      remember();
    },
    isFree,
  };
}

async function comesFree(port: number): Promise<boolean> {
  for (const until = Date.now() + LINGERING_MS; Date.now() < until; await sleep(10)) if (await isFree(port)) return true;
  return isFree(port);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host: LOOPBACK, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

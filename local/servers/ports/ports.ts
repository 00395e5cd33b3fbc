import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "../error.ts";
import { readJson, writeJson } from "../files.ts";
import { openPortClaims } from "./claims.ts";

/** The address that every local server listens on. */
export const LOOPBACK = "127.0.0.1";

/** From DigitalOcean's Postgres port, so that connection strings look as they do there. Below the ephemeral ports of every system. */
const FIRST = 25060;
const LAST = 25999;

/** The system may release the port of a killed server only a moment after the process has gone. */
const RELEASE_TIMEOUT_MS = 1_000;

export interface Ports {
  /** Assigns a free port: the one that this server had before if it is still free, otherwise the next free one. */
  take(server: string): Promise<TakenPort>;
  release(server: string): void;
  isFree(port: number): Promise<boolean>;
}

export interface TakenPort {
  readonly port: number;
  /** The port that the server had or would have had, and that another process uses. */
  readonly insteadOf?: number;
}

/** @param range The ports to choose from. @default DigitalOcean's database ports and those after them */
export function openPorts(directory: string, range = { first: FIRST, last: LAST }): Ports {
  const file = join(directory, "ports.json");
  const remembered = new Map(Object.entries(readJson<Record<string, number>>(file) ?? {}));
  const claims = openPortClaims(directory);
  const remember = () => writeJson(file, Object.fromEntries(remembered));

  async function claim(port: number, isAvailable: (port: number) => Promise<boolean>): Promise<boolean> {
    if (!claims.claim(port)) return false;
    if (await isAvailable(port)) return true;
    claims.release(port);
    return false;
  }

  return {
    async take(server) {
      const before = remembered.get(server);
      if (before && (await claim(before, becomesFree))) return { port: before };
      let busy = before;
      for (let port = range.first; port <= range.last; port++) {
        if ([...remembered.values()].includes(port)) continue;
        // Before the first await, so that two servers that start at once do not choose the same port.
        remembered.set(server, port);
        if (await claim(port, isFree)) {
          remember();
          return busy === undefined ? { port } : { port, insteadOf: busy };
        }
        busy ??= port;
      }
      throw new ServerError(
        `No port from ${range.first} to ${range.last} is free on ${LOOPBACK} for ${server}. See which processes use them: ss -ltnp`,
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

async function becomesFree(port: number): Promise<boolean> {
  for (const until = Date.now() + RELEASE_TIMEOUT_MS; Date.now() < until; await sleep(10)) if (await isFree(port)) return true;
  return isFree(port);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host: LOOPBACK, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

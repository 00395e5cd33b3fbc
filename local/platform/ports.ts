/** Ports that somebody types: the first free one from where a reader expects it, tried anew each time. */
import { LOOPBACK, openPorts } from "../servers/ports.ts";

const TRIES = 90;

export async function portFrom(wish: number, what: string, folder: string, log: (line: string) => void): Promise<number> {
  const { isFree } = openPorts(folder);
  for (let port = wish; port < wish + TRIES; port++) {
    if (!(await isFree(port))) continue;
    if (port !== wish) log(`Port ${wish} is in use by something else, so ${what} is at http://${LOOPBACK}:${port}.`);
    return port;
  }
  throw new Error(`No port from ${wish} to ${wish + TRIES - 1} is free for ${what}. See what listens there: ss -ltn`);
}

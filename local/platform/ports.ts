/** Ports that people type: the one a reader expects, else the next free one. */
import { describePortHolder } from "../servers/ports/holder.ts";
import { LOOPBACK, openPorts } from "../servers/ports/ports.ts";

const TRIES = 90;

export interface PortChoice {
  readonly port: number;
  /** Why it is not the wanted one, as a sentence. */
  readonly moved?: string;
}

export async function findFreePort(wanted: number, what: string, folder: string): Promise<PortChoice> {
  const { isFree } = openPorts(folder);
  for (let port = wanted; port < wanted + TRIES; port++) {
    if (!(await isFree(port))) continue;
    if (port === wanted) return { port };
    return { port, moved: `Port ${wanted} is in use by ${describePortHolder(wanted)}, so ${what} is at http://${LOOPBACK}:${port}.` };
  }
  throw new Error(`No port from ${wanted} to ${wanted + TRIES - 1} is free for ${what}. See what listens there: ss -ltn`);
}

/** Only this port. @throws where another process listens on it; its message ends with the command to use another one. */
export async function requirePort(port: number, folder: string, command: string): Promise<void> {
  const { isFree } = openPorts(folder);
  if (await isFree(port)) return;
  let free = port + 1;
  while (free < 65_535 && !(await isFree(free))) free++;
  throw Object.assign(new Error(`Port ${port} is in use by ${describePortHolder(port)}. Choose another: ${command} --port ${free}`), {
    code: "EADDRINUSE",
  });
}

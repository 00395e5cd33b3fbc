/** Ports of addresses that users type: the preferred one, or the next free one. */
import { describePortHolder } from "../servers/ports/holder.ts";
import { LOOPBACK, openPorts } from "../servers/ports/ports.ts";

const MAX_ATTEMPTS = 90;

export interface PortChoice {
  readonly port: number;
  /** A sentence that explains why it is not the preferred port. */
  readonly moved?: string;
}

export async function findFreePort(preferred: number, what: string, folder: string): Promise<PortChoice> {
  const { isFree } = openPorts(folder);
  for (let port = preferred; port < preferred + MAX_ATTEMPTS; port++) {
    if (!(await isFree(port))) continue;
    if (port === preferred) return { port };
    return { port, moved: `Port ${preferred} is in use by ${describePortHolder(preferred)}, so ${what} is at http://${LOOPBACK}:${port}.` };
  }
  throw new Error(
    `No port from ${preferred} to ${preferred + MAX_ATTEMPTS - 1} is free for ${what}. See which processes use them: ss -ltnp`,
  );
}

/** @throws if another process listens on the port, with a message that ends with the command for another port */
export async function requirePort(port: number, folder: string, command: string): Promise<void> {
  const { isFree } = openPorts(folder);
  if (await isFree(port)) return;
  let free = port + 1;
  while (free < 65_535 && !(await isFree(free))) free++;
  throw Object.assign(new Error(`Port ${port} is in use by ${describePortHolder(port)}. Choose another: ${command} --port ${free}`), {
    code: "EADDRINUSE",
  });
}

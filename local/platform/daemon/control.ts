/** Remote calls from CLI commands to the daemon: one HTTP request per call over loopback, with a token that only this user can read. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { readJson, writeJson } from "../../servers/files.ts";
import { LOOPBACK } from "../../servers/ports/ports.ts";

/** How to connect to the daemon. Stored in a file that only its owner can read. */
export interface DaemonConnection {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  /** The version of the daemon's code. `local up` replaces a daemon of another version. */
  readonly version: string;
  /** The address of the DigitalOcean API. */
  readonly api: string;
}

export const connectionFile = (daemon: string): string => join(daemon, "line.json");
export const readConnection = (daemon: string): DaemonConnection | undefined => readJson<DaemonConnection>(connectionFile(daemon));

export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

/** Serves each method at the path of its name. */
export async function openControlServer(methods: Methods): Promise<{ readonly port: number; readonly token: string; close(): void }> {
  const token = randomBytes(24).toString("base64url");
  const server = createServer(async (incoming, reply) => {
    const send = (status: number, body: object) =>
      reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (!isSameText(incoming.headers.authorization ?? "", `Bearer ${token}`)) return send(401, { error: "wrong token" });
    const name = (incoming.url ?? "").slice(1);
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method) return send(404, { error: `the daemon has no method "${name}"` });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const value = await method(JSON.parse(Buffer.concat(chunks).toString("utf8")) as never);
      return send(200, { value });
    } catch (error) {
      return send(200, { error: (error as Error).message });
    }
  });
  // Starting a cluster can take minutes if its server has to be downloaded first.
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    token,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** @throws the daemon's error, or that the daemon does not answer */
export function callDaemon<T>(
  { port, token }: Pick<DaemonConnection, "port" | "token">,
  method: string,
  argument: object = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    // A connection per call: an idle one may be closed by the daemon at the moment in which it is used again.
    const sent = request(
      { host: LOOPBACK, port, path: `/${method}`, method: "POST", headers: { authorization: `Bearer ${token}` }, agent: false },
      async (answer) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of answer) chunks.push(chunk as Buffer);
          const { value, error } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { value?: T; error?: string };
          if (error === undefined) resolve(value as T);
          else reject(new Error(error));
        } catch (error) {
          reject(error);
        }
      },
    );
    sent.once("error", (error) =>
      reject(new Error(`the local platform's daemon does not answer (${error.message}). Start it: slipway local up`)),
    );
    sent.end(JSON.stringify(argument));
  });
}

export function writeConnection(daemon: string, line: DaemonConnection): void {
  writeJson(connectionFile(daemon), line);
}

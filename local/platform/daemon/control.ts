/** The line between the verbs and the daemon: loopback, a token that only this user can read, one request a call. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { readJson, writeJson } from "../../servers/files.ts";
import { LOOPBACK } from "../../servers/ports/ports.ts";

/** What a verb must know to talk to the daemon; readable by its owner only. */
export interface DaemonConnection {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  /** Of the code that the daemon runs: another one's verbs start another daemon. */
  readonly version: string;
  /** The HTTP API's address. */
  readonly api: string;
}

export const connectionFile = (daemon: string): string => join(daemon, "line.json");
export const readConnection = (daemon: string): DaemonConnection | undefined => readJson<DaemonConnection>(connectionFile(daemon));

export type Methods = Readonly<Record<string, (asked: never) => unknown>>;

/** Serves each method at its name. @returns the line, still without an API. */
export async function openControlServer(methods: Methods): Promise<{ readonly port: number; readonly token: string; close(): void }> {
  const token = randomBytes(24).toString("base64url");
  const server = createServer(async (asked, reply) => {
    const say = (status: number, body: object) => reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (!sameText(asked.headers.authorization ?? "", `Bearer ${token}`)) return say(401, { error: "wrong token" });
    const name = (asked.url ?? "").slice(1);
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method) return say(404, { error: `the daemon knows no "${name}"` });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of asked) chunks.push(chunk as Buffer);
      const value = await method(JSON.parse(Buffer.concat(chunks).toString("utf8")) as never);
      return say(200, { value });
    } catch (error) {
      return say(200, { error: (error as Error).message });
    }
  });
  // A cluster may take minutes to start where its server has to be downloaded first.
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

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** @throws what the daemon said went wrong, or that it is gone */
export function callDaemon<T>({ port, token }: Pick<DaemonConnection, "port" | "token">, method: string, asked: object = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: LOOPBACK, port, path: `/${method}`, method: "POST", headers: { authorization: `Bearer ${token}` } },
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
    sent.end(JSON.stringify(asked));
  });
}

export function writeConnection(daemon: string, line: DaemonConnection): void {
  writeJson(connectionFile(daemon), line);
}

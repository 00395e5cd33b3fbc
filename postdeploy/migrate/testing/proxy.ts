/** A TCP proxy that can delay, suspend or reset its connections. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** How often the client sent data after data from the server. */
  readonly roundTrips: number;
  /** How many connections clients have opened. */
  readonly connections: number;
  /** Resets both ends of all connections. */
  cut(): void;
  /** Drops all data in both directions, also of new connections. */
  silence(): void;
  /** Ends `silence` and `deafen`. */
  speak(): void;
  /** Drops the data from the server only. */
  deafen(): void;
  close(): Promise<void>;
}

/** @param delayMs each way */
export async function startProxy(
  target: number,
  { delayMs = 0, host = "127.0.0.1" }: { delayMs?: number; host?: string } = {},
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let silent = false;
  let deaf = false;
  let roundTrips = 0;
  let connections = 0;
  const server = createServer((client) => {
    connections++;
    const upstream = connect(target, "127.0.0.1");
    let clientSentLast = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    const forward = (to: Socket, chunk: Buffer) => {
      if (silent) return;
      if (delayMs === 0) to.write(chunk);
      else setTimeout(() => to.destroyed || to.write(chunk), delayMs);
    };
    client.on("data", (chunk) => {
      if (!clientSentLast) roundTrips++;
      clientSentLast = true;
      forward(upstream, chunk);
    });
    upstream.on("data", (chunk) => {
      clientSentLast = false;
      if (!deaf) forward(client, chunk);
    });
    client.on("close", () => (silent ? undefined : setTimeout(() => upstream.destroy(), delayMs)));
    upstream.on("close", () => (silent || deaf ? undefined : setTimeout(() => client.destroy(), delayMs)));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get roundTrips() {
      return roundTrips;
    },
    get connections() {
      return connections;
    },
    cut: reset,
    silence() {
      silent = true;
    },
    speak() {
      silent = deaf = false;
    },
    deafen() {
      deaf = true;
    },
    async close() {
      reset();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Asks a Valkey whether it is there, logged in and in the right database, without a client library: a stand-in starts in no time. */
import { connect } from "node:tls";
import type { ValkeyTarget } from "./connections.ts";

const PATIENCE_MS = 2_000;

/** @throws why it did not answer */
export function pingValkey(target: ValkeyTarget, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without a CA the connection is encrypted and not verified; the health answer warns of it.
    const trust = ca === "" ? { rejectUnauthorized: false } : { ca };
    const socket = connect({ host: target.host, port: target.port, ...trust, timeout: PATIENCE_MS });
    let said = "";
    const end = (error?: Error) => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.once("secureConnect", () => {
      const login = target.user === "" ? ["AUTH", target.password] : ["AUTH", target.user, target.password];
      socket.write(command(login) + command(["SELECT", target.database]) + command(["PING"]));
    });
    socket.on("data", (bytes) => {
      said += bytes.toString("latin1");
      const refused = /^-(.*)\r\n/m.exec(said)?.[1];
      if (refused !== undefined) end(new Error(refused));
      else if (said.includes("+PONG\r\n")) end();
    });
    socket.once("timeout", () => end(new Error(`no answer within ${PATIENCE_MS / 1000} seconds`)));
    socket.once("error", end);
    socket.once("close", () => end(new Error("the connection was closed")));
  });
}

const command = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

/** Standalone servers with settings that the local platform does not offer: replica, cluster mode, restricted users, slow loading. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openAuthority } from "../../../local/servers/certificates.ts";
import { findValkeyServer } from "../../../local/servers/packages/binaries.ts";
import { runCommand } from "../../../local/servers/testing/servers.ts";
import { freePort } from "../../migrate/testing/port.ts";
import type { Store } from "../inspect/options.ts";
import { serverHome } from "./server.ts";

const PASSWORD = "AVNS_default";
const folder = mkdtempSync(join(tmpdir(), "slipway standalone "));
const authority = openAuthority(join(folder, "authority"));
const { certificate, key, authority: ca } = authority.issue(join(folder, "tls"), {});
const TLS = { "tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": ca };
const running = new Set<ChildProcess>();

export interface StandaloneStore {
  readonly port: number;
  address(more?: { readonly port?: number; readonly user?: string; readonly password?: string }): Store;
  command(words: string[], database?: number): Promise<unknown>;
  /** Waits until it has read its snapshot. */
  loaded(): Promise<void>;
  kill(): Promise<void>;
}

/** @param data the folder of an earlier server, to continue with its data */
export async function startStandalone(
  settings: Readonly<Record<string, string>> = {},
  data = mkdtempSync(join(folder, "data-")),
): Promise<StandaloneStore> {
  const port = await freePort();
  const { file, env } = await findValkeyServer(serverHome());
  const config = {
    ...{ bind: "127.0.0.1", port: "0", "tls-port": String(port), "tls-auth-clients": "no", "tls-replication": "yes" },
    ...Object.fromEntries(Object.entries({ dir: data, ...TLS }).map(([name, path]) => [name, JSON.stringify(path)])),
    // masterauth instead of primaryauth, because Redis 7 does not know the new name.
    ...{ requirepass: PASSWORD, masterauth: PASSWORD, appendonly: "no", save: "3600 1", "repl-diskless-sync-delay": "0" },
    ...settings,
  };
  const configFile = join(data, "server.conf");
  writeFileSync(
    configFile,
    Object.entries(config)
      .map((line) => `${line.join(" ")}\n`)
      .join(""),
  );
  const child = spawn(file, [configFile], { env: { ...process.env, ...env }, stdio: "ignore" });
  running.add(child);
  const ask = (words: string[], db = 0) =>
    runCommand({ host: "localhost", port, ca: authority.pem } as never, words, { db, enableReadyCheck: false });
  while (true) {
    const answer = await ask(["PING"]).catch((error: Error) => error.message);
    if (answer === "PONG" || /LOADING/.test(String(answer))) break;
    if (child.exitCode !== null) throw new Error(`${file} exited on its own.`);
    await sleep(20);
  }
  return {
    port,
    address: ({ port: through = port, user = "default", password = PASSWORD } = {}) => ({
      url: `rediss://${user}:${password}@localhost:${through}/0`,
      ca: authority.pem,
    }),
    command: ask,
    async loaded() {
      while ((await ask(["PING"]).catch(String)) !== "PONG") await sleep(100);
    },
    async kill() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      running.delete(child);
    },
  };
}

export async function stopStandalone(): Promise<void> {
  for (const child of running) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}

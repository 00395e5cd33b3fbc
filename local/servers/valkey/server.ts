import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Authority } from "../certificates.ts";
import { readJson, requireOneLine, writeJson, writeSecret } from "../files.ts";
import type { Program } from "../packages/packages.ts";
import { newPassword } from "../passwords.ts";
import { LOOPBACK } from "../ports/ports.ts";
import type { Server } from "../server.ts";
import { currentUser } from "../user.ts";

/** A Valkey cluster as it should be. */
export interface ValkeyCluster {
  readonly name: string;
  readonly memoryGiB: number;
  /** Of the user `default`, the only one. */
  readonly password: string;
  /** DigitalOcean's configuration fields, `eviction_policy` among them. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Commands that clients do not have: CONFIG is unknown at DigitalOcean (OpenGems/redis_web_manager#41), the others at Aiven, which runs its
 * clusters ("Restricted commands in Aiven for Valkey"). Slipway has CONFIG under a name that nobody else knows.
 */
const FORBIDDEN = [
  ...["ACL", "BGREWRITEAOF", "BGSAVE", "CLUSTER", "DEBUG", "FAILOVER", "LASTSAVE", "MIGRATE", "MODULE", "MONITOR"],
  ...["REPLICAOF", "SAVE", "SHUTDOWN", "SLAVEOF"],
];

export interface ValkeyLocation {
  readonly folder: string;
  readonly key: string;
  readonly authority: Authority;
  readonly program: Program;
}

export interface ValkeyServer extends Server {
  /** The number of databases is the one thing that cannot be changed while it runs. */
  needsRestart(port: number): Promise<boolean>;
}

interface Secrets {
  /** What CONFIG is called here. */
  readonly configCommand: string;
  /** The password that a running server still has while another one is asked for. */
  readonly password: string;
}

export function valkeyServer({ folder, key, authority, program }: ValkeyLocation, cluster: ValkeyCluster): ValkeyServer {
  const file = (name: string) => join(folder, name);
  const live = liveSettings(cluster);

  return {
    title: `Valkey ${cluster.name}`,
    key,
    folder,
    stopSignal: "SIGTERM",
    configure: writeConfiguration,
    command: () => ({ argv: [program.file, file("valkey.conf")], env: program.env, user: currentUser }),
    login: async (port) => void (await asAdministrator(port, (client) => client.ping())),
    reload,
    needsRestart: (port) =>
      asAdministrator(port, async (client, { configCommand }) => {
        const [, databases] = (await client.call(configCommand, "GET", "databases")) as string[];
        return Number(databases) !== databasesOf(cluster);
      }),
  };

  function writeConfiguration(port: number) {
    mkdirSync(file("data"), { recursive: true, mode: 0o700 });
    const { configCommand, password } = secrets();
    if (!password) writeJson(file("secrets.json"), { configCommand, password: cluster.password } satisfies Secrets);
    const certificate = authority.issue(file("tls"), { commonName: cluster.name });
    const fixed: [string, string | number][] = [
      ["bind", LOOPBACK],
      ["port", 0],
      ["tls-port", port],
      ["tls-cert-file", certificate.certificate],
      ["tls-key-file", certificate.key],
      ["tls-ca-cert-file", certificate.authority],
      ["tls-auth-clients", "no"],
      ["dir", file("data")],
      ["databases", databasesOf(cluster)],
      // What is to be kept is in the log of writes already.
      ["shutdown-on-sigterm", "nosave"],
      // Its command line stays what it was started with, by which it is recognised.
      ["set-proc-title", "no"],
      ["rename-command CONFIG", configCommand],
      ...FORBIDDEN.map((command): [string, string] => [`rename-command ${command}`, ""]),
    ];
    const lines = [...fixed, ...Object.entries(live)].map(([name, value]) =>
      name === "save" && value !== "" ? `save ${value}` : `${name} ${inQuotes(value)}`,
    );
    writeSecret(file("valkey.conf"), `${lines.join("\n")}\n`);
  }

  async function reload(port: number) {
    await asAdministrator(port, async (client, { configCommand }) => {
      await client.call(configCommand, "SET", ...Object.entries(live).flatMap(([name, value]) => [name, String(value)]));
      writeJson(file("secrets.json"), { configCommand, password: cluster.password } satisfies Secrets);
      await waitForAppendLog(client);
    });
  }

  /** After a crash in the middle of a change either password may be the one that the server has. */
  async function asAdministrator<T>(port: number, work: (client: Redis, secrets: Secrets) => Promise<T>): Promise<T> {
    const known = secrets();
    try {
      return await withClient(port, known.password || cluster.password, (client) => work(client, known));
    } catch (error) {
      if (known.password === cluster.password || !/WRONGPASS/.test((error as Error).message)) throw error;
      return await withClient(port, cluster.password, (client) => work(client, known));
    }
  }

  async function withClient<T>(port: number, password: string, work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis({
      host: LOOPBACK,
      port,
      password,
      tls: { ca: authority.pem },
      lazyConnect: true,
      connectTimeout: 10_000,
      // Every failure is the caller's at once: whether to try again is not the client's to decide.
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
    });
    let failure: Error | undefined;
    client.on("error", (error) => (failure ??= error));
    try {
      await client.connect();
      return await work(client);
    } catch (error) {
      throw failure ?? error;
    } finally {
      client.disconnect();
    }
  }

  function secrets(): Secrets {
    return readJson<Secrets>(file("secrets.json")) ?? { configCommand: `CONFIG_${newPassword()}`, password: "" };
  }
}

/** While Valkey first writes down what it holds it cannot keep what comes, and refuses to end. */
async function waitForAppendLog(client: Redis): Promise<void> {
  for (;;) {
    if (!/aof_rewrite_(in_progress|scheduled):1/.test(await client.info("persistence"))) return;
    await sleep(10);
  }
}

const DEFAULT_DATABASES = 16;
const databasesOf = ({ config }: ValkeyCluster) => Number(config.valkey_number_of_databases ?? DEFAULT_DATABASES);

/** Fields that Valkey takes under the same name, with dashes. */
const SAME = ["lfu_log_factor", "lfu_decay_time", "timeout", "notify_keyspace_events", "active_expire_effort"];

/** Everything that a running server takes. */
function liveSettings({ memoryGiB, password, config }: ValkeyCluster): Record<string, string | number> {
  const policy = String(config.eviction_policy ?? config.valkey_maxmemory_policy ?? "noeviction");
  const kept = config.valkey_persistence !== "off";
  const output = Number(config.valkey_pubsub_client_output_buffer_limit ?? 64);
  const same = SAME.filter((name) => config[`valkey_${name}`] !== undefined && config[`valkey_${name}`] !== null);
  return {
    requirepass: password,
    // A tenth stays for connections and copies, so that a full node evicts or refuses before the machine's memory is gone.
    maxmemory: Math.round(memoryGiB * 0.9 * 2 ** 30),
    "maxmemory-policy": policy.replaceAll("_", "-"),
    // DigitalOcean takes snapshots and has a standby; a laptop has none, so what was acknowledged is written down before the answer.
    appendonly: kept ? "yes" : "no",
    save: kept ? "3600 1 300 100 60 10000" : "",
    "client-output-buffer-limit": `pubsub ${output}mb ${output / 4}mb 60`,
    ...Object.fromEntries(same.map((name) => [name.replaceAll("_", "-"), String(config[`valkey_${name}`])])),
  };
}

const inQuotes = (value: string | number) => `"${requireOneLine(String(value)).replace(/["\\]/g, "\\$&")}"`;

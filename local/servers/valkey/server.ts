import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { BackedCluster } from "../../cloud/backing.ts";
import type { Authority } from "../certificates.ts";
import { clusterFolder, memoryGiBOf, type ServerContext } from "../context.ts";
import { readJson, requireOneLine, writeJson, writeSecret } from "../files.ts";
import { findValkeyServer } from "../packages/binaries.ts";
import type { Program } from "../packages/packages.ts";
import { newPassword } from "../passwords.ts";
import { LOOPBACK } from "../ports/ports.ts";
import { findRunningProcess } from "../process.ts";
import { type Server, startServer, stopServer } from "../server.ts";
import { currentUser } from "../user.ts";

/**
 * Starts the cluster, or updates it if it is running. Its firewall rules have no effect here: Valkey cannot distinguish loopback addresses.
 * @returns its port
 */
export async function startValkey(context: ServerContext, cluster: BackedCluster): Promise<number> {
  const program = await findValkeyServer(context.home);
  const server = valkeyServer(
    { folder: folderOf(context, cluster.id), key: keyOf(cluster.id), authority: context.authority, program },
    { name: cluster.name, memoryGiB: memoryGiBOf(cluster), password: cluster.admin.password, config: cluster.config },
  );
  const { port, wasRunning } = await startServer(server, context.ports, context.report);
  if (!wasRunning || !(await server.needsRestart(port))) return port;
  await stopServer(server);
  return (await startServer(server, context.ports, context.report)).port;
}

export async function assignValkeyPort(context: ServerContext, id: string): Promise<number> {
  return findRunningProcess(folderOf(context, id))?.port ?? (await context.ports.take(keyOf(id))).port;
}

export async function removeValkey(context: ServerContext, id: string): Promise<void> {
  await stopServer({ folder: folderOf(context, id), stopSignal: "SIGTERM" });
  context.ports.release(keyOf(id));
}

const folderOf = (context: ServerContext, id: string) => join(clusterFolder(context, id), "valkey");
const keyOf = (id: string) => `${id}/valkey`;

/** The desired state of a cluster. */
interface ValkeyCluster {
  readonly name: string;
  readonly memoryGiB: number;
  /** The password of `default`, the only user. */
  readonly password: string;
  /** DigitalOcean's configuration fields, including `eviction_policy`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Commands that clients cannot use. DigitalOcean has no CONFIG (OpenGems/redis_web_manager#41); Aiven, which runs DigitalOcean's clusters, lists
 * the others in "Restricted commands in Aiven for Valkey". CONFIG is renamed to a random name that only slipway knows.
 */
const DISABLED_COMMANDS = [
  ...["ACL", "BGREWRITEAOF", "BGSAVE", "CLUSTER", "DEBUG", "FAILOVER", "LASTSAVE", "MIGRATE", "MODULE", "MONITOR"],
  ...["REPLICAOF", "SAVE", "SHUTDOWN", "SLAVEOF"],
];

interface ValkeyLocation {
  readonly folder: string;
  readonly key: string;
  readonly authority: Authority;
  readonly program: Program;
}

interface ValkeyServer extends Server {
  /** The number of databases is the only setting that Valkey cannot change while it runs. */
  needsRestart(port: number): Promise<boolean>;
}

interface Secrets {
  /** The random name of CONFIG. */
  readonly configCommand: string;
  /** The password of the running server, which may differ from the desired one. */
  readonly password: string;
}

function valkeyServer({ folder, key, authority, program }: ValkeyLocation, cluster: ValkeyCluster): ValkeyServer {
  const file = (name: string) => join(folder, name);
  const runtime = runtimeSettings(cluster);

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
      // The append-only file already has everything that is to be kept.
      ["shutdown-on-sigterm", "nosave"],
      // process.ts recognizes the server by its command line, so Valkey must not change it.
      ["set-proc-title", "no"],
      ["rename-command CONFIG", configCommand],
      ...DISABLED_COMMANDS.map((command): [string, string] => [`rename-command ${command}`, ""]),
    ];
    const lines = [...fixed, ...Object.entries(runtime)].map(([name, value]) =>
      name === "save" && value !== "" ? `save ${value}` : `${name} ${quote(value)}`,
    );
    writeSecret(file("valkey.conf"), `${lines.join("\n")}\n`);
  }

  async function reload(port: number) {
    await asAdministrator(port, async (client, { configCommand }) => {
      await client.call(configCommand, "SET", ...Object.entries(runtime).flatMap(([name, value]) => [name, String(value)]));
      writeJson(file("secrets.json"), { configCommand, password: cluster.password } satisfies Secrets);
      await waitForAppendLog(client);
    });
  }

  /** After a crash during a password change the server has either the recorded or the desired password. */
  async function asAdministrator<T>(port: number, work: (client: Redis, secrets: Secrets) => Promise<T>): Promise<T> {
    const recorded = secrets();
    try {
      return await withClient(port, recorded.password || cluster.password, (client) => work(client, recorded));
    } catch (error) {
      if (recorded.password === cluster.password || !/WRONGPASS/.test((error as Error).message)) throw error;
      return await withClient(port, cluster.password, (client) => work(client, recorded));
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
      // Report each failure at once: the caller decides whether to retry.
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

/** While Valkey writes its first append-only file, new writes are not durable yet and it refuses to shut down. */
async function waitForAppendLog(client: Redis): Promise<void> {
  for (;;) {
    if (!/aof_rewrite_(in_progress|scheduled):1/.test(await client.info("persistence"))) return;
    await sleep(10);
  }
}

const DEFAULT_DATABASES = 16;
const databasesOf = ({ config }: ValkeyCluster) => Number(config.valkey_number_of_databases ?? DEFAULT_DATABASES);

/** Configuration fields that differ from Valkey's settings only in the dashes. */
const SAME_NAME = ["lfu_log_factor", "lfu_decay_time", "timeout", "notify_keyspace_events", "active_expire_effort"];

/** The settings that Valkey can change while it runs. */
function runtimeSettings({ memoryGiB, password, config }: ValkeyCluster): Record<string, string | number> {
  const policy = String(config.eviction_policy ?? config.valkey_maxmemory_policy ?? "noeviction");
  const isPersistent = config.valkey_persistence !== "off";
  const outputBufferMb = Number(config.valkey_pubsub_client_output_buffer_limit ?? 64);
  const same = SAME_NAME.filter((name) => config[`valkey_${name}`] !== undefined && config[`valkey_${name}`] !== null);
  return {
    requirepass: password,
    // The rest is for connections and copies, so that a full node evicts or refuses writes before it exceeds its memory.
    maxmemory: Math.round(memoryGiB * 0.9 * 2 ** 30),
    "maxmemory-policy": policy.replaceAll("_", "-"),
    // DigitalOcean's snapshots and standby do not exist here, so Valkey appends each write to its file before it acknowledges it.
    appendonly: isPersistent ? "yes" : "no",
    save: isPersistent ? "3600 1 300 100 60 10000" : "",
    "client-output-buffer-limit": `pubsub ${outputBufferMb}mb ${outputBufferMb / 4}mb 60`,
    ...Object.fromEntries(same.map((name) => [name.replaceAll("_", "-"), String(config[`valkey_${name}`])])),
  };
}

const quote = (value: string | number) => `"${requireOneLine(String(value)).replace(/["\\]/g, "\\$&")}"`;

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { BackedCluster, BackedPool } from "../../cloud/backing.ts";
import type { Authority } from "../certificates.ts";
import { clusterFolder, type ServerContext } from "../context.ts";
import { ServerError } from "../error.ts";
import { changeOwner, readJson, requireOneLine, writeJson, writeSecret } from "../files.ts";
import { admittedAddresses, type Rule, THIS_MACHINE } from "../firewall.ts";
import type { Home } from "../home.ts";
import { findPgbouncer } from "../packages/binaries.ts";
import type { Program } from "../packages/packages.ts";
import { newPassword } from "../passwords.ts";
import { LOOPBACK } from "../ports/ports.ts";
import { findRunningProcess } from "../process.ts";
import { type Server, startServer, stopServer } from "../server.ts";

/** How PgBouncer logs in to the Postgres behind it to look up users. */
export interface Upstream {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Starts or reloads the cluster's PgBouncer, or stops it if the cluster has no pools. */
export async function startPools(context: ServerContext, cluster: BackedCluster, findUpstream: () => Promise<Upstream>): Promise<void> {
  const folder = folderOf(context, cluster.id);
  if (cluster.pools.length === 0) {
    await stopServer({ folder, stopSignal: "SIGTERM" });
    // The status reports a folder without a process as a server that does not run.
    rmSync(folder, { recursive: true, force: true });
    return;
  }
  const program = await findPgbouncer(context.home);
  const server = pgbouncerServer(
    { folder, key: keyOf(cluster.id), home: context.home, authority: context.authority, program },
    {
      cluster: cluster.name,
      upstream: await findUpstream(),
      pools: cluster.pools,
      rules: cluster.rules,
      config: (cluster.config.pgbouncer ?? {}) as Readonly<Record<string, unknown>>,
    },
  );
  await startServer(server, context.ports, context.report);
}

export async function assignPoolPort(context: ServerContext, id: string): Promise<number> {
  return findRunningProcess(folderOf(context, id))?.port ?? (await context.ports.take(keyOf(id))).port;
}

export async function removePools(context: ServerContext, id: string): Promise<void> {
  await stopServer({ folder: folderOf(context, id), stopSignal: "SIGTERM" });
  context.ports.release(keyOf(id));
}

const folderOf = (context: ServerContext, id: string) => join(clusterFolder(context, id), "pgbouncer");
const keyOf = (id: string) => `${id}/pgbouncer`;

interface Pools {
  readonly cluster: string;
  readonly upstream: Upstream;
  readonly pools: readonly BackedPool[];
  readonly rules: readonly Rule[];
  /** DigitalOcean's `pgbouncer` fields. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** The administrator of PgBouncer's console. Only slipway has the password, and only connections from this machine are allowed. */
const CONSOLE = "pgbouncer";

/**
 * PgBouncer for one cluster: TLS to its clients, verified TLS to Postgres. It stores no user's password: it reads the SCRAM verifier of the
 * client's user from Postgres, and logs in to Postgres with the keys from the client's own SCRAM login.
 */
function pgbouncerServer(
  location: {
    readonly folder: string;
    readonly key: string;
    readonly home: Home;
    readonly authority: Authority;
    readonly program: Program;
  },
  { cluster, upstream, pools, rules, config }: Pools,
): Server {
  const { folder, key, home, authority, program } = location;
  const file = (name: string) => join(folder, name);

  return {
    title: `PgBouncer of ${cluster}`,
    key,
    folder,
    stopSignal: "SIGTERM",
    configure: writeConfiguration,
    command: () => ({ argv: [program.file, file("pgbouncer.ini")], env: program.env, user: home.user }),
    login: (port) => inConsole(port, "SHOW VERSION"),
    reload: (port) => inConsole(port, "RELOAD"),
  };

  function writeConfiguration(port: number) {
    const password = readJson<{ password: string }>(file("console.json"))?.password ?? newPassword();
    writeJson(file("console.json"), { password });
    const certificate = authority.issue(file("tls"), { commonName: cluster });
    writeSecret(file("users.txt"), `"${CONSOLE}" "${password}"\n"${upstream.user}" "${upstream.password}"\n`);
    writeSecret(file("access.conf"), renderAccessFile(pools, admittedAddresses(rules)));
    const settings = {
      listen_addr: LOOPBACK,
      listen_port: port,
      unix_socket_dir: "",
      admin_users: CONSOLE,
      auth_type: "hba",
      auth_hba_file: file("access.conf"),
      auth_file: file("users.txt"),
      auth_user: upstream.user,
      client_tls_sslmode: "require",
      client_tls_key_file: certificate.key,
      client_tls_cert_file: certificate.certificate,
      // Clients send no certificate, but without this setting PgBouncer fails where the system has no CA file.
      client_tls_ca_file: certificate.authority,
      server_tls_sslmode: "verify-full",
      server_tls_ca_file: certificate.authority,
      // Postgres allows PgBouncer by this certificate where the firewall does not allow this machine.
      server_tls_key_file: certificate.key,
      server_tls_cert_file: certificate.certificate,
      max_client_conn: 500,
      // Retry a restarted Postgres after 1 second; the default is 15.
      server_login_retry: 1,
      ignore_startup_parameters: "extra_float_digits",
      ...fromConfig(config),
    };
    const databases = pools.map(
      ({ name, database, mode, size }) =>
        `${requirePlainName(name)} = host=${LOOPBACK} port=${upstream.port} dbname='${requireOneLine(database).replaceAll("'", "''")}' pool_mode=${mode} pool_size=${size}`,
    );
    const lines = Object.entries(settings).map(([name, value]) => requireOneLine(`${name} = ${value}`));
    writeSecret(file("pgbouncer.ini"), ["[databases]", ...databases, "", "[pgbouncer]", ...lines, ""].join("\n"));
    for (const name of ["tls", "users.txt", "access.conf", "pgbouncer.ini"]) changeOwner(home.user.uid, file(name));
    changeOwner(home.user.uid, folder);
  }

  async function inConsole(port: number, command: string): Promise<void> {
    const { password } = JSON.parse(readFileSync(file("console.json"), "utf8")) as { password: string };
    const client = new pg.Client({
      host: LOOPBACK,
      port,
      user: CONSOLE,
      password,
      database: "pgbouncer",
      ssl: { ca: authority.pem },
      connectionTimeoutMillis: 10_000,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(command);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Only its user can connect to a pool; to a pool without a user every user can who can log in to Postgres. */
function renderAccessFile(pools: readonly BackedPool[], blocks: readonly string[]): string {
  const lines = pools.flatMap(({ name, user }) =>
    blocks.map(
      (block) => `hostssl "${requirePlainName(name)}" ${user ? `"${requirePlainName(user.name)}"` : "all"} ${block} scram-sha-256`,
    ),
  );
  return [`hostssl ${CONSOLE} ${CONSOLE} ${THIS_MACHINE} scram-sha-256`, ...lines, ""].join("\n");
}

/** PgBouncer's files have no escaping for names. DigitalOcean accepts no other names either. */
function requirePlainName(name: string): string {
  if (!/^[\w-]+$/.test(name)) throw new ServerError(`"${name}" cannot be used in a pool: use letters, digits, dashes and underscores.`);
  return name;
}

const SUPPORTED = ["server_reset_query_always", "min_pool_size", "server_lifetime", "server_idle_timeout", "autodb_idle_timeout"];

function fromConfig(config: Pools["config"]): Record<string, string> {
  const supported = Object.entries(config).filter(([name, value]) => SUPPORTED.includes(name) && value !== null && value !== undefined);
  const settings = Object.fromEntries(
    supported.map(([name, value]) => [name, typeof value === "boolean" ? String(Number(value)) : String(value)]),
  );
  const ignored = config.ignore_startup_parameters;
  return Array.isArray(ignored) ? { ...settings, ignore_startup_parameters: ["extra_float_digits", ...ignored].join(",") } : settings;
}

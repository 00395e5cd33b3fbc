import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { Authority } from "../certificates.ts";
import { ServerError } from "../error.ts";
import { changeOwner, readJson, requireOneLine, writeJson, writeSecret } from "../files.ts";
import { admittedAddresses, type Rule, THIS_MACHINE } from "../firewall.ts";
import type { Home } from "../home.ts";
import type { Program } from "../packages/packages.ts";
import { newPassword } from "../passwords.ts";
import { LOOPBACK } from "../ports/ports.ts";
import type { Superuser } from "../postgres/admin.ts";
import { SUPERUSER } from "../postgres/settings.ts";
import type { Server } from "../server.ts";

export interface Pool {
  readonly name: string;
  readonly mode: string;
  readonly size: number;
  readonly database: string;
  /** Absent: whoever connects brings their own name and password. */
  readonly user?: { readonly name: string };
}

export interface Pools {
  readonly cluster: string;
  readonly superuser: Superuser;
  readonly pools: readonly Pool[];
  readonly rules: readonly Rule[];
  /** DigitalOcean's `pgbouncer` fields. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** PgBouncer's own administrator: known to nobody but slipway, let in from this machine only. */
const CONSOLE = "pgbouncer";

/**
 * PgBouncer in front of one cluster: TLS to its clients, verified TLS to Postgres. It keeps no user's password: it asks Postgres for the SCRAM
 * secret of whoever knocks, and logs in to Postgres with what that client's own login proved.
 */
export function pgbouncerServer(
  place: { readonly folder: string; readonly key: string; readonly home: Home; readonly authority: Authority; readonly program: Program },
  { cluster, superuser, pools, rules, config }: Pools,
): Server {
  const { folder, key, home, authority, program } = place;
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
    writeSecret(file("users.txt"), `"${CONSOLE}" "${password}"\n"${SUPERUSER}" "${superuser.password}"\n`);
    writeSecret(file("access.conf"), accessFile(pools, admittedAddresses(rules)));
    const settings = {
      listen_addr: LOOPBACK,
      listen_port: port,
      unix_socket_dir: "",
      admin_users: CONSOLE,
      auth_type: "hba",
      auth_hba_file: file("access.conf"),
      auth_file: file("users.txt"),
      auth_user: SUPERUSER,
      client_tls_sslmode: "require",
      client_tls_key_file: certificate.key,
      client_tls_cert_file: certificate.certificate,
      // Never asked for, yet without it PgBouncer looks for the system's own, which a small system does not have.
      client_tls_ca_file: certificate.authority,
      server_tls_sslmode: "verify-full",
      server_tls_ca_file: certificate.authority,
      // What lets it in where the firewall does not let this machine in.
      server_tls_key_file: certificate.key,
      server_tls_cert_file: certificate.certificate,
      max_client_conn: 500,
      // A Postgres that was away for a moment is asked again soon, not after a quarter of a minute.
      server_login_retry: 1,
      ignore_startup_parameters: "extra_float_digits",
      ...fromConfig(config),
    };
    const databases = pools.map(
      ({ name, database, mode, size }) =>
        `${plain(name)} = host=${LOOPBACK} port=${superuser.port} dbname='${requireOneLine(database).replaceAll("'", "''")}' pool_mode=${mode} pool_size=${size}`,
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

/** A pool is its user's alone; one without a user is for everybody who can log in to Postgres. */
function accessFile(pools: readonly Pool[], blocks: readonly string[]): string {
  const lines = pools.flatMap(({ name, user }) =>
    blocks.map((block) => `hostssl "${plain(name)}" ${user ? `"${plain(user.name)}"` : "all"} ${block} scram-sha-256`),
  );
  return [`hostssl ${CONSOLE} ${CONSOLE} ${THIS_MACHINE} scram-sha-256`, ...lines, ""].join("\n");
}

/** A name that needs no escaping, of which PgBouncer's files know nothing. DigitalOcean takes no other either. */
function plain(name: string): string {
  if (!/^[\w-]+$/.test(name)) throw new ServerError(`"${name}" cannot have a pool: letters, digits, dashes and underscores only.`);
  return name;
}

const TAKEN = ["server_reset_query_always", "min_pool_size", "server_lifetime", "server_idle_timeout", "autodb_idle_timeout"];

function fromConfig(config: Pools["config"]): Record<string, string> {
  const own = Object.entries(config).filter(([name, value]) => TAKEN.includes(name) && value !== null && value !== undefined);
  const settings = Object.fromEntries(
    own.map(([name, value]) => [name, typeof value === "boolean" ? String(Number(value)) : String(value)]),
  );
  const ignored = config.ignore_startup_parameters;
  return Array.isArray(ignored) ? { ...settings, ignore_startup_parameters: ["extra_float_digits", ...ignored].join(",") } : settings;
}

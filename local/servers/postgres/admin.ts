import pg from "pg";
import { matchesVerifier, scramVerifier } from "../passwords.ts";
import { LOOPBACK } from "../ports/ports.ts";
import { SUPERUSER } from "./settings.ts";

/** DigitalOcean's administrator: owns the databases and manages the users. */
export const ADMINISTRATOR = "doadmin";
/** The database for the platform's own use. */
export const PLATFORM_DATABASE = "_dodb";

export interface Superuser {
  readonly port: number;
  readonly password: string;
  /** PEM. */
  readonly authority: string;
}

export interface PostgresUser {
  readonly name: string;
  readonly password: string;
  /** May the role read the replication stream? */
  readonly replication: boolean;
}

/** Runs `work` with a superuser connection, which is closed afterwards. */
export async function asSuperuser<T>(
  { port, password, authority }: Superuser,
  work: (client: pg.Client) => Promise<T>,
  database = PLATFORM_DATABASE,
): Promise<T> {
  const client = new pg.Client({
    host: LOOPBACK,
    port,
    user: SUPERUSER,
    password,
    database,
    ssl: { ca: authority },
    application_name: "slipway",
    connectionTimeoutMillis: 10_000,
  });
  // If the server exits, the running query fails. Without a listener the event would also end this process.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export async function ensureDatabase(client: pg.Client, name: string, owner = ADMINISTRATOR): Promise<void> {
  const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${quoted(name)} OWNER ${quoted(owner)}`);
}

export async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
}

/**
 * Creates or updates what DigitalOcean calls a user with the role `normal`: it can log in, owns nothing, and from Postgres 15 on cannot create
 * anything in `public`. The administrator becomes a member with ADMIN OPTION, which Postgres 16 and later require to manage the role.
 */
export async function ensureUser(client: pg.Client, { name, password, replication }: PostgresUser): Promise<void> {
  const { rows } = await client.query<{ replication: boolean; verifier: string | null; managed: boolean }>(
    `SELECT rolreplication AS replication, rolpassword AS verifier, EXISTS (
       SELECT FROM pg_auth_members WHERE roleid = role.oid AND member = $2::regrole AND admin_option
     ) AS managed
     FROM pg_authid role WHERE rolname = $1`,
    [name, ADMINISTRATOR],
  );
  const existing = rows[0];
  if (!existing) await client.query(`CREATE ROLE ${quoted(name)} LOGIN`);
  if (name !== ADMINISTRATOR) {
    if (existing?.replication !== replication) await client.query(`ALTER ROLE ${quoted(name)} ${replication ? "" : "NO"}REPLICATION`);
    if (!existing?.managed) await client.query(`GRANT ${quoted(name)} TO ${ADMINISTRATOR} WITH ADMIN OPTION`);
  }
  // An unchanged password keeps its salt, because PgBouncer caches the verifier.
  if (!matchesVerifier(existing?.verifier, password))
    await client.query(`ALTER ROLE ${quoted(name)} PASSWORD '${scramVerifier(password)}'`);
}

export const REPLICA_SLOTS = "replica_";

/** A replica may have been removed while its primary did not run. Its slot would make the primary keep its log forever. */
export async function dropSlotsExcept(client: pg.Client, keep: readonly string[]): Promise<void> {
  await client.query(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
     WHERE starts_with(slot_name, $1) AND slot_name <> ALL ($2) AND slot_type = 'physical' AND NOT active`,
    [REPLICA_SLOTS, keep],
  );
}

/** Reassigns what the user owns to the administrator, so that no data is lost. */
export async function dropUser(superuser: Superuser, name: string): Promise<void> {
  const databases = await asSuperuser(superuser, async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [name]);
    if (rowCount === 0) return undefined;
    const { rows } = await client.query<{ datname: string }>("SELECT datname FROM pg_database WHERE datallowconn");
    return rows.map(({ datname }) => datname);
  });
  if (!databases) return;
  for (const database of databases) {
    await asSuperuser(
      superuser,
      async (client) => {
        await client.query(`REASSIGN OWNED BY ${quoted(name)} TO ${ADMINISTRATOR}`);
        await client.query(`DROP OWNED BY ${quoted(name)}`);
      },
      database,
    );
  }
  await asSuperuser(superuser, async (client) => {
    await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [name]);
    await client.query(`DROP ROLE ${quoted(name)}`);
  });
}

const quoted = (name: string) => pg.escapeIdentifier(name);

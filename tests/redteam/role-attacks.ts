/** What a login with the password of a product's runtime, readonly or backup role attempts, and what becomes of it. */
import type pg from "pg";
import type { RolesPlan } from "../../postdeploy/roles/index.ts";
import type { RoleKind } from "../../systems/definition.ts";

/** The roles whose passwords are in use outside of deployments. */
export const ATTACKERS = ["runtime", "readonly", "backup"] as const;
export type Attacker = (typeof ATTACKERS)[number];
const READERS: readonly Attacker[] = ["readonly", "backup"];

/** What the statements of an attack name: quoted, so that they can be put into SQL. */
export interface Target {
  readonly database: string;
  /** The role that attacks. */
  readonly self: string;
  readonly roles: Readonly<Record<RoleKind, string>>;
  readonly schema: string;
  /** A table of the product, and one of its columns. */
  readonly table: string;
  readonly column: string;
  /** A table with three rows that the owner role created for the attacks. */
  readonly rows: string;
  /** A function and a sequence of the owner role. */
  readonly routine: string;
  readonly sequence: string;
  /** A session of the owner role. */
  readonly ownerPid: number;
}

export interface RefusedAttack {
  /** Follows "cannot". */
  readonly name: string;
  readonly roles: readonly Attacker[];
  readonly statements: (target: Target) => string;
  /** The SQLSTATE. */
  readonly refused: string;
  /** Whether the owner role succeeds with the same statements: then the refusal is for the attacker's lack of privileges, and not for their text. */
  readonly ownerSucceeds: boolean;
}

const PERMISSION = "42501";
const all = (name: string, statements: RefusedAttack["statements"], refused = PERMISSION): RefusedAttack => ({
  ...{ name, statements, refused },
  ...{ roles: ATTACKERS, ownerSucceeds: false },
});
const readers = (name: string, statements: RefusedAttack["statements"]): RefusedAttack => ({
  ...all(name, statements),
  ...{ roles: READERS, ownerSucceeds: true },
});
const owned = (name: string, statements: RefusedAttack["statements"]): RefusedAttack => ({ ...all(name, statements), ownerSucceeds: true });

export const REFUSED: readonly RefusedAttack[] = [
  // Objects of the product.
  owned("drop a table", ({ table }) => `DROP TABLE ${table} CASCADE`),
  owned("truncate a table", ({ table }) => `TRUNCATE ${table} CASCADE`),
  owned("add a column", ({ table }) => `ALTER TABLE ${table} ADD COLUMN redteam int`),
  owned("drop a column", ({ table, column }) => `ALTER TABLE ${table} DROP COLUMN ${column} CASCADE`),
  owned("rename a table", ({ table }) => `ALTER TABLE ${table} RENAME TO redteam`),
  owned("change the type of a column", ({ rows }) => `ALTER TABLE ${rows} ALTER COLUMN id TYPE bigint`),
  owned("change the default of a column", ({ rows }) => `ALTER TABLE ${rows} ALTER COLUMN id SET DEFAULT 7`),
  owned("make a table unlogged", ({ rows }) => `ALTER TABLE ${rows} SET UNLOGGED`),
  owned("disable autovacuum of a table", ({ rows }) => `ALTER TABLE ${rows} SET (autovacuum_enabled = off)`),
  owned("disable the triggers of a table", ({ rows }) => `ALTER TABLE ${rows} DISABLE TRIGGER USER`),
  owned("disable row-level security of a table", ({ table }) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`),
  owned("stop forcing row-level security on a table", ({ table }) => `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`),
  owned("add a policy that shows every row", ({ table }) => `CREATE POLICY redteam ON ${table} USING (true)`),
  owned(
    "add a trigger",
    ({ table }) => `CREATE TRIGGER redteam BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  ),
  owned("add a rule that discards deletes", ({ rows }) => `CREATE RULE redteam AS ON DELETE TO ${rows} DO INSTEAD NOTHING`),
  owned("add a constraint", ({ rows }) => `ALTER TABLE ${rows} ADD CHECK (id > 0)`),
  owned("add an index", ({ table, column }) => `CREATE INDEX ON ${table} (${column})`),
  owned("add extended statistics", ({ rows }) => `CREATE STATISTICS redteam ON id, name FROM ${rows}`),
  owned("comment on a table", ({ table }) => `COMMENT ON TABLE ${table} IS 'redteam'`),
  owned("rebuild an index", ({ rows }) => `REINDEX TABLE ${rows}`),
  owned("replace a function", ({ routine }) => `CREATE OR REPLACE FUNCTION ${routine} RETURNS int LANGUAGE sql AS 'SELECT 666'`),
  owned("make a function run as its owner", ({ routine }) => `ALTER FUNCTION ${routine} SECURITY DEFINER`),
  owned("drop a function", ({ routine }) => `DROP FUNCTION ${routine}`),
  owned("drop a sequence", ({ sequence }) => `DROP SEQUENCE ${sequence}`),
  owned("restart a sequence", ({ sequence }) => `ALTER SEQUENCE ${sequence} RESTART`),
  owned("set a sequence back with setval", ({ sequence }) => `SELECT setval('${sequence}', 1)`),
  all("drop a schema", ({ schema }) => `DROP SCHEMA ${schema} CASCADE`),
  all("drop the schema of the migration ledger", () => "DROP SCHEMA slipway CASCADE"),
  all("take ownership of a table", ({ table, self }) => `ALTER TABLE ${table} OWNER TO ${self}`),
  all("move a table to another schema", ({ table }) => `ALTER TABLE ${table} SET SCHEMA slipway`),
  all("take everything that the owner role owns", ({ roles, self }) => `REASSIGN OWNED BY ${roles.owner} TO ${self}`),
  all("drop everything that the owner role owns", ({ roles }) => `DROP OWNED BY ${roles.owner} CASCADE`),
  all("drop a table inside a DO block", ({ table }) => `DO $$ BEGIN EXECUTE 'DROP TABLE ${table} CASCADE'; END $$`),
  all("drop a table that it locked first", ({ table }) => `BEGIN; LOCK TABLE ${table} IN ACCESS SHARE MODE; DROP TABLE ${table} CASCADE`),

  // New objects, in which code or data could be hidden.
  owned("create a table", ({ schema }) => `CREATE TABLE ${schema}.redteam (id int)`),
  owned("create a table from a query", ({ schema, table }) => `SELECT * INTO ${schema}.redteam FROM ${table}`),
  owned("create an unlogged table", ({ schema }) => `CREATE UNLOGGED TABLE ${schema}.redteam (id int)`),
  owned("create a view", ({ schema }) => `CREATE VIEW ${schema}.redteam AS SELECT 1 AS one`),
  owned("create a materialized view", ({ schema }) => `CREATE MATERIALIZED VIEW ${schema}.redteam AS SELECT 1 AS one`),
  owned("create a sequence", ({ schema }) => `CREATE SEQUENCE ${schema}.redteam`),
  owned("create a type", ({ schema }) => `CREATE TYPE ${schema}.redteam AS (id int)`),
  owned("create an enum type", ({ schema }) => `CREATE TYPE ${schema}.redteam AS ENUM ('a')`),
  owned("create a domain", ({ schema }) => `CREATE DOMAIN ${schema}.redteam AS int`),
  owned("create a function", ({ schema }) => `CREATE FUNCTION ${schema}.redteam() RETURNS int LANGUAGE sql AS 'SELECT 1'`),
  owned(
    "create a function that runs as its owner",
    ({ schema }) => `CREATE FUNCTION ${schema}.redteam() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
  ),
  owned("create a procedure", ({ schema }) => `CREATE PROCEDURE ${schema}.redteam() LANGUAGE sql AS 'SELECT 1'`),
  owned(
    "create an operator that hides one of Postgres",
    ({ schema }) => `CREATE OPERATOR ${schema}.= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne)`,
  ),
  owned("create a collation", ({ schema }) => `CREATE COLLATION ${schema}.redteam FROM "C"`),
  owned("create a text search configuration", ({ schema }) => `CREATE TEXT SEARCH CONFIGURATION ${schema}.redteam (COPY = simple)`),
  owned("create a table in the schema of the ledger", () => "CREATE TABLE slipway.redteam (id int)"),
  all("create a table in pg_catalog", () => "CREATE TABLE pg_catalog.redteam (id int)"),
  all("create a temporary table that hides a table", () => "CREATE TEMP TABLE users (id int)"),
  all(
    "create a function in the schema of temporary tables",
    () => "CREATE FUNCTION pg_temp.redteam() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  ),
  all("create a temporary view", () => "CREATE TEMP VIEW redteam AS SELECT 1 AS one"),
  all("create a schema", () => "CREATE SCHEMA redteam"),
  all("create a schema for itself", ({ self }) => `CREATE SCHEMA AUTHORIZATION ${self}`),
  all("create a function in C", () => "CREATE FUNCTION pg_catalog.redteam() RETURNS int LANGUAGE c AS 'redteam', 'redteam'"),
  all("create an extension", () => "CREATE EXTENSION postgres_fdw"),
  all("create a language", () => "CREATE LANGUAGE redteam HANDLER plpgsql_call_handler"),
  all(
    "create an event trigger",
    () => "CREATE EVENT TRIGGER redteam ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
  ),
  all("create a foreign-data wrapper", () => "CREATE FOREIGN DATA WRAPPER redteam"),
  all("create a publication of a table", ({ table }) => `CREATE PUBLICATION redteam FOR TABLE ${table}`),
  all("create a publication of all tables", () => "CREATE PUBLICATION redteam FOR ALL TABLES"),
  all("create a subscription", () => "CREATE SUBSCRIPTION redteam CONNECTION 'host=127.0.0.1' PUBLICATION redteam WITH (connect = false)"),
  all("create a tablespace", () => "CREATE TABLESPACE redteam LOCATION '/tmp/redteam'"),
  all("create an access method", () => "CREATE ACCESS METHOD redteam TYPE INDEX HANDLER bthandler"),
  all("create a cast", () => "CREATE CAST (int AS point) WITHOUT FUNCTION"),

  // Rows, for the roles that only read.
  readers("insert a row", ({ table }) => `INSERT INTO ${table} SELECT * FROM ${table} WHERE false`),
  readers("update rows", ({ table, column }) => `UPDATE ${table} SET ${column} = ${column}`),
  readers("delete rows", ({ rows }) => `DELETE FROM ${rows}`),
  readers("merge rows", ({ rows }) => `MERGE INTO ${rows} r USING (SELECT 1 AS id) s ON r.id = s.id WHEN MATCHED THEN DELETE`),
  readers("delete rows in a WITH query", ({ rows }) => `WITH gone AS (DELETE FROM ${rows} RETURNING 1) SELECT count(*) FROM gone`),
  readers("lock rows against updates", ({ rows }) => `SELECT FROM ${rows} FOR UPDATE`),
  readers("lock rows against deletes", ({ rows }) => `SELECT FROM ${rows} FOR KEY SHARE`),
  readers("lock a table against reads", ({ table }) => `BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`),
  readers("lock a table against writes", ({ table }) => `BEGIN; LOCK TABLE ${table} IN SHARE MODE`),
  readers("advance a sequence", ({ sequence }) => `SELECT nextval('${sequence}')`),
  readers("call a function of the product", ({ routine }) => `SELECT ${routine}`),
  { ...all("copy rows into a table", ({ rows }) => `COPY ${rows} FROM STDIN`), roles: READERS },

  // Other roles.
  all("become the owner role", ({ roles }) => `SET ROLE ${roles.owner}`),
  all("become the owner role for a transaction", ({ roles }) => `BEGIN; SET LOCAL ROLE ${roles.owner}`),
  all("become the owner role with set_config", ({ roles }) => `SELECT set_config('role', '${roles.owner}', false)`),
  all("become the owner role with session authorization", ({ roles }) => `SET SESSION AUTHORIZATION ${roles.owner}`),
  all("become a superuser with session authorization", () => "SET SESSION AUTHORIZATION postgres"),
  all("grant itself the owner role", ({ roles, self }) => `GRANT ${roles.owner} TO ${self}`),
  all("grant itself the right to read every table", ({ self }) => `GRANT pg_read_all_data TO ${self}`),
  all("grant itself the right to run programs", ({ self }) => `GRANT pg_execute_server_program TO ${self}`),
  all("grant its role to PUBLIC's logins", ({ self, roles }) => `GRANT ${self} TO ${roles.owner}`),
  all("create a role", () => "CREATE ROLE redteam LOGIN"),
  all("drop a role", ({ roles }) => `DROP ROLE ${roles.owner}`),
  all("change the owner role's password", ({ roles }) => `ALTER ROLE ${roles.owner} PASSWORD 'redteam'`),
  all("change a setting of the owner role", ({ roles }) => `ALTER ROLE ${roles.owner} SET search_path = redteam`),
  all("change a setting of all roles", () => "ALTER ROLE ALL SET work_mem = '64kB'"),
  all("make itself superuser", ({ self }) => `ALTER ROLE ${self} SUPERUSER`),
  all("let itself bypass row-level security", ({ self }) => `ALTER ROLE ${self} BYPASSRLS`),
  all("let itself create roles", ({ self }) => `ALTER ROLE ${self} CREATEROLE`),
  all("let itself create databases", ({ self }) => `ALTER ROLE ${self} CREATEDB`),
  all("let itself replicate the cluster", ({ self }) => `ALTER ROLE ${self} REPLICATION`),
  all("set its connection limit", ({ self }) => `ALTER ROLE ${self} CONNECTION LIMIT 0`),
  all("set when its password ends", ({ self }) => `ALTER ROLE ${self} VALID UNTIL '2001-01-01'`),
  all("end its own login", ({ self }) => `ALTER ROLE ${self} NOLOGIN`),
  all("store that its sessions skip triggers", ({ self }) => `ALTER ROLE ${self} SET session_replication_role = replica`),
  all("store that its statements are not logged", ({ self }) => `ALTER ROLE ${self} SET log_statement = 'none'`),
  all(
    "change the default privileges of the owner role",
    ({ roles }) => `ALTER DEFAULT PRIVILEGES FOR ROLE ${roles.owner} GRANT ALL ON TABLES TO PUBLIC`,
  ),
  all("end a session of the owner role", ({ ownerPid }) => `SELECT pg_terminate_backend(${ownerPid})`),
  all("cancel a statement of the owner role", ({ ownerPid }) => `SELECT pg_cancel_backend(${ownerPid})`),

  // The database and the server.
  all("drop the database", ({ database }) => `DROP DATABASE ${database}`),
  all("create a database", () => "CREATE DATABASE redteam"),
  all("rename the database", ({ database }) => `ALTER DATABASE ${database} RENAME TO redteam`),
  all("change a setting of the database", ({ database }) => `ALTER DATABASE ${database} SET work_mem = '64kB'`),
  all("close the database to connections", ({ database }) => `ALTER DATABASE ${database} CONNECTION LIMIT 0`),
  all("change a setting of the server", () => "ALTER SYSTEM SET fsync = off"),
  all("reload the settings of the server", () => "SELECT pg_reload_conf()"),
  all("rotate the log of the server", () => "SELECT pg_rotate_logfile()"),
  all("switch to the next WAL file", () => "SELECT pg_switch_wal()"),
  all("create a restore point", () => "SELECT pg_create_restore_point('redteam')"),
  all("begin a base backup", () => "SELECT pg_backup_start('redteam')"),
  all("promote a standby", () => "SELECT pg_promote()"),
  all("reset the statistics of the database", () => "SELECT pg_stat_reset()"),
  all(
    "create a replication slot, which keeps WAL until the disk is full",
    () => "SELECT pg_create_physical_replication_slot('redteam', true)",
  ),
  all("create a logical replication slot", () => "SELECT pg_create_logical_replication_slot('redteam', 'pgoutput')"),
  all("prepare a transaction that keeps its locks", () => "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'redteam'", "55000"),
  all("write the memory of a session to the log", ({ ownerPid }) => `SELECT pg_log_backend_memory_contexts(${ownerPid})`),
  all("checkpoint the server", () => "CHECKPOINT"),
  all("load a library", () => "LOAD '/tmp/redteam.so'"),
  all("skip triggers in its session", () => "SET session_replication_role = replica"),
  all("change system catalogs in its session", () => "SET allow_system_table_mods = on"),
  all("ignore privileges of large objects", () => "SET lo_compat_privileges = on"),
  all("stop logging its statements", () => "SET log_min_error_statement = panic"),
  all("write more temporary files than the server allows", () => "SET temp_file_limit = -1"),
  all("delete rows of a system catalog", () => "DELETE FROM pg_catalog.pg_class"),
  all("give itself a table through a system catalog", ({ self }) => `UPDATE pg_catalog.pg_class SET relowner = '${self}'::regrole`),
  all("store a setting through a system catalog", () => "DELETE FROM pg_catalog.pg_db_role_setting"),

  // Secrets and files.
  all("read password verifiers", () => "SELECT rolpassword FROM pg_authid"),
  all("read pg_shadow", () => "SELECT * FROM pg_shadow"),
  all("read the statistics of all roles' columns", () => "SELECT * FROM pg_statistic"),
  all("read the large objects of all roles", () => "SELECT * FROM pg_largeobject"),
  all("read the connection strings of subscriptions", () => "SELECT subconninfo FROM pg_subscription"),
  all("read the rules of pg_hba.conf", () => "SELECT * FROM pg_hba_file_rules"),
  all("read the settings files", () => "SELECT * FROM pg_file_settings"),
  all("read a file of the server", () => "SELECT pg_read_file('/etc/passwd')"),
  all("read a file of the server as bytes", () => "SELECT pg_read_binary_file('/etc/passwd')"),
  all("list a folder of the server", () => "SELECT pg_ls_dir('/')"),
  all("list the WAL files", () => "SELECT pg_ls_waldir()"),
  all("copy a file of the server into a large object", () => "SELECT lo_import('/etc/passwd')"),
  all("write a large object to a file of the server", () => "SELECT lo_export(0, '/tmp/redteam')"),
  all("copy a table to a file of the server", ({ table }) => `COPY ${table} TO '/tmp/redteam'`),
  all("copy a query to a program", () => "COPY (SELECT 1) TO PROGRAM 'id'"),
  all("run a program", ({ rows }) => `COPY ${rows} FROM PROGRAM 'id'`),
];

/** Connections and results of one impossible attack. */
export interface Scene {
  readonly target: Target;
  /** A session of the attacker. It stays open until the attack has been detected. */
  readonly attacker: pg.Client;
  /** Opens another session. */
  open(role: Attacker | "owner" | "superuser"): Promise<pg.Client>;
  /** As a superuser. */
  ask(sql: string): Promise<Record<string, unknown>[]>;
  /** What the next run of the roles step does and reports. */
  rolesPlan(): Promise<RolesPlan>;
  /** Applies a migration as the owner role, with a lock timeout. @returns the message of its failure */
  failMigration(sql: string): Promise<string>;
  /** The process id of the attacker's session. */
  readonly pid: number;
}

export interface ImpossibleAttack {
  /** Follows "can". */
  readonly name: string;
  /** Words of docs/roles.md, which states the consequence. */
  readonly page: string;
  readonly roles: readonly Attacker[];
  readonly statements: (target: Target) => string;
  /** Why Postgres does not refuse it, and how an operator notices it. */
  readonly impossible: string;
  /** Fails if it was not detected. @returns the evidence, which must be true */
  readonly detect: (scene: Scene) => Promise<boolean>;
}

const setting = (name: string, sql: string, value: string): ImpossibleAttack => ({
  name,
  page: "ALTER ROLE … SET",
  roles: ATTACKERS,
  statements: ({ self, database }) => `ALTER ROLE ${self} ${sql.replace("DATABASE", `DATABASE ${database}`)}`,
  impossible: "every role may store settings for itself; detected by the roles step, which reports and resets it",
  detect: async ({ rolesPlan, target }) => {
    const { statements, notices } = await rolesPlan();
    return (
      statements.some((statement) => statement.startsWith(`ALTER ROLE "${target.self}"`) && statement.includes(settingOf(sql))) &&
      notices.some((notice) => notice.includes(`setting of ${target.self} in `) && notice.includes(`= ${value}.`))
    );
  },
});
const settingOf = (sql: string): string => / SET (\w+)/.exec(` ${sql}`)![1]!;

const activity =
  (condition: string) =>
  async ({ ask, pid }: Scene) =>
    (await ask(`SELECT FROM pg_stat_activity WHERE pid = ${pid} AND ${condition}`)).length === 1;
const lockedByAttacker = async ({ failMigration, pid, target }: Scene) => {
  const message = await failMigration(`ALTER TABLE ${target.rows} ADD COLUMN redteam int;`);
  return message.includes(`pid ${pid}`) && message.includes(target.self);
};

export const IMPOSSIBLE: readonly ImpossibleAttack[] = [
  setting("set its own search_path", "SET search_path = redteam", "redteam"),
  setting("set its own search_path in the database", "IN DATABASE SET search_path = redteam", "redteam"),
  setting("switch off its own statement_timeout", "SET statement_timeout = 0", "0"),
  setting("make its own sessions read-only", "SET default_transaction_read_only = on", "on"),
  setting("switch off row_security for itself", "SET row_security = off", "off"),
  setting("end its own logins with a missing library", "SET local_preload_libraries = 'nothing'", "nothing"),
  {
    name: "leave large objects",
    page: "large objects",
    roles: ATTACKERS,
    statements: () => "SELECT lo_from_bytea(0, 'redteam')",
    impossible: "every role may create large objects; detected by the roles step, which reports them with the statement that deletes them",
    detect: async ({ rolesPlan, target, ask }) => {
      const { notices } = await rolesPlan();
      await ask(`SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = '${target.self}'::regrole`);
      return notices.some((notice) => notice.startsWith(`${target.self} owns 1 large object`));
    },
  },
  {
    name: "change its own default privileges",
    page: "default privilege",
    roles: ATTACKERS,
    statements: () => "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    impossible: "every role may, for objects that it cannot create; detected by the roles step, which reports the entry",
    detect: async ({ rolesPlan, target, attacker }) => {
      const { notices } = await rolesPlan();
      await attacker.query("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC");
      return notices.some((notice) => notice.startsWith(`${target.self} owns default acl`));
    },
  },
  {
    name: "delete every row of a table",
    page: "deletes or changes every row",
    roles: ["runtime"],
    statements: ({ rows }) => `DELETE FROM ${rows}`,
    impossible: "the product deletes rows; detected by the deleted rows in pg_stat_user_tables, and repaired from a backup",
    detect: async ({ attacker, ask, target }) => {
      await attacker.query("SELECT pg_stat_force_next_flush()");
      await attacker.end();
      const [row] = await ask(`SELECT n_tup_del::int AS deleted FROM pg_stat_user_tables WHERE relid = '${target.rows}'::regclass`);
      return Number(row?.deleted) >= 3;
    },
  },
  {
    name: "lock a table with LOCK TABLE",
    page: "`LOCK TABLE`",
    roles: ["runtime"],
    statements: ({ rows }) => `BEGIN; LOCK TABLE ${rows} IN ACCESS EXCLUSIVE MODE`,
    impossible: "a role that may update rows may lock their table; detected by the failure of a migration, which names the session",
    detect: lockedByAttacker,
  },
  {
    name: "keep a table locked with an open read",
    page: "leaves a transaction open",
    roles: ATTACKERS,
    statements: ({ rows }) => `BEGIN; SELECT FROM ${rows}`,
    impossible: "every read locks its table against ALTER TABLE; detected by the failure of a migration, which names the session",
    detect: lockedByAttacker,
  },
  {
    name: "take advisory locks",
    page: "advisory lock",
    roles: ATTACKERS,
    statements: () => "SELECT pg_advisory_lock(42)",
    impossible: "every role may take any advisory lock; detected in pg_locks, which names the session",
    detect: async ({ ask, pid }) =>
      (await ask(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 42 AND pid = ${pid}`)).length === 1,
  },
  {
    name: "keep dead rows with an open snapshot",
    page: "dead rows",
    roles: ATTACKERS,
    statements: () => "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
    impossible: "every role may open a transaction; detected in pg_stat_activity by backend_xmin",
    detect: activity("state = 'idle in transaction' AND backend_xmin IS NOT NULL"),
  },
  {
    name: "switch off statement_timeout in its session",
    page: "`statement_timeout` off",
    roles: ATTACKERS,
    statements: () => "SET statement_timeout = 0",
    impossible: "every session may change its settings; detected in pg_stat_activity by the age of the statement",
    detect: async (scene) => {
      const sleeping = scene.attacker.query("SELECT pg_sleep(60)").catch((error: unknown) => error);
      for (let tries = 0; tries < 100 && !(await activity("state = 'active' AND wait_event = 'PgSleep'")(scene)); tries++);
      const isFound = await activity("state = 'active' AND now() >= query_start")(scene);
      await scene.ask(`SELECT pg_cancel_backend(${scene.pid})`);
      await sleeping;
      return isFound;
    },
  },
  {
    name: "end other sessions of its own role",
    page: "`pg_terminate_backend`",
    roles: ATTACKERS,
    statements: () => "SELECT 1",
    impossible: "a role may end its own sessions; detected by the product, whose statement fails with 57P01",
    detect: async ({ attacker, open, target }) => {
      const victim = await open(ATTACKERS.find((kind) => target.roles[kind] === target.self)!);
      const [row] = (await victim.query("SELECT pg_backend_pid() AS pid")).rows;
      const ended = victim.query("SELECT pg_sleep(60)").then(
        () => "done",
        (error: pg.DatabaseError) => error.code,
      );
      const { rows } = await attacker.query(`SELECT pg_terminate_backend(${row.pid}) AS terminated`);
      return rows[0].terminated === true && (await ended) === "57P01";
    },
  },
  {
    name: "send notifications on every channel",
    page: "`NOTIFY`",
    roles: ATTACKERS,
    statements: () => "SELECT 1",
    impossible: "NOTIFY needs no privilege; detected by the listener, which gets the process id of the sender",
    detect: async ({ attacker, open, pid }) => {
      const listener = await open("owner");
      await listener.query("LISTEN redteam");
      const sender = new Promise<number>((resolve) => listener.once("notification", ({ processId }) => resolve(processId)));
      await attacker.query("NOTIFY redteam, 'forged'");
      await listener.query("SELECT 1");
      return (await sender) === pid;
    },
  },
  {
    name: "count hidden rows with EXPLAIN and statistics",
    page: "`EXPLAIN`",
    roles: ATTACKERS,
    statements: ({ table }) => `EXPLAIN SELECT * FROM ${table}; SELECT reltuples FROM pg_class WHERE oid = '${table}'::regclass`,
    impossible: "the planner's estimates ignore policies; detected only while the statement runs, in pg_stat_activity",
    detect: activity("query LIKE 'EXPLAIN SELECT%'"),
  },
  {
    name: "open many connections",
    page: "opens connections",
    roles: ATTACKERS,
    statements: () => "SELECT 1",
    impossible: "DigitalOcean's roles have no connection limit; detected in pg_stat_activity by the role's number of sessions",
    detect: async ({ open, ask, target }) => {
      const kind = ATTACKERS.find((one) => target.roles[one] === target.self)!;
      await Promise.all(Array.from({ length: 10 }, () => open(kind)));
      const [row] = await ask(`SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE usename = '${target.self}'`);
      return Number(row?.sessions) > 10;
    },
  },
];

/** A hostile client and its neighbour on one server connection of PgBouncer in transaction mode. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers, type ServerBacking } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { up } from "../../postdeploy/migrate/index.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { systems } from "./systems.ts";

const ACME = "aaaaaaaa-0000-4000-8000-000000000000";
const BOLT = "bbbbbbbb-0000-4000-8000-000000000000";
const ANN = "a0000000-0000-4000-8000-000000000001";
const BEN = "b0000000-0000-4000-8000-000000000001";
const { postgres } = systems.candlefish;
const DATABASE = "candlefish";
const passwordOf = (role: string) => `AVNS_${role}_0123456789`;

const ROWS = `
  INSERT INTO organizations (id, name, slug) VALUES ('${ACME}', 'Acme', 'acme'), ('${BOLT}', 'Bolt', 'bolt');
  INSERT INTO users (id, email, name) VALUES ('${ANN}', 'ann@acme.example', 'Ann'), ('${BEN}', 'ben@bolt.example', 'Ben');
  INSERT INTO organization_members (organization_id, user_id) VALUES ('${ACME}', '${ANN}'), ('${BOLT}', '${BEN}');
  INSERT INTO documents (organization_id, created_by, title) SELECT organization_id, user_id, 'Plan ' || n FROM organization_members, generate_series(1, 3) n;`;

/** What the hostile client, a member of Bolt, does before its neighbour, a member of Acme. */
const HOSTILE: Readonly<Record<string, (client: pg.Client) => Promise<unknown>>> = {
  "sets its organization for the session": (client) =>
    client.query(
      `SET candlefish.organization_id = '${BOLT}'; SET candlefish.organization = '${BOLT}'; SET candlefish.acting_user = '${BEN}'`,
    ),
  "keeps the settings of its transaction for the session": async (client) => {
    await client.query("BEGIN");
    await client.query("SELECT enter_organization($1, $2)", [BOLT, BEN]);
    for (const name of ["transaction", "organization", "acting_user"])
      await client.query(`SELECT set_config('candlefish.${name}', current_setting('candlefish.${name}'), false)`);
    await client.query("COMMIT");
  },
  "guesses when the next transaction begins": (client) =>
    client.query(
      `SET candlefish.organization = '${BOLT}'; SELECT set_config('candlefish.transaction', encode(timestamptz_send(now() + interval '1 ms'), 'hex'), false)`,
    ),
  "tries other roles": async (client) => {
    for (const role of Object.values(postgres.roles))
      for (const command of ["SET ROLE", "SET SESSION AUTHORIZATION"])
        if (role !== postgres.roles.runtime)
          await expect(client.query(`${command} ${role}`), role).rejects.toMatchObject({ code: "42501" });
  },
  "switches row-level security off": (client) => client.query("SET row_security = off"),
  "prepares statements with names that drivers use": async (client) => {
    for (const name of ["titles", "S_1", "lrupsc_1_0", "__asyncpg_stmt_1__"])
      await client.query(`PREPARE "${name}" AS SELECT 'Planted' AS title`);
  },
  "listens to every name": (client) => client.query("LISTEN documents; LISTEN organizations; LISTEN candlefish"),
  "holds advisory locks": (client) => client.query("SELECT pg_advisory_lock(n) FROM generate_series(1, 100) n"),
  "opens a cursor that outlives its transaction": (client) =>
    client.query(`BEGIN; SELECT enter_organization('${BOLT}'); DECLARE documents CURSOR WITH HOLD FOR SELECT * FROM documents; COMMIT`),
  "disconnects in the middle of a transaction": async (client) => {
    await client.query("BEGIN");
    await client.query("SELECT enter_organization($1)", [BOLT]);
    await client.query("UPDATE documents SET title = 'Planted'");
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  },
  "fails in the middle of a transaction and disconnects": async (client) => {
    await client.query("BEGIN");
    await client.query("SELECT enter_organization($1)", [BOLT]);
    await client.query("SELECT 1 / 0").catch(() => {});
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  },
  "makes transactions serializable by default": (client) =>
    client.query("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
};

/** Objects of the temporary schema, which comes first unless a search path names it last. */
const DECEIVING: Readonly<Record<string, (client: pg.Client) => Promise<unknown>>> = {
  "creates temporary tables with the names of real ones": (client) =>
    client.query(`CREATE TEMP TABLE documents (organization_id uuid, title text, created_by uuid, updated_at timestamptz); INSERT INTO pg_temp.documents VALUES ('${ACME}', 'Planted', NULL, now());
      CREATE TEMP TABLE organization_members (organization_id uuid, user_id uuid, left_at timestamptz); INSERT INTO pg_temp.organization_members VALUES ('${ACME}', '${BEN}');
      CREATE TEMP TABLE users (id uuid, is_active boolean, email text, name text); INSERT INTO pg_temp.users VALUES ('${BEN}', true)`),
  "creates temporary types with the names of real ones": (client) =>
    client.query(`CREATE TEMP TABLE stolen (row pg_catalog.text);
      CREATE FUNCTION pg_temp.steal() RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN INSERT INTO pg_temp.stolen SELECT title FROM public.documents; RETURN true; END';
      CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.steal());
      CREATE DOMAIN pg_temp.uuid AS pg_catalog.uuid CHECK (pg_temp.steal())`),
  "sets a search path that leads to its own objects": (client) =>
    client.query(`CREATE FUNCTION pg_temp.current_organization() RETURNS uuid LANGUAGE sql AS $$ SELECT '${BOLT}'::uuid $$;
      CREATE FUNCTION pg_temp.uuid_eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      CREATE OPERATOR pg_temp.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = pg_temp.uuid_eq);
      CREATE TEMP TABLE documents (organization_id uuid, title text, created_by uuid); SET search_path = pg_temp, public, pg_catalog`),
};

describe.each(["15", "18"])("tenants of one pooled connection on Postgres %s", (version) => {
  const home = temporaryHome();
  let backing: ServerBacking;
  let endpoint: Endpoint;
  const open: pg.Client[] = [];

  beforeAll(async () => {
    backing = openServers({ home, fsync: false });
    const users = Object.values(postgres.roles).map((name) => ({ name, password: passwordOf(name), replication: false }));
    const runtime = users.find(({ name }) => name === postgres.roles.runtime)!;
    endpoint = await backing.startCluster(
      postgresCluster(`tenants-${version}`, {
        version,
        users,
        databases: ["defaultdb", DATABASE],
        pools: [{ name: "app", mode: "transaction", size: 1, database: DATABASE, user: runtime }],
      }),
    );
    const connection = (user: string, password: string) => ({
      url: `postgresql://${user}:${password}@localhost:${endpoint.port}/${DATABASE}`,
      ca: endpoint.ca,
    });
    await applyRoles({ ...postgres, connection: connection("doadmin", "AVNS_doadmin"), database: DATABASE, extensions: [] });
    await up({
      folder: "sql/candlefish",
      connection: connection(postgres.roles.owner, passwordOf(postgres.roles.owner)),
      system: "candlefish",
      schemas: postgres.schemas,
    });
    await asOwner(ROWS);
    // In a database that other applications share, the roles step leaves this privilege to every role.
    await query(endpoint, `GRANT TEMPORARY ON DATABASE ${DATABASE} TO ${postgres.roles.runtime}`);
  });
  afterEach(async () => {
    await Promise.allSettled(open.splice(0).map((client) => client.end()));
    // A new server connection for the next test.
    await query(endpoint, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${postgres.roles.runtime}'`);
    const isReplaced = async () => {
      const client = await connect();
      return client.query("SELECT 1").then(
        () => true,
        () => false,
      );
    };
    await expect.poll(isReplaced).toBe(true);
    await Promise.allSettled(open.splice(0).map((client) => client.end()));
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  const asOwner = (sql: string) =>
    query(endpoint, sql, { database: DATABASE, user: postgres.roles.owner, password: passwordOf(postgres.roles.owner) });

  async function connect(): Promise<pg.Client> {
    const { runtime } = postgres.roles;
    const client = new pg.Client({
      ...{
        host: "localhost",
        port: endpoint.poolPort,
        database: "app",
        user: runtime,
        password: passwordOf(runtime),
        ssl: { ca: endpoint.ca },
      },
    });
    client.on("error", () => {});
    await client.connect();
    open.push(client);
    return client;
  }

  const serverOf = async (client: pg.Client) => (await client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid as number;

  /** The neighbour's reads, writes and calls, each of which is about Acme only. */
  async function work(client: pg.Client): Promise<void> {
    await client.query("BEGIN");
    await client.query("SELECT public.enter_organization($1, $2)", [ACME, ANN]);
    const titles = await client.query("SELECT organization_id, title FROM documents ORDER BY title");
    expect(titles.rows).toEqual(["Plan 1", "Plan 2", "Plan 3"].map((title) => ({ organization_id: ACME, title })));
    expect((await client.query("SELECT title FROM search_documents('plan')")).rowCount).toBe(3);
    expect((await client.query("SELECT name FROM users")).rows).toEqual([{ name: "Ann" }]);
    expect((await client.query("UPDATE users SET name = 'Ann' RETURNING id")).rows).toEqual([{ id: ANN }]);
    await client.query("INSERT INTO documents (organization_id, title, created_by) VALUES ($1, 'Mine', $2)", [ACME, ANN]);
    expect((await client.query("DELETE FROM documents WHERE title = 'Mine'")).rowCount).toBe(1);
    await client.query("SELECT cleanup_old_data(), $1::text, $2::uuid", ["a", ANN]);
    await client.query("COMMIT");
  }

  /** A transaction of the neighbour that enters no organization, such as a sign-in. */
  async function workWithout(client: pg.Client): Promise<void> {
    await client.query("BEGIN");
    for (const table of ["documents", "users", "organizations", "organization_members"])
      expect((await client.query(`SELECT * FROM public.${table}`)).rowCount, table).toBe(0);
    expect((await client.query("SELECT * FROM public.search_documents('plan')")).rowCount).toBe(0);
    expect((await client.query("SELECT id FROM public.find_user('ann@acme.example')")).rows).toEqual([{ id: ANN }]);
    await client.query("COMMIT");
  }

  it("share one server connection", async () => {
    const [a, b] = [await connect(), await connect()];
    expect(await serverOf(a)).toBe(await serverOf(b));
  });

  it.each(Object.keys(HOSTILE).filter((name) => name !== "switches row-level security off"))(
    "get their own rows only after a client that %s [C39, C41]",
    async (name) => {
      const neighbour = await connect();
      const hostile = await connect();
      const pid = await serverOf(neighbour);
      await HOSTILE[name]!(hostile);
      if (!name.includes("disconnects")) expect(await serverOf(neighbour)).toBe(pid);
      for (let round = 0; round < 3; round++) {
        await work(neighbour);
        await workWithout(neighbour);
      }
      expect(await asOwner("SELECT count(*)::int AS n FROM documents WHERE title = 'Planted'")).toEqual([{ n: 0 }]);
    },
  );

  it("get an error instead of rows after a client that switches row-level security off [C39]", async () => {
    const neighbour = await connect();
    await HOSTILE["switches row-level security off"]!(await connect());
    await neighbour.query("BEGIN");
    await expect(neighbour.query("SELECT * FROM public.documents")).rejects.toMatchObject({ code: "42501" });
    await neighbour.query("ROLLBACK");
  });

  it.each(Object.keys(DECEIVING))("get their own rows only, and write to their own tables, after a client that %s [C39]", async (name) => {
    const neighbour = await connect();
    const hostile = await connect();
    await DECEIVING[name]!(hostile);
    await work(neighbour);
    await neighbour.query("BEGIN");
    await neighbour.query("SELECT enter_organization($1)", [ACME]);
    await neighbour.query("INSERT INTO documents (organization_id, title) VALUES ($1, 'Written')", [ACME]);
    await neighbour.query("COMMIT");
    expect(await asOwner("DELETE FROM documents WHERE title = 'Written' RETURNING organization_id")).toEqual([{ organization_id: ACME }]);
    if (name.includes("types")) expect((await hostile.query("SELECT * FROM pg_temp.stolen")).rows).toEqual([]);
    await neighbour.query("BEGIN");
    await expect(neighbour.query("SELECT public.enter_organization($1, $2)", [ACME, BEN])).rejects.toMatchObject({ code: "42501" });
    await neighbour.query("ROLLBACK");
  });

  it("interleave transactions without mixing them up [C39]", async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, connect));
    await Promise.all(
      clients.map(async (client, n) => {
        for (let round = 0; round < 10; round++) {
          const organization = n % 2 === 0 ? ACME : BOLT;
          await client.query(`BEGIN; SELECT enter_organization(${client.escapeLiteral(organization)})`);
          const { rows } = await client.query("SELECT DISTINCT organization_id FROM documents");
          expect(rows).toEqual([{ organization_id: organization }]);
          await client.query(round % 2 === 0 ? "COMMIT" : "ROLLBACK");
          expect((await client.query("SELECT * FROM documents")).rowCount).toBe(0);
        }
      }),
    );
  });
});

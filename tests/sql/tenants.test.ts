/** Every table × every operation × every way to obtain an organization, as a client that can run any SQL as the runtime role. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tablesOf } from "./catalog.ts";
import { type Database, MAJORS, type Server, start } from "./database.ts";

/** The policies are the same in between, and the attacks are many. */
const OLDEST_AND_NEWEST = [...new Set([MAJORS[0], MAJORS.at(-1) ?? MAJORS[0]])];

const ACME = "aaaaaaaa-0000-4000-8000-000000000000";
const BOLT = "bbbbbbbb-0000-4000-8000-000000000000";
const ANN = "a0000000-0000-4000-8000-000000000001";
const BEN = "b0000000-0000-4000-8000-000000000001";

/** A row of every table for each of two organizations. `spy` reads everything of Bolt as the superuser, also in an open transaction. */
const ROWS = `
  INSERT INTO organizations (id, name, slug) VALUES ('${ACME}', 'Acme', 'acme'), ('${BOLT}', 'Bolt', 'bolt');
  INSERT INTO users (id, email, name) VALUES ('${ANN}', 'ann@acme.example', 'Ann'), ('${BEN}', 'ben@bolt.example', 'Ben');
  INSERT INTO organization_members (organization_id, user_id) VALUES ('${ACME}', '${ANN}'), ('${BOLT}', '${BEN}');
  INSERT INTO documents (id, organization_id, created_by, title) SELECT md5(m.organization_id || 'd')::uuid, m.organization_id, m.user_id, 'Plan' FROM organization_members m;
  INSERT INTO crdt_operations (organization_id, document_id, sequence, user_id, site_id, operation) SELECT organization_id, id, 1, created_by, 's', 'x' FROM documents;
  INSERT INTO presence_sessions (organization_id, document_id, user_id) SELECT organization_id, id, created_by FROM documents;
  INSERT INTO comments (organization_id, document_id, author_id, resolved_by, body) SELECT organization_id, id, created_by, created_by, 'b' FROM documents;
  INSERT INTO document_versions (organization_id, document_id, created_by, number, crdt_state) SELECT organization_id, id, created_by, 1, 'x' FROM documents;
  INSERT INTO paintbox_integrations (organization_id, document_id, estimate_id) SELECT organization_id, id, 'e' FROM documents;
  INSERT INTO brand_portal_integrations (organization_id, document_id, brand_id) SELECT organization_id, id, 'b' FROM documents;
  INSERT INTO document_metrics (organization_id, document_id, metric, value) SELECT organization_id, id, 'open', 1 FROM documents;`;

const foreignRows = (table: string) =>
  table === "users" ? `id = '${BEN}'` : table === "organizations" ? `id = '${BOLT}'` : `organization_id = '${BOLT}'`;

/** A column that an UPDATE can change without violating a constraint. */
const COLUMN: Readonly<Record<string, string>> = {
  brand_portal_integrations: "brand_id",
  comments: "body",
  crdt_operations: "site_id",
  document_metrics: "metric",
  document_versions: "branch",
  documents: "title",
  organization_members: "left_at",
  organizations: "name",
  paintbox_integrations: "status",
  presence_sessions: "state",
  users: "name",
};
const TABLES = Object.keys(COLUMN);

interface Attack {
  readonly name: string;
  readonly sql: (table: string, columns: string, row: string) => string;
  /** The organization itself may be affected by statements without WHERE. */
  readonly counts?: true;
}

const ATTACKS: readonly Attack[] = [
  { name: "reads", sql: (t) => `SELECT * FROM ${t} WHERE ${foreignRows(t)}`, counts: true },
  {
    name: "reads through a join",
    sql: (t) => `SELECT x.* FROM pg_class, ${t} x WHERE relname = 'pg_class' AND x.${foreignRows(t)}`,
    counts: true,
  },
  { name: "locks", sql: (t) => `SELECT * FROM ${t} WHERE ${foreignRows(t)} FOR UPDATE`, counts: true },
  { name: "locks the key", sql: (t) => `SELECT * FROM ${t} WHERE ${foreignRows(t)} FOR KEY SHARE`, counts: true },
  { name: "copies out", sql: (t) => `COPY (SELECT * FROM ${t} WHERE ${foreignRows(t)}) TO STDOUT`, counts: true },
  {
    name: "reads with a temporary view",
    sql: (t) => `CREATE TEMP VIEW v AS SELECT * FROM ${t}; SELECT * FROM v WHERE ${foreignRows(t)}`,
    counts: true,
  },
  {
    name: "reads with a function that the planner prefers to the policy",
    sql: (t) => `CREATE FUNCTION pg_temp.leak(${t}) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
      BEGIN RAISE EXCEPTION 'leak: %', $1 USING ERRCODE = 'XX001'; END $$; SELECT * FROM ${t} WHERE ${foreignRows(t)} AND pg_temp.leak(${t}.*)`,
    counts: true,
  },
  { name: "reads with an error", sql: (t) => `SELECT 1 / (CASE WHEN ${foreignRows(t)} THEN 0 ELSE 1 END) FROM ${t}` },
  { name: "updates", sql: (t) => `UPDATE ${t} SET ${COLUMN[t]} = ${COLUMN[t]} WHERE ${foreignRows(t)} RETURNING *`, counts: true },
  { name: "updates all", sql: (t) => `UPDATE ${t} SET ${COLUMN[t]} = ${COLUMN[t]}` },
  {
    name: "moves its rows",
    sql: (t) =>
      t === "users" ? `UPDATE users SET id = '${BEN}'` : `UPDATE ${t} SET ${t === "organizations" ? "id" : "organization_id"} = '${BOLT}'`,
  },
  { name: "deletes", sql: (t) => `DELETE FROM ${t} WHERE ${foreignRows(t)} RETURNING *`, counts: true },
  { name: "deletes all", sql: (t) => `DELETE FROM ${t}` },
  { name: "truncates", sql: (t) => `TRUNCATE ${t} CASCADE` },
  { name: "inserts the same row", sql: (t, columns, row) => `INSERT INTO ${t} (${columns}) OVERRIDING SYSTEM VALUE ${row}` },
  {
    name: "inserts or ignores",
    sql: (t, columns, row) => `INSERT INTO ${t} (${columns}) OVERRIDING SYSTEM VALUE ${row} ON CONFLICT DO NOTHING`,
  },
  {
    name: "inserts or updates",
    sql: (t, columns, row) =>
      `INSERT INTO ${t} (${columns}) OVERRIDING SYSTEM VALUE ${row} ON CONFLICT (${KEY[t] ?? "id"}) DO UPDATE SET ${COLUMN[t]} = EXCLUDED.${COLUMN[t]}`,
  },
  { name: "merges", sql: (t) => `MERGE INTO ${t} x USING (SELECT 1) y ON x.${foreignRows(t)} WHEN MATCHED THEN DELETE`, counts: true },
  { name: "calls cleanup_old_data()", sql: () => "SELECT cleanup_old_data('1 day', '5 minutes', '1 day')" },
  { name: "removes a member", sql: () => `SELECT remove_member('${BEN}')` },
  { name: "searches", sql: () => "SELECT 1 / (CASE WHEN id = md5('" + BOLT + "d')::uuid THEN 0 ELSE 1 END) FROM search_documents('plan')" },
];
const KEY: Readonly<Record<string, string>> = {
  crdt_operations: "organization_id, document_id, sequence",
  organization_members: "organization_id, user_id",
};

type Settings = Readonly<Record<string, string>>;

interface Context {
  readonly name: string;
  /** Runs before the transaction of the attack, and returns after its BEGIN. */
  readonly enter: (client: pg.Client, earlier: Settings) => Promise<void>;
}
const begin = (client: pg.Client) => client.query("BEGIN");
const enterBolt = (client: pg.Client) => client.query("SELECT enter_organization($1, $2)", [BOLT, BEN]);
const sets = (name: string, settings: (earlier: Settings) => Settings): Context[] =>
  [false, true].map((local) => ({
    name: `a ${local ? "transaction" : "session"}'s SET of ${name}`,
    async enter(client, earlier) {
      const set = async () => {
        for (const [setting, value] of Object.entries(settings(earlier)))
          await client.query("SELECT set_config($1, $2, $3)", [`candlefish.${setting}`, value, local]);
      };
      if (!local) await set();
      await begin(client);
      if (local) await set();
    },
  }));

/** None of them is an organization. */
const WORTHLESS: readonly Context[] = [
  { name: "nothing", enter: async (client) => void (await begin(client)) },
  // The setting that selected an organization before.
  ...sets("organization_id", () => ({ organization_id: BOLT })),
  ...sets("the organization alone", () => ({ organization: BOLT, acting_user: BEN })),
  ...sets("the values of an earlier transaction", (earlier) => earlier),
  ...sets("the values of an earlier transaction, in capitals", ({ transaction = "", ...rest }) => ({
    transaction: transaction.toUpperCase(),
    ...rest,
  })),
  ...sets("the values of an earlier transaction, with a pattern", (earlier) => ({ ...earlier, transaction: "%" })),
  ...sets("empty values", (earlier) => ({ ...earlier, transaction: "" })),
  ...sets("zeros", (earlier) => ({ ...earlier, transaction: "0".repeat(16) })),
  ...sets("broken values", () => ({ transaction: "' OR true --", organization: "*", acting_user: "all" })),
  ...sets("long values", (earlier) => ({ ...earlier, organization: BOLT.repeat(1000) })),
  ...["", "*", `${BOLT}, ${ACME}`, "' OR true --"].map((organization) => ({
    name: `the organization ${JSON.stringify(organization)}, written with the start of the transaction`,
    async enter(client: pg.Client) {
      await begin(client);
      await client.query(
        "SELECT set_config('candlefish.transaction', encode(timestamptz_send(now()), 'hex'), true), set_config('candlefish.organization', $1, true)",
        [organization],
      );
    },
  })),
  {
    name: "the previous transaction of the connection",
    async enter(client) {
      await begin(client);
      await enterBolt(client);
      await client.query("COMMIT");
      await begin(client);
    },
  },
  {
    name: "the previous transaction, chained",
    async enter(client) {
      await begin(client);
      await enterBolt(client);
      await client.query("COMMIT AND CHAIN");
    },
  },
  {
    name: "a statement of its own",
    async enter(client) {
      await enterBolt(client);
      await begin(client);
    },
  },
  {
    name: "a savepoint that was rolled back",
    async enter(client) {
      await begin(client);
      await client.query("SAVEPOINT s");
      await enterBolt(client);
      await client.query("ROLLBACK TO s");
    },
  },
  {
    name: "a function that failed and was caught",
    async enter(client) {
      await begin(client);
      await client.query(
        `DO $$ BEGIN PERFORM enter_organization('${BOLT}'); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$`,
      );
    },
  },
  {
    name: "a user of another organization",
    async enter(client) {
      await begin(client);
      await client.query("SAVEPOINT s");
      await expect(client.query("SELECT enter_organization($1, $2)", [ACME, BEN])).rejects.toMatchObject({ code: "42501" });
      await client.query("ROLLBACK TO s");
    },
  },
  {
    name: "other roles",
    async enter(client) {
      for (const role of ["candlefish_owner", "candlefish_backup", "candlefish_readonly", "postgres", "pg_read_all_data"])
        for (const command of ["SET ROLE", "SET SESSION AUTHORIZATION"])
          await expect(client.query(`${command} ${role}`), role).rejects.toMatchObject({ code: "42501" });
      await begin(client);
    },
  },
  {
    name: "objects of pg_temp first in the search path",
    async enter(client) {
      await client.query(`CREATE FUNCTION pg_temp.current_organization() RETURNS uuid LANGUAGE sql AS $$ SELECT '${BOLT}'::uuid $$;
        CREATE FUNCTION pg_temp.is_owner() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
        CREATE TEMP TABLE organization_members (organization_id uuid, user_id uuid, joined_at timestamptz, left_at timestamptz);
        INSERT INTO pg_temp.organization_members VALUES ('${BOLT}', '${BEN}');
        CREATE TEMP TABLE pg_class (oid oid, relowner oid); INSERT INTO pg_temp.pg_class SELECT 'public.organizations'::regclass, 'candlefish'::regrole;
        SET search_path = public, pg_temp`);
      await begin(client);
    },
  },
  {
    name: "row_security = off",
    async enter(client) {
      await client.query("SET row_security = off");
      await begin(client);
    },
  },
];
const ENTERED: readonly Context[] = [
  {
    name: "another organization",
    async enter(client) {
      await begin(client);
      await client.query("SELECT enter_organization($1)", [ACME]);
    },
  },
  {
    name: "another organization with an acting user",
    async enter(client) {
      await begin(client);
      await enterBolt(client);
      await client.query("SELECT enter_organization($1, $2)", [ACME, ANN]);
    },
  },
  {
    name: "another organization with an acting user that is not a member, written into the settings",
    async enter(client) {
      await begin(client);
      await client.query("SELECT enter_organization($1), set_config('candlefish.acting_user', $2, true)", [ACME, BEN]);
    },
  },
];

describe.each(OLDEST_AND_NEWEST)("tenants on Postgres %i", (major) => {
  let server: Server;
  let database: Database;
  let unchanged: string;
  let earlier: Settings;
  const inserts = new Map<string, { columns: string; row: string }>();

  beforeAll(async () => {
    server = await start(major);
    database = await server.database("candlefish");
    // In a database with other applications, PUBLIC keeps this privilege, and with it more attacks are possible.
    await database.as("superuser", `GRANT TEMPORARY ON DATABASE ${database.name} TO candlefish`);
    await database.as("superuser", ROWS);
    await database.as(
      "superuser",
      `CREATE FUNCTION public.spy() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
         SELECT md5(concat(${TABLES.map((table) => `(SELECT string_agg(t::text, ',' ORDER BY t::text) FROM public.${table} t WHERE ${foreignRows(table)})`).join(", ")})) $$`,
    );
    await database.as("superuser", "GRANT EXECUTE ON FUNCTION public.spy() TO candlefish");
    // In a database that other applications share, the roles step leaves this privilege to every role.
    await database.as("superuser", `GRANT TEMPORARY ON DATABASE ${database.name} TO candlefish`);
    unchanged = String((await database.as("superuser", "SELECT spy()"))[0]?.spy);
    for (const table of TABLES) {
      const [row] = await database.as(
        "superuser",
        `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns, string_agg(format('%I', attname), ', ') FROM pg_attribute
          WHERE attrelid = '${table}'::regclass AND attnum > 0 AND attgenerated = ''`,
      );
      const [data] = await database.as("superuser", `SELECT to_jsonb(t)::text AS json FROM ${table} t WHERE ${foreignRows(table)}`);
      const columns = String(row?.columns);
      const json = String(data?.json).replaceAll("'", "''");
      inserts.set(table, { columns, row: `SELECT ${columns} FROM jsonb_populate_record(NULL::public.${table}, '${json}')` });
    }
    const client = await database.connect("runtime");
    await client.query("BEGIN");
    await enterBolt(client);
    const names = ["transaction", "organization", "acting_user"];
    earlier = (await client.query(`SELECT ${names.map((name) => `current_setting('candlefish.${name}') AS ${name}`).join(", ")}`)).rows[0];
    expect(earlier).toMatchObject({ organization: BOLT, acting_user: BEN });
    await client.end();
  });
  afterAll(() => server?.stop());

  /** @returns the attacks that succeeded. */
  async function attack(context: Context, table: string, connect: () => Promise<pg.Client>): Promise<string[]> {
    const succeeded: string[] = [];
    const client = await connect();
    await context.enter(client, earlier);
    const { columns, row } = inserts.get(table)!;
    for (const { name, sql, counts } of ATTACKS) {
      await client.query("SAVEPOINT attack");
      try {
        const result = await client.query(sql(table, columns, row));
        const last = Array.isArray(result) ? result.at(-1) : result;
        if (counts && last.rowCount > 0) succeeded.push(`${name}: ${last.rowCount} rows`);
        if ((await client.query("SELECT public.spy()")).rows[0].spy !== unchanged) succeeded.push(`${name}: changed rows`);
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        if (!["42501", "23503", "23505", "22P02", "42P01"].includes(code ?? "")) succeeded.push(`${name}: ${code} ${message}`);
      }
      await client.query("ROLLBACK TO attack");
    }
    await client.end();
    return succeeded;
  }

  it("are attacked at every table", async () => {
    expect(TABLES).toEqual(await tablesOf(database));
  });

  it("are seen by a client that entered them, so that the attacks can succeed", async () => {
    const bolt: Context = {
      name: "Bolt",
      async enter(client) {
        await begin(client);
        await enterBolt(client);
      },
    };
    for (const table of TABLES) {
      const found = await attack(bolt, table, () => database.connect("runtime"));
      expect(found, table).toContain("reads: 1 rows");
      if (!["organization_members", "users"].includes(table)) expect(found, table).toContain("deletes all: changed rows");
    }
  });

  describe.each(WORTHLESS)("with $name", (context) => {
    it.each(TABLES)("reads and changes nothing of another organization in %s [C39]", async (table) => {
      expect(await attack(context, table, () => database.connect("runtime"))).toEqual([]);
    });

    it("sees no row of any organization [C39]", async () => {
      const client = await database.connect("runtime");
      for (const table of TABLES) {
        await context.enter(client, earlier);
        const seen = client.query(`SELECT * FROM public.${table}`).then(
          ({ rowCount }) => rowCount,
          ({ code }) => code,
        );
        expect([0, "42501", "22P02"], table).toContain(await seen);
        await client.query("ROLLBACK");
        await client.query("DISCARD ALL");
      }
      await client.end();
    });
  });

  describe.each(ENTERED)("with $name", (context) => {
    it.each(TABLES)("reads and changes nothing of another organization in %s [C39]", async (table) => {
      expect(await attack(context, table, () => database.connect("runtime"))).toEqual([]);
    });
  });

  it.each(["ALTER ROLE … SET", "a startup option"])("gain nothing from %s [C39]", async (way) => {
    const url = await urlOf(database);
    const settings = Object.entries({ ...earlier, organization_id: BOLT });
    if (way === "a startup option")
      url.searchParams.set("options", settings.map(([name, value]) => `-c candlefish.${name}=${value}`).join(" "));
    else
      for (const [name, value] of settings)
        await database.as("superuser", `ALTER ROLE candlefish IN DATABASE ${database.name} SET candlefish.${name} = '${value}'`);
    const client = new pg.Client(url.href);
    await client.connect();
    expect((await client.query("SELECT current_setting('candlefish.organization') AS value")).rows).toEqual([{ value: BOLT }]);
    for (const table of TABLES) expect((await client.query(`SELECT * FROM ${table}`)).rowCount, table).toBe(0);
    await client.end();
    for (const [name] of settings)
      await database.as("superuser", `ALTER ROLE candlefish IN DATABASE ${database.name} RESET candlefish.${name}`);
  });
});

async function urlOf(database: Database): Promise<URL> {
  const client = await database.connect("runtime");
  const url = new URL(`postgres://${client.user}@${client.host}:${client.port}/${client.database}`);
  await client.end();
  return url;
}

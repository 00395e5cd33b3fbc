import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { applyRoles, type RolesOptions, rolesPlan } from "./index.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const users = Object.values(roles).map((name) => ({ name, password: `pw_${name}_0123456789`, replication: false }));

describe.each(["15", "17"])("roles on Postgres %s", (version) => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  let endpoint: Endpoint;
  let options: RolesOptions;

  beforeAll(async () => {
    endpoint = await backing.startCluster(
      postgresCluster(`roles-${version}`, { version, databases: ["defaultdb", "shop", "shared", "empty"], users }),
    );
    options = optionsFor("shop");
    await applyRoles(options);
    await as(
      "owner",
      "CREATE TABLE items (id serial PRIMARY KEY, name text); CREATE TABLE templates.kinds (id int); CREATE TABLE slipway.ledger (id int);" +
        " CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM items'",
    );
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  function optionsFor(database: string): RolesOptions {
    const url = `postgresql://doadmin:AVNS_doadmin@localhost:${endpoint.port}/${database}`;
    return {
      connection: { url, ca: endpoint.ca },
      database,
      schemas: ["public", "templates"],
      extensions: ["uuid-ossp"],
      roles,
      statementTimeoutSeconds: 30,
    };
  }
  const as = (kind: keyof typeof roles, sql: string, database = "shop") =>
    query(endpoint, sql, { user: roles[kind], password: `pw_${roles[kind]}_0123456789`, database });
  const asAdmin = (sql: string, database = "shop") => query(endpoint, sql, { database });
  const sqlstateOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: pg.DatabaseError) => error.code,
    );

  it("applies the planned statements, and nothing at the second call", async () => {
    const empty = optionsFor("empty");
    const planned = await rolesPlan(empty);
    expect(planned.statements.length).toBeGreaterThan(10);
    expect(await applyRoles(empty)).toEqual(planned);
    expect(await applyRoles(empty)).toEqual({ statements: [], notices: [] });
  });

  it("creates uuid-ossp where it is declared, and nowhere else [D41]", async () => {
    const extensions = (database: string) => asAdmin("SELECT extname FROM pg_extension WHERE extname = 'uuid-ossp'", database);
    expect(await extensions("empty")).toEqual([{ extname: "uuid-ossp" }]);
    await asAdmin("CREATE DATABASE without_extensions", "defaultdb");
    await applyRoles({ ...optionsFor("without_extensions"), extensions: [] });
    expect(await extensions("without_extensions")).toEqual([]);
  });

  it("lets the owner create objects in every schema and in the ledger schema", async () => {
    await as("owner", "CREATE TABLE made (id int); CREATE TABLE templates.made (id int); CREATE TABLE slipway.made (id int)");
    await as("owner", "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  });

  it("gives the runtime role access to future tables and sequences without another grant [F108]", async () => {
    await as("owner", "CREATE TABLE later (id serial PRIMARY KEY, name text); CREATE TABLE templates.later (id int)");
    await as("owner", "CREATE FUNCTION later() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later'");
    await as("runtime", "INSERT INTO later (name) VALUES ('one'); UPDATE later SET name = 'two'; SELECT later()");
    expect(await as("runtime", "SELECT name FROM later")).toEqual([{ name: "two" }]);
    await as("runtime", "DELETE FROM later; INSERT INTO templates.later VALUES (1)");
  });

  it.each([
    "CREATE TABLE x (id int)",
    "CREATE TABLE templates.x (id int)",
    "DROP TABLE items",
    "TRUNCATE items",
    "ALTER TABLE items ADD x int",
    "CREATE INDEX ON items (name)",
  ])("denies the runtime role %s", async (statement) => {
    expect(await sqlstateOf(as("runtime", statement))).toBe("42501");
  });

  it("lets the read-only role read, but not write, advance sequences or call functions", async () => {
    await as("readonly", "SELECT * FROM items");
    for (const statement of [
      "INSERT INTO items (name) VALUES ('x')",
      "UPDATE items SET name = ''",
      "DELETE FROM items",
      "SELECT nextval('items_id_seq')",
      "SELECT total()",
      "SELECT * FROM slipway.ledger",
    ])
      expect(await sqlstateOf(as("readonly", statement)), statement).toBe("42501");
  });

  it("lets the backup role read all tables and the ledger, but not write", async () => {
    await as(
      "backup",
      "SELECT * FROM items; SELECT * FROM templates.kinds; SELECT * FROM slipway.ledger; SELECT last_value FROM items_id_seq",
    );
    expect(await sqlstateOf(as("backup", "DELETE FROM items"))).toBe("42501");
  });

  it("sets statement_timeout for the runtime role only", async () => {
    expect(await as("runtime", "SHOW statement_timeout")).toEqual([{ statement_timeout: "30s" }]);
    expect(await as("owner", "SHOW statement_timeout")).toEqual([{ statement_timeout: "0" }]);
    expect(await as("runtime", "SHOW search_path")).toEqual([{ search_path: "public, templates, pg_temp" }]);
  });

  it("denies other roles of the cluster to connect to a database that is not shared", async () => {
    await asAdmin("CREATE ROLE outsider LOGIN PASSWORD 'pw_outsider'", "defaultdb");
    expect(await sqlstateOf(query(endpoint, "SELECT 1", { user: "outsider", password: "pw_outsider", database: "shop" }))).toBe("42501");
  });

  it("revokes privileges that were granted outside of this step [F85]", async () => {
    await as("owner", "GRANT TRUNCATE ON items TO shop; GRANT INSERT ON items TO shop_readonly; GRANT SELECT ON items TO PUBLIC");
    await asAdmin("GRANT shop_owner TO shop");
    const { statements } = await applyRoles(options);
    expect(statements.length).toBeGreaterThan(2);
    expect(await sqlstateOf(as("runtime", "TRUNCATE items"))).toBe("42501");
    expect(await sqlstateOf(as("readonly", "INSERT INTO items (name) VALUES ('x')"))).toBe("42501");
    expect((await applyRoles(options)).statements).toEqual([]);
  });

  it("changes no object of another application in a shared database [F8]", async () => {
    await asAdmin("CREATE ROLE other_app LOGIN PASSWORD 'pw_other'", "defaultdb");
    await asAdmin("GRANT CREATE ON SCHEMA public TO other_app", "shared");
    const other = (sql: string) => query(endpoint, sql, { user: "other_app", password: "pw_other", database: "shared" });
    await other("CREATE TABLE theirs (id int); GRANT ALL ON theirs TO PUBLIC");
    const acl = () => asAdmin("SELECT relname, relacl::text FROM pg_class WHERE relname = 'theirs'", "shared");
    const before = await acl();
    const { notices } = await applyRoles(optionsFor("shared"));
    expect(notices.join()).toContain("Other roles own objects in this database");
    expect(await acl()).toEqual(before);
    await other("INSERT INTO theirs VALUES (1)");
  });

  it("reports when row-level security would make a dump fail, and the policy that fixes it", async () => {
    await as(
      "owner",
      "CREATE TABLE notes (id int); ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY",
    );
    expect((await applyRoles(options)).notices.join()).toContain("Row-level security hides rows of public.notes from shop_backup");
    await as("owner", "CREATE POLICY whole ON notes FOR SELECT TO shop_backup USING (true)");
    expect((await applyRoles(options)).notices).toEqual([]);
  });

  it("rejects a missing role, and explains how to create it", async () => {
    await expect(applyRoles({ ...options, roles: { ...roles, backup: "missing_role" } })).rejects.toThrow(
      "The cluster has no user missing_role. Users are created through DigitalOcean's API",
    );
  });

  it("rejects a connection to another database, and changes nothing", async () => {
    await expect(applyRoles({ ...options, connection: optionsFor("defaultdb").connection })).rejects.toThrow(
      'The connection is to database "defaultdb"',
    );
  });

  it("applies nothing if one statement fails", async () => {
    const refused = { ...options, schemas: ["public", "later"], extensions: ["no_such_extension"] };
    await expect(applyRoles(refused)).rejects.toThrow(
      /CREATE EXTENSION IF NOT EXISTS "no_such_extension"[\s\S]*If DigitalOcean does not support the extension/,
    );
    expect(await asAdmin("SELECT nspname FROM pg_namespace WHERE nspname = 'later'")).toEqual([]);
  });

  it("changes nothing when 20 calls run at once", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => applyRoles(optionsFor("shop"))));
    expect(all.map(({ statements }) => statements)).toEqual(Array.from({ length: 20 }, () => []));
  });
});

import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing.ts";
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
  const code = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: pg.DatabaseError) => error.code,
    );

  it("does what is missing, and nothing the second time", async () => {
    const empty = optionsFor("empty");
    const planned = await rolesPlan(empty);
    expect(planned.statements.length).toBeGreaterThan(10);
    expect(await applyRoles(empty)).toEqual(planned);
    expect(await applyRoles(empty)).toEqual({ statements: [], notices: [] });
  });

  it("lets the owner make things in every schema, and in one of its own for the ledger [F55]", async () => {
    await as("owner", "CREATE TABLE made (id int); CREATE TABLE templates.made (id int); CREATE TABLE slipway.made (id int)");
    await as("owner", "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  });

  it("makes a table of tomorrow usable for the runtime role without another grant, its sequence included [F108]", async () => {
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
  ])("refuses the runtime role %s [F55]", async (statement) => {
    expect(await code(as("runtime", statement))).toBe("42501");
  });

  it("lets the read-only role read, and neither write, count up nor call", async () => {
    await as("readonly", "SELECT * FROM items");
    for (const statement of [
      "INSERT INTO items (name) VALUES ('x')",
      "UPDATE items SET name = ''",
      "DELETE FROM items",
      "SELECT nextval('items_id_seq')",
      "SELECT total()",
      "SELECT * FROM slipway.ledger",
    ])
      expect(await code(as("readonly", statement)), statement).toBe("42501");
  });

  it("lets the backup role read everything, the ledger included, and write nothing", async () => {
    await as(
      "backup",
      "SELECT * FROM items; SELECT * FROM templates.kinds; SELECT * FROM slipway.ledger; SELECT last_value FROM items_id_seq",
    );
    expect(await code(as("backup", "DELETE FROM items"))).toBe("42501");
  });

  it("ends a query of the runtime role that takes longer than it may, and no other role's [F29]", async () => {
    expect(await as("runtime", "SHOW statement_timeout")).toEqual([{ statement_timeout: "30s" }]);
    expect(await as("owner", "SHOW statement_timeout")).toEqual([{ statement_timeout: "0" }]);
    expect(await as("runtime", "SHOW search_path")).toEqual([{ search_path: "public, templates" }]);
  });

  it("keeps other roles of the cluster out of a database that is ours alone", async () => {
    await asAdmin("CREATE ROLE stranger LOGIN PASSWORD 'pw_stranger'", "defaultdb");
    expect(await code(query(endpoint, "SELECT 1", { user: "stranger", password: "pw_stranger", database: "shop" }))).toBe("42501");
  });

  it("takes back what somebody granted beside it [F85]", async () => {
    await as("owner", "GRANT TRUNCATE ON items TO shop; GRANT INSERT ON items TO shop_readonly; GRANT SELECT ON items TO PUBLIC");
    await asAdmin("GRANT shop_owner TO shop");
    const { statements } = await applyRoles(options);
    expect(statements.length).toBeGreaterThan(2);
    expect(await code(as("runtime", "TRUNCATE items"))).toBe("42501");
    expect(await code(as("readonly", "INSERT INTO items (name) VALUES ('x')"))).toBe("42501");
    expect((await applyRoles(options)).statements).toEqual([]);
  });

  it("touches nothing of another application in a shared database [F8]", async () => {
    await asAdmin("CREATE ROLE other_app LOGIN PASSWORD 'pw_other'", "defaultdb");
    await asAdmin("GRANT CREATE ON SCHEMA public TO other_app", "shared");
    const other = (sql: string) => query(endpoint, sql, { user: "other_app", password: "pw_other", database: "shared" });
    await other("CREATE TABLE theirs (id int); GRANT ALL ON theirs TO PUBLIC");
    const acl = () => asAdmin("SELECT relname, relacl::text FROM pg_class WHERE relname = 'theirs'", "shared");
    const before = await acl();
    const { notices } = await applyRoles(optionsFor("shared"));
    expect(notices.join()).toContain("Others own objects in this database");
    expect(await acl()).toEqual(before);
    await other("INSERT INTO theirs VALUES (1)");
  });

  it("says when a dump would not see every row, and how to mend it [C39]", async () => {
    await as(
      "owner",
      "CREATE TABLE notes (id int); ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY",
    );
    expect((await applyRoles(options)).notices.join()).toContain("shop_backup does not see every row of public.notes");
    await as("owner", "CREATE POLICY whole ON notes FOR SELECT TO shop_backup USING (true)");
    expect((await applyRoles(options)).notices).toEqual([]);
  });

  it("refuses a role that is not there, and says where roles are made", async () => {
    await expect(applyRoles({ ...options, roles: { ...roles, backup: "nobody_here" } })).rejects.toThrow(
      "The cluster has no user nobody_here. They are made through DigitalOcean's API",
    );
  });

  it("refuses a connection to another database, and changes nothing", async () => {
    await expect(applyRoles({ ...options, connection: optionsFor("defaultdb").connection })).rejects.toThrow(
      'The connection leads to database "defaultdb"',
    );
  });

  it("applies nothing of itself where one statement is refused", async () => {
    const refused = { ...options, schemas: ["public", "later"], extensions: ["no_such_extension"] };
    await expect(applyRoles(refused)).rejects.toThrow(
      /CREATE EXTENSION IF NOT EXISTS "no_such_extension"[\s\S]*DigitalOcean's list of extensions/,
    );
    expect(await asAdmin("SELECT nspname FROM pg_namespace WHERE nspname = 'later'")).toEqual([]);
  });

  it("is the same when twenty run at once", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => applyRoles(optionsFor("shop"))));
    expect(all.map(({ statements }) => statements)).toEqual(Array.from({ length: 20 }, () => []));
  });
});

/** A role that was deleted and created again, and a database that another role restored. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { cleanFolders, folderOf } from "../migrate/testing/folder.ts";
import { up } from "../migrate/up.ts";
import { applyRoles, type RoleKind, type RolesOptions } from "./index.ts";

/** Every kind of object that a migration creates. */
const OBJECTS = `
CREATE TABLE items (id serial PRIMARY KEY, name text);
CREATE TABLE tags (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE TABLE events (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE templates.kinds (id int, "Odd Name" text);
CREATE SEQUENCE numbers;
CREATE VIEW named AS SELECT name FROM items;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM items;
CREATE FUNCTION total(at_least int DEFAULT 0) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM items';
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM items WHERE name IS NULL';
CREATE AGGREGATE largest(int) (SFUNC = int4larger, STYPE = int);
CREATE TYPE mood AS ENUM ('good');
CREATE TYPE pair AS (a int, b int);
CREATE TYPE span AS RANGE (SUBTYPE = int);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 10);
CREATE STATISTICS both_columns ON id, name FROM items;
INSERT INTO items (name) VALUES ('one');
`;

/** What only the owner of an object may do. */
const CHANGES = `
ALTER TABLE items ADD note text;
ALTER TABLE events ADD note text;
ALTER TABLE events_2026 ALTER day SET NOT NULL;
ALTER TABLE templates.kinds DROP COLUMN "Odd Name";
ALTER SEQUENCE numbers INCREMENT 2;
CREATE OR REPLACE VIEW named AS SELECT name, note FROM items;
REFRESH MATERIALIZED VIEW counted;
CREATE OR REPLACE FUNCTION total(at_least int DEFAULT 0) RETURNS bigint LANGUAGE sql AS 'SELECT 2::bigint * count(*) FROM items';
DROP PROCEDURE tidy();
DROP AGGREGATE largest(int);
ALTER TYPE pair ADD ATTRIBUTE c int;
ALTER TYPE mood RENAME TO feeling;
DROP TYPE span;
ALTER DOMAIN short SET DEFAULT 'x';
DROP STATISTICS both_columns;
CREATE TABLE later (id serial PRIMARY KEY);
`;

type Loss = (roles: RolesOptions["roles"], database: string) => Promise<unknown>;

describe.each(["15", "17"])("on Postgres %s", (version) => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  let endpoint: Endpoint;
  let count = 0;

  beforeAll(async () => {
    endpoint = await backing.startCluster(postgresCluster(`recreated-${version}`, { version }));
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
    cleanFolders();
  });

  const asAdmin = (sql: string, database = "defaultdb") => query(endpoint, sql, { database });
  const password = (role: string) => `pw_${role}_0123456789`;
  const as = (role: string, sql: string, database: string) => query(endpoint, sql, { user: role, password: password(role), database });
  const connection = (user: string, word: string, database: string) => ({
    url: `postgresql://${user}:${word}@localhost:${endpoint.port}/${database}`,
    ca: endpoint.ca,
  });

  /** As DigitalOcean creates a user: the administrator becomes a member. */
  async function createRole(role: string): Promise<void> {
    await asAdmin(`CREATE ROLE ${role} LOGIN PASSWORD '${password(role)}'`);
    await asAdmin(version === "15" ? `GRANT ${role} TO doadmin` : `GRANT ${role} TO doadmin WITH INHERIT TRUE, SET TRUE`);
  }

  /** As DigitalOcean deletes a user, which keeps its objects. */
  const recreate =
    (...kinds: RoleKind[]): Loss =>
    async (roles, database) => {
      for (const kind of kinds) {
        await asAdmin(`REASSIGN OWNED BY ${roles[kind]} TO doadmin; DROP OWNED BY ${roles[kind]}`, database);
        await asAdmin(`DROP ROLE ${roles[kind]}`);
      }
      for (const kind of kinds) await createRole(roles[kind]);
    };

  const LOSSES: Readonly<Record<string, Loss>> = {
    "the owner role was created again": recreate("owner"),
    "the runtime role was created again": recreate("runtime"),
    "the read-only role was created again": recreate("readonly"),
    "the backup role was created again": recreate("backup"),
    "all roles were created again": recreate("owner", "runtime", "readonly", "backup"),
    "the administrator restored the database": ({ owner }, database) => asAdmin(`REASSIGN OWNED BY ${owner} TO doadmin`, database),
    "the runtime role restored the database": ({ owner, runtime }, database) =>
      asAdmin(`GRANT CREATE ON SCHEMA public, templates, slipway TO ${runtime}; REASSIGN OWNED BY ${owner} TO ${runtime}`, database),
    "the privileges of the runtime role were dropped": ({ runtime }, database) => asAdmin(`DROP OWNED BY ${runtime}`, database),
  };

  it.each(Object.entries(LOSSES))("one run gives back objects, privileges and the ledger after %s", async (_, lose) => {
    const { options, folder, migrate } = await deployed();
    const { roles, database } = options;
    const extension = await extensionOwners(database);
    await lose(roles, database);

    const { statements, notices } = await applyRoles(options);
    expect(statements.length).toBeGreaterThan(0);
    expect(notices.filter((notice) => !notice.startsWith(`${roles.runtime} owns aggregate public.largest(integer), `))).toEqual([]);
    expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });

    expect(await foreignObjects(options)).toEqual([]);
    expect(await extensionOwners(database)).toEqual(extension);
    await as(
      roles.runtime,
      "INSERT INTO items (name) VALUES ('two'); UPDATE items SET name = 'three' WHERE name = 'two'; INSERT INTO tags (name) VALUES ('t');" +
        " INSERT INTO events VALUES (1, '2026-05-05'); INSERT INTO templates.kinds VALUES (1); SELECT * FROM named, counted; SELECT total();" +
        " SELECT nextval('numbers')",
      database,
    );
    await expect(as(roles.runtime, "TRUNCATE items", database)).rejects.toMatchObject({ code: "42501" });
    await as(roles.readonly, "SELECT * FROM items, named, counted", database);
    await as(roles.backup, "SELECT * FROM items; SELECT * FROM slipway.events", database);

    folder.write({ "002_changes.sql": CHANGES });
    expect((await migrate()).applied.map(({ file }) => file)).toEqual(["002_changes.sql"]);
    await as(roles.runtime, "INSERT INTO later DEFAULT VALUES; SELECT note FROM items", database);
    expect((await applyRoles(options)).statements).toEqual([]);
  });

  it("starts from nothing after the objects of the owner role were dropped with it", async () => {
    const { options, migrate } = await deployed();
    const { roles, database } = options;
    await asAdmin(`DROP OWNED BY ${roles.owner} CASCADE`, database);
    await asAdmin(`DROP ROLE ${roles.owner}`);
    await createRole(roles.owner);
    await applyRoles(options);
    expect((await migrate()).applied.map(({ file }) => file)).toEqual(["001_objects.sql"]);
    await as(roles.runtime, "INSERT INTO items (name) VALUES ('two')", database);
  });

  it("leaves the administrator's objects in schema public alone if another application uses the database, and reports them", async () => {
    const { options } = await deployed();
    const { roles, database } = options;
    const other = `other_${count}`;
    await createRole(other);
    await asAdmin(`GRANT CREATE ON SCHEMA public TO ${other}; GRANT CONNECT ON DATABASE ${database} TO ${other}`, database);
    await as(other, "CREATE TABLE theirs (id int)", database);
    await asAdmin("CREATE TABLE unclear (id int); CREATE TABLE templates.ours (id int)", database);
    const { notices } = await applyRoles(options);
    expect(notices.join("\n")).toContain(`doadmin owns public.unclear, which was not changed`);
    expect(notices.join("\n")).toContain(`ALTER TABLE public.unclear OWNER TO "${roles.owner}";`);
    const owners = await asAdmin(
      "SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('theirs', 'unclear', 'ours') ORDER BY 1",
      database,
    );
    expect(owners).toEqual([
      { tablename: "ours", tableowner: roles.owner },
      { tablename: "theirs", tableowner: other },
      { tablename: "unclear", tableowner: "doadmin" },
    ]);
  });

  /** A database of its own, with its roles and the first migration. */
  async function deployed() {
    const id = `c${++count}`;
    const database = `db_${id}`;
    const roles = { owner: `${id}_owner`, runtime: `${id}_runtime`, readonly: `${id}_readonly`, backup: `${id}_backup` } as const;
    for (const role of Object.values(roles)) await createRole(role);
    await asAdmin(`CREATE DATABASE ${database}`);
    const options: RolesOptions = {
      connection: connection("doadmin", "AVNS_doadmin", database),
      ...{ database, roles, schemas: ["public", "templates"], extensions: ["citext"], statementTimeoutSeconds: 30 },
    };
    await applyRoles(options);
    const folder = folderOf({ "001_objects.sql": OBJECTS });
    const migrate = () =>
      up({ folder: folder.path, system: id, owner: roles.owner, connection: connection(roles.owner, password(roles.owner), database) });
    await migrate();
    return { options, folder, migrate };
  }

  /** The objects in the system's schemas that the owner role does not own, apart from the members of extensions. */
  const foreignObjects = ({ roles, database }: RolesOptions) =>
    asAdmin(
      `SELECT o.type, o.identity, pg_get_userbyid(d.refobjid) AS owner
         FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) o
        WHERE d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND o.schema IN ('public', 'templates', 'slipway') AND pg_get_userbyid(d.refobjid) <> '${roles.owner}'
          AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')`,
      database,
    );

  const extensionOwners = (database: string) =>
    asAdmin(
      `SELECT e.extname, pg_get_userbyid(e.extowner) AS owner, array_agg(DISTINCT pg_get_userbyid(p.proowner)) AS owners
         FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e' JOIN pg_proc p ON p.oid = d.objid
        GROUP BY 1, 2 ORDER BY 1`,
      database,
    );
});

/** The second user of a role, which a rotation creates: it may do what the role may do, and the step restores that. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { alternateOf } from "../../catalog/alternate-user.ts";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { compareEffectiveRights } from "./effective-rights.ts";
import { applyRoles, type RoleKind, type RolesOptions, rolesPlan } from "./index.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const KINDS = Object.keys(roles) as RoleKind[];
const password = (name: string) => `pw_${name}_0123456789`;
const userOf = (name: string) => ({ name, password: password(name), replication: false });

const ROWS = `
  CREATE TABLE items (id serial PRIMARY KEY, organization text, author text DEFAULT current_user);
  ALTER TABLE items ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON items TO shop USING (organization = 'acme') WITH CHECK (organization = 'acme');
  CREATE POLICY dump ON items FOR SELECT TO shop_backup USING (true);
  INSERT INTO items (organization) VALUES ('acme'), ('other');
  CREATE TABLE templates.kinds (id int);
  CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM items'`;

/** [what the alternate has then, the change, who makes it] */
const CHANGES: readonly (readonly [string, string, string])[] = [
  ["a privilege of its own", "GRANT TRUNCATE ON items TO shop_b", "shop_owner"],
  ["a membership in another role", "GRANT other TO shop_b", "doadmin"],
  ["no membership in its role", "REVOKE shop FROM shop_b", "doadmin"],
  ["the right to grant its role", "GRANT shop TO shop_b WITH ADMIN OPTION", "doadmin"],
  ["another statement timeout", "ALTER ROLE shop_b IN DATABASE shop SET statement_timeout = '0'", "doadmin"],
  ["another role to start with", "ALTER ROLE shop_b SET role = 'none'", "doadmin"],
  ["no inheritance", "ALTER ROLE shop_b NOINHERIT", "doadmin"],
  ["a connection limit", "ALTER ROLE shop_b CONNECTION LIMIT 3", "doadmin"],
];

const CHANGES_SINCE_16: typeof CHANGES = [
  ["a membership without the privileges", "GRANT shop TO shop_b WITH INHERIT FALSE", "doadmin"],
  ["a membership that it may not switch to", "GRANT shop TO shop_b WITH SET FALSE", "doadmin"],
];

describe.each(["15", "18"])("the alternate of a role on Postgres %s", (version) => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  const id = `alternates-${version}`;
  let endpoint: Endpoint;
  let options: RolesOptions;

  beforeAll(async () => {
    const users = [...Object.values(roles), "other"].map(userOf);
    endpoint = await backing.startCluster(postgresCluster(id, { version, databases: ["defaultdb", "shop"], users }));
    options = {
      connection: { url: `postgresql://doadmin:AVNS_doadmin@localhost:${endpoint.port}/shop`, ca: endpoint.ca },
      ...{ database: "shop", schemas: ["public", "templates"], extensions: [], roles, statementTimeoutSeconds: 1 },
    };
    await applyRoles(options);
    await as(roles.owner, ROWS);
    await applyRoles(options);
  });
  beforeEach(async () => {
    for (const kind of KINDS) await backing.createUser(id, userOf(alternateOf(roles[kind])));
    await applyRoles(options);
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  const as = (user: string, sql: string) => query(endpoint, sql, { user, password: password(user), database: "shop" });
  const asAdmin = (sql: string) => query(endpoint, sql, { database: "shop" });
  const differences = async () =>
    (await Promise.all(KINDS.map((kind) => compareEffectiveRights(options.connection, [roles[kind], alternateOf(roles[kind])])))).flat();

  it("has the effective rights and the settings of its role, and the second run of the step has nothing to do", async () => {
    expect(await rolesPlan(options)).toEqual({ statements: [], notices: [] });
    expect(await differences()).toEqual([]);
    for (const kind of KINDS)
      for (const setting of ["search_path", "statement_timeout", "idle_in_transaction_session_timeout"])
        expect(await as(alternateOf(roles[kind]), `SHOW ${setting}`)).toEqual(await as(roles[kind], `SHOW ${setting}`));
  });

  it.each(["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"])(
    "with the privilege %s that its role lacks is seen as different, and one that it inherits is not",
    async (privilege) => {
      await as("shop_owner", "CREATE TABLE lone (id int)");
      await as("shop_owner", "REVOKE ALL ON lone FROM shop");
      for (const user of ["shop_b", "shop"]) {
        await as("shop_owner", `GRANT ${privilege} ON lone TO ${user}`);
        // What the role has, its member has too.
        const expected = user === "shop" ? [] : [{ object: "table lone", privilege, only: "shop_b" }];
        expect(await compareEffectiveRights(options.connection, ["shop", "shop_b"])).toEqual(expected);
        await as("shop_owner", `REVOKE ${privilege} ON lone FROM ${user}`);
      }
      await as("shop_owner", "DROP TABLE lone");
    },
  );

  it("sees the rows that a policy shows to its role, and writes as its role", async () => {
    expect(await as("shop_b", "SELECT session_user::text, current_user::text")).toEqual([{ session_user: "shop_b", current_user: "shop" }]);
    expect(await as("shop_b", "SELECT organization FROM items")).toEqual([{ organization: "acme" }]);
    expect(await as("shop_b", "INSERT INTO items (organization) VALUES ('acme') RETURNING author")).toEqual([{ author: "shop" }]);
    await expect(as("shop_b", "INSERT INTO items (organization) VALUES ('other')")).rejects.toThrow("row-level security");
    await expect(as("shop_b", "DROP TABLE items")).rejects.toThrow("must be owner");
    // Without the role to start with, the membership alone gives it the same rows.
    await asAdmin("ALTER ROLE shop_b IN DATABASE shop RESET role");
    expect(await as("shop_b", "SELECT current_user::text, (SELECT count(*) > 0 FROM items) AS sees")).toEqual([
      { current_user: "shop_b", sees: true },
    ]);
  });

  it("of the owner creates objects that belong to the owner", async () => {
    await as("shop_owner_b", "CREATE TABLE later (id int)");
    expect(await as("shop", "SELECT tableowner FROM pg_tables WHERE tablename = 'later'")).toEqual([{ tableowner: "shop_owner" }]);
    expect(await as("shop", "SELECT count(*)::int FROM later")).toEqual([{ count: 0 }]);
    await as("shop_owner", "DROP TABLE later");
  });

  it.each(version === "15" ? CHANGES : [...CHANGES, ...CHANGES_SINCE_16])(
    "with %s is repaired, and the difference is reported as drift",
    async (_, sql, by) => {
      await (by === "doadmin" ? asAdmin(sql) : as(by, sql));
      const { statements } = await rolesPlan(options);
      expect(statements.length).toBeGreaterThan(0);
      await applyRoles(options);
      expect(await rolesPlan(options)).toEqual({ statements: [], notices: [] });
      expect(await differences()).toEqual([]);
      expect(await as("shop_b", "SELECT current_user::text")).toEqual([{ current_user: "shop" }]);
    },
  );

  it("is compared by what the server allows, not by its grants", async () => {
    await as("shop_owner", "GRANT TRUNCATE ON items TO shop_b");
    await asAdmin("REVOKE shop_readonly FROM shop_readonly_b");
    const found = await differences();
    expect(found).toContainEqual({ object: "table items", privilege: "TRUNCATE", only: "shop_b" });
    expect(found).toContainEqual({ object: "table templates.kinds", privilege: "SELECT", only: "shop_readonly" });
    await applyRoles(options);
  });
});

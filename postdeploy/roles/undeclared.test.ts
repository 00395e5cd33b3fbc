/** What a login with the password of one of the roles, or an administrator by hand, can change about the roles: it is reported and undone. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, queryAsSuperuser, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { applyRoles, type RoleKind, type RolesOptions, rolesPlan } from "./index.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const KINDS = Object.keys(roles) as RoleKind[];
const password = (name: string) => `pw_${name}_0123456789`;
const userOf = (name: string) => ({ name, password: password(name), replication: false });
const POOL = { name: "shop-pool", mode: "transaction", size: 2, database: "shop", user: userOf(roles.runtime) };

const SCOPES = { "in all databases": "", "in database shop": "IN DATABASE shop " } as const;

/** Every later session of the role starts with it: [name, value, as it is reported]. */
const SETTINGS: readonly (readonly [name: string, value: string, reported?: string])[] = [
  ["row_security", "off"],
  ["default_transaction_read_only", "on"],
  ["default_transaction_isolation", "'serializable'", "serializable"],
  ["statement_timeout", "'0'", "0"],
  ["idle_in_transaction_session_timeout", "'0'", "0"],
  ["role", "'none'", "none"],
  ["work_mem", "'64kB'", "64kB"],
  ['"DateStyle"', "'German'", "German"],
  ["application_name", "'a b'", "a b"],
  ["lc_numeric", "'C'", "C"],
  ["search_path", '"a=b", "c\u001b[2J\nd"', '"a=b", "c\\u{1b}[2J\\u{a}d"'],
  ["plpgsql.check_asserts", "off"],
  // No session of the role starts any more: the server does not find the library.
  ["local_preload_libraries", "'nothing'", "nothing"],
];

const DECLARED = ["search_path", "statement_timeout", "idle_in_transaction_session_timeout"];
const isDeclared = (kind: RoleKind, name: string) => name === "search_path" || (kind === "runtime" && DECLARED.includes(name));

describe.each(["15", "18"])("on Postgres %s", (version) => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  const id = `undeclared-${version}`;
  let endpoint: Endpoint;
  let options: RolesOptions;

  beforeAll(async () => {
    const users = [...Object.values(roles), "other"].map(userOf);
    endpoint = await backing.startCluster(postgresCluster(id, { version, databases: ["defaultdb", "shop"], users, pools: [POOL] }));
    options = {
      connection: { url: `postgresql://doadmin:AVNS_doadmin@localhost:${endpoint.port}/shop`, ca: endpoint.ca },
      ...{ database: "shop", schemas: ["public", "templates"], extensions: [], roles, statementTimeoutSeconds: 1 },
    };
    await applyRoles(options);
    await as("owner", "CREATE TABLE items (id int); CREATE TABLE templates.kinds (id int)");
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  const as = (kind: RoleKind, sql: string, database = "shop") =>
    query(endpoint, sql, { user: roles[kind], password: password(roles[kind]), database });
  const asAdmin = (sql: string, database = "shop") => query(endpoint, sql, { database });
  const asSuperuser = (sql: string) => queryAsSuperuser(home, endpoint, id, sql);
  const sqlstateOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: pg.DatabaseError) => error.code,
    );

  /** @returns the notices of the first run; the second has nothing to do. */
  async function repair(): Promise<readonly string[]> {
    const planned = await rolesPlan(options);
    const { statements, notices } = await applyRoles(options);
    expect({ statements, notices }).toEqual(planned);
    expect(statements.length).toBeGreaterThan(0);
    expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });
    return notices;
  }
  const stored = () => asSuperuser("SELECT setrole::regrole, setdatabase, setconfig FROM pg_db_role_setting ORDER BY 1, 2");

  const scopes = KINDS.flatMap((kind) => Object.entries(SCOPES).map(([scope, sql]) => ({ kind, scope, sql })));
  it.each(scopes)(
    "every setting that the $kind role sets for itself $scope is reported with its value, and reset",
    async ({ kind, scope, sql }) => {
      const role = roles[kind];
      const before = await stored();
      const statements = SETTINGS.map(([name, value]) => `ALTER ROLE ${role} ${sql}SET ${name} = ${value};`);
      await as(kind, `DO $$ BEGIN END $$; ${statements.join(" ")}`);
      await expect(as(kind, "SELECT 1")).rejects.toThrow('could not access file "$libdir/plugins/nothing"');
      const lines = SETTINGS.map(([name, value, reported = value]) => {
        const is = isDeclared(kind, name) && sql !== "" ? "Changed" : "Undeclared";
        return `${is} setting of ${role} ${scope}: ${name.replaceAll('"', "")} = ${reported}. This step `;
      });
      const notices = await repair();
      for (const line of lines)
        expect(
          notices.filter((notice) => notice.startsWith(line)),
          line,
        ).toHaveLength(1);
      expect(notices).toHaveLength(lines.length);
      expect(await stored()).toEqual(before);
      await as(kind, "SELECT 1");
    },
  );

  it("a setting that Postgres cannot reset is reported, and changes no later transaction", async () => {
    await as("runtime", "ALTER ROLE shop SET transaction_read_only = on; ALTER ROLE shop SET seed = 0.5");
    await as("runtime", "BEGIN ISOLATION LEVEL SERIALIZABLE; ALTER ROLE shop SET transaction_isolation = serializable; COMMIT");
    expect(await as("runtime", "SHOW transaction_read_only")).toEqual([{ transaction_read_only: "off" }]);
    const { statements, notices } = await applyRoles(options);
    expect(notices).toHaveLength(3);
    expect(notices.every((notice) => notice.startsWith("Undeclared setting of shop in all databases: "))).toBe(true);
    if (version === "15") return expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });
    expect(statements).toEqual([]);
    for (const setting of ["transaction_read_only = on", "transaction_isolation = serializable"])
      expect(notices.join()).toContain(`${setting}. Postgres cannot reset it, and it has no effect on later transactions.`);
    await asSuperuser("DELETE FROM pg_db_role_setting WHERE setrole = 'shop'::regrole AND setdatabase = 0");
  });

  it("a role cannot store a custom setting, and one that a superuser stored is reported with what to do", async () => {
    for (const kind of KINDS)
      expect(await sqlstateOf(as(kind, `ALTER ROLE ${roles[kind]} SET candlefish.organization_id = 'x'`))).toBe("42501");
    await asSuperuser(`ALTER ROLE ${roles.runtime} SET candlefish.organization_id = 'x'`);
    expect(await applyRoles(options)).toEqual({
      statements: [],
      notices: [
        "Undeclared setting of shop in all databases: candlefish.organization_id = x. The administrator may not undo it: ask DigitalOcean's support.",
      ],
    });
    await asSuperuser(`ALTER ROLE ${roles.runtime} RESET candlefish.organization_id`);
  });

  it("a setting of the database is reported and kept: it may be the administrator's own", async () => {
    await asAdmin("ALTER DATABASE shop SET work_mem = '8MB'");
    const { statements, notices } = await applyRoles(options);
    expect(statements).toEqual([]);
    expect(notices.join()).toContain("Setting of database shop: work_mem = 8MB.");
    expect(notices.join()).toContain('ALTER DATABASE "shop" RESET "work_mem";');
    await asAdmin("ALTER DATABASE shop RESET work_mem");
    expect((await applyRoles(options)).notices).toEqual([]);
  });

  const ATTRIBUTES: readonly (readonly [set: string, notice: string])[] = [
    ["CREATEDB", "CREATEDB is yes"],
    ["CREATEROLE", "CREATEROLE is yes"],
    ["CONNECTION LIMIT 0", "CONNECTION LIMIT is 0"],
    ["NOLOGIN", "LOGIN is no"],
    ["NOINHERIT", "INHERIT is no"],
    ["VALID UNTIL '2001-01-01 00:00:00+00'", "VALID UNTIL is 2001-01-01 00:00:00"],
    ["REPLICATION", "REPLICATION is yes"],
  ];
  const attributeCases = KINDS.flatMap((kind) => ATTRIBUTES.map(([set, notice]) => ({ kind, set, notice })));
  it.each(attributeCases)(
    "an attribute of the $kind role is reported, and reset where the administrator may: $set",
    async ({ kind, set, notice }) => {
      await asSuperuser(`ALTER ROLE ${roles[kind]} ${set}`);
      const line = `Undeclared attribute of ${roles[kind]}: ${notice}`;
      // Until Postgres 15, only a superuser changes a role with REPLICATION.
      if (set === "REPLICATION" && version === "15") {
        const { statements, notices } = await applyRoles(options);
        expect([statements, notices.join()]).toEqual([[], `${line}. The administrator may not undo it: ask DigitalOcean's support.`]);
        await asSuperuser(`ALTER ROLE ${roles[kind]} NOREPLICATION`);
      } else {
        const [reported = "", ...more] = await repair();
        expect(more).toEqual([]);
        expect(reported.startsWith(line), reported).toBe(true);
        expect(reported.endsWith(" This step resets it."), reported).toBe(true);
      }
      await as(kind, "SELECT 1");
    },
  );

  it("BYPASSRLS is reported, and accepted for the backup role", async () => {
    for (const kind of KINDS) await asSuperuser(`ALTER ROLE ${roles[kind]} BYPASSRLS`);
    const { statements, notices } = await applyRoles(options);
    expect(statements).toEqual([]);
    expect(notices.map((notice) => notice.split(":")[0])).toEqual(
      [roles.owner, roles.runtime, roles.readonly].map((role) => `Undeclared attribute of ${role}`),
    );
    for (const kind of KINDS) await asSuperuser(`ALTER ROLE ${roles[kind]} NOBYPASSRLS`);
  });

  it.each([
    ["another login gets a role", "GRANT shop TO other", "other is a member of shop, granted by doadmin"],
    [
      "another login may grant a role",
      "GRANT shop_owner TO other WITH ADMIN OPTION",
      "other is a member of shop_owner with the right to grant it",
    ],
    ["one role gets another", "GRANT shop TO shop_readonly", "shop_readonly is a member of shop,"],
    ["a role gets the owner role", "GRANT shop_owner TO shop_backup", "shop_backup is a member of shop_owner,"],
    ["a role gets another application's role", "GRANT other TO shop", "shop is a member of other,"],
    ["a role gets a right of the server", "GRANT pg_read_all_stats TO shop_readonly", "shop_readonly is a member of pg_read_all_stats,"],
  ])("a membership is revoked: %s", async (_, grant, notice) => {
    await asAdmin(grant);
    expect((await repair()).join()).toContain(`Undeclared membership: ${notice}`);
  });

  it("a membership that a member with the right to grant gave on is revoked too", async () => {
    await asAdmin("GRANT shop_owner TO other WITH ADMIN OPTION");
    await query(endpoint, "GRANT shop_owner TO shop_readonly", { user: "other", password: password("other"), database: "shop" });
    const notices = await repair();
    expect(notices.filter((notice) => notice.endsWith("This step revokes it."))).toHaveLength(2);
    expect(await sqlstateOf(as("readonly", "SET ROLE shop_owner"))).toBe("42501");
  });

  it("a membership that a superuser granted is reported where the administrator may not revoke it", async () => {
    await asSuperuser("GRANT shop TO other");
    const { notices } = await applyRoles(options);
    expect(notices.join()).toMatch(
      /other is a member of shop, granted by postgres\. (This step revokes it|The administrator may not undo it)/,
    );
    await asSuperuser("REVOKE shop FROM other");
    expect((await applyRoles(options)).notices).toEqual([]);
  });

  it("a login that manages roles keeps its memberships, and is reported", async () => {
    await asAdmin("CREATE ROLE second_admin LOGIN CREATEROLE; GRANT shop TO second_admin");
    const { statements, notices } = await applyRoles(options);
    expect(statements).toEqual([]);
    expect(notices.join()).toContain(
      "second_admin is a member of shop, granted by doadmin. It is not revoked, because second_admin manages roles.",
    );
    await asAdmin("REVOKE shop FROM second_admin; DROP ROLE second_admin");
  });

  it("objects and default privileges of the other roles are reported, and a function that runs as its owner is not given to the owner role", async () => {
    await asAdmin("GRANT CREATE ON SCHEMA public TO shop");
    await as(
      "runtime",
      "CREATE FUNCTION escalate() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'; CREATE TABLE public.mine (id int);" +
        " ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
    );
    const { notices } = await applyRoles(options);
    expect(notices.join("\n")).toMatch(
      /^shop owns default acl .*, function public\.escalate\(\), table public\.mine, though only shop_owner owns/m,
    );
    expect(notices.join("\n")).toContain("shop owns public.escalate(), which was not changed");
    expect(await as("owner", "SELECT proowner::regrole::text AS owner FROM pg_proc WHERE proname = 'escalate'")).toEqual([
      { owner: "shop" },
    ]);
    await as("runtime", "DROP FUNCTION escalate(); ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC");
    await as("owner", "DROP TABLE public.mine");
    expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });
  });

  it("large objects of the other roles are reported with the statement that deletes them", async () => {
    await as("readonly", "SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y')");
    const [notice = ""] = (await applyRoles(options)).notices;
    expect(notice).toMatch(/^shop_readonly owns 2 large objects/);
    await asAdmin(notice.slice(notice.indexOf("SELECT lo_unlink")));
    expect((await applyRoles(options)).notices).toEqual([]);
  });

  describe("the runtime role", () => {
    it("cannot create a temporary table, directly or through a pool, and every search path ends with pg_temp", async () => {
      const pooled = { port: endpoint.poolPort!, user: roles.runtime, password: password(roles.runtime), database: POOL.name };
      expect(await sqlstateOf(as("runtime", "CREATE TEMP TABLE items (id int)"))).toBe("42501");
      expect(await sqlstateOf(query(endpoint, "CREATE TEMP TABLE items (id int)", pooled))).toBe("42501");
      expect(await sqlstateOf(as("readonly", "CREATE TEMP TABLE items (id int)"))).toBe("42501");
      for (const kind of KINDS) expect(await as(kind, "SHOW search_path")).toEqual([{ search_path: "public, templates, pg_temp" }]);
    });

    it("has an endless query cancelled, directly and through a pool [F29]", async () => {
      const endless = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r";
      expect(await sqlstateOf(as("runtime", endless))).toBe("57014");
      const pooled = { port: endpoint.poolPort!, user: roles.runtime, password: password(roles.runtime), database: POOL.name };
      expect(await sqlstateOf(query(endpoint, endless, pooled))).toBe("57014");
    });

    it("switches its statement timeout off within a session, but not for later ones after the step has run", async () => {
      expect(await sqlstateOf(as("runtime", "SET statement_timeout = 0; SELECT pg_sleep(1.5)"))).toBe("done");
      await as("runtime", "ALTER ROLE shop SET statement_timeout = 0; ALTER ROLE shop IN DATABASE shop SET statement_timeout = 0");
      expect(await as("runtime", "SHOW statement_timeout")).toEqual([{ statement_timeout: "0" }]);
      expect(await repair()).toHaveLength(2);
      expect(await sqlstateOf(as("runtime", "SELECT pg_sleep(5)"))).toBe("57014");
    });

    it("loses a session that holds a transaction open without using it", async () => {
      expect(await as("runtime", "SHOW idle_in_transaction_session_timeout")).toEqual([{ idle_in_transaction_session_timeout: "1min" }]);
      for (const kind of ["owner", "readonly", "backup"] as const)
        expect(await as(kind, "SHOW idle_in_transaction_session_timeout")).toEqual([{ idle_in_transaction_session_timeout: "0" }]);
    });
  });

  it("no role of the system reaches defaultdb, and logins that existed before still do", async () => {
    for (const kind of KINDS) expect(await sqlstateOf(as(kind, "SELECT 1", "defaultdb"))).toBe("42501");
    expect(await query(endpoint, "SELECT 1 AS one", { user: "other", password: password("other") })).toEqual([{ one: 1 }]);
    await asAdmin("GRANT CONNECT ON DATABASE defaultdb TO shop, PUBLIC");
    await applyRoles(options);
    expect((await applyRoles(options)).statements).toEqual([]);
    expect(await sqlstateOf(as("runtime", "SELECT 1", "defaultdb"))).toBe("42501");
  });

  describe("the lock of the step", () => {
    async function hold(user: string, secret: string): Promise<pg.Client> {
      const client = new pg.Client({
        ...{ host: "localhost", port: endpoint.port, user, password: secret, database: "shop", ssl: { ca: endpoint.ca } },
        application_name: "blocker",
      });
      await client.connect();
      await client.query("SELECT pg_advisory_lock($1)", [0x726f6c65]);
      return client;
    }

    it.each(["runtime", "readonly", "backup"] as const)("does not hold up a run when the %s role takes it", async (kind) => {
      const client = await hold(roles[kind], password(roles[kind]));
      await as(kind, `ALTER ROLE ${roles[kind]} SET row_security = off`);
      const { statements, notices } = await applyRoles(options);
      expect(statements).toHaveLength(1);
      expect(notices.join()).toMatch(
        new RegExp(`holds the lock of this step.*pid \\d+ \\(blocker, ${roles[kind]}\\).*pg_terminate_backend`),
      );
      await Promise.all(Array.from({ length: 5 }, () => applyRoles(options)));
      await client.end();
      expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });
    });

    it("holds up a run while another run of the administrator has it", async () => {
      const client = await hold("doadmin", "AVNS_doadmin");
      let done = false;
      const run = applyRoles(options).then(() => (done = true));
      await new Promise((wake) => setTimeout(wake, 500));
      expect(done).toBe(false);
      await client.end();
      await run;
    });

    it("is not needed: runs that conflict are attempted again, until all have the same result", async () => {
      const client = await hold(roles.runtime, password(roles.runtime));
      for (const kind of KINDS) await as(kind, `ALTER ROLE ${roles[kind]} SET row_security = off`);
      await asAdmin("GRANT shop_owner TO shop; DROP SCHEMA templates CASCADE; GRANT CONNECT ON DATABASE defaultdb TO PUBLIC");
      await Promise.all(Array.from({ length: 6 }, () => applyRoles(options)));
      await client.end();
      expect(await applyRoles(options)).toEqual({ statements: [], notices: [] });
    });
  });

  it("a role can change its own password, and the roles step changes nothing about it", async () => {
    await as("readonly", "ALTER ROLE shop_readonly PASSWORD 'mine'");
    expect(await sqlstateOf(as("readonly", "SELECT 1"))).toBe("28P01");
    expect((await applyRoles(options)).statements).toEqual([]);
    await backing.setPassword(id, userOf(roles.readonly));
    await as("readonly", "SELECT 1");
  });
});

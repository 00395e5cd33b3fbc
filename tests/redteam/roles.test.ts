/** Attacks with the passwords of the products' roles, on the schemas that their migrations create. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { apply as migrate } from "../../postdeploy/migrate/step.ts";
import { failure } from "../../postdeploy/migrate/testing/failure.ts";
import { cleanFolders, folderOf } from "../../postdeploy/migrate/testing/folder.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { apply as applyRoles } from "../../postdeploy/roles/step.ts";
import { type Database, type Server, start } from "../sql/database.ts";
import { systems } from "../sql/systems.ts";
import { ATTACKERS, type Attacker, IMPOSSIBLE, REFUSED, type Scene, type Target } from "./role-attacks.ts";

type System = keyof typeof systems;
const SYSTEMS = Object.keys(systems) as System[];
const MAJORS = [15, 18] as const;

const OBJECTS = `CREATE TABLE redteam_rows (id int, name text); INSERT INTO redteam_rows SELECT n, 'x' FROM generate_series(1, 3) n;
  CREATE FUNCTION redteam_routine() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SEQUENCE redteam_sequence`;

/** The name of a table of the product that its migrations created, and of its first column. */
const tableSql = (schema: string) =>
  `SELECT quote_ident(c.relname) AS table, quote_ident(a.attname) AS column FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
    WHERE c.relnamespace = '${schema}'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'redteam%' AND a.attgenerated = '' AND a.attidentity = ''
    ORDER BY c.relrowsecurity DESC, c.relname LIMIT 1`;

const outcome = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => "succeeded",
    (error: pg.DatabaseError) => error.code ?? error.message,
  );

/** Which attacks each role attempts, in the order of their roles. */
const attempts = <T extends { readonly name: string; readonly roles: readonly Attacker[] }>(attacks: readonly T[]) =>
  ATTACKERS.flatMap((role) => attacks.filter(({ roles }) => roles.includes(role)).map((attack) => ({ role, name: attack.name, attack })));

afterAll(cleanFolders);

describe.each(MAJORS)("on Postgres %s", (major) => {
  let server: Server;
  beforeAll(async () => {
    server = await start(major);
  });
  afterAll(() => server.stop());

  describe.each(SYSTEMS)("of %s", (system) => {
    const { roles, schemas } = systems[system].postgres;
    let database: Database;
    let owner: pg.Client;
    let port = 0;
    let ownerPid = 0;
    let product = { table: "", column: "" };

    beforeAll(async () => {
      database = await server.database(system);
      owner = await database.connect("owner");
      await owner.query(OBJECTS);
      ownerPid = (await owner.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
      const [row] = await database.as("superuser", tableSql(schemas[0]));
      product = row as typeof product;
      port = Number((await database.as("superuser", "SELECT inet_server_port() AS port"))[0]!.port);
    });

    const targetOf = (role: Attacker): Target => ({
      ...{ database: database.name, self: roles[role], roles, schema: schemas[0], ownerPid },
      ...{ table: `${schemas[0]}.${product.table}`, column: product.column },
      ...{ rows: `${schemas[0]}.redteam_rows`, routine: `${schemas[0]}.redteam_routine()`, sequence: `${schemas[0]}.redteam_sequence` },
    });

    /** A connection of each role, for all attacks that are refused: opening one takes longer than an attack. */
    const connections = new Map<Attacker, pg.Client>();
    it.each(attempts(REFUSED))("the $role role cannot $name", async ({ role, attack }) => {
      const client = connections.get(role) ?? (await database.connect(role));
      connections.set(role, client);
      expect(await outcome(client.query(attack.statements(targetOf(role))))).toBe(attack.refused);
      // As a new session.
      await client.query("ROLLBACK");
      await client.query("DISCARD ALL");
    });

    it.each(ATTACKERS)("the %s role cannot connect to the databases of other systems", async (role) => {
      const others = await database.as("superuser", "SELECT datname AS name FROM pg_database WHERE datname <> current_database()");
      const names = others.map(({ name }) => String(name)).filter((name) => SYSTEMS.some((one) => name.startsWith(`${one}_`)));
      for (const name of names) {
        const client = new pg.Client(`postgres://${roles[role]}@127.0.0.1:${port}/${name}`);
        client.on("error", () => {});
        expect(await outcome(client.connect()), name).toBe("42501");
        await client.end().catch(() => {});
      }
      expect(names.length).toBe(SYSTEMS.indexOf(system));
    });

    it.each(REFUSED.filter(({ ownerSucceeds }) => ownerSucceeds))(
      "the owner role can $name, so the others lack its privilege",
      async ({ statements }) => {
        await owner.query("BEGIN");
        await owner.query(statements(targetOf("runtime")).replace("BEGIN; ", ""));
        await owner.query("ROLLBACK");
      },
    );

    it.each(ATTACKERS)("the %s role gives nothing on with GRANT, which only warns", async (role) => {
      const target = targetOf(role);
      const client = await database.connect(role);
      const warnings: (string | undefined)[] = [];
      client.on("notice", ({ code }) => warnings.push(code));
      await client.query(`GRANT SELECT ON ${target.table} TO PUBLIC`);
      expect(warnings).toEqual(["01007"]);
      expect((await database.rolesLeft()).statements).toEqual([]);
    });

    it.each(attempts(IMPOSSIBLE))("the $role role can $name: $attack.impossible", async ({ role, attack }) => {
      const target = targetOf(role);
      const opened: pg.Client[] = [];
      const open: Scene["open"] = async (kind) => {
        const client = await database.connect(kind);
        opened.push(client);
        return client;
      };
      const attacker = await open(role);
      const [{ pid }] = (await attacker.query("SELECT pg_backend_pid() AS pid")).rows as [{ pid: number }];
      await attacker.query(attack.statements(target));
      const scene: Scene = {
        ...{ target, attacker, open, pid },
        ask: (sql) => database.as("superuser", sql),
        rolesPlan: () => database.rolesLeft(),
        failMigration: async (sql) => {
          const { path: folder } = folderOf({ "001_redteam.sql": sql });
          const connection = { url: `postgres://${roles.owner}@127.0.0.1:${port}/${database.name}` };
          const error = await failure(up({ folder, connection, lockTimeoutMs: 100, attempts: 1 }));
          return error.message;
        },
      };
      expect(await attack.detect(scene)).toBe(true);
      await Promise.all(opened.map((client) => client.end().catch(() => {})));

      // The next run of the roles step undoes what lasts.
      const { statements } = await database.rolesLeft();
      if (statements.length > 0) await database.as("superuser", statements.join(";"));
      expect((await database.rolesLeft()).statements).toEqual([]);
    });
  });
});

/** Without the attacks that need a session of the owner role, or copy from the client. */
describe("through PgBouncer in transaction mode", () => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const { database, roles, schemas, extensions, statementTimeoutSeconds } = systems.fluxstudio.postgres;
  const userOf = (name: string) => ({ name, password: `pw_${name}`, replication: false });
  const pools = ATTACKERS.map((role) => ({ name: `${role}-pool`, mode: "transaction", size: 2, database, user: userOf(roles[role]) }));
  let endpoint: Endpoint;
  let target: Omit<Target, "self">;

  beforeAll(async () => {
    const users = Object.values(roles).map(userOf);
    endpoint = await servers.startCluster(postgresCluster("redteam", { databases: ["defaultdb", database], users, pools }));
    const url = (user: string, password: string) =>
      `postgresql://${user}:${password}@localhost:${endpoint.port}/${database}?sslmode=verify-full`;
    const inputs = { system: "fluxstudio", ca: endpoint.ca, database, roles, schemas, extensions, statementTimeoutSeconds };
    await applyRoles({ ...inputs, url: url("doadmin", "AVNS_doadmin") });
    const folder = fileURLToPath(new URL("../../sql/fluxstudio", import.meta.url));
    await migrate({ system: "fluxstudio", folder, url: url(roles.owner, `pw_${roles.owner}`), ca: endpoint.ca, owner: roles.owner });
    await query(endpoint, OBJECTS, { user: roles.owner, password: `pw_${roles.owner}`, database });
    const [row] = await query(endpoint, tableSql("public"), { database });
    target = {
      ...{ database, roles, schema: "public", ownerPid: 0, table: `public.${row!.table}`, column: String(row!.column) },
      ...{ rows: "public.redteam_rows", routine: "public.redteam_routine()", sequence: "public.redteam_sequence" },
    };
  });
  afterAll(async () => {
    await servers.close();
    await removeHome(home);
  });

  const pooled = (role: Attacker, sql: string) =>
    query(endpoint, sql, { port: endpoint.poolPort!, user: roles[role], password: `pw_${roles[role]}`, database: `${role}-pool` });

  const isPooled = ({ statements }: (typeof REFUSED)[number]) => !/ownerPid|COPY .* STDIN/.test(String(statements));
  it.each(attempts(REFUSED.filter(isPooled)))("the $role role cannot $name", async ({ role, attack }) => {
    expect(await outcome(pooled(role, attack.statements({ ...target, self: roles[role] })))).toBe(attack.refused);
  });

  it.each(ATTACKERS)("the %s role cannot use the pool of another role", async (role) => {
    for (const other of ATTACKERS.filter((one) => one !== role)) {
      const attempt = query(endpoint, "SELECT 1", {
        ...{ port: endpoint.poolPort!, user: roles[role], password: `pw_${roles[role]}` },
        database: `${other}-pool`,
      });
      expect(await outcome(attempt), other).toBe("08P01");
    }
  });

  it.each(ATTACKERS)(
    "the %s role can change its own password: detected by the login with the declared one, which fails with 28P01",
    async (role) => {
      const direct = (password: string) => query(endpoint, "SELECT 1", { user: roles[role], password, database });
      await pooled(role, `ALTER ROLE ${roles[role]} PASSWORD 'redteam'`);
      expect(await outcome(direct(`pw_${roles[role]}`))).toBe("28P01");
      await servers.setPassword("redteam", userOf(roles[role]));
      await direct(`pw_${roles[role]}`);
      await expect(direct("redteam")).rejects.toMatchObject({ code: "28P01" });
    },
  );
});

const rolesPage = readFileSync(fileURLToPath(new URL("../../docs/roles.md", import.meta.url)), "utf8");
const DOCUMENTED = [...IMPOSSIBLE, { name: "change its own password", page: "changes its own password" }];

it.each(DOCUMENTED)("docs/roles.md states the consequence of an attack that Postgres allows: $name", ({ page }) => {
  expect(rolesPage).toContain(page);
});

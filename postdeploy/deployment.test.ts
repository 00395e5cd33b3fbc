import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../local/cloud/backing.ts";
import { openServers } from "../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../local/servers/testing/servers.ts";
import { systems } from "../systems/index.ts";
import { apply as migrate } from "./migrate/step.ts";
import { apply as applyRoles } from "./roles/step.ts";

/** Applies roles and migrations as a deployment does: with the real definitions and files, on a real server, without a superuser. */
describe.each(["15", "17"])("the three systems on one Postgres %s", (version) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let endpoint: Endpoint;

  beforeAll(async () => {
    const users = systems
      .flatMap(({ postgres }) => Object.values(postgres.roles))
      .map((name) => ({ name, password: `pw_${name}`, replication: false }));
    const databases = ["defaultdb", ...systems.map(({ postgres }) => postgres.database)];
    endpoint = await servers.startCluster(postgresCluster(`deployment-${version}`, { version, databases, users }));
  });
  afterAll(async () => {
    await servers.close();
    await removeHome(home);
  });

  const url = (user: string, password: string, database: string) =>
    `postgresql://${user}:${password}@localhost:${endpoint.port}/${database}?sslmode=verify-full`;

  describe.each(systems.map((system) => [system.name, system] as const))("%s", (name, { postgres }) => {
    const { database, roles, schemas, extensions, statementTimeoutSeconds } = postgres;
    const folder = fileURLToPath(new URL(`../sql/${name}`, import.meta.url));
    const rolesInputs = () => ({
      system: name,
      url: url("doadmin", "AVNS_doadmin", database),
      ca: endpoint.ca,
      database,
      roles,
      schemas,
      extensions,
      statementTimeoutSeconds,
    });
    const migrations = () => ({
      system: name,
      folder,
      url: url(roles.owner, `pw_${roles.owner}`, database),
      ca: endpoint.ca,
      owner: roles.owner,
    });

    it("needs no further grants after roles and migrations are applied [F108]", async () => {
      await applyRoles(rolesInputs());
      const { applied } = (await migrate(migrations())) as { applied: string[] };
      expect(applied.length).toBeGreaterThan(1);
      const again = (await applyRoles(rolesInputs())) as { applied: number; notices: string[] };
      expect(again).toEqual({ applied: 0, notices: [] });
      expect(await migrate(migrations())).toEqual({ applied: [] });
    });

    it("contains only objects of its owner, in declared schemas", async () => {
      const unexpected = await query(
        endpoint,
        `SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner) AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
            AND (pg_get_userbyid(c.relowner) <> '${roles.owner}' OR n.nspname <> ALL ('{slipway,${schemas.join()}}'))`,
        { database },
      );
      expect(unexpected).toEqual([]);
    });

    it("lets the read-only and the backup role read, and change nothing", async () => {
      const [{ t } = { t: "" }] = await query(
        endpoint,
        `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS t FROM pg_tables WHERE schemaname = ANY ('{${schemas.join()}}') ORDER BY 1`,
        { database },
      );
      for (const role of [roles.readonly, roles.backup]) {
        const login = { user: role, password: `pw_${role}`, database };
        await query(endpoint, `SELECT * FROM ${t} LIMIT 1`, login);
        for (const refused of [
          `INSERT INTO ${t} DEFAULT VALUES`,
          `DELETE FROM ${t}`,
          `TRUNCATE ${t}`,
          `CREATE TABLE ${schemas[0]}.x (id int)`,
        ])
          await expect(query(endpoint, refused, login), refused).rejects.toMatchObject({ code: "42501" });
      }
    });

    it("gives the runtime role access to rows only [F55]", async () => {
      const tables = await query(
        endpoint,
        `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS t FROM pg_tables WHERE schemaname = ANY ('{${schemas.join()}}')`,
        { database },
      );
      const runtime = { user: roles.runtime, password: `pw_${roles.runtime}`, database };
      for (const { t } of tables) {
        await query(endpoint, `SELECT * FROM ${t} LIMIT 1`, runtime);
        for (const refused of [
          `TRUNCATE ${t}`,
          `DROP TABLE ${t}`,
          `ALTER TABLE ${t} ADD COLUMN x int`,
          `CREATE TABLE ${schemas[0]}.x (id int)`,
        ])
          await expect(query(endpoint, refused, runtime), refused).rejects.toMatchObject({ code: "42501" });
      }
      expect(tables.length).toBeGreaterThan(8);
    });
  });
});

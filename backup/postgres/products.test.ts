import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { systems } from "../../systems/index.ts";
import { readInventory } from "../repository.ts";
import { backUp, createRepository, removeFolders, restoreInto, SET } from "../testing/fixture.ts";

/** Of each product; `npm run soak -- backups` has a million. */
const ROWS = Number(process.env.SLIPWAY_BACKUP_ROWS ?? 20_000);
const SOME = Math.ceil(ROWS / 20);

const DATA: Readonly<Record<string, string>> = {
  fluxstudio: `
    INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, 'user' || n || '@example.com', 'User ' || n FROM generate_series(1, ${SOME}) n;
    INSERT INTO organizations (id, name, slug) SELECT md5('o' || n)::uuid, 'Org ' || n, 'org-' || n FROM generate_series(1, 500) n;
    INSERT INTO projects (name, description, organization_id, manager_id, service_tier, status)
      SELECT 'Project ' || n, repeat('Plain ', n % 9), md5('o' || 1 + n % 500)::uuid, md5('u' || 1 + n % ${SOME})::uuid, 'standard', 'active' FROM generate_series(1, ${SOME}) n;
    INSERT INTO conversations (id, name) VALUES (md5('c')::uuid, 'All');
    INSERT INTO messages (id, conversation_id, author_id, content, reply_to_id)
      SELECT md5('m' || n)::uuid, md5('c')::uuid, md5('u' || 1 + n % ${SOME})::uuid, E'Zeile\\t' || n || E'\\n\\\\ \u20ac', CASE WHEN n % 10 <> 1 THEN md5('m' || n - 1)::uuid END
        FROM generate_series(1, ${ROWS - 2 * SOME}) n;`,
  devx: `
    INSERT INTO users (id, email, username) SELECT md5('u' || n)::uuid, 'u' || n || '@example.com', 'u' || n FROM generate_series(1, ${SOME}) n;
    INSERT INTO categories (id, name, slug) SELECT md5('c' || n)::uuid, 'Category ' || n, 'c' || n FROM generate_series(1, 2000) n;
    INSERT INTO templates (id, name, slug, category_id, created_by, technologies)
      SELECT md5('t' || n)::uuid, 'Template ' || n, 't' || n, md5('c' || 1 + n % 2000)::uuid, md5('u' || 1 + n % ${SOME})::uuid, ARRAY['tech-' || n % 500, 'a,"b'] FROM generate_series(1, ${SOME}) n;
    INSERT INTO activity_logs (user_id, action, created_at)
      SELECT md5('u' || 1 + n % ${SOME})::uuid, 'seen', timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, ${ROWS - 2 * SOME}) n;`,
  candlefish: `
    INSERT INTO organizations (id, name, slug) SELECT md5('o' || n)::uuid, 'o' || n, 'o' || n FROM generate_series(1, 100) n;
    INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, n || '@example.com', 'User ' || n FROM generate_series(1, 5000) n;
    INSERT INTO organization_members (organization_id, user_id) SELECT md5('o' || 1 + n % 100)::uuid, md5('u' || n)::uuid FROM generate_series(1, 5000) n;
    INSERT INTO documents (id, organization_id, title, content, crdt_clock)
      SELECT md5('d' || n)::uuid, md5('o' || 1 + n % 100)::uuid, 'Document ' || n, repeat('Plain text ' || n || '. ', 9), 19 FROM generate_series(1, ${SOME}) n;
    INSERT INTO crdt_operations (organization_id, document_id, sequence, user_id, site_id, operation)
      SELECT organization_id, id, n, NULL, 's', decode(md5(id::text || n), 'hex') FROM documents, generate_series(1, 19) n;`,
};

/** Independent of the comparison that a restore makes. */
async function readTables(server: TestServer, database: string): Promise<Record<string, unknown>> {
  const tables = await server.sql(
    "SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm') AND nspname !~ '^(pg_|information_schema)'",
    database,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of tables) {
    const [row] = await server.sql(
      `SELECT count(*)::int AS rows, md5(string_agg(row, '' ORDER BY row)) AS digest FROM (SELECT md5(t::text) AS row FROM ONLY ${name} t) r`,
      database,
    );
    found[String(name)] = row;
  }
  return found;
}

const servers: TestServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.stop();
  removeFolders();
});
async function start(major: 15 | 17): Promise<TestServer> {
  const server = await startServer({ major });
  servers.push(server);
  return server;
}

/** A million rows take minutes. */
const TIMEOUT_MS = 1_800_000;

describe.each(systems.map((system) => [system.name, system] as const))(`a backup of %s with ${ROWS} rows`, (name, system) => {
  it(
    "is equal row by row where it is restored, on the same and on a newer Postgres",
    async () => {
      const source = await start(15);
      const { roles, schemas, extensions, statementTimeoutSeconds, database } = system.postgres;
      for (const role of Object.values(roles)) await source.sql(`CREATE ROLE ${role} LOGIN`);
      await source.database(database);
      await applyRoles({ roles, schemas, extensions, statementTimeoutSeconds, database, connection: { url: source.url(database) } });
      const folder = fileURLToPath(new URL(`../../sql/${name}`, import.meta.url));
      await up({ folder, connection: { url: source.url(database, roles.owner) }, system: name, schemas });
      await source.sql(`SET search_path = ${schemas.join(", ")}, public; ${DATA[name]}`, database);

      const repository = await createRepository();
      await backUp(repository, { url: source.url(database, roles.backup) }, { ...SET, system: name });
      const [backup] = (await readInventory(repository)).backups;
      const expected = await readTables(source, database);
      const counts = Object.values(expected).map((table) => (table as { rows: number }).rows);
      expect(counts.reduce((sum, rows) => sum + rows, 0)).toBeGreaterThan(ROWS);
      for (const target of [source, await start(17)]) {
        await restoreInto(repository, backup!, {
          server: { url: target.url("postgres") },
          database: "restored",
          jobs: 2,
          createRoles: true,
        });
        expect(await readTables(target, "restored")).toEqual(expected);
      }
    },
    TIMEOUT_MS,
  );
});

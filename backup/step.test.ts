/** When the step of a deployment makes a backup. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Endpoint } from "../local/cloud/backing.ts";
import { openServers } from "../local/servers/backing.ts";
import { postgresCluster, removeHome, temporaryHome } from "../local/servers/testing/servers.ts";
import { up } from "../postdeploy/migrate/index.ts";
import { run } from "../postdeploy/steps.ts";
import { devx } from "../systems/devx.ts";
import { step } from "./step.ts";
import { removeFolders, temporaryFolder } from "./testing/fixture.ts";

const home = temporaryHome();
const servers = openServers({ home, fsync: false });
const { roles, database, schemas, extensions, statementTimeoutSeconds } = devx.postgres;
let postgres: Endpoint;

beforeAll(async () => {
  const users = Object.values(roles).map((name) => ({ name, password: `pw_${name}`, replication: false }));
  postgres = await servers.startCluster(postgresCluster("backup-step", { databases: ["defaultdb", database], users }));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
  removeFolders();
});

const connect = (user: string, password = `pw_${user}`) => ({
  url: `postgresql://${user}:${password}@localhost:${postgres.port}/${database}`,
  ca: postgres.ca!,
});

it("makes a backup again while migrations of the last run are not applied, although nothing changed since", async () => {
  const migrations = temporaryFolder();
  const write = (name: string, sql: string) => writeFileSync(join(migrations, name), sql);
  const apply = () => up({ folder: migrations, connection: connect(roles.owner), system: "devx", owner: roles.owner });
  const inputs = { system: "devx", reasons: { migrations: "a" }, migrations, stores: {}, ...connect(roles.backup) };
  const check = async (olds: object, news: object) =>
    ((await step("Backup", "check", olds, news)) as { inputs: { pending: string; drift?: readonly string[] } }).inputs;

  await run("Roles", {
    system: "devx",
    database,
    schemas,
    extensions,
    roles,
    statementTimeoutSeconds,
    ...connect("doadmin", "AVNS_doadmin"),
  });
  write("001_a.sql", "CREATE TABLE devx.a (id int);");
  write("001_a.down.sql", "DROP TABLE devx.a;");
  await apply();
  expect(await check(inputs, inputs)).toMatchObject({ pending: "nothing" });

  write("002_b.sql", "CREATE TABLE devx.b (id int);");
  write("002_b.down.sql", "DROP TABLE devx.b;");
  const changed = { ...inputs, reasons: { migrations: "b" } };
  expect((await check(inputs, changed)).pending).toBe("a verified backup first, because of migrations");
  expect(await check(changed, changed)).toMatchObject({
    pending: "a verified backup first, because migrations of the last run are not applied: 002_b.sql",
    drift: ["002_b.sql"],
    driftFound: expect.any(String),
  });

  await apply();
  expect(await check(changed, changed)).toMatchObject({ pending: "nothing" });
  // A preview without access to the database does not fail.
  const closed = { ...changed, url: "postgres://shop@127.0.0.1:1/shop" };
  expect(await check(closed, closed)).toMatchObject({ pending: "nothing" });
});

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateSigningKey } from "../../backup/signature.ts";
import { createTestKeys, removeFolders, temporaryFolder } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { devx } from "../../systems/devx.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ major: 17 });
  for (const role of Object.values(devx.postgres.roles)) await server.sql(`CREATE ROLE ${role} SUPERUSER LOGIN`);
  await server.database("devx");
});
afterAll(async () => {
  await server.stop();
  removeFolders();
});

it("refuses to migrate a database that has migrations without a verified backup of the set age [F128]", async () => {
  const { recipient } = await createTestKeys();
  const env = {
    ...process.env,
    [BACKUP_VARIABLES.store]: temporaryFolder(),
    [BACKUP_VARIABLES.recipients]: recipient,
    [BACKUP_VARIABLES.signingKey]: generateSigningKey().signingKey,
  };
  const run = (...args: readonly string[]): Promise<readonly [number | null, string]> => {
    const child = spawn(process.execPath, ["bin/slipway.js", ...args], { env, cwd: root, stdio: "pipe" });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)));
    return new Promise((resolve) => child.once("close", (code) => resolve([code, output])));
  };
  const database = ["--system", "devx", "--url", server.url("devx")];
  const migrate = (...more: readonly string[]) => run("migrate", "up", ...database, "--require-backup", "24", ...more);
  const applied = async () => (await server.sql("SELECT file FROM slipway.events WHERE kind = 'applied'", "devx")).length;

  // An empty database has nothing to lose.
  expect((await migrate("--to", "001_create_base_schema.sql"))[0]).toBe(0);
  expect(await applied()).toBe(1);

  const [none, message] = await migrate();
  expect([none, message]).toEqual([1, expect.stringContaining("and there is none. Make one: slipway backup create --system devx")]);
  expect((await run("backup", "create", ...database))[0]).toBe(0);
  expect(await migrate()).toEqual([1, expect.stringContaining("none of them was verified")]);
  expect(await applied()).toBe(1);

  expect((await run("backup", "verify", "--system", "devx"))[0]).toBe(0);
  expect((await migrate())[0]).toBe(0);
  expect(await applied()).toBeGreaterThan(1);
  // With nothing pending no backup is needed.
  env[BACKUP_VARIABLES.store] = temporaryFolder();
  expect((await migrate())[0]).toBe(0);
});

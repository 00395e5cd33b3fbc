import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readInventory } from "../../backup/repository.ts";
import { generateSigningKey, parseSigningKey } from "../../backup/signature.ts";
import { openFolder } from "../../backup/store/folder.ts";
import { createTestKeys, removeFolders, SET, temporaryFolder } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";

const slipway = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ major: 17 });
  await server.database("shop");
  await server.sql("CREATE TABLE items AS SELECT n FROM generate_series(1, 100) n", "shop");
});
afterAll(async () => {
  await server.stop();
  removeFolders();
});

interface Run {
  readonly code: number | null;
  readonly output: string;
}

async function prepare() {
  const { recipient } = await createTestKeys();
  const { signingKey } = generateSigningKey();
  const store = temporaryFolder();
  const env = { ...process.env, [BACKUP_VARIABLES.recipients]: recipient, [BACKUP_VARIABLES.signingKey]: signingKey };
  const args = ["backup", "worker", "--system", "devx", "--store", store, "--url", server.url("shop")];
  const start = (...more: readonly string[]) =>
    spawn(process.execPath, [slipway, ...args, ...more], { env, cwd: temporaryFolder(), stdio: "pipe" });
  const end = (child: ReturnType<typeof start>): Promise<Run> => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)));
    return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
  };
  const repository = { copies: [openFolder(store)] as const, verifyKeys: [parseSigningKey(signingKey).publicKey] };
  return { start, end, backups: async () => (await readInventory(repository, { ...SET, system: "devx" })).backups };
}

describe("slipway backup worker", () => {
  it("makes and verifies the backup that is due, and nothing when it runs again", async () => {
    const { start, end, backups } = await prepare();
    const first = await end(start("--once"));
    expect(first).toMatchObject({ code: 0, output: expect.stringMatching(/Made devx\/postgres[\s\S]*intact {3}/) });
    expect((await backups()).map(({ records }) => records.map(({ kind }) => kind))).toEqual([["verified"]]);
    expect(await end(start("--once"))).toEqual({ code: 0, output: "" });
    expect(await backups()).toHaveLength(1);
  });

  it("makes one backup where four workers start together", async () => {
    const { start, end, backups } = await prepare();
    const runs = await Promise.all(Array.from({ length: 4 }, () => end(start("--once"))));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(await backups()).toHaveLength(1);
  });

  it("keeps running after a failure, and ends with 0 on SIGTERM", async () => {
    const { start, end } = await prepare();
    await server.sql("ALTER DATABASE shop RENAME TO away");
    const child = start();
    const ended = end(child);
    await new Promise((resolve) => child.stderr.once("data", resolve));
    await server.sql("ALTER DATABASE away RENAME TO shop");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, output: expect.stringContaining('database "shop" does not exist') });
  });

  it.each([
    ["with 0", [], 0],
    ["with 1 if it runs once", ["--once"], 1],
  ] as const)("ends %s on SIGTERM in the middle of a backup, which is made by the next run", async (_, flags, code) => {
    const { start, end, backups } = await prepare();
    await server.database("large");
    await server.sql("CREATE TABLE rows AS SELECT n, repeat(md5(n::text), 100) AS text FROM generate_series(1, 100000) n", "large");
    const url = ["--url", server.url("large")];
    const child = start(...flags, ...url);
    const ended = end(child);
    const dumping = "SELECT 1 FROM pg_stat_activity WHERE datname = 'large' AND state = 'active' AND query LIKE 'COPY%'";
    await expect.poll(() => server.sql(dumping), { interval: 20 }).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code, output: expect.stringContaining("stopped by a signal") });
    expect(await backups()).toEqual([]);
    await expect.poll(() => server.sql(dumping)).toEqual([]);
    expect(await end(start("--once", ...url))).toMatchObject({ code: 0, output: expect.stringContaining("100000 rows") });
    await server.sql("DROP DATABASE large");
  });

  it("ends some seconds after SIGTERM where a server does not answer", async () => {
    const { start, end } = await prepare();
    await server.database("locked");
    await server.sql("CREATE TABLE items (n integer)", "locked");
    const child = start("--url", server.url("locked"));
    const ended = end(child);
    const locking = server.sql("BEGIN; LOCK TABLE items; SELECT pg_sleep(600)", "locked").catch(() => {});
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'locked'";
    await expect.poll(() => server.sql(waiting)).not.toEqual([]);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
    await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'locked' AND pid <> pg_backend_pid()");
    await locking;
  });

  it("ends at once on bad input", async () => {
    const { start, end } = await prepare();
    expect(await end(start("--daily", "24"))).toMatchObject({ code: 2, output: expect.stringContaining("from 0 to 23") });
  });
});

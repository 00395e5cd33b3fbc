/** Kills backups, prunes and restores at random moments. SLIPWAY_KILLS=100 kills each as often; the default is a few. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { planPrune } from "./prune.ts";
import { readInventory } from "./repository.ts";
import { generateSigningKey, parseSigningKey } from "./signature.ts";
import { openStore } from "./store/location.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { backUp, createTestKeys, removeFolders, restoreInto, SET, TOOL, temporaryFolder } from "./testing/fixture.ts";
import type { Work } from "./testing/process.ts";
import { addressOf, type Spaces, STORE_KEY, startSpaces } from "./testing/spaces.ts";
import { verifyBackup } from "./verify.ts";

const times = Number(process.env.SLIPWAY_KILLS ?? 4);
const script = fileURLToPath(new URL("./testing/process.ts", import.meta.url));
let server: TestServer;
let spaces: Spaces;
let work: Omit<Work, "operation" | "copies">;

beforeAll(async () => {
  server = await startServer();
  await server.database("shop");
  await server.sql("CREATE TABLE items AS SELECT n AS id, md5(n::text) AS text FROM generate_series(1, 120000) n", "shop");
  spaces = await startSpaces(["backups"]);
  const { identity, recipient } = await createTestKeys();
  work = { url: server.url("shop"), identity, recipient, signingKey: generateSigningKey().signingKey };
});
afterAll(async () => {
  await server.stop();
  await spaces.close();
  removeFolders();
});

/** @returns whether it was killed before its end */
function runAndKill(run: Work, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [script, JSON.stringify(run)], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (data: Buffer) => (printed += data.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
  return new Promise((resolve, reject) => {
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === null && code !== 0) reject(new Error(printed));
      else resolve(signal !== null);
    });
  });
}

/** Kills spread over the time that a whole run takes. */
async function killOften(run: Work, check: () => Promise<void>): Promise<number> {
  const start = performance.now();
  expect(await runAndKill(run, 120_000)).toBe(false);
  const took = performance.now() - start;
  let killed = 0;
  for (let n = 0; n < times; n++) {
    if (await runAndKill(run, took * (0.2 + 0.8 * ((n + Math.random()) / times)))) killed++;
    await check();
  }
  return killed;
}

type Keys = { readonly repository: Parameters<typeof backUp>[0] };
async function openCopies(copies: readonly string[], storeKey?: string): Promise<Keys> {
  const stores = await Promise.all(copies.map((url) => openStore({ url, ...(storeKey && { key: storeKey }) })));
  const signingKey = parseSigningKey(work.signingKey);
  const [first, ...rest] = stores as [ObjectStore, ...ObjectStore[]];
  return { repository: { ...work, copies: [first, ...rest], verifyKeys: [signingKey.publicKey], signingKey } };
}

describe.each(["folders", "Spaces"] as const)("an interrupted run with copies in %s", (kind) => {
  const places = () =>
    kind === "folders"
      ? { copies: [temporaryFolder(), temporaryFolder()] }
      : { copies: ["one", "two"].map((prefix) => addressOf(spaces.url, `backups/${prefix}`)), storeKey: STORE_KEY };

  it("of a backup lists none that cannot be restored, and the next one succeeds", async () => {
    const { copies, storeKey } = places();
    const { repository } = await openCopies(copies, storeKey);
    const run: Work = { ...work, operation: "create", copies, ...(storeKey && { storeKey }) };
    let listed = 0;
    await killOften(run, async () => {
      const { backups, refused } = await readInventory(repository);
      expect(refused).toEqual([]);
      expect(backups.length).toBeGreaterThanOrEqual(listed);
      listed = backups.length;
      for (const backup of backups.slice(-2)) {
        const present = { ...repository, copies: backup.copies as typeof repository.copies };
        const verified = await verifyBackup({ repository: present, backup, identities: [work.identity], tool: TOOL });
        expect(verified.copies.filter(({ problem }) => problem !== undefined)).toEqual([]);
      }
    });
    await backUp(repository, { url: work.url });
    const { backups } = await readInventory(repository, SET);
    expect(backups.at(-1)!.copies).toHaveLength(2);
    await restoreInto(work, backups.at(-1)!, { server: { url: server.url("postgres") }, database: `after_${kind.toLowerCase()}` });
  });

  it("of a prune loses none that is kept, and the next one removes the rest", async () => {
    const { copies, storeKey } = places();
    const { repository } = await openCopies(copies, storeKey);
    for (let n = 0; n < 3; n++) await backUp(repository, { url: work.url });
    const findNewest = async () => (await readInventory(repository)).backups.at(-1)!.id;
    let newest = await findNewest();
    const run: Work = { ...work, operation: "prune", copies, ...(storeKey && { storeKey }) };
    await killOften(run, async () => {
      const { backups, refused } = await readInventory(repository);
      expect(refused).toEqual([]);
      const kept = backups.find(({ id }) => id === newest)!;
      expect(kept.copies).toHaveLength(2);
      expect((await verifyBackup({ repository, backup: kept, tool: TOOL })).copies.every(({ problem }) => problem === undefined)).toBe(
        true,
      );
      // More to remove for the next run.
      await backUp(repository, { url: work.url });
      await backUp(repository, { url: work.url });
      newest = await findNewest();
    });
    await runAndKill(run, 120_000);
    const { removed, leftovers } = await planPrune({
      repository,
      policyOf: () => ({ daily: 1, weekly: 0, monthly: 0, yearly: 0, verified: 0 }),
      now: new Date(Date.now() + 72 * 3_600_000),
    });
    expect([removed, leftovers]).toEqual([[], []]);
  });
});

describe("an interrupted restore", () => {
  it("leaves no database under the name that was asked for, unless it is complete", async () => {
    const copies = [temporaryFolder()];
    const { repository } = await openCopies(copies);
    await backUp(repository, { url: work.url });
    for (let n = 0; n < times; n++) {
      const database = `killed_${n}`;
      await runAndKill({ ...work, operation: "restore", copies, database }, 300 + (1500 * (n + Math.random())) / times);
      const found = await server.sql(`SELECT datname FROM pg_database WHERE datname = '${database}'`);
      if (found.length > 0) expect(await server.sql("SELECT count(*)::int AS rows FROM items", database)).toEqual([{ rows: 120000 }]);
    }
    const { backups } = await readInventory(repository);
    await restoreInto(work, backups[0]!, { server: { url: server.url("postgres") }, database: "afterwards" });
  });
});

/** What a backup does when something that it needs fails in the middle. */
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { NEEDS_PROC, skipTest } from "../tests/skip.ts";
import { createBackup, type Source } from "./create.ts";
import { createVerified } from "./ensure.ts";
import { takeLease } from "./lease.ts";
import { leaseKeyOf } from "./names.ts";
import { openPostgresSource } from "./postgres/source.ts";
import { planPrune, prune } from "./prune.ts";
import { findNewest, readInventory } from "./repository.ts";
import { DEFAULT_POLICY } from "./retention.ts";
import { readStatus } from "./status.ts";
import { openFolder } from "./store/folder.ts";
import { openStore } from "./store/location.ts";
import { type FaultyProxy, startFaultyProxy } from "./testing/faulty-proxy.ts";
import {
  backUp,
  clients,
  createRepository,
  createTestKeys,
  removeFolders,
  restoreInto,
  SET,
  TOOL,
  temporaryFolder,
} from "./testing/fixture.ts";
import { addressOf, type Spaces, STORE_KEY, startSpaces } from "./testing/spaces.ts";
import { verifyBackup } from "./verify.ts";

let server: TestServer;
let spaces: Spaces;
let proxy: FaultyProxy;
let connection: { url: string };

beforeAll(async () => {
  server = await startServer({ major: 17 });
  connection = await server.database("shop");
  // Random bytes do not shrink, so that an upload has several parts.
  await server.sql("CREATE TABLE items AS SELECT n AS id, sha512(n::text::bytea) AS bytes FROM generate_series(1, 250000) n", "shop");
  spaces = await startSpaces(["backups"]);
  proxy = await startFaultyProxy(spaces.url);
});
beforeEach(() => {
  proxy.fault = () => undefined;
});
afterAll(async () => {
  await server.stop();
  await proxy.close();
  await spaces.close();
  removeFolders();
});

let prefixes = 0;
const openSpaces = async (url = proxy.url) => await openStore({ url: addressOf(url, `backups/${++prefixes}`), key: STORE_KEY });
const listed = async (repository: Parameters<typeof readInventory>[0]) => {
  const { backups, leftovers, refused } = await readInventory(repository);
  return { backups: backups.length, leftovers: leftovers.length, refused: refused.length };
};
const NOTHING = { backups: 0, leftovers: 0, refused: 0 };

/** The pg_dump that this process started. */
function findDump(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--snapshot=") &&
          readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${process.pid}\n`)
        );
      } catch {
        // It ended meanwhile.
        return false;
      }
    })
    .map(Number);
}

describe("a backup", () => {
  it("is not made where pg_dump is killed, whenever that is", async (context) => {
    if (NEEDS_PROC) skipTest(context, NEEDS_PROC);
    for (const delay of [0, 100, 400]) {
      const repository = await createRepository();
      const made = backUp(repository, connection);
      let killed = false;
      const timer = setInterval(() => {
        const [pid] = findDump();
        if (pid === undefined || killed) return;
        killed = true;
        setTimeout(() => {
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // It had ended.
          }
        }, delay);
      }, 50);
      const outcome = await made.then(
        () => "made",
        (error: Error) => error.message,
      );
      clearInterval(timer);
      if (outcome === "made") expect(await listed(repository)).toEqual({ ...NOTHING, backups: 1 });
      else {
        expect(outcome).toMatch(/pg_dump .* ended with SIGKILL/);
        expect(await listed(repository)).toEqual(NOTHING);
      }
    }
  });

  it("is not made where the server goes away, or the data changes on its way", async () => {
    const repository = await createRepository();
    const source = await openPostgresSource(connection, clients);
    const openSource = async () => source;
    const { signingKey, recipient } = repository;
    const made = createBackup({ repository, set: SET, openSource, recipients: [recipient], signingKey, tool: TOOL });
    source.archive.once(
      "data",
      () =>
        void server.sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'slipway backup%' OR application_name = 'pg_dump'",
        ),
    );
    await expect(made).rejects.toThrow(/Reading .* failed|ended with exit code/);
    expect(await listed(repository)).toEqual(NOTHING);
  });

  it("is complete in one copy where the other fails, and both are named", async () => {
    const keys = await createRepository();
    const broken = await openSpaces();
    for (const fault of [
      { kind: "status", status: 403, code: "AccessDenied" },
      { kind: "cut-upload", after: 4_000_000 },
    ] as const) {
      proxy.fault = (method) => (method === "PUT" || method === "POST" ? fault : undefined);
      const folder = openFolder(temporaryFolder());
      const repository = { ...keys, copies: [folder, broken] as const };
      const created = await backUp(repository, connection);
      proxy.fault = () => undefined;
      expect(created.copies).toEqual([folder.name]);
      expect(created.missing).toEqual([{ copy: broken.name, reason: expect.stringContaining("failed") }]);
      const { backups } = await readInventory(repository);
      expect(backups.map(({ copies }) => copies.map(({ name }) => name))).toEqual([[folder.name]]);
      const verified = await verifyBackup({ repository, backup: backups[0]!, tool: TOOL });
      expect(verified.copies.map(({ problem }) => problem)).toEqual([undefined, expect.stringContaining("does not have this backup")]);
    }
  });

  it("is not made where every copy fails", async () => {
    const keys = await createRepository();
    const store = await openSpaces();
    proxy.fault = (method) => (method === "POST" ? { kind: "status", status: 500, code: "InternalError" } : undefined);
    await expect(backUp({ ...keys, copies: [store] }, connection)).rejects.toThrow("responded with 500");
    proxy.fault = () => undefined;
    expect(await listed({ ...keys, copies: [store] })).toEqual(NOTHING);
  });

  it("is found damaged where a store changes a byte while it is read", async () => {
    const keys = await createRepository();
    const store = await openSpaces();
    const repository = { ...keys, copies: [store] as const };
    await backUp(repository, connection);
    proxy.fault = (method, path) => (method === "GET" && path.includes("/data") ? { kind: "flip", at: 5_000_000 } : undefined);
    const { backups } = await readInventory(repository);
    expect((await verifyBackup({ repository, backup: backups[0]!, identities: [keys.identity], tool: TOOL })).copies[0]!.problem).toMatch(
      /damaged|not the one/,
    );
    const restoring = restoreInto(keys, backups[0]!, { server: { url: server.url("postgres") }, database: "never" });
    await expect(restoring).rejects.toThrow(/damaged|not the one/);
    expect(await server.sql("SELECT datname FROM pg_database WHERE datname ~ 'never|slipway_restore'")).toEqual([]);
  });

  it.each(["a folder", "Spaces"] as const)(
    "is made by one process at a time in %s, and the one that lost its lease commits nothing",
    async (kind) => {
      const keys = await createRepository();
      const store = kind === "Spaces" ? await openSpaces(spaces.url) : keys.copies[0];
      const repository = { ...keys, copies: [store] as const };
      const lease = await takeLease(store, SET, "a backup");
      await expect(backUp(repository, connection)).rejects.toMatchObject({ exit: 75, message: expect.stringContaining("holds its lease") });
      await expect(prune({ repository, policyOf: () => DEFAULT_POLICY, set: SET })).resolves.toMatchObject({ removed: [] });
      await lease.release();
      const { signingKey, recipient } = keys;
      const openSource = async (): Promise<Source> => {
        const source = await openPostgresSource(connection, clients);
        await store.write(
          leaseKeyOf(SET),
          JSON.stringify({
            token: "other",
            generation: 9,
            host: "elsewhere",
            pid: 1,
            purpose: "a backup",
            expiresAt: "2030-01-01T00:00:00.000Z",
          }),
        );
        return source;
      };
      await expect(createBackup({ repository, set: SET, openSource, recipients: [recipient], signingKey, tool: TOOL })).rejects.toThrow(
        "lease of shop/postgres was lost",
      );
      expect((await readInventory(repository)).backups).toEqual([]);
    },
  );

  it("is refused where the secret key of a recipient is next to the data", async () => {
    const repository = await createRepository();
    writeFileSync(join(repository.folders[0]!, "my key.txt"), `# keep this\n${repository.identity}\n`);
    await expect(backUp(repository, connection)).rejects.toThrow("holds the secret key of a recipient, in my key.txt");
    writeFileSync(join(repository.folders[0]!, "my key.txt"), `${(await createTestKeys()).identity}\n`);
    await backUp(repository, connection);
    expect(await listed(repository)).toEqual({ ...NOTHING, backups: 1 });
  });

  it("holds nothing of the database in clear, and nothing of the keys [F135] [C54]", async () => {
    const keys = await createRepository();
    const repository = { ...keys, copies: [keys.copies[0], await openSpaces(spaces.url)] as const };
    await server.sql("CREATE TABLE secrets AS SELECT 'a-very-secret-value-' || n AS text FROM generate_series(1, 100) n", "shop");
    await backUp(repository, connection);
    await server.sql("DROP TABLE secrets", "shop");
    for (const copy of repository.copies) {
      let objects = 0;
      for await (const { key } of copy.list("")) {
        objects++;
        const text = (await buffer(await copy.readStream(key))).toString("latin1");
        for (const secret of ["a-very-secret-value", "AGE-SECRET-KEY", "slipway-signing-key"]) expect(text).not.toContain(secret);
      }
      expect(objects).toBeGreaterThanOrEqual(2);
    }
  });
});

describe("a store", () => {
  const OTHER = "shop/postgres/20990101T000000Z-00000000";
  let small: { url: string };
  beforeAll(async () => {
    small = await server.database("small");
  });
  const PLACES = [
    ["manifest", () => `${OTHER}/manifest.json`, 1],
    ["record", (id: string) => `shop/postgres/${id}/records/20990101T000000Z-verified.json`, 1],
    ["hold", (id: string) => `shop/postgres/${id}/keep.json`, 1],
    ["lease", () => leaseKeyOf(SET), 0],
    ["file of another program", () => "notes/all.txt", 0],
  ] as const;

  it.each(["a folder", "Spaces"].flatMap((store) => PLACES.map(([name, keyOf, refused]) => ({ store, name, keyOf, refused }))))(
    "with a $name of 64 MiB and a byte in $store refuses that object only, and makes, verifies and prunes backups",
    async ({ store, keyOf, refused }) => {
      const keys = await createRepository();
      const copy = store === "Spaces" ? await openSpaces(spaces.url) : keys.copies[0];
      const repository = { ...keys, copies: [copy] as const };
      const { signingKey, recipient } = keys;
      const first = await backUp(repository, small);
      const key = keyOf(first.manifest.id);
      if (store === "Spaces") {
        const body = Readable.from(Array.from({ length: 65 }, (_, n) => Buffer.alloc(n < 64 ? 2 ** 20 : 1)));
        await copy.writeStream(key, body, { expectedBytes: 2 ** 26 });
      } else {
        const path = join(keys.folders[0]!, key);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, "");
        truncateSync(path, 2 ** 26 + 1);
      }

      const inventory = await readInventory(repository);
      expect(inventory.backups.map(({ id }) => id)).toEqual([first.manifest.id]);
      expect(inventory.refused.map((one) => [one.key, one.reason])).toEqual(
        refused === 0 ? [] : [[key, "it has 67108865 bytes, more than slipway writes under this name. Look at it, and remove it"]],
      );
      expect(inventory.leftovers).toEqual([]);
      const status = await readStatus({ repository, sets: [SET], maxAgeHours: 26, maxRehearsalDays: 31 });
      expect([status.sets.map(({ count }) => count), status.refused]).toEqual([[1], inventory.refused]);
      expect((await findNewest(repository, SET))?.id).toBe(first.manifest.id);

      const openSource = () => openPostgresSource(small, clients);
      const made = await createVerified({ repository, set: SET, openSource, recipients: [recipient], signingKey, tool: TOOL });
      expect(made.verified.copies.map(({ problem }) => problem)).toEqual([undefined]);
      await prune({ repository, policyOf: () => DEFAULT_POLICY, set: SET, now: new Date(Date.now() + 72 * 3_600_000) });
      expect((await readInventory(repository)).refused).toEqual(inventory.refused);
    },
  );
});

describe("a prune", () => {
  it("removes leftovers of runs that did not finish, once they are old, and never what slipway did not write", async () => {
    const repository = await createRepository();
    await backUp(repository, connection);
    const folder = repository.copies[0];
    await folder.write("shop/postgres/20260101T000000Z-00000000/data", "half");
    await folder.write("shop/postgres/notes.txt", "mine");
    await folder.write("other/data", "mine");
    const policyOf = () => DEFAULT_POLICY;
    expect((await planPrune({ repository, policyOf })).leftovers).toEqual([]);
    const later = new Date(Date.now() + 72 * 3_600_000);
    expect((await prune({ repository, policyOf, now: later })).leftovers.map(({ key }) => key)).toEqual([
      "shop/postgres/20260101T000000Z-00000000/data",
    ]);
    const keys: string[] = [];
    for await (const { key } of folder.list("")) keys.push(key);
    expect(keys).toEqual(expect.arrayContaining(["other/data", "shop/postgres/notes.txt"]));
    expect(await listed(repository)).toEqual({ ...NOTHING, backups: 1 });
  });
});

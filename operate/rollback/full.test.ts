/** The full rollback of a real service with its real database, from encrypted backups. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { withSession } from "../../postdeploy/connect/session.ts";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { type Mark, setMark } from "./databases.ts";
import { describeReturn, type FullOptions, full, planFull } from "./full.ts";
import type { BackupSource } from "./subject.ts";
import { startProber } from "./testing/prober.ts";
import { type Product, runProcess, startProduct } from "./testing/product.ts";

let postgres: TestServer;
let store: TestStore;
let product: Product;
beforeAll(async () => {
  postgres = await startServer();
  store = await startStore("rollback-full");
});
afterAll(async () => {
  await store?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  product = await startProduct(postgres, store);
});
afterEach(async () => product?.stop());

const DEFAULTS: FullOptions = { backup: undefined, migrateUp: false };
const run = async (options: Partial<FullOptions> = {}) =>
  await full(await product.rollback(), { ...DEFAULTS, ...options }, { report: () => {} });
const plan = async (options: Partial<FullOptions> = {}) => await planFull(await product.rollback(), { ...DEFAULTS, ...options });
const backUp = async () => {
  const { backups } = await product.rollback();
  const { id } = await (backups as BackupSource).create("good data");
  await sleep(1000);
  return id;
};
const databases = async () =>
  (await postgres.sql("SELECT datname AS name FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1")).map(({ name }) => String(name));

describe("the full rollback", () => {
  it("restores into a new database, verifies and switches far below an hour, and keeps every acknowledged write [F151]", async () => {
    await postgres.sql("INSERT INTO goods VALUES ('old', 'old')", "shop");
    const id = await backUp();
    await postgres.sql("INSERT INTO goods VALUES ('later', 'later')", "shop");
    const prober = startProber(product.url, "during");
    const result = await run();
    const { acknowledged, failed, requests, longestGapMs } = await prober.stop();
    console.log(`full: ${result.seconds} s, ${requests} requests, ${failed} failed, longest gap ${longestGapMs.toFixed(0)} ms`);
    expect(result.backup).toBe(id);
    expect(result.steps.map(({ name }) => name)).toEqual(["look", "back up", "restore", "prepare", "switch", "verify"]);
    expect(result.seconds).toBeLessThan(3600);
    expect(result.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(await databases()).toEqual(["shop", result.kept]);
    const [live, kept] = [await product.rows("goods"), await product.rows("goods", result.kept)];
    expect(live).toContain("old");
    expect(live).not.toContain("later");
    expect(kept).toContain("later");
    expect(acknowledged.filter((key) => !live.includes(key) && !kept.includes(key))).toEqual([]);
    expect(acknowledged.some((key) => live.includes(key))).toBe(true);
    expect(result.differences).toEqual([{ table: "public.goods", before: expect.any(Number), now: 1 }]);
    const subject = await product.rollback();
    const held = (await (subject.backups as BackupSource).list())[0]!;
    expect(held).toMatchObject({ problem: undefined, hold: `the state before the rollback to ${id}` });
    // The printed statements go back to the old database.
    for (const statement of describeReturn(result, "shop")) {
      await postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'shop%'");
      await postgres.sql(statement);
    }
    expect(await product.rows("goods")).toContain("later");
  });

  it("gives the roles their privileges and settings in the new database", async () => {
    await backUp();
    await run();
    const settings = await postgres.sql(
      "SELECT FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase JOIN pg_roles r ON r.oid = setrole WHERE datname = 'shop' AND rolname = 'shop'",
    );
    expect(settings).toHaveLength(1);
  });

  it("is refused where the running version needs a migration that the backup lacks, which --migrate-up applies", async () => {
    await backUp();
    await product.migrate("002_note", "ALTER TABLE public.goods ADD COLUMN note text;");
    await sleep(1000);
    await product.release("2");
    await expect(run()).rejects.toThrow(
      /The version that runs needs 002_note\.sql, which the backup of .* lacks\..*slipway rollback quick/,
    );
    expect(await databases()).toEqual(["shop"]);
    await run({ migrateUp: true });
    expect(await postgres.sql("SELECT note FROM goods", "shop")).toEqual([]);
  });

  it("is refused without a usable backup, and never takes the state before an earlier rollback for one", async () => {
    await expect(run()).rejects.toThrow(/There is no backup of this database in /);
    const id = await backUp();
    await run();
    expect((await plan()).backup?.id).toBe(id);
    await expect(run({ backup: "20200101T000000Z-00000000" })).rejects.toThrow("There is no backup 20200101T000000Z-00000000");
  });
});

describe("a full rollback of a database with a pool", () => {
  const poolIn = async () =>
    ((await product.call("GET", `/v2/databases/${product.clusters.database}/pools/app`)) as unknown as { pool: object }).pool;
  const pool = { name: "app", mode: "transaction", size: 3, db: "shop", user: "shop_runtime" };
  beforeEach(async () => {
    const cluster = `/v2/databases/${product.clusters.database}`;
    await product.call("POST", `${cluster}/dbs`, { name: pool.db });
    await product.call("POST", `${cluster}/users`, { name: pool.user });
    await product.call("POST", `${cluster}/pools`, pool);
  });

  const mark = (kind: "begun" | "restored", backup: string): Mark => {
    const common = { backup, at: "2026-12-01T00:00:00.000Z", pools: [pool] };
    return kind === "begun" ? { kind, ...common } : { kind, ...common, kept: "shop_before_x", verified: false };
  };

  it.each([undefined, "begun", "restored"] as const)(
    "leads the pool to the restored database, also after a run that was killed while it led away (%s)",
    async (kind) => {
      const id = await backUp();
      if (kind !== undefined) {
        await product.call("PUT", `/v2/databases/${product.clusters.database}/pools/app`, { ...pool, db: "defaultdb" });
        await withSession({ url: postgres.url("postgres") }, { application: "slipway test" }, (session) =>
          setMark(session, "shop", mark(kind, id)),
        );
      }
      await run();
      expect(await poolIn()).toMatchObject(pool);
    },
  );
});

describe("a killed full rollback", () => {
  const steps = ["look", "back up", "restore", "prepare", "switch", "verify"];
  it.each(steps.flatMap((step) => [`started ${step}`, `done ${step}`]))(
    "is continued by the next run if it is killed when it has %s",
    async (line) => {
      await postgres.sql("INSERT INTO goods VALUES ('old', 'old')", "shop");
      const id = await backUp();
      await postgres.sql("INSERT INTO goods VALUES ('later', 'later')", "shop");
      const args = ["full", JSON.stringify(product.description)];
      expect((await runProcess(args, line)).code).toBe(null);
      expect(await runProcess(args)).toEqual({ code: 0, stderr: "" });
      const found = await databases();
      expect(found).toEqual(["shop", expect.stringMatching(/^shop_before_\d{8}t\d{6}z$/)]);
      expect(await product.rows("goods")).toEqual(["old"]);
      expect(await product.rows("goods", found[1])).toEqual(["later", "old"]);
      const [{ comment }] = (await postgres.sql(
        "SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = 'shop'",
      )) as [{ comment: string }];
      expect(comment).toMatch(new RegExp(`"restored","backup":"${id}".*"verified":true`));
    },
  );
});

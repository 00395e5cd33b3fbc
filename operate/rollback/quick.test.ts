/** The quick rollback of a real service at the local API, with its real database. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { down } from "../../postdeploy/migrate/index.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { withLock } from "./lock.ts";
import { planQuick, type QuickOptions, quick } from "./quick.ts";
import { release } from "./release.ts";
import { startProber } from "./testing/prober.ts";
import { type Product, runProcess, startProduct } from "./testing/product.ts";

let postgres: TestServer;
let store: TestStore;
let product: Product;
beforeAll(async () => {
  postgres = await startServer();
  store = await startStore("rollback");
});
afterAll(async () => {
  await store?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  product = await startProduct(postgres, store);
});
afterEach(async () => product?.stop());

const DEFAULTS: QuickOptions = { migrateDown: false, acceptedLosses: [] };
const run = async (options: Partial<QuickOptions> = {}) =>
  await quick(await product.rollback(), { ...DEFAULTS, ...options }, { waitMs: 60_000, patienceMs: 3000, report: () => {} });
const plan = async (options: Partial<QuickOptions> = {}) => await planQuick(await product.rollback(), { ...DEFAULTS, ...options });
const versionThatRuns = async () => ((await (await fetch(`${product.url}/health`)).json()) as { version: string }).version;

const DOWN = "ALTER TABLE public.goods DROP COLUMN note;";

describe("the quick rollback", () => {
  it("runs the deployment before again, in timed steps far below 15 minutes, without a failed request or a lost write [F150]", async () => {
    await product.migrate("002_note", "ALTER TABLE public.goods ADD COLUMN note text;", DOWN);
    await product.release("2");
    expect(await versionThatRuns()).toBe("2");
    const prober = startProber(product.url, "during");
    const { steps, seconds, checks, apps } = await run({ migrateDown: true });
    const { acknowledged, failed, requests, longestGapMs } = await prober.stop();
    console.log(`quick: ${seconds} s, ${requests} requests, ${failed} failed, longest gap ${longestGapMs.toFixed(0)} ms`);
    expect(await versionThatRuns()).toBe("1");
    // What only adds is reverted once no version runs that uses it.
    expect(steps.map(({ name }) => name)).toEqual(["look", "deploy", "wait", "revert migrations", "verify"]);
    expect(steps.every(({ seconds: took }) => took <= seconds)).toBe(true);
    expect(checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(checks.some(({ kind, outcome }) => kind === "health" && outcome === "passed")).toBe(true);
    expect(seconds).toBeLessThan(15 * 60);
    expect(failed).toBe(0);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(await product.rows("goods")).toEqual(expect.arrayContaining([...acknowledged]));
    const { app } = (await product.call("GET", `/v2/apps/${product.app}`)) as unknown as { app: Record<string, { id: string }> };
    expect(app.active_deployment?.id).toBe(apps[0]!.deployment);
    expect(app.pinned_deployment).toBeDefined();
  });

  it("leaves migrations that only add, and the rows in them, in place", async () => {
    await product.migrate("002_note", "ALTER TABLE public.goods ADD COLUMN note text;", DOWN);
    await product.migrate("003_extras", "CREATE TABLE public.extras (slug text PRIMARY KEY);\nCREATE INDEX ON public.extras (slug);");
    await product.release("2");
    await postgres.sql("INSERT INTO extras VALUES ('kept')", "shop");
    expect((await plan()).migrations.applied).toMatchObject([
      { file: "002_note.sql", compatible: "it only adds", back: true },
      { file: "003_extras.sql", compatible: "it only adds", back: "it has no down migration" },
    ]);
    await run();
    expect(await versionThatRuns()).toBe("1");
    expect(await product.rows("extras")).toEqual(["kept"]);
  });

  it("goes further back the next time, and not to what it came from", async () => {
    await product.release("2");
    await product.release("3");
    await run();
    expect(await versionThatRuns()).toBe("2");
    await release(await product.rollback(), { action: "commit", waitMs: 60_000 });
    await run();
    expect(await versionThatRuns()).toBe("1");
  });

  it("returns to the deployment that is named, and refuses one that it does not have", async () => {
    await product.release("2");
    await product.release("3");
    const { deployments } = (await product.call("GET", `/v2/apps/${product.app}/deployments`)) as unknown as {
      deployments: { id: string }[];
    };
    await expect(run({ to: "00000000-0000-4000-8000-000000000000" })).rejects.toThrow(
      new RegExp(`has no earlier deployment 0000.*${deployments[1]!.id} of .*, ${deployments[2]!.id} of `),
    );
    await run({ to: deployments[2]!.id });
    expect(await versionThatRuns()).toBe("1");
  });

  it("does not return to a deployment that failed, was never active, or equals the one that runs", async () => {
    await product.release("2");
    product.next.outcome = Promise.resolve({ ok: false, component: "api", message: "it does not start" });
    await product.release("3");
    product.next.outcome = Promise.resolve({ ok: true });
    await product.release("4");
    await product.call("POST", `/v2/apps/${product.app}/deployments`, {});
    await product.cloud.idle();
    await run();
    expect(await versionThatRuns()).toBe("2");
  });

  it("fails with the component and its log where the earlier version does not start, and the newer one still answers", async () => {
    await product.release("2");
    product.next.outcome = Promise.resolve({ ok: false, component: "api", message: "exit code 1" });
    product.next.log = "starting\ncannot read the settings\n";
    await expect(run()).rejects.toThrow(
      /ERROR.*component api failed: exit code 1; deployment .* still serves\.\n {2}\| starting\n {2}\| cannot read/,
    );
    expect(await versionThatRuns()).toBe("2");
    product.next.outcome = Promise.resolve({ ok: true });
    await run();
    expect(await versionThatRuns()).toBe("1");
  });

  it("reports a version that starts and does not work", async () => {
    await product.release("2");
    product.answer("/health", 200, { status: "ok", database: { connected: false, pool: { totalCount: 0, waitingCount: 0 } } });
    const { checks } = await run();
    expect(checks.filter(({ outcome }) => outcome === "failed").map(({ kind }) => kind)).toEqual(["health"]);
  });

  it("requests nothing a second time where a reply is lost", async () => {
    await product.release("2");
    const subject = await product.rollback();
    let sent = 0;
    const writer: typeof subject.writer = {
      async send(method, path, body) {
        const outcome = await subject.writer.send(method, path, body);
        if (!path.endsWith("/rollback")) return outcome;
        sent++;
        return { kind: "unknown", reason: "ECONNRESET" };
      },
    };
    await quick({ ...subject, writer }, DEFAULTS, { waitMs: 60_000, report: () => {} });
    expect(sent).toBe(1);
    expect(await versionThatRuns()).toBe("1");
  });

  it("is kept by commit, and undone by revert, each of which can be repeated", async () => {
    await product.release("2");
    await run();
    await expect(product.release("3")).rejects.toThrow("pinned to a rolled back deployment");
    const [first, again] = [await end("revert"), await end("revert")];
    expect(first).toMatch(/^shop runs the version from before the rollback again: deployment [0-9a-f-]{36}$/);
    expect(again).toBe("shop is not pinned by a rollback: nothing to revert");
    expect(await versionThatRuns()).toBe("2");
    await run();
    expect(await end("commit")).toBe("shop stays at the version of the rollback, and can be deployed again");
    expect(await end("commit")).toBe("shop is not pinned by a rollback: nothing to commit");
    await product.release("3");
    expect(await versionThatRuns()).toBe("3");
  });
});

const end = async (action: "commit" | "revert") => (await release(await product.rollback(), { action, waitMs: 60_000 })).join();

describe("the quick rollback is refused, and nothing is changed,", () => {
  afterEach(async () => {
    const { app } = (await product.call("GET", `/v2/apps/${product.app}`)) as unknown as { app: Record<string, unknown> };
    expect(app.pinned_deployment).toBeUndefined();
  });

  it("where there is no earlier deployment", async () => {
    await expect(run()).rejects.toThrow("shop: it has no earlier deployment that was active and differs from the one that runs");
  });

  it("where a deployment is running", async () => {
    await product.release("2");
    let finish: (outcome: { ok: true }) => void = () => {};
    product.next.outcome = new Promise((resolve) => {
      finish = resolve;
    });
    const released = product.release("3");
    await vi.waitFor(async () =>
      expect((await plan()).refusals).toEqual([expect.stringMatching(/deployment [0-9a-f-]{36} is still running/)]),
    );
    finish({ ok: true });
    await released;
  });

  it.each([
    [
      "a dropped column",
      "ALTER TABLE public.goods ADD COLUMN a text;\nALTER TABLE public.goods DROP COLUMN a;",
      "DROP COLUMN public.goods.a",
    ],
    [
      "a renamed column",
      "ALTER TABLE public.goods RENAME COLUMN name TO title;\nALTER TABLE public.goods RENAME COLUMN title TO name;",
      "RENAME COLUMN",
    ],
    ["a changed type", "ALTER TABLE public.goods ALTER COLUMN name TYPE varchar(90);", "ALTER COLUMN TYPE public.goods.name"],
    [
      "a required column",
      "ALTER TABLE public.goods ADD COLUMN b text NOT NULL;",
      "a new column of public.goods that the older version does not set",
    ],
    ["a unique index", "CREATE UNIQUE INDEX ON public.goods (name);", "a unique index on public.goods"],
    ["changed rows", "UPDATE public.goods SET name = upper(name);", "UPDATE public.goods SET name = upper(name)"],
    ["a revoked privilege", "REVOKE SELECT ON public.goods FROM PUBLIC;", "REVOKE SELECT ON public.goods FROM PUBLIC"],
  ])("where %s has no down migration, unless the file declares why the older version works with it", async (_, text, reason) => {
    await product.migrate("002_change", `-- slipway: irreversible it is what it is\n${text}`);
    await product.release("2");
    const { refusals } = await plan();
    expect(refusals).toEqual([expect.stringContaining(`002_change.sql: the older version may not work with `)]);
    expect(refusals[0]).toContain(reason);
    expect(refusals[0]).toMatch(/and it is irreversible: it is what it is\. .*slipway rollback full --system shop$/);
    await expect(run()).rejects.toThrow("002_change.sql: the older version may not work with");
    await expect(run({ migrateDown: true })).rejects.toThrow("002_change.sql cannot be reverted: it is irreversible");
    writeFileSync(
      join(product.folders.migrations, "002_change.sql"),
      `-- slipway: irreversible it is what it is\n-- slipway: compatible version 1 reads none of it\n${text}`,
    );
    expect(await plan()).toMatchObject({ refusals: [], migrations: { applied: [{ compatible: "version 1 reads none of it" }] } });
  });

  it("where a down migration exists, and was not asked for", async () => {
    await product.migrate(
      "002_name",
      "ALTER TABLE public.goods ALTER COLUMN name DROP NOT NULL;",
      "ALTER TABLE public.goods ALTER COLUMN name SET NOT NULL;",
    );
    await product.release("2");
    await expect(run()).rejects.toThrow(
      "002_name.sql: the older version may not work with DROP NOT NULL public.goods.name. To revert it first, add --migrate-down.",
    );
    expect(await plan({ migrateDown: true })).toMatchObject({ refusals: [], reverted: ["002_name.sql"], revertsFirst: true });
  });

  it("where a down migration loses rows or values, unless each is accepted by its name", async () => {
    await product.migrate("002_note", "ALTER TABLE public.goods ADD COLUMN note text;", DOWN);
    await product.migrate("003_extras", "CREATE TABLE public.extras (slug text);", "DROP TABLE public.extras;");
    await product.release("2");
    // An empty table and a column without values lose nothing.
    expect(await plan({ migrateDown: true })).toMatchObject({ refusals: [], losses: [] });
    await postgres.sql("INSERT INTO goods VALUES ('a', 'a', 'noted'), ('b', 'b', NULL); INSERT INTO extras VALUES ('x'), ('y')", "shop");
    await expect(run({ migrateDown: true })).rejects.toThrow(
      "--migrate-down would lose 1 values of public.goods.note, 2 rows of public.extras. To accept that: --accept-data-loss public.goods.note,public.extras",
    );
    await expect(run({ migrateDown: true, acceptedLosses: ["public.extras"] })).rejects.toThrow(
      "would lose 1 values of public.goods.note. ",
    );
    const accepted = { migrateDown: true, acceptedLosses: ["public.goods.note", "public.extras"] };
    expect(await plan(accepted)).toMatchObject({ refusals: [], reverted: ["003_extras.sql", "002_note.sql"] });
  });

  it("where a migration of the earlier version was reverted since", async () => {
    await product.migrate("002_note", "ALTER TABLE public.goods ADD COLUMN note text;", DOWN);
    await product.release("2");
    await product.release("3");
    // What happens in the second of a deployment belongs to it.
    await sleep(1000);
    await down({ folder: product.folders.migrations, connection: product.owner, system: "shop", owner: "shop_owner", schemas: ["public"] });
    await expect(run()).rejects.toThrow("002_note.sql was applied when that deployment was made, and was reverted since.");
  });

  it("where another rollback of the system runs", async () => {
    await product.release("2");
    const subject = await product.rollback();
    await withLock(subject, async () => {
      await expect(withLock(subject, () => run())).rejects.toThrow(
        /Another rollback of shop is running: pid \d+ \(slipway rollback shop\)/,
      );
    });
    await withLock(subject, async () => {});
  });
});

describe("a killed rollback", () => {
  const steps = ["look", "revert migrations", "deploy", "wait", "verify"];
  it.each(steps.flatMap((step) => [`started ${step}`, `done ${step}`]))(
    "is continued by the next run if it is killed when it has %s",
    async (line) => {
      await product.migrate(
        "002_note",
        "ALTER TABLE public.goods ADD COLUMN note text;\nALTER TABLE public.goods ALTER COLUMN name DROP NOT NULL;",
        `ALTER TABLE public.goods ALTER COLUMN name SET NOT NULL;\n${DOWN}`,
      );
      await product.release("2");
      await product.rows("goods");
      const args = ["down", JSON.stringify(product.description)];
      const prober = startProber(product.url, "during");
      expect(await runProcess(args, line)).toMatchObject({ code: line === "done verify" ? expect.toBeOneOf([0, null]) : null });
      expect(await runProcess(args)).toEqual({ code: 0, stderr: "" });
      const { acknowledged, failed } = await prober.stop();
      expect(failed).toBe(0);
      expect(await versionThatRuns()).toBe("1");
      expect(await product.rows("goods")).toEqual(expect.arrayContaining([...acknowledged]));
      expect(
        await postgres.sql("SELECT FROM information_schema.columns WHERE table_name = 'goods' AND column_name = 'note'", "shop"),
      ).toEqual([]);
      const { deployments } = (await product.call("GET", `/v2/apps/${product.app}/deployments`)) as unknown as { deployments: object[] };
      expect(deployments).toHaveLength(3);
      expect(await end("revert")).toContain("runs the version from before the rollback again");
      expect(await versionThatRuns()).toBe("2");
    },
  );
});

/** A deployment that works passes every check. Each broken one fails the check that is about it, with what was seen, and no other. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import type { Service } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import type { CheckKind } from "../../systems/verification.ts";
import { addRows, openCanaries } from "./canary.ts";
import type { Check, Outcome } from "./check.ts";
import { answerChecklist } from "./checklist.ts";
import { canariesOf, openVerifier } from "./database.ts";
import { alertOn, type Shop, shop, startShop } from "./testing/shop.ts";
import { type VerifyOptions, type VerifySubject, verify } from "./verify.ts";

let postgres: TestServer;
let store: TestStore;
let product: Shop;
beforeAll(async () => {
  postgres = await startServer();
  store = await startStore("verify");
});
afterAll(async () => {
  await store?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  product = await startShop(postgres, store);
});
afterEach(async () => product?.stop());

async function run(changes: Partial<VerifySubject> = {}, options: Partial<VerifyOptions> = {}): Promise<readonly Check[]> {
  return await verify({ ...(await product.subject()), ...changes }, { waitMs: 0, bench: false, ...options });
}

const withOutcome = (checks: readonly Check[], outcome: Outcome) => checks.filter((check) => check.outcome === outcome);
const rowsLeft = async () => (await postgres.sql("SELECT slug FROM goods", "shop")).length;

describe("a deployment that works", () => {
  it("passes every check, names its deployment, and has no row of slipway in a table of the product", async () => {
    const checks = await run();
    expect(withOutcome(checks, "failed")).toEqual([]);
    expect(withOutcome(checks, "unproved").map(({ kind }) => kind)).toEqual(["canary"]);
    const { deployments } = (await product.call("GET", `/v2/apps/${product.app}/deployments`)) as unknown as {
      deployments: { id: string }[];
    };
    const deployment = checks.find(({ kind }) => kind === "deployment");
    expect(deployment?.evidence).toContain(`deployment ${deployments[0]!.id} of commit `);
    expect(deployment?.evidence).toMatch(/ACTIVE, (\d+) of \1 steps/);
    expect(checks.find(({ kind }) => kind === "health")?.evidence).toMatch(
      /^200 in \d+ ms; database connected, totalCount \d, waitingCount 0$/,
    );
    expect(await rowsLeft()).toBe(0);
  });

  it("has data that outlives the next deployment [F33]", async () => {
    await run();
    expect(find(await run(), "canary", "shop/postgres")).toMatchObject({
      outcome: "passed",
      evidence: expect.stringContaining("nothing was deployed since"),
    });
    await product.deploy();
    expect(find(await run(), "canary", "shop/postgres")).toMatchObject({
      outcome: "passed",
      evidence: expect.stringContaining("written before a deployment"),
    });
  });

  it("is verified by two runs at the same time, which remove only their own rows", async () => {
    const both = await Promise.all([run(), run()]);
    expect(both.flatMap((checks) => withOutcome(checks, "failed"))).toEqual([]);
    expect(await rowsLeft()).toBe(0);
  });

  it("gets rid of the row that a killed run has left, but not of one whose run is busy [F76]", async () => {
    const [killed, busy] = [await openVerifier(product.owner), await openVerifier(product.owner)];
    for (const session of [killed, busy]) {
      await openCanaries(session);
      await addRows(session, canariesOf(shop));
    }
    expect(await rowsLeft()).toBe(2);
    killed.destroy();
    await expect
      .poll(async () => {
        await run();
        return await rowsLeft();
      })
      .toBe(1);
    await busy.end();
    await run();
    expect(await rowsLeft()).toBe(0);
  });

  it("answers the product's own checklist", async () => {
    await run();
    expect(answerChecklist(shop, await run())).toEqual([
      { item: "It is deployed", outcome: "passed", because: "" },
      { item: "It answers", outcome: "passed", because: "" },
      { item: "People like it", outcome: "skipped", because: "a person has to do it" },
    ]);
    product.answer("/orders", 200, {});
    expect(answerChecklist(shop, await run())[1]).toMatchObject({
      outcome: "failed",
      because: expect.stringContaining("shop/api: GET /orders: 200"),
    });
  });

  it("is measured with --bench, which fails nothing", async () => {
    const checks = await run({}, { bench: true });
    const targets = checks.filter(({ kind }) => kind === "targets");
    expect(targets.map(({ outcome }) => outcome)).toEqual(["passed", "unproved", "skipped", "passed", "passed"]);
    expect(targets[0]!.evidence).toMatch(/^\d+(\.\d)? ms, the median of 20; promised: at most 1000 ms$/);
    expect(targets[2]!.evidence).toContain('relation "bads" does not exist');
    expect(withOutcome(checks, "failed")).toEqual([]);
  });
});

const find = (checks: readonly Check[], kind: CheckKind, subject: string) =>
  checks.find((check) => check.kind === kind && check.subject.includes(subject));

interface Broken {
  readonly title: string;
  readonly kind: CheckKind;
  readonly says: string | RegExp;
  readonly outcome?: Outcome;
  /** Other checks that fail as well, because they see the same. */
  readonly also?: readonly CheckKind[];
  break(): Promise<unknown> | unknown;
}

const health = (body: object) => ({ status: "ok", database: { connected: true, pool: { totalCount: 1, waitingCount: 0 } }, ...body });

const BROKEN: readonly Broken[] = [
  {
    title: "a component that does not start, with the end of its log and without the secrets in it",
    kind: "deployment",
    says: /ERROR, \d+ of \d+ steps; cause: app spec updated; component api failed: .*exit code 1.*; deployment [0-9a-f-]{36} still serves/,
    also: ["log"],
    break: async () => {
      product.next.outcome = Promise.resolve({ ok: false, component: "api", message: "the process ended with exit code 1" });
      product.next.log =
        "starting\nconnecting to postgres://shop:hunter2secret@db:25060/shop\npassword=hunter3secret\nError: no such module\n";
      await product.deploy();
    },
  },
  {
    title: "a deployment that was canceled",
    kind: "deployment",
    says: /CANCELED, .*still serves/,
    break: async () => {
      let end = () => {};
      product.next.outcome = new Promise((resolve) => {
        end = () => resolve({ ok: true });
      });
      const { deployment } = (await product.call("POST", `/v2/apps/${product.app}/deployments`, {})) as unknown as {
        deployment: { id: string };
      };
      await product.call("POST", `/v2/apps/${product.app}/deployments/${deployment.id}/cancel`);
      end();
      await product.cloud.idle();
    },
  },
  {
    title: "an app that is pinned to an older deployment",
    kind: "deployment",
    outcome: "unproved",
    says: "pinned to it by a rollback that was not committed",
    break: async () => {
      const { deployments } = (await product.call("GET", `/v2/apps/${product.app}/deployments`)) as unknown as {
        deployments: { id: string }[];
      };
      await product.deploy();
      await product.call("POST", `/v2/apps/${product.app}/rollback`, { deployment_id: deployments.at(-1)!.id, skip_pin: false });
      await product.cloud.idle();
    },
  },
  {
    title: "an app that was never deployed",
    kind: "deployment",
    says: "the account has no app of this name (shop/shop)",
    break: async () => {
      await product.call("DELETE", `/v2/apps/${product.app}`);
      await product.cloud.idle();
    },
  },
  {
    title: "a variable that is missing in the spec that runs",
    kind: "variables",
    says: "lacks api/DATABASE_URL",
    break: () =>
      product.deploy({
        services: [
          { name: "api", github: { repo: "acme/shop", branch: "main" }, http_port: 8080, envs: [{ key: "NODE_ENV", value: "x" }] },
        ],
      }),
  },
  {
    title: "a service with a wrong password",
    kind: "health",
    says: "database.connected is false",
    also: ["probes"],
    break: async () => {
      await postgres.sql("DROP ROLE IF EXISTS stranger");
      await product.connect(postgres.url("shop", "stranger"));
    },
  },
  {
    title: "a service whose pool is exhausted by transactions that do not end",
    kind: "health",
    says: "database.connected is false",
    also: ["probes"],
    break: async () => {
      const holder = new pg.Client(postgres.url("shop", "shop"));
      holder.on("error", () => {});
      await holder.connect();
      await holder.query("BEGIN");
      await postgres.sql("ALTER ROLE shop CONNECTION LIMIT 1");
      await product.connect(postgres.url("shop", "shop"));
    },
  },
  {
    title: "a health answer that says nothing about the database",
    kind: "health",
    says: "it has no field database.connected, so it says nothing about the database",
    break: () => product.answer("/health", 200, { status: "ok" }),
  },
  {
    title: "a health answer with a count that is a text",
    kind: "health",
    says: "database.pool.totalCount is a text, not a whole number",
    break: () => product.answer("/health", 200, health({ database: { connected: true, pool: { totalCount: "5", waitingCount: 0 } } })),
  },
  {
    title: "a service that answers 200 and reports that it is degraded",
    kind: "health",
    says: 'but its status is "degraded"',
    break: () => product.answer("/health", 200, health({ status: "degraded" })),
  },
  {
    title: "a service that answers 503",
    kind: "health",
    says: /^503 in \d+ ms, status "error"$/,
    break: () => product.answer("/health", 503, { status: "error" }),
  },
  {
    title: "an answer to everybody with a password",
    kind: "health",
    says: "contains a URL with a password",
    break: () => product.answer("/health", 200, health({ url: "postgres://shop:hunter2@db/shop" })),
  },
  {
    title: "an answer to everybody with the version of the server",
    kind: "probes",
    says: "contains the version of a server",
    break: () => product.answer("/orders", 401, { error: "PostgreSQL 17.10 refused" }),
  },
  {
    title: "a path that answers without a token",
    kind: "probes",
    says: /^200 in \d+ ms instead of 401: it is open to everybody$/,
    break: () => product.answer("/orders", 200, { orders: [] }),
  },
  {
    title: "a path that does not exist",
    kind: "probes",
    says: /^404 in \d+ ms instead of 401$/,
    break: () => product.answer("/orders", 404, {}),
  },
  {
    title: "an answer without a declared field",
    kind: "probes",
    says: "it has no field goods",
    also: ["canary"],
    break: () => product.answer("/goods", 200, { items: [] }),
  },
  {
    title: "an answer whose field is of another kind",
    kind: "probes",
    says: "goods is an object instead of a list",
    also: ["canary"],
    break: () => product.answer("/goods", 200, { goods: {} }),
  },
  {
    title: "a service that falls back to data in memory",
    kind: "canary",
    says: "it does not come from this database, or from a cache",
    break: () => product.answer("/goods", 200, { goods: [{ slug: "mock", name: "Mock" }] }),
  },
  {
    title: "a service that is connected to another database",
    kind: "canary",
    says: "it does not come from this database",
    break: async () => {
      await postgres.sql("DROP DATABASE IF EXISTS other WITH (FORCE)");
      await postgres.sql("CREATE DATABASE other");
      await postgres.sql("CREATE TABLE goods (slug text, name text); GRANT SELECT ON goods TO shop", "other");
      await product.connect(postgres.url("other", "shop"));
    },
  },
  {
    title: "a migration that was not applied",
    kind: "migrations",
    says: "002_more.sql is not applied",
    break: () => writeFileSync(join(product.folders.migrations, "002_more.sql"), "SELECT 1;\n"),
  },
  {
    title: "a migration that was edited after it was applied",
    kind: "migrations",
    says: "001_goods.sql: edited",
    break: () => writeFileSync(join(product.folders.migrations, "001_goods.sql"), "CREATE TABLE public.goods (slug text);\n"),
  },
  {
    title: "a table that was changed by hand",
    kind: "migrations",
    says: "1 objects were changed outside of the files",
    break: () => postgres.sql("ALTER TABLE goods ADD COLUMN price int", "shop"),
  },
  {
    title: "a table that refuses the row",
    kind: "canary",
    says: /no row could be added: .*hates rows/,
    also: ["migrations"],
    break: () => postgres.sql("ALTER TABLE goods ADD CONSTRAINT \"hates rows\" CHECK (slug = '') NOT VALID", "shop"),
  },
  { title: "a store that was flushed", kind: "keyspaces", says: "1 keys differ or are missing", break: () => store.command(["FLUSHALL"]) },
  {
    title: "a log without the line of a service that connected",
    kind: "log",
    says: '"connected to the database" is missing',
    break: () => {
      product.next.log = "listening\n";
    },
  },
  {
    title: "a log with a line that it must not have",
    kind: "log",
    says: 'it contains "DATABASE_URL required"',
    break: () => {
      product.next.log = "connected to the database\nDATABASE_URL required\n";
    },
  },
  {
    title: "a log with errors",
    kind: "log",
    outcome: "unproved",
    says: "4 lines, 2 of them report errors",
    break: () => {
      product.next.log = "connected to the database\n0 errors\nTypeError: x\nError: y\n";
    },
  },
  {
    title: "a state store that keeps no snapshots",
    kind: "clusters",
    says: "snapshots are off, so a restart loses every key",
    break: () => product.call("PATCH", `/v2/databases/${product.clusters.state}/config`, { config: { valkey_persistence: "off" } }),
  },
  {
    title: "a system without an alert",
    kind: "monitoring",
    outcome: "unproved",
    says: "no alert watches its clusters or its address",
    break: async () => {
      const { policies } = (await product.call("GET", "/v2/monitoring/alerts")) as unknown as { policies: { uuid: string }[] };
      for (const { uuid } of policies) await product.call("DELETE", `/v2/monitoring/alerts/${uuid}`);
    },
  },
  {
    title: "an alert without a recipient among those that have one",
    kind: "monitoring",
    says: "1 of them have no recipient",
    break: () => product.call("POST", "/v2/monitoring/alerts", alertOn(product.clusters.database, [])),
  },
];

describe("verify fails for", () => {
  afterEach(async () => {
    await postgres.sql("ALTER ROLE shop CONNECTION LIMIT -1");
  });

  it.each(BROKEN)("$title", async ({ kind, says, outcome = "failed", also = [], break: breakIt }) => {
    await run();
    await breakIt();
    const checks = await run();
    const found = checks.filter((check) => check.kind === kind && check.outcome === outcome);
    expect(
      found.map(({ evidence }) => evidence),
      JSON.stringify(checks, null, 1),
    ).toContainEqual(typeof says === "string" ? expect.stringContaining(says) : expect.stringMatching(says));
    const others = new Set(checks.filter((check) => check.outcome === "failed" && check.kind !== kind).map((check) => check.kind));
    expect([...others].sort()).toEqual([...also].sort());
    expect(JSON.stringify(checks)).not.toMatch(/hunter[23]/);
  });

  it("a database that cannot be reached, and still looks at the services", async () => {
    const subject = await product.subject();
    const owner = { url: "postgres://shop_owner@127.0.0.1:1/shop" };
    const checks = await run({ database: { ...subject.database!, owner } });
    expect(find(checks, "migrations", "")).toMatchObject({
      outcome: "failed",
      evidence: expect.stringContaining("no server listens on 127.0.0.1:1"),
    });
    expect(find(checks, "health", "")).toMatchObject({ outcome: "passed" });
    expect(find(checks, "canary", "GET /goods")).toMatchObject({ outcome: "skipped" });
  });
});

describe("FluxStudio's log", () => {
  it("must show that the adapters were loaded, and not that DATABASE_URL is required [F43]", async () => {
    const { fluxstudio } = Object.fromEntries(systems.map((system) => [system.name, system]));
    const { log } = (fluxstudio!.apps.fluxstudio!.components.api as Service).checks!;
    const { api } = shop.apps.shop!.components as { api: Service };
    const components = { api: { ...api, checks: { ...api.checks, log: log! } } };
    const system = { ...shop, apps: { shop: { ...shop.apps.shop!, components } } };
    const outcomeOf = async (text: string) => {
      product.next.log = text;
      return find(await run({ system }), "log", "")!;
    };
    expect(await outcomeOf("Database adapters loaded\n")).toMatchObject({ outcome: "passed" });
    expect(await outcomeOf("listening\n")).toMatchObject({
      outcome: "failed",
      evidence: expect.stringContaining('"Database adapters loaded" is missing'),
    });
    expect(await outcomeOf("Database adapters loaded\nDATABASE_URL required\n")).toMatchObject({ outcome: "failed" });
  });
});

describe("verify reports as unproved", () => {
  it("a healthy answer that says nothing about a database where no field is declared [F96]", async () => {
    const { api } = shop.apps.shop!.components;
    const { checks, ...plain } = api as typeof api & { checks: unknown };
    const system = { ...shop, apps: { shop: { ...shop.apps.shop!, components: { api: plain as typeof api } } } };
    const healthOf = async () => find(await run({ system: system as typeof shop }), "health", "")!;
    product.answer("/health", 200, { status: "ok" });
    expect(await healthOf()).toMatchObject({ outcome: "unproved", evidence: expect.stringContaining("answers, database not checked") });
    product.answer("/health", 200, { status: "ok", checks: { postgres: "up" } });
    expect(await healthOf()).toMatchObject({
      outcome: "passed",
      evidence: expect.stringContaining("checks.postgres reports that the database answers"),
    });
    product.answer("/health", 200, { status: "ok", db: { connected: false } });
    expect(await healthOf()).toMatchObject({ outcome: "failed" });
  });
});

/** A small product with a real database, a real store and a real service, deployed to the local API. Each test breaks one part of it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Api, startApi } from "../../../local/api/server.ts";
import type { Backing } from "../../../local/cloud/backing.ts";
import { type Cloud, openCloud } from "../../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../../local/cloud/record-only.ts";
import type { Connection } from "../../../postdeploy/connect/target.ts";
import { seed } from "../../../postdeploy/keyspaces/index.ts";
import type { TestStore } from "../../../postdeploy/keyspaces/testing/store.ts";
import { up } from "../../../postdeploy/migrate/index.ts";
import type { TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import type { System } from "../../../systems/definition.ts";
import { env } from "../../../systems/definition.ts";
import { drydock } from "../../../systems/testing/shipyard.ts";
import { openApi } from "../../recover/api.ts";
import type { VerifySubject } from "../verify.ts";

export const TOKEN = "a token for tests";

export const shop: System = {
  ...drydock,
  name: "shop",
  title: "Shop",
  postgres: {
    ...drydock.postgres,
    database: "shop",
    roles: { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" },
  },
  stores: { state: { class: "state", memoryMiB: 64 } },
  keyspaces: { sessions: { store: "state", database: 0, durable: true } },
  apps: {
    shop: {
      name: "shop",
      components: {
        api: {
          kind: "service",
          source: { repo: "acme/shop", branch: "main", dir: "/", environment: "node-js", deployOnPush: true },
          port: 8080,
          routes: ["/"],
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: {
            NODE_ENV: env.plain("production"),
            DATABASE_URL: env.database("url"),
            REPLICA_URL: env.database("url", { replica: true }),
          },
          checks: {
            database: { connected: "database.connected", counts: ["database.pool.totalCount", "database.pool.waitingCount"] },
            probes: [
              { path: "/orders", status: [401] },
              {
                path: "/goods",
                status: [200],
                fields: { goods: "list" },
                lists: { table: "public.goods", key: "slug", values: { name: "!" } },
              },
            ],
            log: { contains: ["connected to the database"], lacks: ["DATABASE_URL required"] },
          },
        },
      },
    },
  },
  alerts: { ...drydock.alerts, emails: ["oncall@example.com"] },
  checklist: [
    { item: "It is deployed", checks: ["deployment", "variables"] },
    { item: "It answers", checks: ["health", "probes", "canary"] },
    { item: "People like it", checks: [] },
  ],
  targets: [
    { title: "A query", atMostMs: 1000, sql: "SELECT slug FROM goods ORDER BY slug LIMIT 1" },
    { title: "A query that no server answers in time", atMostMs: 1, sql: "SELECT pg_sleep(0.01)" },
    { title: "A query of a table that does not exist", atMostMs: 1, sql: "SELECT 1 FROM bads" },
    { title: "A connection", atMostMs: 1000, checkout: true },
    { title: "The API", atMostMs: 5000, path: "/health" },
  ],
};

/** What a test may change before it verifies. */
export interface Shop {
  readonly cloud: Cloud;
  readonly api: Api;
  /** The subject of a verification. */
  subject(): Promise<VerifySubject>;
  readonly owner: Connection;
  readonly folders: VerifySubject["folders"];
  readonly app: string;
  readonly clusters: { readonly database: string; readonly state: string };
  /** Replaces the service's answers at a path. @param body A text, or an object as JSON. */
  answer(path: string, status: number, body: unknown): void;
  /** What the backing of the account does next. */
  readonly next: { log: string; restarts: string; outcome: ReturnType<Backing["deployApp"]> };
  /** Delays every answer of the service. */
  delay(milliseconds: number): void;
  /** Connects the service to another database, or with another password. */
  connect(url: string): Promise<void>;
  call(method: string, path: string, body?: unknown): Promise<Record<string, never>>;
  deploy(changes?: object): Promise<void>;
  /** Deploys a version of the service. */
  release(version: string): Promise<void>;
  /** Where the app answers. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function startShop(postgres: TestServer, store: TestStore): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-verify-"));
  const folders = { migrations: join(folder, "sql"), keyspaces: join(folder, "keyspaces") };
  for (const path of Object.values(folders)) mkdirSync(path);
  writeFileSync(
    join(folders.migrations, "001_goods.sql"),
    "CREATE TABLE public.goods (slug text PRIMARY KEY, name text NOT NULL);\nGRANT SELECT, INSERT ON public.goods TO shop;\n",
  );
  writeFileSync(join(folders.keyspaces, "sessions.yaml"), KEYSPACE);
  for (const role of ["shop_owner", "shop"]) await postgres.sql(`CREATE ROLE ${role} LOGIN`).catch(() => {});
  await postgres.sql("DROP DATABASE IF EXISTS shop WITH (FORCE)");
  await postgres.sql("CREATE DATABASE shop OWNER shop_owner");
  const owner = { url: postgres.url("shop", "shop_owner") };
  await up({ folder: folders.migrations, connection: owner, system: "shop", owner: "shop_owner", schemas: ["public"] });
  await store.command(["FLUSHALL"]);
  await seed({ folder: folders.keyspaces, system: "shop", stores: { state: { ...store.address(), class: "state" } } });

  const service = await startService(postgres.url("shop", "shop"));
  const next: Shop["next"] = { log: "listening\nconnected to the database\n", restarts: "", outcome: Promise.resolve({ ok: true }) };
  const cloud = await openCloud({
    directory: join(folder, "cloud"),
    timings: "instant",
    backing: {
      ...recordOnly,
      placeApp: async (app) => ({
        url: service.url,
        services: Object.fromEntries(app.services.map(({ name, port }) => [name, { host: name, port }])),
      }),
      async deployApp(_, [component]) {
        const outcome = await next.outcome;
        if (outcome.ok) service.run(component?.env.VERSION ?? "1");
        return outcome;
      },
      readLog: async (_, __, type) => (type === "RUN" ? next.log : next.restarts),
    },
  });
  const api = await startApi({ cloud, token: TOKEN });
  const call: Shop["call"] = async (method, path, body) => {
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const cluster = async (name: string, engine: string, version: string) =>
    (
      (await call("POST", "/v2/databases", { name, engine, version, region: "nyc1", size: "db-s-1vcpu-1gb", num_nodes: 1 })) as unknown as {
        database: { id: string };
      }
    ).database.id;
  const clusters = { database: await cluster("shop-postgres", "pg", "17"), state: await cluster("shop-state", "valkey", "8") };
  await cloud.idle();
  await call("POST", "/v2/monitoring/alerts", alertOn(clusters.database, ["oncall@example.com"]));
  const { app } = (await call("POST", "/v2/apps", { spec: specOf() })) as unknown as { app: { id: string } };
  await cloud.idle();

  return {
    ...{ cloud, api, owner, folders, clusters, call, app: app.id },
    next,
    answer: service.answer,
    connect: service.connect,
    delay: service.delay,
    url: service.url,
    async release(this: Shop, version) {
      const { services } = specOf() as { services: readonly { envs: readonly object[] }[] };
      const envs = [...services[0]!.envs, { key: "VERSION", value: version, scope: "RUN_TIME" }];
      await this.deploy({ services: [{ ...services[0], envs }] });
    },
    async deploy(changes = {}) {
      await call("PUT", `/v2/apps/${app.id}`, { spec: specOf(changes) });
      await cloud.idle();
    },
    subject: async () => ({
      system: shop,
      api: openApi({ endpoint: api.url, token: TOKEN, pause: async () => {} }),
      account: "The test account",
      suffix: "",
      database: { cluster: clusters.database, owner },
      stores: new Map([["state", { ...store.address(), cluster: clusters.state }]]),
      folders,
      isLocal: false,
      readBackups: async () => [{ kind: "backups", subject: "shop/backups", outcome: "passed", evidence: "young enough" }],
    }),
    async stop() {
      await api.close();
      await cloud.close();
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const KEYSPACE = `keyspace: sessions
store: state
database: 0
durable: true
purpose: Sessions
keys:
  - pattern: greeting:<name>
    type: string
    ttl: none
    owner: shop
    purpose: A greeting
seed:
  - key: greeting:all
    string: hello
`;

export const alertOn = (cluster: string, email: readonly string[]): object => ({
  ...{ type: "v1/dbaas/alerts/cpu_alerts", description: "cpu", compare: "GreaterThan", value: 80, window: "5m", enabled: true, tags: [] },
  entities: [cluster],
  alerts: { email, slack: [] },
});

function specOf(changes: object = {}): object {
  const envs = ["NODE_ENV", "DATABASE_URL"].map((key) => ({ key, value: "x", scope: "RUN_TIME" }));
  return {
    name: "shop",
    region: "nyc",
    services: [{ name: "api", github: { repo: "acme/shop", branch: "main" }, http_port: 8080, envs }],
    ingress: { rules: [{ component: { name: "api" }, match: { path: { prefix: "/" } } }] },
    ...changes,
  };
}

interface TestService {
  readonly url: string;
  /** Answers as this version of the program. */
  run(version: string): void;
  answer(path: string, status: number, body: unknown): void;
  connect(url: string): Promise<void>;
  delay(milliseconds: number): void;
  stop(): Promise<void>;
}

/** A real one: it holds a pool, and its answers come from the database. */
async function startService(url: string): Promise<TestService> {
  const open = (connectionString: string) => {
    const pool = new pg.Pool({ connectionString, max: 2, connectionTimeoutMillis: 500 });
    pool.on("error", () => {});
    return pool;
  };
  let pool = open(url);
  let delayMs = 0;
  let version = "1";
  const answers = new Map<string, readonly [number, unknown]>();
  const server: Server = createServer(async (incoming, reply) => {
    const path = incoming.url ?? "/";
    await sleep(delayMs);
    const [status, body] = answers.get(path) ?? (await (incoming.method === "POST" ? add(path) : answer(path)));
    reply.writeHead(status, { "content-type": "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  /** POST /goods/<slug> is acknowledged once the row is committed. */
  async function add(path: string): Promise<readonly [number, unknown]> {
    try {
      await pool.query("INSERT INTO goods (slug, name) VALUES ($1, $1)", [path.split("/").at(-1)]);
      return [201, { version }];
    } catch {
      return [503, { version }];
    }
  }

  async function answer(path: string): Promise<readonly [number, unknown]> {
    const { totalCount, waitingCount } = pool;
    try {
      if (path === "/orders") return [401, { error: "authentication required" }];
      if (path === "/goods") return [200, { goods: (await pool.query("SELECT * FROM goods ORDER BY name LIMIT 10")).rows }];
      await pool.query("SELECT 1");
      return [200, { status: "ok", version, database: { connected: true, pool: { totalCount, waitingCount } } }];
    } catch {
      return [path === "/health" ? 200 : 503, { status: "ok", database: { connected: false, pool: { totalCount, waitingCount } } }];
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    run(started) {
      version = started;
    },
    answer: (path, status, body) => void answers.set(path, [status, body]),
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    async connect(other) {
      await pool.end();
      pool = open(other);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pool.end();
    },
  };
}

/** What Candlefish collaboration's documents require, observed in the requests that a deployment would send. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { findNode } from "../../catalog/nodes.ts";
import type { Plan } from "../../engine/index.ts";
import { byType, componentOf, PORT, planOf, resource, Secret, STEP, TYPE, variablesOf } from "./planned.ts";

const APPS = { rtpm: "api", paintbox: "paintbox", "brand-portal": "brand-portal" } as const;
type AppKey = keyof typeof APPS;
const NODE_APPS: readonly AppKey[] = ["paintbox", "brand-portal"];
const ALL = Object.keys(APPS) as AppKey[];
const CA_FILE = "/tmp/slipway-ca.pem";

describe("Candlefish in production", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planOf("prod");
  });
  const component = (app: AppKey) => componentOf(plan, `candlefish-${app}-app`, "services", APPS[app]);
  const variables = (app: AppKey) => variablesOf(plan, `candlefish-${app}-app`, "services", APPS[app]);
  const cluster = (name: string) => resource(plan, TYPE.cluster, `candlefish-${name}-cluster`).inputs;

  it("shares one database and the same stores between RTPM, Paintbox and Brand Portal [C5]", () => {
    for (const name of ["DATABASE_URL", "REDIS_URL", "REDIS_CACHE_URL", "REDIS_USER_DATA_URL"])
      expect(new Set(ALL.map((app) => variables(app)[name])).size, name).toBe(1);
    const databases = byType(plan, "digitalocean:index/databaseDb:DatabaseDb").filter(({ name }) => name.startsWith("candlefish-"));
    expect(databases.map(({ inputs }) => inputs.name)).toEqual(["candlefish_collaboration"]);
  });

  it("keeps backups of 30 days of the database and of 7 days of keyspaces, and the others keep what they declare [C53]", async () => {
    const made = { bucketPrefix: "acme", image: "ghcr.io/acme/slipway:1.0.0", recipients: [`age1${"q".repeat(58)}`] };
    const recorded = await planOf("prod", { backups: made });
    const commandOf = (app: string) => String(componentOf(recorded, app, "workers", "worker").runCommand);
    for (const app of ["candlefish-backups-app", "fluxstudio-backups-app", "devx-backups-app"])
      expect(commandOf(app)).toContain(" --keep-daily 30 ");
    expect(commandOf("candlefish-backups-app")).toMatch(/ --keep-keyspaces 7$/);
    for (const app of ["fluxstudio-backups-app", "devx-backups-app"]) expect(commandOf(app)).not.toContain("--keep-keyspaces");
  });

  it("generates its secrets: an operator enters none [C7]", () => {
    const { value } = variables("rtpm").JWT_SECRET as unknown as { value: string };
    expect(value).toBe("canary-generated-candlefish-secrets-generated-jwtSecret");
    expect(plan.placeholders?.filter((key) => key.includes("candlefish")) ?? []).toEqual([]);
  });

  it("wires one generated signing secret to all three apps, encrypted [C59]", () => {
    for (const app of ALL) {
      const jwt = component(app).envs.find(({ key }) => key === "JWT_SECRET");
      expect(jwt).toMatchObject({ type: "SECRET", scope: "RUN_TIME" });
      expect(jwt).toHaveProperty("value.value", "canary-generated-candlefish-secrets-generated-jwtSecret");
    }
  });

  it("runs in San Francisco on a disk that grows by 10 GiB at 80 % [C12]", () => {
    expect(cluster("postgres")).toMatchObject({
      region: "sfo3",
      storageAutoscale: { enabled: true, thresholdPercent: 80, incrementGib: 10 },
    });
  });

  it("has stores whose memory holds 256 MB twice, because a snapshot copies pages that change [C13]", () => {
    for (const store of ["state-valkey", "cache-valkey"])
      expect(findNode(String(cluster(store).size))!.memoryGiB * 1024).toBeGreaterThanOrEqual(512);
    const { deviations } = resource(plan, "slipway:index:Platform", "slipway").outputs as unknown as {
      deviations: { asked: string; built: string }[];
    };
    expect(deviations).toContainEqual(expect.objectContaining({ asked: "A volume of 2 GB for Redis" }));
  });

  it("calls the app rtpm-api-candlefish [C17]", () => {
    expect(resource(plan, TYPE.app, "candlefish-rtpm-app").inputs.spec).toMatchObject({ name: "rtpm-api-candlefish" });
  });

  it("attaches database candlefish_collaboration as role candlefish, at a private host [C18]", () => {
    for (const app of ALL) {
      const { databases } = resource(plan, TYPE.app, `candlefish-${app}-app`).inputs.spec as unknown as { databases: unknown[] };
      expect(databases).toContainEqual(
        expect.objectContaining({
          name: "db",
          dbName: "candlefish_collaboration",
          dbUser: "candlefish",
          clusterName: "candlefish-postgres",
        }),
      );
      expect(new URL(String(variables(app).DATABASE_URL).replaceAll(/\$\{[\w.]+\}/g, "x")).hostname).toMatch(/^private-/);
    }
  });

  it("verifies the server with the CA, which the run command writes to the file that the URL names [C19]", () => {
    for (const app of ALL) {
      expect(variables(app).DATABASE_URL).toMatch(/\?sslmode=verify-full&sslrootcert=\/tmp\/slipway-ca\.pem$/);
      const { runCommand } = component(app);
      const env = { REDIS_CA_CERT: "redis", REDIS_CACHE_CA_CERT: "cache", DATABASE_CA_CERT: "postgres" };
      const written = runInShell(String(runCommand).replace(/ && exec .*$/, " && exec true"), env);
      expect(written).toBe("redis\ncache\npostgres\n");
    }
  });

  it("leads to role, host, port and database of the pool, by reference and with full verification [C21]", () => {
    for (const app of ALL)
      expect(variables(app).DATABASE_URL).toBe(
        `postgresql://\${db.USERNAME}:\${db.PASSWORD}@private-pool.example:${PORT.pool}/candlefish_collaboration?sslmode=verify-full&sslrootcert=${CA_FILE}`,
      );
  });

  it("sends every app through a transaction pool, and migrations and roles directly to the cluster [C41]", () => {
    expect(
      resource(
        plan,
        "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool",
        "candlefish-postgres-pool-candlefish_collaboration",
      ).inputs,
    ).toMatchObject({
      mode: "transaction",
      user: "candlefish",
      dbName: "candlefish_collaboration",
    });
    for (const app of ALL) expect(variables(app).DATABASE_URL).toMatch(`:${PORT.pool}/`);
    for (const step of [STEP.Migrations, STEP.Roles]) {
      const [found] = byType(plan, step).filter(({ inputs }) => inputs.system === "candlefish");
      const text = JSON.stringify(found?.inputs, (_, value) => (value instanceof Secret ? value.value : value));
      expect(text).toContain(`:${PORT.cluster}/candlefish_collaboration`);
      expect(text).not.toContain(`:${PORT.pool}/`);
    }
  });

  it("gives each app 20 connections, and the pool 20 at the server [C20]", () => {
    expect([variables("rtpm").SQLALCHEMY_POOL_SIZE, ...NODE_APPS.map((app) => variables(app).DATABASE_POOL_MAX)]).toEqual([
      "20",
      "20",
      "20",
    ]);
    expect(byType(plan, "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool").map(({ inputs }) => inputs.size)).toEqual([20]);
  });

  it("leads sessions to database 0, cache to 1 and user data to 2, of two stores [C23]", () => {
    for (const app of ALL) {
      const { REDIS_URL, REDIS_CACHE_URL, REDIS_USER_DATA_URL } = variables(app);
      expect([REDIS_URL, REDIS_CACHE_URL, REDIS_USER_DATA_URL]).toEqual([
        "rediss://${state.USERNAME}:${state.PASSWORD}@private-candlefish-state-valkey-cluster.example:${state.PORT}/0",
        "rediss://${cache.USERNAME}:${cache.PASSWORD}@private-candlefish-cache-valkey-cluster.example:${cache.PORT}/1",
        "rediss://${state.USERNAME}:${state.PASSWORD}@private-candlefish-state-valkey-cluster.example:${state.PORT}/2",
      ]);
    }
  });

  it("limits redis-py to 50 connections [C24]", () => {
    expect(variables("rtpm").REDIS_MAX_CONNECTIONS).toBe("50");
  });

  it("connects to Redis within 10 s, in the unit of each client [C25]", () => {
    expect(variables("rtpm").REDIS_SOCKET_CONNECT_TIMEOUT).toBe("10");
    for (const app of NODE_APPS) expect(variables(app).REDIS_CONNECT_TIMEOUT_MS).toBe("10000");
  });

  it("gives RTPM its DATABASE_URL and REDIS_URL at run time [C42]", () => {
    for (const name of ["DATABASE_URL", "REDIS_URL"])
      expect(component("rtpm").envs.find(({ key }) => key === name)).toMatchObject({
        scope: "RUN_TIME",
        value: expect.stringContaining("://${"),
      });
  });

  it("wires SQLAlchemy over TLS with 20, 10, 30 and 3600, and counts 30 connections [C43]", async () => {
    const { SQLALCHEMY_DATABASE_URL, SQLALCHEMY_POOL_SIZE, SQLALCHEMY_MAX_OVERFLOW, SQLALCHEMY_POOL_TIMEOUT, SQLALCHEMY_POOL_RECYCLE } =
      variables("rtpm");
    expect([SQLALCHEMY_POOL_SIZE, SQLALCHEMY_MAX_OVERFLOW, SQLALCHEMY_POOL_TIMEOUT, SQLALCHEMY_POOL_RECYCLE]).toEqual([
      "20",
      "10",
      "30",
      "3600",
    ]);
    expect(SQLALCHEMY_DATABASE_URL).toMatch(
      /^postgresql\+asyncpg:\/\/\$\{db\.USERNAME\}:\$\{db\.PASSWORD\}@private-candlefish-postgres.*\?ssl=verify-full$/,
    );
    await expect(
      planOf("prod", { candlefish: { postgres: { size: "db-s-1vcpu-1gb", nodes: 1 }, connections: { "api/SQLALCHEMY_POOL_SIZE": 20 } } }),
    ).rejects.toThrow(/SQLALCHEMY_POOL_SIZE +30 +\(20 \+ 10 overflow\)/);
  });

  it("gives redis-py its limits and timeouts in seconds [C44]", () => {
    expect(variables("rtpm")).toMatchObject({
      REDIS_MAX_CONNECTIONS: "50",
      REDIS_SOCKET_TIMEOUT: "10",
      REDIS_SOCKET_CONNECT_TIMEOUT: "10",
      REDIS_RETRY_ON_TIMEOUT: "true",
      REDIS_SSL_CA_CERTS: CA_FILE,
    });
  });

  it("gives pg's pool 20 connections, 30 s idle and 10 s to connect [C45]", () => {
    for (const app of NODE_APPS)
      expect(variables(app)).toMatchObject({
        DATABASE_POOL_MAX: "20",
        DATABASE_POOL_IDLE_TIMEOUT_MS: "30000",
        DATABASE_POOL_CONNECTION_TIMEOUT_MS: "10000",
      });
  });

  it("gives ioredis three retries and 10 s and 5 s, and no option that exists only for clusters [C46]", () => {
    for (const app of NODE_APPS) {
      expect(variables(app)).toMatchObject({
        REDIS_MAX_RETRIES_PER_REQUEST: "3",
        REDIS_CONNECT_TIMEOUT_MS: "10000",
        REDIS_COMMAND_TIMEOUT_MS: "5000",
      });
      expect(Object.keys(variables(app)).filter((name) => /failover/i.test(name))).toEqual([]);
    }
  });

  it("sends these variables and no others", () => {
    const stores = ["REDIS_CACHE_CA_CERT", "REDIS_CACHE_URL", "REDIS_CA_CERT", "REDIS_URL", "REDIS_USER_DATA_URL"];
    const common = ["DATABASE_CA_CERT", "DATABASE_URL", "JWT_SECRET", "PGSSLMODE", ...stores];
    const sqlalchemy = ["DATABASE_URL", "MAX_OVERFLOW", "POOL_RECYCLE", "POOL_SIZE", "POOL_TIMEOUT"].map((name) => `SQLALCHEMY_${name}`);
    const redisPy = ["MAX_CONNECTIONS", "RETRY_ON_TIMEOUT", "SOCKET_CONNECT_TIMEOUT", "SOCKET_TIMEOUT", "SSL_CA_CERTS"].map(
      (name) => `REDIS_${name}`,
    );
    const pg = ["CONNECTION_TIMEOUT_MS", "IDLE_TIMEOUT_MS", "MAX"].map((name) => `DATABASE_POOL_${name}`);
    const ioredis = ["COMMAND_TIMEOUT_MS", "CONNECT_TIMEOUT_MS", "MAX_RETRIES_PER_REQUEST"].map((name) => `REDIS_${name}`);
    expect(Object.keys(variables("rtpm"))).toEqual([...common, "PGSSLROOTCERT", ...sqlalchemy, ...redisPy].sort());
    for (const app of NODE_APPS)
      expect(Object.keys(variables(app))).toEqual([...common, "NODE_ENV", "NODE_EXTRA_CA_CERTS", ...pg, ...ioredis].sort());
  });

  it("sends alerts to the documents' address, and to Slack where the feature is on", async () => {
    const withSlack = await planOf("prod", { candlefish: { features: ["slackAlerts"] }, alertEmails: [] });
    const channels = byType(withSlack, TYPE.monitorAlert)
      .filter(({ name }) => name.startsWith("candlefish-"))
      .map(({ inputs }) => JSON.stringify(inputs.alerts, (_, value) => (value instanceof Secret ? value.value : value)));
    expect(channels.length).toBeGreaterThan(0);
    for (const channel of channels) {
      expect(channel).toContain("alerts@candlefish.ai");
      expect(channel).toContain("#candlefish-alerts");
    }
  });

  it("checks RTPM at /health [C49]", () => {
    expect(component("rtpm").healthCheck).toEqual({ httpPath: "/health", periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 });
  });

  it("sets a maintenance window for every cluster, Sunday at 04:00 UTC [C60]", () => {
    const windows = byType(plan, TYPE.cluster).map(({ inputs }) => inputs.maintenanceWindows);
    expect(windows.length).toBeGreaterThan(4);
    for (const window of windows) expect(window).toEqual([{ day: "sunday", hour: "04:00" }]);
  });

  it("sets shared buffers to 20 % of 4 GiB for the required 256 MB, and reports that a node has 97 of 100 connections [C62]", async () => {
    const config = resource(
      plan,
      "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig",
      "candlefish-postgres-config",
    ).inputs;
    expect(config.sharedBuffersPercentage).toBe(20);
    expect(cluster("postgres").size).toBe("db-s-2vcpu-4gb");
    expect(plan.messages.map(({ text }) => text).join("\n")).toContain("require more than db-s-2vcpu-4gb has: 97 connections of 100.");
  });

  it("adds up the connections of every process and compares the sum with the node's [C63]", async () => {
    const small = planOf("prod", {
      candlefish: { postgres: { size: "db-s-1vcpu-1gb", nodes: 1 }, connections: { "api/SQLALCHEMY_POOL_SIZE": 20 } },
    });
    await expect(small).rejects.toThrow(/runner +2 [\s\S]*backup +2 [\s\S]*SQLALCHEMY_POOL_SIZE +30 [\s\S]*sum +\d+\s+usable +22 /);
  });

  it("has two Valkey clusters: state that never evicts, on two nodes, and a cache that does [C64]", () => {
    expect(cluster("state-valkey")).toMatchObject({ evictionPolicy: "noeviction", nodeCount: 2 });
    expect(cluster("cache-valkey")).toMatchObject({ evictionPolicy: "allkeys_lru", nodeCount: 1 });
  });

  it("saves snapshots of state, none of the cache, and states what a failure can lose [C65]", () => {
    const persistence = (name: string) =>
      resource(plan, "digitalocean:index/databaseValkeyConfig:DatabaseValkeyConfig", `candlefish-${name}-valkey-config`).inputs.persistence;
    expect([persistence("state"), persistence("cache")]).toEqual(["rdb", "off"]);
    const { deviations } = resource(plan, "slipway:index:Platform", "slipway").outputs as unknown as { deviations: { built: string }[] };
    expect(deviations.map(({ built }) => built)).toContain("Snapshots every ten minutes if anything changed; later writes can be lost");
  });
});

/** @returns what the command writes to the certificates' file, in a folder of this test. */
function runInShell(command: string, env: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-ca-"));
  const file = join(folder, "ca.pem");
  try {
    const { status, stderr } = spawnSync("sh", ["-c", command.replaceAll(CA_FILE, file)], {
      env: { ...env, PATH: process.env.PATH },
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

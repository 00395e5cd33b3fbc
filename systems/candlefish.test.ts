import { describe, expect, it } from "vitest";
import { candlefish } from "./candlefish.ts";
import { componentOf, reads } from "./testing/describe.ts";

const APPS = ["api", "paintbox", "brand-portal"];
const api = componentOf(candlefish, "api");

describe("Candlefish's database", () => {
  it("is candlefish_collaboration, and the application is candlefish [C18]", () => {
    expect(candlefish.postgres.database).toBe("candlefish_collaboration");
    expect(candlefish.postgres.roles).toEqual({
      owner: "candlefish_owner",
      runtime: "candlefish",
      readonly: "candlefish_readonly",
      backup: "candlefish_backup",
    });
  });

  it("has a pool in transaction mode, which every app's DATABASE_URL goes through [C41]", () => {
    expect(candlefish.postgres.pools).toEqual({ candlefish_collaboration: { mode: "transaction", wish: 20 } });
    for (const app of APPS) expect(reads(candlefish, app).DATABASE_URL).toBe("database url through candlefish_collaboration");
  });

  it("has its pool named like itself, so that a URL keeps the form that is printed", () => {
    expect(Object.keys(candlefish.postgres.pools)).toEqual([candlefish.postgres.database]);
  });

  it("requires 100 connections, 256 MiB of shared buffers and 512 MiB of cache", () => {
    expect(candlefish.postgres.sizing).toEqual({ connections: 100, sharedBuffersMiB: 256, effectiveCacheMiB: 512 });
  });

  it("has the statistics of statements", () => {
    expect(candlefish.postgres.extensions).toEqual(["pg_stat_statements"]);
  });
});

describe("Candlefish's Valkey", () => {
  it("maps sessions to 0, cache to 1, user data to 2 [C23]", () => {
    const numbers = Object.entries(candlefish.keyspaces).map(([name, { database }]) => [name, database]);
    expect(numbers).toEqual([
      ["sessions", 0],
      ["cache", 1],
      ["userData", 2],
    ]);
  });

  it("keeps sessions and user data where nothing is evicted, and cache where it may be [C64]", () => {
    expect(candlefish.stores.state?.class).toBe("state");
    expect(candlefish.stores.cache?.class).toBe("cache");
    const places = Object.entries(candlefish.keyspaces).map(([name, { store, durable }]) => [name, store, durable]);
    expect(places).toEqual([
      ["sessions", "state", true],
      ["cache", "cache", false],
      ["userData", "state", true],
    ]);
  });

  it("asks for 256 MiB a store", () => {
    expect(Object.values(candlefish.stores).map(({ memoryMiB }) => memoryMiB)).toEqual([256, 256]);
  });

  it("lets a client have 50 connections [C24]", () => {
    expect(reads(candlefish, "api").REDIS_MAX_CONNECTIONS).toBe("plain 50");
  });
});

describe("Candlefish's apps", () => {
  it("are three targets of one database and one set of keyspaces [C5]", () => {
    const shared = ["DATABASE_URL", "REDIS_URL", "REDIS_CACHE_URL", "REDIS_USER_DATA_URL"];
    const [rtpm, ...others] = APPS.map((app) => shared.map((key) => reads(candlefish, app)[key]));
    expect(Object.values(candlefish.apps)).toHaveLength(3);
    expect(rtpm).toEqual([
      "database url through candlefish_collaboration",
      "keyspace sessions url",
      "keyspace cache url",
      "keyspace userData url",
    ]);
    for (const other of others) expect(other).toEqual(rtpm);
  });

  it("are called by their right name, RTPM too [C17]", () => {
    expect(Object.values(candlefish.apps).map(({ name }) => name)).toEqual([
      "rtpm-api-candlefish",
      "paintbox-candlefish",
      "brand-portal-candlefish",
    ]);
  });

  it("are healthy where RTPM's /health answers [C49]", () => {
    expect(api).toMatchObject({ kind: "service", health: { path: "/health" } });
  });

  it("share one generated secret for their tokens [C59]", () => {
    expect(candlefish.secrets.jwtSecret).toMatchObject({ origin: "generated", length: 48 });
    for (const app of APPS) expect(reads(candlefish, app).JWT_SECRET).toBe("secret jwtSecret");
  });

  it("need no operator secret as long as alerts go by email [C7]", () => {
    const typed = Object.values(candlefish.secrets).filter((secret) => secret.origin === "operator");
    expect(typed.map((secret) => secret.origin === "operator" && secret.feature)).toEqual(["slackAlerts"]);
  });
});

describe("what RTPM reads", () => {
  it("is this and nothing else", () => {
    expect(reads(candlefish, "api")).toEqual({
      DATABASE_URL: "database url through candlefish_collaboration",
      REDIS_URL: "keyspace sessions url",
      REDIS_CACHE_URL: "keyspace cache url",
      REDIS_USER_DATA_URL: "keyspace userData url",
      REDIS_CA_CERT: "keyspace sessions ca",
      REDIS_CACHE_CA_CERT: "keyspace cache ca",
      JWT_SECRET: "secret jwtSecret",
      DATABASE_CA_CERT: "database ca",
      PGSSLMODE: "plain verify-full",
      PGSSLROOTCERT: "file of certificates",
      SQLALCHEMY_DATABASE_URL: "database url for postgresql+asyncpg",
      SQLALCHEMY_POOL_SIZE: "budget 20, 5 at least, 10 more",
      SQLALCHEMY_MAX_OVERFLOW: "plain 10",
      SQLALCHEMY_POOL_TIMEOUT: "plain 30",
      SQLALCHEMY_POOL_RECYCLE: "plain 3600",
      REDIS_SSL_CA_CERTS: "file of certificates",
      REDIS_MAX_CONNECTIONS: "plain 50",
      REDIS_SOCKET_TIMEOUT: "plain 10",
      REDIS_SOCKET_CONNECT_TIMEOUT: "plain 10",
      REDIS_RETRY_ON_TIMEOUT: "plain true",
    });
  });

  it("has DATABASE_URL and REDIS_URL [C42]", () => {
    expect(api.env.DATABASE_URL).toMatchObject({ from: "database", part: "url" });
    expect(api.env.REDIS_URL).toMatchObject({ from: "store", keyspace: "sessions", part: "url" });
  });

  it("has SQLAlchemy's figures, and counts its pool as 20 and 10 [C43]", () => {
    expect(api.env.SQLALCHEMY_POOL_SIZE).toMatchObject({ from: "budget", wish: 20, overflow: 10 });
    expect(reads(candlefish, "api")).toMatchObject({
      SQLALCHEMY_MAX_OVERFLOW: "plain 10",
      SQLALCHEMY_POOL_TIMEOUT: "plain 30",
      SQLALCHEMY_POOL_RECYCLE: "plain 3600",
    });
  });

  it("connects with asyncpg past the pool, which would lose the statements it prepared", () => {
    expect(api.env.SQLALCHEMY_DATABASE_URL).toEqual({ from: "database", part: "url", driver: "postgresql+asyncpg", scope: "RUN_TIME" });
  });

  it("has redis-py's figures, in seconds [C44]", () => {
    expect(reads(candlefish, "api")).toMatchObject({
      REDIS_MAX_CONNECTIONS: "plain 50",
      REDIS_SOCKET_TIMEOUT: "plain 10",
      REDIS_SOCKET_CONNECT_TIMEOUT: "plain 10",
      REDIS_RETRY_ON_TIMEOUT: "plain true",
    });
  });
});

describe.each(["paintbox", "brand-portal"])("what %s reads", (app) => {
  it("is this and nothing else", () => {
    expect(reads(candlefish, app)).toEqual({
      NODE_ENV: "plain production",
      DATABASE_URL: "database url through candlefish_collaboration",
      REDIS_URL: "keyspace sessions url",
      REDIS_CACHE_URL: "keyspace cache url",
      REDIS_USER_DATA_URL: "keyspace userData url",
      REDIS_CA_CERT: "keyspace sessions ca",
      REDIS_CACHE_CA_CERT: "keyspace cache ca",
      JWT_SECRET: "secret jwtSecret",
      DATABASE_CA_CERT: "database ca",
      PGSSLMODE: "plain verify-full",
      NODE_EXTRA_CA_CERTS: "file of certificates",
      DATABASE_POOL_MAX: "budget 20, 5 at least",
      DATABASE_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      DATABASE_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
      REDIS_MAX_RETRIES_PER_REQUEST: "plain 3",
      REDIS_CONNECT_TIMEOUT_MS: "plain 10000",
      REDIS_COMMAND_TIMEOUT_MS: "plain 5000",
    });
  });

  it("has a pool of 20 [C20]", () => {
    expect(componentOf(candlefish, app).env.DATABASE_POOL_MAX).toMatchObject({ from: "budget", wish: 20 });
  });

  it("has node-postgres's figures: 20 connections, 30 s idle, 10 s to connect [C45]", () => {
    expect(reads(candlefish, app)).toMatchObject({
      DATABASE_POOL_MAX: "budget 20, 5 at least",
      DATABASE_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      DATABASE_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
    });
  });

  it("has ioredis's figures, without the one that only a cluster has [C46]", () => {
    expect(reads(candlefish, app)).toMatchObject({
      REDIS_MAX_RETRIES_PER_REQUEST: "plain 3",
      REDIS_CONNECT_TIMEOUT_MS: "plain 10000",
      REDIS_COMMAND_TIMEOUT_MS: "plain 5000",
    });
    expect(Object.keys(componentOf(candlefish, app).env).join()).not.toContain("FAILOVER");
  });

  it("connects to Valkey within 10 s [C25]", () => {
    expect(reads(candlefish, app).REDIS_CONNECT_TIMEOUT_MS).toBe("plain 10000");
  });
});

describe("Candlefish's operations", () => {
  it("back up at two in the morning, UTC", () => {
    expect(candlefish.backups).toEqual({ postgres: { hourUtc: 2 } });
  });

  it("send alerts to Slack and to the address in the documents", () => {
    expect(candlefish.alerts).toMatchObject({
      emails: ["alerts@candlefish.ai"],
      slack: { channel: "#candlefish-alerts", webhook: "slackWebhook" },
    });
  });
});

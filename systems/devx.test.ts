import { describe, expect, it } from "vitest";
import { devx } from "./devx.ts";
import { fluxstudio } from "./fluxstudio.ts";
import { componentOf, reads } from "./testing/describe.ts";

const api = componentOf(devx, "api");

describe("DevX's database", () => {
  it("is called devxplatform, and the application is devx", () => {
    expect(devx.postgres.database).toBe("devxplatform");
    expect(devx.postgres.roles).toEqual({ owner: "devx_owner", runtime: "devx", readonly: "devx_readonly", backup: "devx_backup" });
  });

  it("has the schemas devx and templates, devx first, and nothing in public", () => {
    expect(devx.postgres.schemas).toEqual(["devx", "templates"]);
  });

  it("needs no extension: its keys come from Postgres itself [D41]", () => {
    expect(devx.postgres.extensions).toEqual([]);
  });
});

describe("DevX's Valkey", () => {
  it("is there only where a stack asks for it, and no keyspace is invented [D34]", () => {
    expect(devx.stores).toEqual({ valkey: { class: "state", memoryMiB: 256, feature: "valkey" } });
    expect(devx.keyspaces).toEqual({});
    expect(reads(devx, "api")).toMatchObject({
      REDIS_URL: "store valkey url, where valkey",
      REDIS_CA_CERT: "store valkey ca, where valkey",
    });
  });
});

describe("DevX's API", () => {
  it("reads this and nothing else", () => {
    expect(reads(devx, "api")).toEqual({
      NODE_ENV: "plain production",
      RUN_MIGRATIONS_ON_START: "plain false",
      DATABASE_URL: "database url",
      POSTGRES_HOST: "database host",
      POSTGRES_PORT: "database port",
      POSTGRES_DB: "database name",
      POSTGRES_USER: "database user",
      POSTGRES_PASSWORD: "database password",
      DATABASE_CA_CERT: "database ca",
      PGSSLMODE: "plain verify-full",
      NODE_EXTRA_CA_CERTS: "file of certificates",
      POSTGRES_POOL_MAX: "budget 20, 5 at least",
      POSTGRES_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      POSTGRES_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
      REDIS_URL: "store valkey url, where valkey",
      REDIS_CA_CERT: "store valkey ca, where valkey",
    });
  });

  it("has the connection as a URL and in single fields, through the same door [D32]", () => {
    const keys = ["DATABASE_URL", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"];
    const values = keys.map((key) => api.env[key]);
    expect(values.map((value) => value?.from)).toEqual(keys.map(() => "database"));
    for (const value of values) expect(value).not.toHaveProperty("pool");
  });

  it("asks for 20 connections or what the node has left, 30 s idle, 10 s to connect [D25]", () => {
    expect(api.env.POSTGRES_POOL_MAX).toMatchObject({ from: "budget", wish: 20 });
    expect(reads(devx, "api")).toMatchObject({
      POSTGRES_POOL_IDLE_TIMEOUT_MS: "plain 30000",
      POSTGRES_POOL_CONNECTION_TIMEOUT_MS: "plain 10000",
    });
  });

  it("gets pool, connection, verified TLS and a health check from its definition [D24]", () => {
    expect(reads(devx, "api")).toMatchObject({ NODE_ENV: "plain production", PGSSLMODE: "plain verify-full" });
    expect(api).toMatchObject({ kind: "service", health: { path: "/health" } });
  });

  it("is healthy where /health answers [D36]", () => {
    expect(api).toMatchObject({ health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 } });
  });

  it("does not migrate when it starts", () => {
    expect(reads(devx, "api").RUN_MIGRATIONS_ON_START).toBe("plain false");
  });

  it("is built from the folder api", () => {
    expect(api.source).toMatchObject({ repo: "your-org/devx-platform", dir: "/api", runCommand: "npm start" });
  });
});

describe("DevX's operations", () => {
  it("use FluxStudio's backups and alerts, because its own documents name none", () => {
    expect(devx.backups).toEqual(fluxstudio.backups);
    expect(devx.alerts).toEqual(fluxstudio.alerts);
  });
});

/** What DevX Platform's documents require, observed in the requests that a deployment would send. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Plan } from "../../engine/index.ts";
import { byType, componentOf, planOf, resource, Secret, STEP, TYPE, variablesOf } from "./planned.ts";

const APP = "devx-devx-app";

describe("DevX Platform in production", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planOf("prod");
  });
  const api = (each = plan) => componentOf(each, APP, "services", "api");
  const variables = (each = plan) => variablesOf(each, APP, "services", "api");

  it("sends its pool, environment, health check and TLS in the App spec [D24]", () => {
    expect(variables()).toMatchObject({
      NODE_ENV: "production",
      RUN_MIGRATIONS_ON_START: "false",
      PGSSLMODE: "verify-full",
      NODE_EXTRA_CA_CERTS: "/tmp/slipway-ca.pem",
      DATABASE_CA_CERT: "${db.CA_CERT}",
      POSTGRES_POOL_MAX: "20",
    });
    expect(api().runCommand).toBe(`printf '%s\\n' "$DATABASE_CA_CERT" > /tmp/slipway-ca.pem && exec npm start`);
    expect(api()).toMatchObject({ httpPort: 8080, healthCheck: { httpPath: "/health" } });
  });

  it("leads DATABASE_URL and the five POSTGRES_ variables to devxplatform as devx [D32]", () => {
    const host = "private-devx-postgres-cluster.example";
    expect(variables().DATABASE_URL).toBe(
      `postgresql://\${db.USERNAME}:\${db.PASSWORD}@${host}:\${db.PORT}/\${db.DATABASE}?sslmode=verify-full&sslrootcert=/tmp/slipway-ca.pem`,
    );
    expect(Object.entries(variables()).filter(([key]) => /^POSTGRES_(?!POOL)/.test(key))).toEqual([
      ["POSTGRES_DB", "${db.DATABASE}"],
      ["POSTGRES_HOST", host],
      ["POSTGRES_PASSWORD", "${db.PASSWORD}"],
      ["POSTGRES_PORT", "${db.PORT}"],
      ["POSTGRES_USER", "${db.USERNAME}"],
    ]);
    const { databases } = resource(plan, TYPE.app, APP).inputs.spec as unknown as { databases: unknown[] };
    expect(databases).toContainEqual(
      expect.objectContaining({ name: "db", dbName: "devxplatform", dbUser: "devx", clusterName: "devx-postgres", production: true }),
    );
  });

  it("gives the pool 20 connections, 30 s idle, 10 s to connect, and fewer where the node has no more [D25]", async () => {
    expect(variables()).toMatchObject({
      POSTGRES_POOL_MAX: "20",
      POSTGRES_POOL_IDLE_TIMEOUT_MS: "30000",
      POSTGRES_POOL_CONNECTION_TIMEOUT_MS: "10000",
    });
    const small = await planOf("prod", { devx: { postgres: { size: "db-s-1vcpu-1gb", nodes: 1 } } });
    expect(variables(small).POSTGRES_POOL_MAX).toBe("17");
  });

  it("is checked at /health every 10 s, for 5 s, three times [D36]", () => {
    expect(api().healthCheck).toEqual({ httpPath: "/health", periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 });
  });

  it("outputs connections of every environment with TLS and the certificate, as one secret [D43]", async () => {
    for (const each of [plan, await planOf("staging"), await planOf("local")]) {
      expect(each.outputs.connections).toBeInstanceOf(Secret);
      const systems = (each.outputs.connections as Secret).value as unknown as Record<string, Record<string, unknown>>;
      for (const { ca, stores = {}, ...roles } of Object.values(systems)) {
        expect(ca).toMatch(/^-----BEGIN CERTIFICATE-----/);
        expect(Object.keys(roles).sort()).toEqual(["admin", "backup", "owner", "readonly", "runtime"]);
        for (const url of Object.values(roles)) expect(url).toMatch(/^postgresql:\/\/.*\?sslmode=verify-full$/);
        for (const store of Object.values(stores as Record<string, { url: string; ca: string }>)) {
          expect(store.url).toMatch(/^rediss:\/\//);
          expect(store.ca).toMatch(/^-----BEGIN CERTIFICATE-----/);
        }
      }
    }
  });

  it("sends these variables and no others, and is built from the folder api", () => {
    expect(Object.keys(variables())).toEqual([
      "DATABASE_CA_CERT",
      "DATABASE_URL",
      "NODE_ENV",
      "NODE_EXTRA_CA_CERTS",
      "PGSSLMODE",
      "POSTGRES_DB",
      "POSTGRES_HOST",
      "POSTGRES_PASSWORD",
      "POSTGRES_POOL_CONNECTION_TIMEOUT_MS",
      "POSTGRES_POOL_IDLE_TIMEOUT_MS",
      "POSTGRES_POOL_MAX",
      "POSTGRES_PORT",
      "POSTGRES_USER",
      "RUN_MIGRATIONS_ON_START",
    ]);
    expect(api().sourceDir).toBe("/api");
  });

  it("has no Valkey, and with the feature one that holds no keyspace [D34]", async () => {
    const storesOf = (each: Plan) =>
      byType(each, TYPE.cluster).filter(({ name, inputs }) => name.startsWith("devx-") && inputs.engine === "valkey");
    expect(storesOf(plan)).toEqual([]);
    expect(variables()).not.toHaveProperty("REDIS_URL");
    const withStore = await planOf("prod", { devx: { features: ["valkey"] } });
    expect(storesOf(withStore)).toHaveLength(1);
    expect(variables(withStore).REDIS_URL).toMatch(/^rediss:\/\/\$\{valkey\.USERNAME\}:\$\{valkey\.PASSWORD\}@private-devx-/);
    expect(byType(withStore, STEP.Keyspaces).filter(({ inputs }) => inputs.system === "devx")).toEqual([]);
  });
});

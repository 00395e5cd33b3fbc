/**
 * DevX Platform: service templates and what was generated from them. One API, one database with two schemas, a Valkey that a stack may add.
 */
import { defaultAlerts, defaultBackups, nodeSource, SLOW_STATEMENT_MS, STATEMENT_TIMEOUT_SECONDS, verifiedFromNode } from "./common.ts";
import { env, type System } from "./definition.ts";

export const devx: System = {
  name: "devx",
  title: "DevX Platform",

  postgres: {
    database: "devxplatform",
    schemas: ["devx", "templates"],
    // Keys come from gen_random_uuid(), which is part of Postgres: uuid-ossp is not needed.
    extensions: [],
    roles: {
      owner: "devx_owner",
      runtime: "devx",
      readonly: "devx_readonly",
      backup: "devx_backup",
    },
    pools: {},
    statementTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS,
    slowStatementMs: SLOW_STATEMENT_MS,
    minimumMajor: 15,
  },

  // The documents start a Redis and never say what for: the store is there for who wants it, and nothing in it is named.
  stores: {
    valkey: { class: "state", memoryMiB: 256, maxClients: 50, feature: "valkey" },
  },
  keyspaces: {},

  secrets: {},
  features: {
    valkey: { purpose: "The Redis that the product's compose file starts" },
  },

  apps: {
    devx: {
      name: "devx-platform",
      components: {
        api: {
          kind: "service",
          source: nodeSource({ repo: "devx-platform", dir: "/api", run: "npm start" }),
          port: 8080,
          routes: ["/"],
          health: {
            path: "/health",
            everySeconds: 10,
            timeoutSeconds: 5,
            failures: 3,
            probes: [
              {
                path: "/api/database/status",
                expect: [401, 404],
                why: "The state of the database is nobody's business without credentials",
              },
              { path: "/api/templates", expect: [200], why: "Templates come from the database" },
              { path: "/api/templates/categories", expect: [200], why: "Categories come from the database" },
            ],
          },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: {
            // With it the product turns TLS on.
            NODE_ENV: env.plain("production"),
            // Migrations run before a deployment: N instances would race, and the runtime role may not change a table.
            RUN_MIGRATIONS_ON_START: env.plain("false"),

            // The same server, database and role twice, because the product reads both.
            DATABASE_URL: env.database("url"),
            POSTGRES_HOST: env.database("host"),
            POSTGRES_PORT: env.database("port"),
            POSTGRES_DB: env.database("name"),
            POSTGRES_USER: env.database("user"),
            POSTGRES_PASSWORD: env.database("password"),
            ...verifiedFromNode,

            POSTGRES_POOL_MAX: env.budget(20, 5),
            POSTGRES_POOL_IDLE_TIMEOUT_MS: env.plain("30000"),
            POSTGRES_POOL_CONNECTION_TIMEOUT_MS: env.plain("10000"),

            REDIS_URL: env.where("valkey", env.store("valkey")),
            REDIS_CA_CERT: env.where("valkey", env.store("valkey", "ca")),
          },
        },
      },
    },
  },

  backups: { ...defaultBackups, note: "Default: the product's documents name no backup" },
  alerts: { ...defaultAlerts, note: "Default: the product's documents name no alert" },
  schedules: {
    forgetActivity: {
      purpose: "Activity is kept for a year; default, because the product's documents name no retention",
      cron: "15 3 * * *",
      run: { sql: "DELETE FROM devx.activity_logs WHERE created_at < now() - interval '365 days'" },
    },
  },

  deviations: [
    { id: "D1", asked: "An init script of the database container", built: "The first migration; managed Postgres runs no init scripts" },
    { id: "D15", asked: "Tables without a schema", built: "The schemas devx and templates on every role's search path; nothing in public" },
    {
      id: "D25",
      asked: "20 connections, 2 seconds to connect",
      built: "20 or what the node has left, 10 seconds: TLS and a failover do not fit in 2",
    },
    { id: "D27", asked: "Migrations run when the API starts", built: "They run before the deployment; RUN_MIGRATIONS_ON_START is false" },
    { id: "D31", asked: "Falls back to mock data", built: "Degraded looks degraded: the probes expect rows from the database" },
    {
      id: "D33",
      asked: "A password in documents and in the compose file",
      built: "A password per environment that DigitalOcean makes; the printed one is burnt",
    },
    { id: "D34", asked: "A Redis that nothing describes", built: "An optional Valkey without keyspaces" },
    { id: "D40", asked: "uuid_generate_v4()", built: "gen_random_uuid(), which is part of Postgres; no extension" },
    {
      id: "D48",
      asked: "Migrations by hand before a deployment",
      built: "The app waits for its migrations; if they fail, the old version keeps running",
    },
    {
      id: "D52",
      asked: "No backup, alert or retention",
      built: "FluxStudio's backup policy, the standard alerts, activity for a year; all three are defaults",
    },
  ],
};

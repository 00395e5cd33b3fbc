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
    valkey: { class: "state", memoryMiB: 256, feature: "valkey" },
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
          },
          checks: {
            probes: [
              { path: "/api/database/status", status: [401, 404] },
              {
                path: "/api/templates",
                status: [200],
                lists: { table: "templates.templates", key: "slug", values: { name: "!slipway verify" } },
              },
              {
                path: "/api/templates/categories",
                status: [200],
                lists: { table: "templates.categories", key: "slug", values: { name: "!slipway verify", sort_order: -1 } },
              },
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

  backups: defaultBackups,
  alerts: defaultAlerts,

  contacts: [{ for: "everything", contact: "the documents name none: add yours" }],
  checklist: [
    { item: "Schema completeness", checks: ["migrations"] },
    { item: "The migration system", checks: ["migrations"] },
    { item: "The configuration of the deployment", checks: ["deployment", "clusters"] },
    { item: "Environment variables", checks: ["variables"] },
    { item: "GET /health reports the database", checks: ["health"] },
    { item: "GET /api/database/status requires credentials", checks: ["probes"] },
    { item: "GET /api/templates and its categories come from the database", checks: ["probes", "canary"] },
  ],

  deviations: [
    { asked: "An init script of the database container", built: "The first migration, because managed Postgres runs no init scripts" },
    { asked: "Tables without a schema", built: "The schemas devx and templates on the search path of every role, and nothing in public" },
    {
      asked: "20 connections, 2 seconds to connect",
      built: "20 or what the node has left, and 10 seconds, because TLS and a failover take longer than 2",
    },
    { asked: "Migrations run when the API starts", built: "They run before the deployment; RUN_MIGRATIONS_ON_START is false" },
    {
      asked: "A password in documents and in the compose file",
      built: "A password per environment that DigitalOcean generates; the printed one is compromised",
    },
    { asked: "A Redis that nothing describes", built: "An optional Valkey without keyspaces" },
    { asked: "uuid_generate_v4()", built: "gen_random_uuid(), which is part of Postgres, so no extension is needed" },
    {
      asked: "Migrations by hand before a deployment",
      built: "The app waits for its migrations; if they fail, the old version keeps running",
    },
    { asked: "No backup and no alert", built: "DigitalOcean's daily backup and the default alerts" },
  ],
};

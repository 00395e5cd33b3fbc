/** A system with one of everything that a definition can contain, for tests of the rules. */
import { type Component, env, type System } from "../definition.ts";

const source = {
  repo: "acme/shipyard",
  branch: "main",
  dir: "/",
  environment: "node-js",
  deployOnPush: true,
  runCommand: "npm start",
} as const;
const health = { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 };
const service = (routes: [string, ...string[]], variables: Component["env"]): Component => ({
  kind: "service",
  source,
  health,
  port: 8080,
  routes,
  size: "apps-s-1vcpu-1gb",
  instances: 1,
  env: variables,
});

export const shipyard: System = {
  name: "shipyard",
  title: "Shipyard",
  postgres: {
    database: "shipyard",
    schemas: ["public"],
    extensions: ["pg_stat_statements"],
    roles: { owner: "shipyard_owner", runtime: "shipyard", readonly: "shipyard_readonly", backup: "shipyard_backup" },
    pools: { shipyard_pool: { mode: "transaction", wish: 10 } },
    statementTimeoutSeconds: 30,
    minimumMajor: 15,
    slowStatementMs: 500,
    sizing: { connections: 100, sharedBuffersMiB: 256, effectiveCacheMiB: 512 },
  },
  stores: {
    state: { class: "state", memoryMiB: 256 },
    cache: { class: "cache", memoryMiB: 256, feature: "cache" },
    queue: { class: "state", memoryMiB: 256, feature: "queue" },
  },
  keyspaces: {
    sessions: { store: "state", database: 0, durable: true },
    userData: { store: "state", database: 2, durable: true },
    answers: { store: "cache", database: 1, durable: false },
  },
  secrets: {
    jwtSecret: { origin: "generated", length: 48 },
    slackWebhook: { origin: "operator", feature: "slackAlerts", purpose: "Webhook of the alert channel" },
    googleClientSecret: { origin: "operator", feature: "google", purpose: "OAuth client secret" },
  },
  settings: { googleClientId: { feature: "google", purpose: "OAuth client id" } },
  features: {
    cache: { purpose: "A cache" },
    queue: { purpose: "A queue" },
    google: { purpose: "Sign-in with Google" },
    slackAlerts: { purpose: "Alerts to Slack" },
    media: { purpose: "Media processing" },
  },
  apps: {
    yard: {
      name: "shipyard",
      domain: "shipyard.example.com",
      components: {
        frontend: { kind: "site", source, outputDir: "dist", routes: ["/"], env: {} },
        api: service(["/api"], {
          NODE_ENV: env.plain("production"),
          USE_POSTGRES: env.phase("usePostgres"),
          DATABASE_URL: env.database("url"),
          DATABASE_CA_CERT: env.database("ca"),
          NODE_EXTRA_CA_CERTS: env.caFile(),
          POOL_MAX: env.budget(20, 5),
          SESSIONS_URL: env.keyspace("sessions"),
          USER_DATA_URL: env.keyspace("userData"),
          ANSWERS_URL: env.where("cache", env.keyspace("answers")),
          QUEUE_URL: env.where("queue", env.store("queue")),
          JWT_SECRET: env.secret("jwtSecret"),
          GOOGLE_CLIENT_ID: env.where("google", env.setting("googleClientId")),
          GOOGLE_CLIENT_SECRET: env.where("google", env.secret("googleClientSecret")),
        }),
        media: {
          kind: "worker",
          feature: "media",
          source,
          size: "apps-s-1vcpu-1gb",
          instances: 1,
          env: { DATABASE_URL: env.database("url", { pool: "shipyard_pool" }) },
        },
      },
    },
    portal: { name: "shipyard-portal", components: { portal: service(["/"], { DATABASE_URL: env.database("url") }) } },
  },
  backups: { postgres: { hourUtc: 2 } },
  alerts: {
    emails: ["alerts@example.com"],
    slack: { channel: "#alerts", webhook: "slackWebhook" },
    cpu: 80,
    memory: 80,
    disk: 80,
    latency: 500,
    restartsPerHour: 3,
  },
  deviations: [{ asked: "A cache that makes everything faster", built: "An optional cache" }],
};

/** A second system, which shares no name with it. */
export const drydock: System = {
  ...shipyard,
  name: "drydock",
  title: "Drydock",
  postgres: {
    ...shipyard.postgres,
    database: "drydock",
    roles: { owner: "drydock_owner", runtime: "drydock", readonly: "drydock_readonly", backup: "drydock_backup" },
    pools: {},
  },
  stores: {},
  keyspaces: {},
  secrets: {},
  settings: {},
  features: {},
  apps: { dock: { name: "drydock", components: { api: service(["/"], { DATABASE_URL: env.database("url") }) } } },
  alerts: { emails: [], cpu: 80, memory: 80, disk: 80, latency: 500, restartsPerHour: 3 },
  deviations: [],
};

export const api = shipyard.apps.yard!.components.api as Extract<Component, { kind: "service" }>;
export const media = shipyard.apps.yard!.components.media!;

/** With one of everything, the optional fields included. */
export const whole: System = {
  ...shipyard,
  buckets: { files: { feature: "queue", cors: { methods: ["GET", "PUT"] }, cdn: true, deletedKeptDays: 7 }, plain: {} },
  settings: { ...shipyard.settings, plainId: { purpose: "an id" } },
  contacts: [{ for: "operations", contact: "ops@example.com" }],
  timeBudgets: [{ task: "Roll back", minutes: 15 }],
  checklist: [
    { item: "It runs", checks: ["deployment"] },
    { item: "People like it", checks: [] },
  ],
  targets: [
    { title: "A query", atMostMs: 10, sql: "SELECT 1" },
    { title: "A connection", atMostMs: 5, checkout: true },
    { title: "The API", atMostMs: 200, path: "/api/ships" },
  ],
  postgres: { ...shipyard.postgres, sizing: { ...shipyard.postgres.sizing, concurrentUsers: 100 } },
  apps: {
    ...shipyard.apps,
    yard: {
      ...shipyard.apps.yard!,
      components: {
        ...shipyard.apps.yard!.components,
        frontend: {
          kind: "site",
          source: { ...api.source, buildCommand: "npm run build" },
          outputDir: "dist",
          routes: ["/"],
          env: { PUBLIC: env.build("x") },
        },
        api: {
          ...api,
          memoryAlertMiB: 200,
          checks: {
            database: { connected: "database.connected", counts: ["database.pool.totalCount"] },
            probes: [
              { path: "/api/ships", status: [401], fields: { error: "text" } },
              {
                path: "/api/docks",
                status: [200, 304],
                lists: { table: "public.docks", key: "slug", values: { name: "!", length: 1, open: true } },
              },
            ],
            log: { contains: ["connected"], lacks: ["refused"] },
          },
          env: {
            ...api.env,
            OVERFLOW: env.budget(10, 10, 5),
            REPLICA: env.database("url", { replica: true, driver: "postgresql+asyncpg" }),
            POOLED: env.database("url", { pool: "shipyard_pool" }),
            FILES: env.where("queue", env.bucket("files", "cdnUrl")),
            PLAIN_FILES: env.bucket("plain", "name"),
            ADDRESS: env.app("url"),
            PLAIN_ID: env.setting("plainId"),
            SESSIONS_CA: env.keyspace("sessions", "ca"),
          },
        },
        nightly: { ...media, kind: "job", when: "POST_DEPLOY", env: {} } as Component,
      },
    },
  },
};

/**
 * Candlefish collaboration: documents edited together. Three apps, RTPM, Paintbox and Brand Portal, on one database and one set of keyspaces.
 *
 * RTPM is taken for the Python application and the other two for Node; the documents print both kinds of client and do not say whose they are.
 */
import { defaultAlerts, nodeSource, SLOW_STATEMENT_MS, STATEMENT_TIMEOUT_SECONDS, verifiedFromNode } from "./common.ts";
import { env, type System } from "./definition.ts";

/** Named like the database, so that a URL through the pool still ends in /candlefish_collaboration as the documents print it. */
const POOL = "candlefish_collaboration";

/** One secret, every app: a token that one of them signs is good at the others. */
const everyApp = {
  DATABASE_URL: env.database("url", { pool: POOL }),
  REDIS_URL: env.keyspace("sessions"),
  REDIS_CACHE_URL: env.keyspace("cache"),
  REDIS_USER_DATA_URL: env.keyspace("userData"),
  REDIS_CA_CERT: env.keyspace("sessions", "ca"),
  REDIS_CACHE_CA_CERT: env.keyspace("cache", "ca"),
  JWT_SECRET: env.secret("jwtSecret"),
};

const pythonApp = {
  ...everyApp,
  DATABASE_CA_CERT: env.database("ca"),
  PGSSLMODE: env.plain("verify-full"),
  PGSSLROOTCERT: env.caFile(),

  // Not through the pool: asyncpg names the statements it prepares, and in transaction mode the next one runs on another connection.
  SQLALCHEMY_DATABASE_URL: env.database("url", { driver: "postgresql+asyncpg" }),
  SQLALCHEMY_POOL_SIZE: env.budget(20, 5, 10),
  SQLALCHEMY_MAX_OVERFLOW: env.plain("10"),
  SQLALCHEMY_POOL_TIMEOUT: env.plain("30"),
  SQLALCHEMY_POOL_RECYCLE: env.plain("3600"),

  // Named for the options of redis-py: seconds, not milliseconds.
  REDIS_SSL_CA_CERTS: env.caFile(),
  REDIS_MAX_CONNECTIONS: env.plain("50"),
  REDIS_SOCKET_TIMEOUT: env.plain("10"),
  REDIS_SOCKET_CONNECT_TIMEOUT: env.plain("10"),
  REDIS_RETRY_ON_TIMEOUT: env.plain("true"),
};

const nodeApp = {
  NODE_ENV: env.plain("production"),
  ...everyApp,
  ...verifiedFromNode,

  // Named for the options of node-postgres. They lead to the pool, so they cost the server what the pool holds there and no more.
  DATABASE_POOL_MAX: env.budget(20, 5),
  DATABASE_POOL_IDLE_TIMEOUT_MS: env.plain("30000"),
  DATABASE_POOL_CONNECTION_TIMEOUT_MS: env.plain("10000"),

  // Named for the options of ioredis; retryDelayOnFailover is left out, it is an option of clusters only.
  REDIS_MAX_RETRIES_PER_REQUEST: env.plain("3"),
  REDIS_CONNECT_TIMEOUT_MS: env.plain("10000"),
  REDIS_COMMAND_TIMEOUT_MS: env.plain("5000"),
};

export const candlefish: System = {
  name: "candlefish",
  title: "Candlefish collaboration",

  postgres: {
    database: "candlefish_collaboration",
    schemas: ["public"],
    extensions: ["pg_stat_statements"],
    roles: {
      owner: "candlefish_owner",
      runtime: "candlefish",
      readonly: "candlefish_readonly",
      backup: "candlefish_backup",
    },
    pools: { [POOL]: { mode: "transaction", wish: 20 } },
    statementTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS,
    slowStatementMs: SLOW_STATEMENT_MS,
    minimumMajor: 15,
    probeEverySeconds: 30,
    sizing: { connections: 100, sharedBuffersMiB: 256, effectiveCacheMiB: 512, storageGiB: 10 },
  },

  // Two, because eviction is a matter of the whole server: one LRU would drop sessions to make room for cache.
  stores: {
    state: { class: "state", memoryMiB: 256, maxClients: 50, probeEverySeconds: 15 },
    cache: { class: "cache", memoryMiB: 256, maxClients: 50, probeEverySeconds: 15 },
  },
  keyspaces: {
    sessions: { store: "state", database: 0, durable: true, purpose: "Who is signed in, and the digests of the Lua scripts" },
    cache: { store: "cache", database: 1, durable: false, purpose: "Answers that can be computed again; every key expires" },
    userData: { store: "state", database: 2, durable: true, purpose: "What users leave behind; treated as the only copy" },
  },

  secrets: {
    jwtSecret: { origin: "generated", length: 48, purpose: "Signs the tokens of the APIs; the same for all three apps" },
    slackWebhook: { origin: "operator", feature: "slackAlerts", purpose: "Incoming webhook of the Slack channel for alerts" },
    pagerdutyWebhook: { origin: "operator", feature: "pagerdutyAlerts", purpose: "PagerDuty webhook for what is critical" },
  },
  features: {
    slackAlerts: { purpose: "Alerts to Slack" },
    pagerdutyAlerts: { purpose: "Critical alerts to PagerDuty" },
  },

  apps: {
    rtpm: {
      name: "rtpm-api-candlefish",
      components: {
        api: {
          kind: "service",
          source: {
            repo: "your-org/rtpm-api",
            branch: "main",
            dir: "/",
            environment: "python",
            deployOnPush: true,
            runCommand: "uvicorn main:app --host 0.0.0.0 --port $PORT",
          },
          port: 8080,
          routes: ["/"],
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3, probes: [] },
          size: "apps-s-1vcpu-1gb",
          instances: 1,
          env: pythonApp,
        },
      },
    },

    paintbox: {
      name: "paintbox-candlefish",
      components: {
        paintbox: {
          kind: "service",
          source: nodeSource({ repo: "paintbox", run: "npm start" }),
          port: 8080,
          routes: ["/"],
          health: { path: "/", everySeconds: 10, timeoutSeconds: 5, failures: 3, probes: [] },
          size: "apps-s-1vcpu-1gb",
          instances: 1,
          env: nodeApp,
        },
      },
    },

    "brand-portal": {
      name: "brand-portal-candlefish",
      components: {
        "brand-portal": {
          kind: "service",
          source: nodeSource({ repo: "brand-portal", run: "npm start" }),
          port: 8080,
          routes: ["/"],
          health: { path: "/", everySeconds: 10, timeoutSeconds: 5, failures: 3, probes: [] },
          size: "apps-s-1vcpu-1gb",
          instances: 1,
          env: nodeApp,
        },
      },
    },
  },

  backups: {
    postgres: { daily: 30, hourUtc: 2 },
    keyspaces: { daily: 7, hourUtc: 3 },
    copies: ["primary", "offsite"],
  },
  alerts: {
    ...defaultAlerts,
    emails: ["alerts@candlefish.ai"],
    slack: { channel: "#candlefish-alerts", webhook: "slackWebhook" },
    pagerduty: { webhook: "pagerdutyWebhook" },
  },
  schedules: {
    cleanUpDatabase: {
      purpose: "Old operations and presence leave the database, weekly",
      cron: "0 4 * * 0",
      run: { sql: "SELECT cleanup_old_data()" },
    },
    cleanUpSessions: {
      purpose: "What sessions left behind goes, daily",
      cron: "30 4 * * *",
      run: { script: { keyspace: "sessions", hash: "scripts:sha", field: "cleanup" } },
    },
  },

  deviations: [
    { id: "C1", asked: "Postgres and Redis in containers of our own on Fly.io", built: "Managed Postgres and Valkey" },
    {
      id: "C9",
      asked: "Backup files with connection strings",
      built: "None: access is recovered through DigitalOcean and the encrypted state",
    },
    { id: "C13", asked: "A volume of 2 GB for Redis", built: "None: a managed Valkey has memory and snapshots, no volume to size" },
    { id: "C17", asked: "rtmp-api-candlefish", built: "rtpm-api-candlefish: the other is a typing error" },
    { id: "C19", asked: "sslmode=require", built: "sslmode=verify-full with the cluster's CA" },
    { id: "C26", asked: "redis://", built: "rediss://, with the same database numbers" },
    {
      id: "C39",
      asked: "Row-level security, without a word on where the tenant is set",
      built: "The tenant is set per transaction, so that the transaction pool carries it to nobody else",
    },
    { id: "C40", asked: "Clean-up by hand", built: "Scheduled; the printed commands still work by hand" },
    {
      id: "C43",
      asked: "An SQLAlchemy URL without TLS",
      built: "ssl=verify-full, asyncpg's word for it; 20 and 10 count as 30 connections",
    },
    { id: "C44", asked: "aioredis", built: "The same values for redis-py, which took aioredis in" },
    { id: "C46", asked: "retryDelayOnFailover", built: "Left out: ioredis has it for clusters only" },
    { id: "C50", asked: "Grafana and Prometheus in public", built: "DigitalOcean's own metrics endpoint, with credentials" },
    { id: "C51", asked: "Archived WAL every 15 minutes", built: "DigitalOcean's point-in-time restore, and a dump a day of our own" },
    {
      id: "C52",
      asked: "Snapshots daily, the append-only file every six hours",
      built: "A logical export a day, with types and expiry; it is not a point in time",
    },
    {
      id: "C53",
      asked: "30 days for Postgres, 7 for Redis",
      built: "As asked, counted in backups rather than days, so that a pause deletes nothing",
    },
    { id: "C56", asked: "The clean-up script called by hand, daily", built: "Scheduled, and loaded again after a restart or failover" },
    {
      id: "C58",
      asked: "Passwords of 32 characters",
      built: "32 or more for each role we make; DigitalOcean chooses the length of its own",
    },
    {
      id: "C61",
      asked: "Audit logging of all operations",
      built: "A log sink with schema and role changes; more where the provider offers pgaudit",
    },
    {
      id: "C62",
      asked: "100 connections, 256 MB shared buffers, 512 MB cache",
      built: "A share of the node's memory, and a node that gives it; the plan names what it cannot",
    },
    {
      id: "C63",
      asked: "Pools of 20 and 30 per process against 100 connections",
      built: "The plan adds them up over all processes and fails above the node's limit",
    },
    { id: "C64", asked: "One Redis of 256 MB that evicts the oldest", built: "Two Valkey clusters: state never evicts, cache does" },
    {
      id: "C65",
      asked: "An append-only file, written every second",
      built: "Snapshots every ten minutes if anything changed; what came after the last one can be lost",
    },
    {
      id: "C70",
      asked: "Recovery by copying Redis's files",
      built: "Seeds again, then the logical export, then counts, types and expiry compared",
    },
    { id: "C71", asked: "PagerDuty", built: "Called by slipway's own checks: DigitalOcean's alerts reach email and Slack only" },
  ],
};

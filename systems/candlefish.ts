/**
 * Candlefish collaboration: documents edited together. Three apps, RTPM, Paintbox and Brand Portal, on one database and one set of keyspaces.
 *
 * RTPM is taken for the Python application and the other two for Node; the documents print both kinds of client and do not say whose they are.
 */
import { defaultAlerts, defaultBackups, nodeSource, SLOW_STATEMENT_MS, STATEMENT_TIMEOUT_SECONDS, verifiedFromNode } from "./common.ts";
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
    sizing: { connections: 100, concurrentUsers: 10, sharedBuffersMiB: 256, effectiveCacheMiB: 512 },
  },

  // Two, because eviction is a matter of the whole server: one LRU would drop sessions to make room for cache.
  stores: {
    state: { class: "state", memoryMiB: 256 },
    cache: { class: "cache", memoryMiB: 256 },
  },
  keyspaces: {
    sessions: { store: "state", database: 0, durable: true },
    cache: { store: "cache", database: 1, durable: false },
    userData: { store: "state", database: 2, durable: true },
  },

  secrets: {
    jwtSecret: { origin: "generated", length: 48 },
    slackWebhook: { origin: "operator", feature: "slackAlerts", purpose: "Incoming webhook of the Slack channel for alerts" },
  },
  features: {
    slackAlerts: { purpose: "Alerts to Slack" },
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
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
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
          health: { path: "/", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
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
          health: { path: "/", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
          size: "apps-s-1vcpu-1gb",
          instances: 1,
          env: nodeApp,
        },
      },
    },
  },

  backups: { ...defaultBackups, keyspaces: { days: 7 } },
  alerts: {
    ...defaultAlerts,
    emails: ["alerts@candlefish.ai"],
    slack: { channel: "#candlefish-alerts", webhook: "slackWebhook" },
  },

  contacts: [
    { for: "first contact", contact: "admin@candlefish.ai" },
    { for: "operations", contact: "ops@candlefish.ai" },
    { for: "development", contact: "dev@candlefish.ai" },
  ],
  timeBudgets: [{ task: "Go through the checklist after a deployment", minutes: 45 }],
  checklist: [
    { item: "Install required tools", checks: ["account"] },
    { item: "Run connection configuration script", checks: ["variables"] },
    { item: "Deploy PostgreSQL with persistent volume", checks: ["clusters"] },
    { item: "Deploy Redis with persistent volume", checks: ["clusters"] },
    { item: "Initialize database schema and seed data", checks: ["migrations"] },
    { item: "Initialize Redis configuration", checks: ["keyspaces"] },
    { item: "Update RTPM API with new connection strings", checks: ["deployment", "variables"] },
    { item: "Test database connections", checks: ["health", "canary"] },
    { item: "Set up monitoring", checks: ["monitoring"] },
    { item: "Configure automated backups", checks: ["backups"] },
    { item: "Run performance tests", checks: ["targets"] },
    { item: "Document connection details for team", checks: ["variables"] },
    { item: "Set up alerting and notifications", checks: ["monitoring"] },
  ],
  targets: [{ title: "A connection out of the pool", atMostMs: 5, checkout: true }],

  deviations: [
    { asked: "Postgres and Redis in containers of our own on Fly.io", built: "Managed Postgres and Valkey" },
    { asked: "Backup files with connection strings", built: "None: access is recovered through DigitalOcean and the encrypted state" },
    { asked: "A volume of 2 GB for Redis", built: "None: a managed Valkey has memory and snapshots, and no volume" },
    { asked: "rtmp-api-candlefish", built: "rtpm-api-candlefish, because the other is a typing error" },
    { asked: "sslmode=require", built: "sslmode=verify-full with the cluster's CA" },
    { asked: "redis://", built: "rediss://, with the same database numbers" },
    {
      asked: "Row-level security that does not define where the tenant is set",
      built: "A transaction enters its organization with enter_organization(), so the pool never carries it to another client",
    },
    { asked: "An SQLAlchemy URL without TLS", built: "ssl=verify-full, as asyncpg spells it; 20 and 10 count as 30 connections" },
    { asked: "aioredis", built: "The same values for redis-py, which includes aioredis" },
    { asked: "retryDelayOnFailover", built: "None, because ioredis has it for clusters only" },
    { asked: "Grafana and Prometheus in public", built: "DigitalOcean's metrics endpoint, which requires credentials" },
    { asked: "Archived WAL every 15 minutes", built: "DigitalOcean's point-in-time restore" },
    {
      asked: "Passwords of 32 characters",
      built: "32 or more where this program generates them; DigitalOcean selects the length of its own",
    },
    {
      asked: "100 connections, 256 MB shared buffers, 512 MB cache",
      built: "A share of the node's memory; a plan contains a notice where the node has less",
    },
    {
      asked: "Pools of 20 and 30 per process against 100 connections",
      built: "A plan adds up the connections of all processes, and fails above the node's limit",
    },
    { asked: "One Redis of 256 MB that evicts the oldest", built: "Two Valkey clusters: state never evicts, cache does" },
    {
      asked: "An append-only file, written every second",
      built: "Snapshots every ten minutes if anything changed; later writes can be lost",
    },
    { asked: "PagerDuty", built: "DigitalOcean's alerts by email and Slack; slipway watch also calls PagerDuty" },
  ],
};

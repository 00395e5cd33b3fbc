/**
 * FluxStudio: a creative-project platform. One static site, one unified backend, one database; four parts and a cache that a stack may add.
 *
 * The only one of the three that comes from JSON files on a disk, so it alone has cutover flags (see `docs/decisions.md`).
 */
import { defaultAlerts, defaultBackups, nodeSource, SLOW_STATEMENT_MS, STATEMENT_TIMEOUT_SECONDS, verifiedFromNode } from "./common.ts";
import { env, type System } from "./definition.ts";

/** The same server, database and role twice: as one URL and as single fields, because the product reads both. */
const database = {
  DATABASE_URL: env.database("url"),
  DB_HOST: env.database("host"),
  DB_PORT: env.database("port"),
  DB_NAME: env.database("name"),
  DB_USER: env.database("user"),
  DB_PASSWORD: env.database("password"),
  ...verifiedFromNode,
};

/** Named for the options of node-postgres: max, min, idleTimeoutMillis, connectionTimeoutMillis. */
const pool = (wish: number, least: number) => ({
  DB_POOL_MAX: env.budget(wish, least),
  DB_POOL_MIN: env.plain(String(least)),
  DB_POOL_IDLE_TIMEOUT_MS: env.plain("30000"),
  DB_POOL_CONNECTION_TIMEOUT_MS: env.plain("10000"),
});

/** Named for the clients of S3. The media worker reads what the backend stores. */
const uploads = {
  S3_BUCKET: env.where("uploads", env.bucket("uploads", "name")),
  S3_REGION: env.where("uploads", env.bucket("uploads", "region")),
  S3_ENDPOINT: env.where("uploads", env.bucket("uploads", "endpoint")),
  S3_ACCESS_KEY_ID: env.where("uploads", env.bucket("uploads", "accessKey")),
  S3_SECRET_ACCESS_KEY: env.where("uploads", env.bucket("uploads", "secretKey")),
};

/** The services next to the backend read the same tables and accept the same logins. */
const backendServices = {
  NODE_ENV: env.plain("production"),
  ...database,
  ...pool(5, 1),
  JWT_SECRET: env.secret("jwtSecret"),
};

export const fluxstudio: System = {
  name: "fluxstudio",
  title: "FluxStudio",

  postgres: {
    database: "fluxstudio",
    schemas: ["public"],
    extensions: ["pg_stat_statements"],
    roles: {
      owner: "fluxstudio_owner",
      runtime: "fluxstudio_user",
      readonly: "fluxstudio_readonly",
      backup: "fluxstudio_backup",
    },
    pools: {},
    statementTimeoutSeconds: STATEMENT_TIMEOUT_SECONDS,
    slowStatementMs: SLOW_STATEMENT_MS,
    minimumMajor: 15,
    sizing: { concurrentUsers: 1000 },
  },

  stores: {
    cache: { class: "cache", memoryMiB: 256, feature: "cache" },
  },
  keyspaces: {
    cache: { store: "cache", database: 1, durable: false },
  },

  buckets: {
    // Browsers upload and download with presigned URLs, so that files do not pass through the backend.
    uploads: { feature: "uploads", cors: { methods: ["GET", "HEAD", "PUT"] } },
  },

  secrets: {
    jwtSecret: { origin: "generated", length: 48 },
    googleClientSecret: { origin: "operator", feature: "google", purpose: "OAuth client secret for sign-in with Google" },
    githubClientSecret: { origin: "operator", feature: "github", purpose: "OAuth client secret for sign-in with GitHub" },
    figmaClientSecret: { origin: "operator", feature: "figma", purpose: "OAuth client secret of the Figma integration" },
    slackClientSecret: { origin: "operator", feature: "slack", purpose: "OAuth client secret of the Slack integration" },
  },
  settings: {
    googleClientId: { feature: "google", purpose: "OAuth client id for sign-in with Google" },
    githubClientId: { feature: "github", purpose: "OAuth client id for sign-in with GitHub" },
    figmaClientId: { feature: "figma", purpose: "OAuth client id of the Figma integration" },
    slackClientId: { feature: "slack", purpose: "OAuth client id of the Slack integration" },
  },

  features: {
    cache: { purpose: "A Valkey cache" },
    uploads: { purpose: "A bucket for the files that users upload" },
    google: { purpose: "Sign-in with Google" },
    github: { purpose: "Sign-in with GitHub" },
    figma: { purpose: "Figma integration" },
    slack: { purpose: "Slack integration" },
    collaboration: { purpose: "Editing together in real time" },
    mcp: { purpose: "AI features, through an MCP server" },
    ffmpeg: { purpose: "Media processing with FFmpeg" },
    analytics: { purpose: "Usage tracking" },
  },

  apps: {
    fluxstudio: {
      name: "fluxstudio",
      domain: "fluxstudio.art",
      components: {
        frontend: {
          kind: "site",
          source: nodeSource({ repo: "fluxstudio", build: "npm run build" }),
          outputDir: "dist",
          routes: ["/"],
          env: {},
        },

        api: {
          kind: "service",
          source: nodeSource({ repo: "fluxstudio", run: "node server-unified.js" }),
          port: 3001,
          routes: ["/api", "/socket.io"],
          health: {
            path: "/api/health",
            everySeconds: 10,
            timeoutSeconds: 5,
            failures: 3,
          },
          checks: {
            database: {
              connected: "database.connected",
              counts: ["database.pool.totalCount", "database.pool.idleCount", "database.pool.waitingCount"],
            },
            probes: [{ path: "/api/projects", status: [401] }],
            log: { contains: ["Database adapters loaded"], lacks: ["DATABASE_URL required"] },
            phase: { usePostgres: "phase.usePostgres", dualWrite: "phase.dualWrite" },
            traffic: {
              create: { method: "POST", path: "/api/projects", body: { name: "slipway probe", description: "{token}" }, id: "id" },
              read: { path: "/api/projects/{id}", token: "description" },
              update: { method: "PUT", path: "/api/projects/{id}", body: { name: "slipway probe", description: "{token}" } },
              remove: { method: "DELETE", path: "/api/projects/{id}" },
            },
          },
          // About 64 MB at rest; an alert is sent at 200 MB of its 512.
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          memoryAlertMiB: 200,
          env: {
            NODE_ENV: env.plain("production"),
            // What the four providers send a browser back to.
            APP_URL: env.app("url"),

            // Two names of one flag, from two years of the product: they are never unequal.
            USE_DATABASE: env.phase("usePostgres"),
            USE_POSTGRES: env.phase("usePostgres"),
            DUAL_WRITE_ENABLED: env.phase("dualWrite"),

            ...database,
            DATABASE_REPLICA_URL: env.database("url", { replica: true }),
            ...pool(30, 5),

            REDIS_URL: env.where("cache", env.keyspace("cache")),
            REDIS_CA_CERT: env.where("cache", env.keyspace("cache", "ca")),

            ...uploads,

            JWT_SECRET: env.secret("jwtSecret"),
            GOOGLE_CLIENT_ID: env.where("google", env.setting("googleClientId")),
            GOOGLE_CLIENT_SECRET: env.where("google", env.secret("googleClientSecret")),
            GITHUB_CLIENT_ID: env.where("github", env.setting("githubClientId")),
            GITHUB_CLIENT_SECRET: env.where("github", env.secret("githubClientSecret")),
            FIGMA_CLIENT_ID: env.where("figma", env.setting("figmaClientId")),
            FIGMA_CLIENT_SECRET: env.where("figma", env.secret("figmaClientSecret")),
            SLACK_CLIENT_ID: env.where("slack", env.setting("slackClientId")),
            SLACK_CLIENT_SECRET: env.where("slack", env.secret("slackClientSecret")),
          },
        },

        collaboration: {
          kind: "service",
          feature: "collaboration",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:collaboration" }),
          port: 8080,
          routes: ["/collaboration"],
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: backendServices,
        },

        mcp: {
          kind: "service",
          feature: "mcp",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:mcp" }),
          port: 8080,
          routes: ["/mcp"],
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: backendServices,
        },

        // FFmpeg itself comes from the repository's Aptfile.
        ffmpeg: {
          kind: "worker",
          feature: "ffmpeg",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:ffmpeg" }),
          size: "apps-s-1vcpu-2gb",
          instances: 1,
          env: { ...backendServices, ...uploads },
        },

        analytics: {
          kind: "worker",
          feature: "analytics",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:analytics" }),
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: backendServices,
        },
      },
    },
  },

  backups: defaultBackups,
  alerts: defaultAlerts,

  contacts: [
    { for: "database, infrastructure, application, customer support", contact: "the documents name roles and no addresses: add yours" },
  ],
  timeBudgets: [
    { task: "Return to the previous deployment", minutes: 15 },
    { task: "Restore a backup into a new database, and switch to it", minutes: 60 },
    { task: "Change the phase of the data, without a request that fails", minutes: 10 },
    { task: "Observe after a change of phase", minutes: 1440 },
  ],
  checklist: [
    { item: "The deployment is ACTIVE, with all of its steps", checks: ["deployment"] },
    { item: "The log shows the connection to the database", checks: ["log"] },
    { item: "The API's endpoints query the database", checks: ["health", "probes"] },
    { item: "Data persists", checks: ["canary"] },
    { item: "Monitor error logs", checks: ["log", "monitoring"] },
    { item: "Verify all features working", checks: ["variables", "migrations", "keyspaces"] },
    { item: "Check backup completion", checks: ["backups"] },
    { item: "User acceptance testing", checks: [] },
  ],
  targets: [
    { title: "A simple query", atMostMs: 10, sql: "SELECT id FROM projects ORDER BY id LIMIT 1" },
    {
      title: "A query with joins",
      atMostMs: 100,
      sql: "SELECT o.name, count(p.id) FROM organizations o LEFT JOIN projects p ON p.organization_id = o.id GROUP BY o.id ORDER BY o.name LIMIT 100",
    },
    {
      title: "Full-text search, with ranking",
      atMostMs: 200,
      sql: "SELECT id, ts_rank(to_tsvector('english', content), query) FROM messages, plainto_tsquery('english', 'design review') query WHERE to_tsvector('english', content) @@ query ORDER BY 2 DESC LIMIT 20",
    },
    { title: "A connection out of the pool", atMostMs: 5, checkout: true },
    { title: "The API, 95 of 100 requests", atMostMs: 200, path: "/api/health" },
  ],

  deviations: [
    { asked: "PostgreSQL 15.15", built: "Major version 15, selected by the stack; DigitalOcean selects the minor version" },
    { asked: "TLS without certificate verification", built: "Every client gets the cluster's CA and verifies certificate and host name" },
    { asked: "A database shared with other applications, 35 tables", built: "A database of its own" },
    { asked: "DATABASE_URL typed into the dashboard", built: "A reference that this program sets and App Platform resolves" },
    {
      asked: "Data in JSON files that a restart loses",
      built: "No path in a container counts as storage; App Platform stacks refuse the phases that read the files",
    },
    { asked: "True multi-tenancy", built: "Roles only, because no document defines what separates two tenants" },
    {
      asked: "A Redis cache that makes everything ten times faster",
      built: "An optional Valkey cache over TLS, without a promised figure",
    },
    { asked: "Self-signed certificates accepted", built: "Every connection requires and verifies TLS" },
    {
      asked: "30 connections, 2 seconds to connect",
      built: "30 or what the node has left, and 10 seconds, because TLS and a failover take longer than 2",
    },
    { asked: "PostgreSQL 14 on the production server", built: "A managed cluster" },
    { asked: "Every write also into JSON files", built: "The flags for it; App Platform keeps no files" },
    { asked: "A password printed in a document", built: "A password that DigitalOcean generates; the printed one is compromised" },
    { asked: "ALL PRIVILEGES for the application", built: "Four roles; the application reads and writes rows and changes no table" },
    { asked: "MD5 passwords", built: "SCRAM-SHA-256" },
    { asked: "Postgres on localhost:5432", built: "Host and port of the cluster" },
    { asked: "Automatic fallback to JSON files", built: "Only an operator changes the phase; an outage shows as unhealthy" },
    { asked: "ssh as root", built: "No step needs ssh" },
    { asked: "An alert above 15 connections", built: "None, because a full pool of 30 always has more than 15" },
    { asked: "pg_dump and WAL", built: "DigitalOcean's point-in-time restore" },
    { asked: "20 connections, 30 seconds idle", built: "One pool, of 30 connections" },
    { asked: "Node 23.11", built: "Node 24, a release line with long-term support; the build refuses any other" },
    {
      asked: "Only letters and digits in passwords",
      built: "Any character: URLs are percent-encoded, and single fields are set in addition",
    },
    { asked: "GRANT ALL when permission is denied", built: "Default privileges, which include tables that are created later" },
    { asked: "Access by ssh, psql as postgres and PM2", built: "App Platform and the commands of this package" },
    { asked: "Incremental backups every hour", built: "DigitalOcean's point-in-time restore" },
  ],
};

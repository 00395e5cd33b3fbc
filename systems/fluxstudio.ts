/**
 * FluxStudio: a creative-project platform. One static site, one unified backend, one database; four parts and a cache that a stack may add.
 *
 * The only one of the three that comes from JSON files on a disk, so it alone has cutover flags (see `docs/decisions.md`).
 */
import { defaultAlerts, nodeSource, SLOW_STATEMENT_MS, STATEMENT_TIMEOUT_SECONDS, verifiedFromNode } from "./common.ts";
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

/** What stands beside the backend reads the same tables and trusts the same logins. */
const besideTheBackend = {
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
  },

  stores: {
    cache: { class: "cache", memoryMiB: 256, maxClients: 50, feature: "cache" },
  },
  keyspaces: {
    cache: { store: "cache", database: 1, durable: false, purpose: "Answers that can be computed again; every key expires" },
  },

  secrets: {
    jwtSecret: { origin: "generated", length: 48, purpose: "Signs the tokens of email and password logins" },
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
    cache: { purpose: "A Valkey cache beside the database" },
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
            probes: [{ path: "/api/projects", expect: [401], why: "Projects belong to somebody: without a token nobody sees them" }],
          },
          // About 64 MB at rest; 200 MB of its 512 wake somebody.
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
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3, probes: [] },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: besideTheBackend,
        },

        mcp: {
          kind: "service",
          feature: "mcp",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:mcp" }),
          port: 8080,
          routes: ["/mcp"],
          health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3, probes: [] },
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: besideTheBackend,
        },

        // FFmpeg itself comes from the repository's Aptfile.
        ffmpeg: {
          kind: "worker",
          feature: "ffmpeg",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:ffmpeg" }),
          size: "apps-s-1vcpu-2gb",
          instances: 1,
          env: besideTheBackend,
        },

        analytics: {
          kind: "worker",
          feature: "analytics",
          source: nodeSource({ repo: "fluxstudio", run: "npm run start:analytics" }),
          size: "apps-s-1vcpu-0.5gb",
          instances: 1,
          env: besideTheBackend,
        },
      },
    },
  },

  backups: {
    postgres: { daily: 30, weekly: 12, monthly: 12, yearly: 5, hourUtc: 2 },
    copies: ["primary", "offsite"],
  },
  alerts: { ...defaultAlerts, latency: 500, restartsPerHour: 3, connections: 80, errors: 1 },

  deviations: [
    { id: "F2", asked: "PostgreSQL 15.15", built: "Major 15, chosen by the stack; the minor is DigitalOcean's" },
    {
      id: "F5",
      asked: "TLS without a check of the certificate",
      built: "The cluster's CA is passed and every client verifies certificate and host name",
    },
    { id: "F8", asked: "A database shared with other applications, 35 tables", built: "A database of its own" },
    { id: "F15", asked: "DATABASE_URL typed into the dashboard", built: "Set by this program as a reference that App Platform fills in" },
    {
      id: "F19",
      asked: "Data in JSON files that a restart loses",
      built: "No path in a container counts as storage; phases that need the files are refused on App Platform",
    },
    { id: "F20", asked: "True multi-tenancy", built: "Roles only: no document says what separates two tenants" },
    {
      id: "F34",
      asked: "A Redis cache that makes everything ten times faster",
      built: "An optional Valkey cache over TLS; no figure is promised",
    },
    { id: "F40", asked: "Self-signed certificates accepted", built: "TLS required and verified on every connection" },
    {
      id: "F42",
      asked: "30 connections, 2 seconds to connect",
      built: "30 or what the node has left, 10 seconds: TLS and a failover do not fit in 2",
    },
    { id: "F47", asked: "PostgreSQL 14 on the production server", built: "A managed cluster" },
    {
      id: "F50",
      asked: "Every write also into JSON files",
      built: "The flags are wired; App Platform keeps no files, so there the second copy is an export to object storage",
    },
    { id: "F54", asked: "A password printed in a document", built: "A password that DigitalOcean makes; the printed one is burnt" },
    {
      id: "F55",
      asked: "ALL PRIVILEGES for the application",
      built: "Four roles; the application reads and writes rows and changes no table",
    },
    { id: "F56", asked: "MD5 passwords", built: "SCRAM-SHA-256" },
    { id: "F77", asked: "Postgres on localhost:5432", built: "Host and port come from the cluster" },
    { id: "F87", asked: "Falls back to JSON files by itself", built: "Only an operator changes the phase; an outage shows as unhealthy" },
    { id: "F93", asked: "ssh as root", built: "No step needs ssh" },
    { id: "F96", asked: "A health check that answers ok", built: "That answer alone is reported as no database probe" },
    {
      id: "F97",
      asked: "An alert above 15 connections",
      built: "An alert at 80 % of the connections allotted, because 15 of 30 would always ring",
    },
    { id: "F102", asked: "pg_dump and WAL", built: "DigitalOcean's point-in-time restore, and dumps of our own" },
    { id: "F103", asked: "20 connections, 30 seconds idle", built: "One pool: the figure of F42" },
    { id: "F104", asked: "Node 23.11", built: "Node 24, a line with long-term support; the build refuses any other" },
    {
      id: "F107",
      asked: "Only letters and digits in passwords",
      built: "Any character: URLs are percent-encoded, and single fields are set beside them",
    },
    {
      id: "F108",
      asked: "GRANT ALL when permission is denied",
      built: "Default privileges: a table made later is usable by the application without another grant",
    },
    {
      id: "F112",
      asked: "Access by ssh, psql as postgres and PM2",
      built: "App Platform and commands of this package; nothing printed needs ssh",
    },
    { id: "F127", asked: "Incremental backups every hour", built: "DigitalOcean's point-in-time restore covers the hours; dumps are full" },
    { id: "F134", asked: "The first copy of a backup on the server itself", built: "Object storage, because App Platform keeps no files" },
  ],
};

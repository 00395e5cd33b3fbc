/** Realistic changes of this project, each with the expected review. */
import type { Risk } from "../../report/review.ts";
import type { Patch } from "./project-copies.ts";

export interface Change {
  /** The change in words. */
  readonly title: string;
  /** @default prod */
  readonly stack?: string;
  /** @default no change */
  readonly base?: Patch;
  readonly head: Patch;
  readonly risk: Risk;
  /** Lines that the review must contain. */
  readonly shows: readonly string[];
  /** The review contains no other lines. @default false */
  readonly only?: true;
  /** Must match the reasons. */
  readonly because?: RegExp;
}

const PROD = "Pulumi.prod.yaml";
const STAGING = "Pulumi.staging.yaml";
const DEVX = "systems/devx.ts";
const CANDLE = "systems/candlefish.ts";

const FORK = "7d0e3a51-6b1c-4f7e-9d59-0f5f9cf3b1aa";
const RECIPIENT = `age1${"q".repeat(58)}`;
/** In the file of the stack prod: it makes backups. */
const MADE = [
  {
    file: PROD,
    from: "    bucketPrefix: slipway-prod",
    to: `    bucketPrefix: slipway-prod\n    image: ghcr.io/acme/slipway:1.0.0\n    recipients:\n      - ${RECIPIENT}`,
  },
];

export const CORPUS: readonly Change[] = [
  // ── No change ─────────────────────────────────────────────────────────────────────────────────────────────────────
  { title: "nothing at all", head: [], risk: "none", shows: [], only: true },
  {
    title: "a comment in a stack's file",
    head: [{ file: PROD, from: "# Production.", to: "# Production, the real one." }],
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "a comment in a definition",
    head: [{ file: DEVX, from: "// With it the product turns TLS on.", to: "// Turns TLS on." }],
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "settings in another order",
    head: [
      {
        file: PROD,
        from: "    state:\n      size: db-s-1vcpu-2gb\n      nodes: 2\n    cache:\n      size: db-s-1vcpu-1gb\n      nodes: 1",
        to: "    cache:\n      nodes: 1\n      size: db-s-1vcpu-1gb\n    state:\n      nodes: 2\n      size: db-s-1vcpu-2gb",
      },
    ],
    risk: "none",
    shows: [],
    only: true,
  },
  // The description of the DigitalOcean project lists them in order.
  {
    title: "systems in another order",
    head: [{ file: "systems/index.ts", from: "[fluxstudio, devx, candlefish]", to: "[candlefish, devx, fluxstudio]" }],
    risk: "routine",
    shows: ["update Project slipway-project"],
    only: true,
  },
  {
    title: "variables in another order",
    head: [
      {
        file: DEVX,
        from: `            POSTGRES_USER: env.database("user"),\n            POSTGRES_PASSWORD: env.database("password"),`,
        to: `            POSTGRES_PASSWORD: env.database("password"),\n            POSTGRES_USER: env.database("user"),`,
      },
    ],
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "a source address written twice in another order",
    base: [{ file: PROD, from: "    - 203.0.113.10\n", to: "    - 203.0.113.10\n    - 203.0.113.11\n" }],
    head: [{ file: PROD, from: "    - 203.0.113.10\n", to: "    - 203.0.113.11\n    - 203.0.113.10\n" }],
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "a README of the keyspaces",
    head: [{ file: "keyspaces/devx/README.md", write: "Nothing is seeded.\n" }],
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "the stack of another environment",
    head: [{ file: STAGING, from: "nodes: 1\n\n  slipway:backups", to: "nodes: 2\n\n  slipway:backups" }],
    risk: "none",
    shows: [],
    only: true,
  },
  // ── Variables and components ──────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a value of a variable",
    head: [
      { file: DEVX, from: `POSTGRES_POOL_IDLE_TIMEOUT_MS: env.plain("30000")`, to: `POSTGRES_POOL_IDLE_TIMEOUT_MS: env.plain("10000")` },
    ],
    risk: "routine",
    shows: ["redeploy App devx-devx-app"],
  },
  {
    title: "a new plain variable",
    head: [
      {
        file: DEVX,
        from: `NODE_ENV: env.plain("production"),`,
        to: `NODE_ENV: env.plain("production"),\n            LOG_LEVEL: env.plain("debug"),`,
      },
    ],
    risk: "routine",
    shows: ["redeploy App devx-devx-app"],
  },
  {
    title: "a health check with another path",
    head: [{ file: DEVX, from: `path: "/health",`, to: `path: "/healthz",` }],
    risk: "routine",
    shows: ["redeploy App devx-devx-app"],
  },
  {
    title: "a component under another name",
    head: [{ file: CANDLE, from: "        paintbox: {\n          kind", to: "        studio: {\n          kind" }],
    risk: "care",
    shows: ["redeploy App candlefish-paintbox-app"],
    because: /service paintbox is removed/,
  },
  {
    title: "code from another branch",
    head: [
      {
        file: PROD,
        from: "  slipway:candlefish:\n",
        to: "  slipway:devx:\n    repos:\n      api:\n        branch: next\n  slipway:candlefish:\n",
      },
    ],
    risk: "care",
    shows: ["redeploy App devx-devx-app", "update Verification devx-verification"],
    only: true,
    because: /runs different code/,
  },
  {
    title: "a component of another size",
    head: [{ file: DEVX, from: `size: "apps-s-1vcpu-0.5gb",`, to: `size: "apps-s-1vcpu-1gb",` }],
    risk: "routine",
    shows: ["redeploy App devx-devx-app", "update Verification devx-verification", "cost more"],
    only: true,
  },
  {
    title: "another domain",
    head: [{ file: PROD, from: "fluxstudio: fluxstudio.art", to: "fluxstudio: studio.example" }],
    risk: "care",
    shows: ["redeploy App fluxstudio-fluxstudio-app"],
    because: /its domain changes/,
  },
  {
    title: "the next phase of the cutover",
    base: [...MADE, { file: PROD, from: "phase: P3", to: "phase: P2" }],
    head: MADE,
    // The product's app has the same flags in both.
    risk: "care",
    shows: ["redeploy App fluxstudio-backups-app", "update Backup fluxstudio-post-deploy-backup"],
    only: true,
    because: /the data is no longer exported as JSON each day/,
  },
  // ── Secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "generated secrets rotated by date",
    head: [{ file: PROD, from: `slipway:rotated: "2026-01-15"`, to: `slipway:rotated: "2026-11-20"` }],
    risk: "care",
    shows: [
      "replace RandomPassword candlefish-secrets-generated-jwtSecret",
      "replace RandomPassword fluxstudio-secrets-generated-jwtSecret",
      "secret rotated: candlefish.jwtSecret",
      "secret rotated: fluxstudio.jwtSecret",
      "redeploy App candlefish-paintbox-app",
    ],
  },
  {
    title: "signing in with Google",
    head: [google("v1:aaaa:bbbb")],
    risk: "care",
    shows: [
      "redeploy App fluxstudio-fluxstudio-app",
      "secret declared: fluxstudio.googleClientSecret",
      "secret reader added: fluxstudio.googleClientSecret",
    ],
  },
  {
    title: "a secret of an operator that was rotated",
    base: [google("v1:aaaa:bbbb")],
    head: [google("v1:cccc:dddd")],
    risk: "care",
    shows: ["secret rotated: fluxstudio.googleClientSecret"],
    only: true,
  },
  {
    title: "a secret without a reader",
    base: [google("v1:aaaa:bbbb")],
    head: [],
    risk: "care",
    shows: [
      "redeploy App fluxstudio-fluxstudio-app",
      "secret dropped: fluxstudio.googleClientSecret",
      "secret reader removed: fluxstudio.googleClientSecret",
    ],
  },
  {
    title: "a token for one more app",
    head: [
      { file: DEVX, from: "  secrets: {},", to: `  secrets: { apiToken: { origin: "generated", length: 40 } },` },
      {
        file: DEVX,
        from: `NODE_ENV: env.plain("production"),`,
        to: `NODE_ENV: env.plain("production"),\n            API_TOKEN: env.secret("apiToken"),`,
      },
    ],
    risk: "care",
    shows: [
      "create RandomPassword devx-secrets-generated-apiToken",
      "redeploy App devx-devx-app",
      "secret declared: devx.apiToken",
      "secret reader added: devx.apiToken",
    ],
  },
  {
    title: "a secret in a variable for the browser",
    head: [
      {
        file: CANDLE,
        from: `JWT_SECRET: env.secret("jwtSecret"),`,
        to: `JWT_SECRET: { ...env.secret("jwtSecret"), scope: "BUILD_TIME" },`,
      },
    ],
    risk: "danger",
    shows: ["failure of head"],
    only: true,
  },
  // ── Clusters, stores and firewalls ────────────────────────────────────────────────────────────────────────────────
  {
    title: "larger nodes for Postgres",
    head: [{ file: PROD, from: "size: db-s-2vcpu-4gb", to: "size: db-s-4vcpu-8gb" }],
    risk: "routine",
    shows: ["update DatabaseCluster devx-postgres-cluster", "cost more"],
  },
  {
    title: "a second standby for Postgres",
    head: [{ file: PROD, from: "    size: db-s-2vcpu-4gb\n    nodes: 2", to: "    size: db-s-2vcpu-4gb\n    nodes: 3" }],
    risk: "routine",
    shows: ["update DatabaseCluster devx-postgres-cluster", "cost more"],
  },
  {
    title: "a replica for Postgres",
    head: [
      {
        file: PROD,
        from: "    size: db-s-2vcpu-4gb\n    nodes: 2",
        to: "    size: db-s-2vcpu-4gb\n    nodes: 2\n    replicas: [{ name: read-1 }]",
      },
    ],
    // The services that read the replica get a variable with its password.
    risk: "care",
    shows: ["create DatabaseReplica devx-postgres-replica-read-1", "cost more"],
  },
  {
    title: "new keys of the buckets",
    head: [{ file: PROD, from: "slipway:protect: true", to: 'slipway:protect: true\n  slipway:keysRotated: "2026-11-01"' }],
    risk: "care",
    shows: ["replace SpacesKey slipway-backups-key-primary"],
    because: /Its readers get the new key before the old one is deleted/,
  },
  {
    title: "no standby for Postgres",
    head: [{ file: PROD, from: "    size: db-s-2vcpu-4gb\n    nodes: 2", to: "    size: db-s-2vcpu-4gb\n    nodes: 1" }],
    risk: "care",
    shows: ["update DatabaseCluster devx-postgres-cluster", "cost less"],
    because: /no standby is left/,
  },
  {
    title: "the next major of Postgres",
    head: [{ file: PROD, from: `    layout: dedicated\n    version: "15"`, to: `    layout: dedicated\n    version: "17"` }],
    risk: "care",
    shows: ["update DatabaseCluster fluxstudio-postgres-cluster"],
    because: /major upgrade in place, 15 to 17/,
  },
  {
    title: "a Postgres for each of the three instead of one",
    stack: "staging",
    head: [{ file: STAGING, from: "layout: shared", to: "layout: dedicated" }],
    risk: "danger",
    shows: ["delete DatabaseCluster shared-postgres-staging-cluster", "create DatabaseCluster devx-postgres-staging-cluster"],
  },
  {
    title: "FluxStudio on a fork of the shared Postgres, with its old database kept",
    stack: "staging",
    head: [
      {
        file: STAGING,
        from: "  slipway:fluxstudio:\n",
        to: `  slipway:fluxstudio:\n    postgres:\n      adopt: ${FORK}\n      keepShared: true\n`,
      },
    ],
    // Its services restart with another address.
    risk: "care",
    shows: ["import DatabaseCluster fluxstudio-postgres-staging-cluster", "redeploy App fluxstudio-fluxstudio-app", "cost more"],
    because: /connects to another database/,
  },
  {
    title: "the old database of a product that has moved",
    stack: "staging",
    base: [
      {
        file: STAGING,
        from: "  slipway:fluxstudio:\n",
        to: `  slipway:fluxstudio:\n    postgres:\n      adopt: ${FORK}\n      keepShared: true\n`,
      },
    ],
    head: [
      {
        file: STAGING,
        from: "  slipway:fluxstudio:\n",
        to: `  slipway:fluxstudio:\n    postgres:\n      adopt: ${FORK}\n`,
      },
    ],
    risk: "danger",
    shows: ["delete DatabaseDb shared-postgres-staging-db-fluxstudio"],
    because: /its tables are lost/,
  },
  {
    title: "a removed product",
    head: [{ file: PROD, from: "    - devx\n", to: "" }],
    risk: "danger",
    shows: [
      "delete DatabaseCluster devx-postgres-cluster",
      "delete DatabaseDb devx-postgres-db-devxplatform",
      "delete App devx-devx-app",
      "cost less",
    ],
    because: /DatabaseCluster devx-postgres-cluster is destroyed: its data is lost, and with it devxplatform. Pulumi refuses it/,
  },
  {
    title: "a product in another region",
    head: [{ file: PROD, from: "    region: sfo3", to: "    region: fra1" }],
    risk: "danger",
    shows: ["create Vpc slipway-fra1-vpc", "delete Vpc slipway-sfo3-vpc", "replace DatabaseCluster candlefish-postgres-cluster"],
  },
  {
    title: "another range for the network",
    head: [{ file: PROD, from: "vpcCidr: 10.104.0.0/20", to: "vpcCidr: 10.112.0.0/20" }],
    risk: "danger",
    shows: [
      "replace Vpc slipway-nyc1-vpc",
      "replace DatabaseCluster fluxstudio-postgres-cluster",
      "replace DatabaseCluster devx-postgres-cluster",
      "replace DatabaseDb devx-postgres-db-devxplatform",
    ],
  },
  {
    title: "clusters without protection",
    head: [{ file: PROD, from: "slipway:protect: true", to: "slipway:protect: false" }],
    risk: "danger",
    shows: ["update DatabaseCluster devx-postgres-cluster"],
    because: /no longer protected/,
  },
  {
    title: "state and cache in one store",
    head: [
      {
        file: PROD,
        from: '    layout: split\n    version: "8"\n    state:\n      size: db-s-1vcpu-2gb\n      nodes: 2\n    cache:\n      size: db-s-1vcpu-1gb\n      nodes: 1',
        to: '    layout: single\n    version: "8"\n    state:\n      size: db-s-1vcpu-2gb\n      nodes: 2',
      },
    ],
    risk: "danger",
    shows: ["delete DatabaseCluster candlefish-cache-valkey-cluster"],
  },
  {
    title: "sessions in a cache",
    stack: "staging",
    head: [{ file: CANDLE, from: `state: { class: "state",`, to: `state: { class: "cache",` }],
    risk: "danger",
    shows: ["failure of head"],
  },
  {
    title: "one more machine that may connect",
    head: [{ file: PROD, from: "    - 203.0.113.10\n", to: "    - 203.0.113.10\n    - 198.51.100.9\n" }],
    risk: "care",
    shows: ["firewall opened: devx-postgres-cluster ip_addr 198.51.100.9", "update DatabaseFirewall devx-postgres-firewall-rules"],
  },
  {
    title: "a machine that may connect no longer",
    base: [{ file: PROD, from: "    - 203.0.113.10\n", to: "    - 203.0.113.10\n    - 198.51.100.9\n" }],
    head: [],
    risk: "care",
    shows: ["firewall closed: devx-postgres-cluster ip_addr 198.51.100.9"],
  },
  {
    title: "an open firewall, which the program refuses",
    head: [{ file: PROD, from: "    - 203.0.113.10\n", to: "    - 0.0.0.0/0\n" }],
    risk: "danger",
    shows: ["failure of head"],
    only: true,
    because: /The program fails at head/,
  },
  {
    title: "an additional store",
    head: [{ file: PROD, from: "  slipway:candlefish:\n", to: "  slipway:devx:\n    features: [valkey]\n  slipway:candlefish:\n" }],
    risk: "care",
    shows: ["create DatabaseCluster devx-state-valkey-cluster", "secret reader added: devx-state-valkey", "cost more"],
  },
  {
    title: "a stack without backups",
    stack: "staging",
    head: [{ file: STAGING, from: "    bucketPrefix: slipway-staging", to: "    enabled: false" }],
    risk: "danger",
    shows: ["delete SpacesBucket slipway-backups-bucket-primary", "delete SpacesKey slipway-backups-key-primary"],
  },
  {
    title: "a stack that makes its own backups",
    head: MADE,
    risk: "care",
    shows: [
      "create App fluxstudio-backups-app",
      "create Backup fluxstudio-post-deploy-backup",
      "secret reader added: backups.primary",
      "secret reader added: fluxstudio.postgres.backup",
      "cost more",
    ],
  },
  {
    title: "fewer backups",
    base: MADE,
    head: [...MADE, { file: PROD, from: "    recipients:", to: "    keep:\n      daily: 7\n      weekly: 12\n    recipients:" }],
    risk: "danger",
    shows: ["redeploy App fluxstudio-backups-app", "redeploy App devx-backups-app", "redeploy App candlefish-backups-app"],
    only: true,
    because: /fewer backups are kept \(30 to 7 daily\): the worker deletes the others/,
  },
  {
    title: "fewer exports of keyspaces",
    base: MADE,
    head: [...MADE, { file: CANDLE, from: "keyspaces: { days: 7 }", to: "keyspaces: { days: 3 }" }],
    risk: "danger",
    shows: ["redeploy App candlefish-backups-app"],
    only: true,
    because: /fewer backups are kept \(7 to 3 days of keyspaces\)/,
  },
  {
    title: "more backups",
    base: MADE,
    head: [...MADE, { file: PROD, from: "    recipients:", to: "    keep:\n      daily: 60\n    recipients:" }],
    risk: "routine",
    shows: ["redeploy App fluxstudio-backups-app", "redeploy App devx-backups-app", "redeploy App candlefish-backups-app"],
    only: true,
  },
  {
    title: "backups for another recipient",
    base: MADE,
    head: [...MADE, { file: PROD, from: RECIPIENT, to: RECIPIENT.replaceAll("q", "p") }],
    risk: "danger",
    shows: ["redeploy App fluxstudio-backups-app"],
    because: /no former key decrypts new backups/,
  },
  {
    title: "backups for one more recipient",
    base: MADE,
    head: [...MADE, { file: PROD, from: `      - ${RECIPIENT}`, to: `      - ${RECIPIENT}\n      - ${RECIPIENT.replaceAll("q", "p")}` }],
    risk: "care",
    shows: ["redeploy App fluxstudio-backups-app"],
    because: /encrypted for other keys/,
  },
  {
    title: "older backups before changes",
    base: MADE,
    head: [...MADE, { file: PROD, from: "    recipients:", to: "    maxAgeHours: 168\n    recipients:" }],
    risk: "care",
    shows: ["update Backup fluxstudio-post-deploy-backup"],
    because: /up to 168 hours before is now enough, instead of 1/,
  },
  {
    title: "backups before changes that a job makes, not the program",
    base: MADE,
    head: [
      ...MADE,
      {
        file: PROD,
        from: "  slipway:protect: true",
        to: "  slipway:protect: true\n\n  slipway:postDeploy:\n    mode: job\n    image: ghcr.io/acme/slipway:1.0.0",
      },
    ],
    risk: "care",
    shows: ["delete Backup fluxstudio-post-deploy-backup"],
    because: /^(?!.*no backup is made)/s,
  },
  {
    title: "no backups any more",
    base: MADE,
    head: [],
    risk: "danger",
    shows: ["delete App fluxstudio-backups-app", "delete Backup fluxstudio-post-deploy-backup", "cost less"],
    because: /no backups of fluxstudio are made any more/,
  },
  // ── Migrations ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a migration that adds a table",
    head: sql(
      "004_audit",
      "CREATE TABLE devx.audit (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, what text NOT NULL);",
      "DROP TABLE devx.audit;",
    ),
    risk: "routine",
    shows: ["migration added devx/004_audit.sql", "update Migrations devx-post-deploy-migrations", "update Verification devx-verification"],
    only: true,
  },
  {
    title: "a migration that rewrites a big table",
    head: sql(
      "004_wide_ids",
      "ALTER TABLE devx.activity_logs ALTER COLUMN action TYPE varchar(40);",
      "ALTER TABLE devx.activity_logs ALTER COLUMN action TYPE text;",
    ),
    risk: "danger",
    shows: ["migration added devx/004_wide_ids.sql"],
    because: /rewrites devx.activity_logs under ACCESS EXCLUSIVE/,
  },
  {
    title: "a migration that drops a column",
    head: sql("004_less", "ALTER TABLE devx.users DROP COLUMN email;", "ALTER TABLE devx.users ADD COLUMN email text;"),
    risk: "danger",
    shows: ["migration added devx/004_less.sql"],
    because: /drops devx.users.email with every value/,
  },
  {
    title: "a migration that drops a table",
    head: sql("004_gone", "DROP TABLE devx.api_keys;", "SELECT 1;"),
    risk: "danger",
    shows: ["migration added devx/004_gone.sql"],
    because: /drops devx.api_keys with every row/,
  },
  {
    title: "an index that blocks writes",
    head: sql("004_index", "CREATE INDEX ON devx.activity_logs (created_at, id);", "SELECT 1;"),
    risk: "care",
    shows: ["migration added devx/004_index.sql"],
  },
  {
    title: "a migration without a down migration",
    head: [{ file: "sql/devx/004_note.sql", write: "CREATE TABLE devx.note (id bigint PRIMARY KEY);\n" }],
    risk: "care",
    shows: ["migration added devx/004_note.sql"],
    because: /no down migration/,
  },
  {
    title: "a comment in an applied migration",
    head: [{ file: "sql/devx/002_add_api_keys_table.sql", from: "CREATE TABLE", to: "-- Keys of the API.\nCREATE TABLE" }],
    risk: "routine",
    shows: ["update Migrations devx-post-deploy-migrations", "update Verification devx-verification"],
    only: true,
  },
  {
    title: "an edited migration that is applied",
    head: [{ file: "sql/devx/002_add_api_keys_table.sql", from: "CREATE TABLE", to: "CREATE UNLOGGED TABLE" }],
    risk: "danger",
    shows: ["migration edited devx/002_add_api_keys_table.sql"],
    because: /has applied this file refuses the next run/,
  },
  {
    title: "a renamed migration that is applied",
    head: [
      { file: "sql/devx/002_add_api_keys_table.sql", name: "sql/devx/002_api_keys.sql" },
      { file: "sql/devx/002_add_api_keys_table.down.sql", name: "sql/devx/002_api_keys.down.sql" },
    ],
    risk: "danger",
    shows: ["migration renamed devx/002_api_keys.sql"],
  },
  {
    title: "a removed migration that is applied",
    head: [
      { file: "sql/devx/002_add_api_keys_table.sql", gone: true },
      { file: "sql/devx/002_add_api_keys_table.down.sql", gone: true },
    ],
    risk: "danger",
    shows: ["migration removed devx/002_add_api_keys_table.sql"],
  },
  {
    title: "a migration that comes before an applied one",
    head: sql("001_z_early", "CREATE TABLE devx.early (id bigint PRIMARY KEY);", "DROP TABLE devx.early;"),
    risk: "care",
    shows: ["migration added devx/001_z_early.sql"],
    because: /out of order/,
  },
  {
    title: "a repeatable view",
    head: [{ file: "sql/devx/R_active.sql", write: "CREATE OR REPLACE VIEW devx.active AS SELECT 1 AS one;\n" }],
    risk: "routine",
    shows: ["migration repeatable devx/R_active.sql"],
  },
  // ── Keyspaces ─────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "cached answers that live for a day",
    head: [{ file: "keyspaces/candlefish/cache.yaml", from: "ttl: 1h", to: "ttl: 1d" }],
    risk: "routine",
    shows: [
      "keyspace changed candlefish/cache cache:<name>",
      "update Keyspaces candlefish-post-deploy-keyspaces",
      "update Verification candlefish-verification",
    ],
    only: true,
  },
  {
    title: "sessions that are no longer secret",
    head: [{ file: "keyspaces/candlefish/sessions.yaml", from: "    secret: true\n", to: "" }],
    risk: "danger",
    shows: ["keyspace changed candlefish/sessions session:<id>"],
  },
  {
    title: "a changed script",
    head: [{ file: "keyspaces/candlefish/sessions/cleanup.lua", write: "return 1\n" }],
    risk: "care",
    shows: ["script changed candlefish/sessions cleanup"],
  },
  {
    title: "a removed keyspace",
    head: [{ file: "keyspaces/candlefish/cache.yaml", gone: true }],
    risk: "care",
    shows: ["keyspace removed candlefish/cache"],
  },
  // ── What cannot be planned ────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a program that throws",
    head: [{ file: "index.ts", from: "  return await", to: `  throw new Error("the harbour is closed");\n  return await` }],
    risk: "danger",
    shows: ["failure of head"],
    only: true,
    because: /the harbour is closed/,
  },
  {
    title: "a stack file that is not YAML",
    head: [{ file: PROD, from: "slipway:protect: true", to: "slipway:protect: [" }],
    risk: "danger",
    shows: ["failure of head"],
    only: true,
  },
];

function google(ciphertext: string): Patch[number] {
  const settings = [
    "slipway:fluxstudioGoogleClientId: 1234.apps.example",
    `slipway:fluxstudioGoogleClientSecret:\n    secure: ${ciphertext}`,
  ];
  const features = "      - uploads\n";
  const domain = "    domains:\n      fluxstudio: fluxstudio.art\n";
  const added = settings.map((line) => `  ${line}\n`).join("");
  return { file: PROD, from: features + domain, to: `${features}      - google\n${domain}${added}` };
}

function sql(name: string, forward: string, back: string): Patch {
  return [
    { file: `sql/devx/${name}.sql`, write: `${forward}\n` },
    { file: `sql/devx/${name}.down.sql`, write: `${back}\n` },
  ];
}

/** Reviews and audits to render: realistic ones, and one with untrusted text in every field. */
import type { Audit, Station } from "../audit.ts";
import type { Review, Shown, StackReview } from "../review.ts";

const plain = (text: string): Shown => ({ kind: "plain", text });
const SECRET: Shown = { kind: "secret" };
const ABSENT: Shown = { kind: "absent" };

const urn = (type: string, name: string, stack = "prod"): string => `urn:pulumi:${stack}::slipway::slipway:index:Platform$${type}::${name}`;
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";
const DATABASE = "digitalocean:index/databaseDb:DatabaseDb";
const APP = "digitalocean:index/app:App";
const MIGRATIONS = "pulumi-nodejs:dynamic/slipway:Migrations";

export const PROJECT = "slipway";
export const HEAD = "5d6e7f80a1b2c3d4e5f60718293a4b5c6d7e8f90";

const prod: StackReview = {
  stack: "prod",
  risk: "danger",
  reasons: [
    {
      risk: "danger",
      text: "candlefish-postgres-cluster is replaced: its database candlefish_collaboration is lost, and a new cluster is empty.",
    },
    { risk: "danger", text: "JWT_SECRET of paintbox turns from SECRET to plain text, which the panel and the API show." },
    { risk: "care", text: "0007_documents_search.sql rewrites every row of documents under ACCESS EXCLUSIVE: reads block meanwhile." },
    { risk: "care", text: "3 components restart." },
  ],
  resources: [
    {
      change: "replace",
      urn: urn(CLUSTER, "candlefish-postgres-cluster"),
      type: CLUSTER,
      name: "candlefish-postgres-cluster",
      system: "candlefish",
      risk: "danger",
      note: "its 1 database is gone; a new cluster is empty",
      fields: [
        { path: "privateNetworkUuid", before: plain("slipway-sfo3-vpc"), after: plain("slipway-sfo2-vpc"), replaces: true },
        { path: "region", before: plain("sfo3"), after: plain("sfo2"), replaces: false },
      ],
      source: { file: "components/postgres.ts", line: 146 },
    },
    {
      change: "delete",
      urn: urn(DATABASE, "candlefish-postgres-db-candlefish_collaboration"),
      type: DATABASE,
      name: "candlefish-postgres-db-candlefish_collaboration",
      system: "candlefish",
      risk: "danger",
      note: "with everything in it",
      fields: [],
    },
    {
      change: "redeploy",
      urn: urn(APP, "candlefish-paintbox-app"),
      type: APP,
      name: "candlefish-paintbox-app",
      system: "candlefish",
      risk: "care",
      fields: [
        { path: "spec.service paintbox.env JWT_SECRET.type", before: plain("SECRET"), after: ABSENT, replaces: false },
        { path: "spec.service paintbox.env JWT_SECRET.value", before: SECRET, after: SECRET, replaces: false },
        { path: "spec.service paintbox.env LOG_LEVEL.value", before: plain("info"), after: plain("debug"), replaces: false },
        {
          path: "spec.service paintbox.instanceSizeSlug",
          before: plain("apps-s-1vcpu-1gb"),
          after: plain("apps-s-2vcpu-4gb"),
          replaces: false,
        },
        { path: "spec.service paintbox.env DATABASE_URL.value", before: { kind: "unknown" }, after: { kind: "unknown" }, replaces: false },
      ],
      source: { file: "components/app.ts", line: 120 },
    },
    {
      change: "update",
      urn: urn(MIGRATIONS, "candlefish-post-deploy-migrations"),
      type: MIGRATIONS,
      name: "candlefish-post-deploy-migrations",
      system: "candlefish",
      risk: "care",
      fields: [{ path: "files", before: plain("8 files"), after: plain("9 files"), replaces: false }],
    },
    {
      change: "create",
      urn: urn("digitalocean:index/monitorAlert:MonitorAlert", "candlefish-disk-alert"),
      type: "digitalocean:index/monitorAlert:MonitorAlert",
      name: "candlefish-disk-alert",
      system: "candlefish",
      risk: "routine",
      fields: [{ path: "value", before: ABSENT, after: plain("80"), replaces: false }],
    },
    {
      change: "same",
      urn: urn(APP, "devx-devx-app"),
      formerUrn: urn(APP, "devx-app"),
      type: APP,
      name: "devx-devx-app",
      system: "devx",
      risk: "none",
      fields: [],
    },
  ],
  migrations: [
    {
      system: "candlefish",
      file: "0007_documents_search.sql",
      change: "added",
      reversible: false,
      transactional: true,
      locks: [{ mode: "ACCESS EXCLUSIVE", table: "public.documents", rewrites: true, line: 4 }],
      findings: [
        {
          rule: "column-type",
          severity: "error",
          line: 4,
          message: "ALTER COLUMN body TYPE jsonb rewrites the table.",
          fix: "Add a column, fill it in batches, then swap the two.",
        },
      ],
      risk: "care",
      note: "runs before the apps start",
    },
  ],
  keyspaces: [
    { system: "candlefish", keyspace: "sessions", store: "state", kind: "script", name: "cleanup.lua", change: "changed", risk: "routine" },
    {
      system: "candlefish",
      keyspace: "cache",
      store: "cache",
      kind: "keyspace",
      name: "cache",
      change: "changed",
      detail: "eviction allkeys_lru becomes noeviction: writes fail once it is full",
      risk: "care",
    },
  ],
  secrets: [
    {
      secret: "candlefish.jwtSecret",
      change: "turned plain",
      before: "spec.service paintbox.env JWT_SECRET, type SECRET",
      after: "spec.service paintbox.env JWT_SECRET, type GENERAL",
      risk: "danger",
      note: "anybody who may read the app's spec can read it",
      source: { file: "systems/candlefish.ts", line: 22 },
    },
    { secret: "candlefish.jwtSecret", change: "reader added", after: "spec.job report.env JWT_SECRET", risk: "care" },
  ],
  firewalls: [
    { cluster: "candlefish-postgres", change: "opened", rule: "ip_addr 0.0.0.0/0", risk: "danger", note: "everybody may knock" },
    { cluster: "candlefish-postgres", change: "closed", rule: "ip_addr 203.0.113.10", risk: "routine" },
  ],
  cost: {
    lines: [
      { resource: "candlefish-postgres-cluster", system: "candlefish", what: "db-s-2vcpu-4gb × 2", before: 121.8, after: 244.2 },
      { resource: "candlefish-paintbox-app paintbox", system: "candlefish", what: "apps-s-2vcpu-4gb", before: 12, after: 50 },
      { resource: "slipway-backups-bucket-offsite", what: "Spaces bucket, billed by its contents", before: null, after: null },
    ],
    before: 504.75,
    after: 665.15,
    unpriced: ["slipway-backups-bucket-offsite"],
    asOf: "2026-08-07",
  },
  restarts: [
    { app: "candlefish-paintbox-app", component: "paintbox", kind: "restart", why: "its variables change" },
    { app: "candlefish-rtpm-app", component: "api", kind: "restart", why: "its database is another one" },
    { app: "candlefish-rtpm-app", component: "post-deploy", kind: "job", why: "jobs before a deploy run with each" },
  ],
  placeholders: ["slipway:fluxstudioGoogleClientSecret"],
  messages: [{ severity: "warning", text: "candlefish: 20 connections of the pool are more than the node has left." }],
  engine: {
    steps: [{ op: "replace", urn: urn(CLUSTER, "candlefish-postgres-cluster"), type: CLUSTER, keys: ["privateNetworkUuid"] }],
    apps: [
      { app: "devx-devx", part: "api", fact: "LOG_LEVEL", before: "info", after: "debug" },
      { app: "devx-devx", part: "api", fact: "SIGNING_KEY", before: "secret, version 1", after: "secret, version 2" },
    ],
    contradictions: [
      {
        urn: urn(CLUSTER, "devx-postgres-cluster"),
        ours: "same",
        engines: "update",
        meaning: "its size was changed by hand; a deployment reverts that",
        risk: "care",
      },
    ],
    policies: [
      {
        policy: "database-firewall-closed",
        level: "mandatory",
        urn: urn(CLUSTER, "candlefish-postgres-cluster"),
        message: "A rule is wider than a /16.",
      },
    ],
  },
  picture: {
    nodes: [
      {
        urn: urn(APP, "candlefish-paintbox-app"),
        kind: "app",
        name: "candlefish-paintbox-app",
        lines: ["paintbox apps-s-2vcpu-4gb"],
        system: "candlefish",
      },
      {
        urn: urn(APP, "candlefish-rtpm-app"),
        kind: "app",
        name: "candlefish-rtpm-app",
        lines: ["api apps-s-1vcpu-1gb"],
        system: "candlefish",
      },
      {
        urn: urn(MIGRATIONS, "candlefish-post-deploy-migrations"),
        kind: "step",
        name: "migrations",
        lines: ["9 files"],
        system: "candlefish",
      },
      { urn: urn("pool", "pool"), kind: "pool", name: "candlefish_collaboration", lines: ["transaction × 20"], system: "candlefish" },
      {
        urn: urn(DATABASE, "candlefish-postgres-db-candlefish_collaboration"),
        kind: "database",
        name: "candlefish_collaboration",
        lines: [],
        system: "candlefish",
      },
      {
        urn: urn(CLUSTER, "candlefish-postgres-cluster"),
        kind: "cluster",
        name: "candlefish-postgres-cluster",
        lines: ["Postgres 15", "db-s-2vcpu-4gb × 2 nodes", "open to 0.0.0.0/0"],
        system: "candlefish",
      },
      {
        urn: urn(CLUSTER, "candlefish-state-valkey-cluster"),
        kind: "store",
        name: "candlefish-state-valkey-cluster",
        lines: ["valkey 8", "db-s-1vcpu-2gb × 2 nodes"],
        system: "candlefish",
      },
      { urn: urn(APP, "devx-devx-app"), kind: "app", name: "devx-devx-app", lines: ["api apps-s-1vcpu-0.5gb"], system: "devx" },
      { urn: urn(DATABASE, "devx-postgres-db-devxplatform"), kind: "database", name: "devxplatform", lines: [], system: "devx" },
      {
        urn: urn(CLUSTER, "devx-postgres-cluster"),
        kind: "cluster",
        name: "devx-postgres-cluster",
        lines: ["Postgres 15", "db-s-2vcpu-4gb × 2 nodes", "open to 10.104.0.0/20, 203.0.113.10"],
        system: "devx",
      },
      { urn: urn("bucket", "slipway-backups-bucket-offsite"), kind: "bucket", name: "slipway-backups-bucket-offsite", lines: ["sfo3"] },
    ],
    edges: [
      { from: urn(APP, "candlefish-paintbox-app"), to: urn("pool", "pool") },
      { from: urn(APP, "candlefish-rtpm-app"), to: urn("pool", "pool") },
      { from: urn(APP, "candlefish-paintbox-app"), to: urn(CLUSTER, "candlefish-state-valkey-cluster") },
      { from: urn(APP, "candlefish-rtpm-app"), to: urn(CLUSTER, "candlefish-state-valkey-cluster") },
      { from: urn("pool", "pool"), to: urn(DATABASE, "candlefish-postgres-db-candlefish_collaboration") },
      { from: urn(MIGRATIONS, "candlefish-post-deploy-migrations"), to: urn(DATABASE, "candlefish-postgres-db-candlefish_collaboration") },
      { from: urn(DATABASE, "candlefish-postgres-db-candlefish_collaboration"), to: urn(CLUSTER, "candlefish-postgres-cluster") },
      { from: urn(APP, "devx-devx-app"), to: urn(DATABASE, "devx-postgres-db-devxplatform") },
      { from: urn(DATABASE, "devx-postgres-db-devxplatform"), to: urn(CLUSTER, "devx-postgres-cluster") },
    ],
  },
};

/** Nothing in it, on a stack of that name. */
export const quietStack = (stack: string): StackReview => ({
  stack,
  risk: "none",
  reasons: [],
  resources: [],
  migrations: [],
  keyspaces: [],
  secrets: [],
  firewalls: [],
  cost: { lines: [], before: 120, after: 120, unpriced: [], asOf: "2026-08-07" },
  restarts: [],
  placeholders: [],
  messages: [],
});

const failed: StackReview = {
  ...quietStack("staging"),
  risk: "danger",
  failure: {
    side: "head",
    message: '1 problem in the settings of stack "staging".\n\n1. slipway:region: "nyc9" is no region.\n   allowed: nyc1, nyc3, sfo3',
  },
};

/** Everything that a review can tell, each at least once. */
export const dangerous: Review = {
  schema: "slipway-review/1",
  project: PROJECT,
  base: { ref: "main", commit: "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d" },
  head: { ref: "search", commit: HEAD, dirty: true },
  risk: "danger",
  stacks: [quietStack("local"), failed, prod],
};

export const quiet: Review = {
  ...dangerous,
  head: { ...dangerous.head, dirty: false },
  risk: "none",
  stacks: [quietStack("staging"), quietStack("prod")],
};

/** The same with every text that is not one of a choice exchanged for the given one: what a hostile change would put there. */
export function exchanged<T>(value: T, text: string): T {
  const chosen = new Set(["schema", "risk", "kind", "change", "severity", "side", "strength"]);
  const turned = (value: unknown, key: string): unknown => {
    if (typeof value === "string") return chosen.has(key) ? value : text;
    if (Array.isArray(value)) return value.map((one) => turned(one, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, turned(inner, key)]));
  };
  return turned(value, "") as T;
}

const jwt: readonly Station[] = [
  {
    what: "random password jwtSecret",
    urn: urn("random:index/randomPassword:RandomPassword", "jwt"),
    source: { file: "components/secrets.ts", line: 52 },
  },
  { what: "the state, encrypted", urn: urn("random:index/randomPassword:RandomPassword", "jwt") },
];

export const cleanAudit: Audit = {
  stack: "prod",
  findings: [],
  suppressed: [],
  proofs: [
    {
      secret: "shop.jwtSecret",
      flow: [
        ...jwt,
        { what: "variable JWT_SECRET of api", urn: urn(APP, "shop"), path: "spec.service api.env JWT_SECRET" },
        { what: "the process of api in shop" },
      ],
      strength: "seen",
    },
    { secret: "shop.postgres.owner", flow: [jwt[1]!, { what: "the process of api in shop" }], strength: "wired" },
  ],
  declared: ["shop.jwtSecret", "shop.postgres.owner"],
  notes: [],
};

export const leakyAudit: Audit = {
  ...cleanAudit,
  findings: [
    {
      rule: "secret-in-output",
      severity: "critical",
      message: "shop.jwtSecret stands in the stack output jwt.",
      secret: "shop.jwtSecret",
      source: { file: "index.ts", line: 12 },
      flow: [...jwt, { what: "the stack output jwt, in clear", path: "jwt" }],
      fingerprint: "1".repeat(32),
      fix: "Leave it out of the outputs.",
    },
    {
      rule: "build-scope",
      severity: "medium",
      message: "JWT_SECRET of api is there while the image is built.",
      flow: [{ what: "variable JWT_SECRET of api" }],
      fingerprint: "0".repeat(32),
      fix: "Set its scope to RUN_TIME.",
    },
  ],
  suppressed: [
    {
      finding: {
        rule: "reader-without-need",
        severity: "low",
        message: "worker reads JWT_SECRET and verifies nothing.",
        flow: [{ what: "variable JWT_SECRET of worker" }],
        fingerprint: "2".repeat(32),
        fix: "Take it out of worker's variables.",
      },
      reason: "worker is switched off until the new queue is there",
      until: "2027-03-31",
    },
  ],
  notes: ["The state was not given, so it was not checked."],
};

/** Changes that slipway's own components refuse or hide, each with the expected review. */
import * as pulumi from "@pulumi/pulumi";
import type { Risk } from "../../report/review.ts";
import type { Change, Env } from "./sample-program.ts";

export interface SampleChange {
  readonly title: string;
  /** @default no change */
  readonly base?: Change;
  readonly head: Change;
  readonly risk: Risk;
  readonly shows: readonly string[];
  readonly only?: true;
  readonly because?: RegExp;
}

/** Changes one variable of the api. */
function env(key: string, change: Partial<Env>): Change {
  return (sample) => {
    const { envs } = sample;
    sample.envs = (made) => envs(made).map((one) => (one.key === key ? { ...one, ...change } : one));
  };
}

export const SAMPLE_CHANGES: readonly SampleChange[] = [
  // ── Nothing ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "rules of a firewall in another order",
    head: (sample) => {
      sample.rules.reverse();
    },
    risk: "none",
    shows: [],
    only: true,
  },
  {
    title: "variables of an app in another order",
    head: (sample) => {
      const { envs } = sample;
      sample.envs = (made) => envs(made).reverse();
    },
    risk: "none",
    shows: [],
    only: true,
  },
  // ── Replacements that the provider makes ──────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster with another name at DigitalOcean",
    head: (sample) => {
      sample.postgres.name = "orders-2";
    },
    risk: "danger",
    shows: [
      "replace DatabaseCluster orders",
      ...["Db orders-db", "User orders-user", "ConnectionPool orders-pool", "Firewall orders-firewall", "Replica orders-replica"].map(
        (one) => `replace Database${one}`,
      ),
    ],
    because: /DatabaseCluster orders is replaced for name: .*its data is lost, and with it orders/,
  },
  {
    title: "a cluster with another engine",
    head: (sample) => {
      sample.other = { ...sample.other, engine: "mysql", version: "8" };
    },
    risk: "danger",
    shows: ["replace DatabaseCluster other"],
    because: /replaced for engine/,
  },
  {
    title: "a cluster in another project",
    head: (sample) => {
      sample.postgres.projectId = "5f1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "danger",
    shows: ["replace DatabaseCluster orders"],
    because: /replaced for projectId/,
  },
  {
    title: "a cluster in another network",
    head: (sample) => {
      sample.postgres.privateNetworkUuid = "6d1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "danger",
    shows: ["replace DatabaseCluster orders"],
    because: /replaced for privateNetworkUuid/,
  },
  {
    title: "a network with another range",
    head: (sample) => {
      sample.network.ipRange = "10.30.0.0/20";
    },
    risk: "danger",
    shows: ["replace Vpc network", "replace DatabaseCluster orders", "replace DatabaseCluster sessions", "replace DatabaseDb orders-db"],
    because: /DatabaseCluster orders is replaced with network/,
  },
  {
    title: "a network in another region",
    head: (sample) => {
      sample.network.region = "fra1";
    },
    risk: "danger",
    shows: ["replace Vpc network", "replace DatabaseCluster orders"],
  },
  {
    title: "a database with another name",
    head: (sample) => {
      sample.database = { name: "orders_v2" };
    },
    risk: "danger",
    shows: ["replace DatabaseDb orders-db"],
    because: /its tables are lost/,
  },
  {
    title: "everything of a cluster on another one",
    head: (sample) => {
      sample.owner = "other";
    },
    risk: "danger",
    shows: [
      "replace DatabaseDb orders-db",
      "replace DatabaseUser orders-user",
      "replace DatabaseConnectionPool orders-pool",
      "replace DatabaseFirewall orders-firewall",
    ],
    because: /DatabaseDb orders-db is replaced for clusterId/,
  },
  {
    title: "a user with another name",
    head: (sample) => {
      sample.user.name = "orders_api";
    },
    risk: "care",
    shows: ["replace DatabaseUser orders-user"],
    because: /a new password/,
  },
  ...(["name", "mode", "size", "dbName", "user"] as const).map(
    (input): SampleChange => ({
      title: `a pool with another ${input}`,
      head: (sample) => {
        Object.assign(sample.pool, { [input]: { size: 20, mode: "session" }[input as string] ?? "another" });
      },
      risk: "care",
      shows: ["replace DatabaseConnectionPool orders-pool"],
      because: new RegExp(`replaced for ${input}: no data is lost`),
    }),
  ),
  {
    title: "a replica in another region",
    head: (sample) => {
      sample.replica!.region = "sfo3";
    },
    risk: "care",
    shows: ["replace DatabaseReplica orders-replica"],
    because: /copied from the primary again/,
  },
  {
    title: "a bucket in another region",
    head: (sample) => {
      sample.bucket.region = "ams3";
    },
    risk: "danger",
    shows: ["replace SpacesBucket orders-bucket"],
    because: /its objects are lost/,
  },
  {
    title: "a bucket with another name, which the provider does not notice",
    head: (sample) => {
      sample.bucket.name = "orders-backups-2";
    },
    risk: "danger",
    shows: ["update SpacesBucket orders-bucket"],
    because: /cannot rename a bucket/,
  },
  {
    title: "a bucket with another name, with replaceOnChanges",
    base: (sample) => {
      sample.bucketOptions = { replaceOnChanges: ["name"] };
    },
    head: (sample) => {
      sample.bucketOptions = { replaceOnChanges: ["name"] };
      sample.bucket.name = "orders-backups-2";
    },
    risk: "danger",
    shows: ["replace SpacesBucket orders-bucket"],
  },
  {
    title: "an app in another project",
    head: (sample) => {
      sample.app.projectId = "5f1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "care",
    shows: ["replace App orders-app"],
    because: /Its address changes/,
  },
  {
    title: "a generated secret of another length",
    head: (sample) => {
      sample.password.length = 64;
    },
    risk: "care",
    shows: ["replace RandomPassword orders-jwt", "redeploy App orders-app", "secret rotated: orders-jwt"],
  },
  {
    title: "a replacement restored from a backup",
    head: (sample) => {
      sample.postgres.name = "orders-2";
      sample.postgres.backupRestore = { databaseName: "orders" };
    },
    risk: "danger",
    shows: ["replace DatabaseCluster orders"],
    because: /restored from a backup/,
  },
  // ── Names in the program ──────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster under another name in the program, with an alias",
    head: (sample) => {
      sample.postgresName = "orders-primary";
      sample.postgresOptions = { aliases: [{ name: "orders" }] };
    },
    risk: "none",
    shows: ["same DatabaseCluster orders-primary (was orders)"],
    only: true,
  },
  {
    title: "a cluster under another name in the program, without an alias",
    head: (sample) => {
      sample.postgresName = "orders-primary";
    },
    risk: "danger",
    shows: ["create DatabaseCluster orders-primary", "delete DatabaseCluster orders"],
    because: /orders-primary is the same resource under a new name, add an alias to it: aliases: \[\{ name: "orders" \}\]/,
  },
  // ── Protection ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster without protection",
    base: (sample) => {
      sample.postgresOptions = { protect: true };
    },
    head: () => {},
    risk: "danger",
    shows: ["update DatabaseCluster orders"],
    because: /no longer protected/,
  },
  {
    title: "a removed database",
    head: (sample) => {
      sample.database = undefined;
    },
    risk: "danger",
    shows: ["delete DatabaseDb orders-db"],
    because: /is destroyed: its tables are lost/,
  },
  {
    title: "a removed protected database",
    base: (sample) => {
      sample.databaseOptions = { protect: true };
    },
    head: (sample) => {
      sample.database = undefined;
    },
    risk: "danger",
    shows: ["delete DatabaseDb orders-db"],
    because: /Pulumi refuses it while it is protected/,
  },
  {
    title: "a removed database that is retained on delete",
    base: (sample) => {
      sample.databaseOptions = { retainOnDelete: true };
    },
    head: (sample) => {
      sample.database = undefined;
    },
    risk: "care",
    shows: ["delete DatabaseDb orders-db"],
    because: /stays at DigitalOcean/,
  },
  {
    title: "an imported database",
    base: (sample) => {
      sample.database = undefined;
    },
    head: (sample) => {
      sample.databaseOptions = { import: "c9/database/orders" };
    },
    risk: "care",
    shows: ["import DatabaseDb orders-db"],
    because: /imports the existing resource c9\/database\/orders/,
  },
  {
    title: "a removed replica",
    head: (sample) => {
      sample.replica = undefined;
    },
    risk: "care",
    shows: ["delete DatabaseReplica orders-replica", "cost less"],
  },
  // ── In place ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster that moves to another region",
    head: (sample) => {
      sample.postgres.region = "sfo3";
    },
    risk: "care",
    shows: ["update DatabaseCluster orders"],
    only: true,
    because: /moves to sfo3/,
  },
  {
    title: "a major version up",
    head: (sample) => {
      sample.postgres.version = "17";
    },
    risk: "care",
    shows: ["update DatabaseCluster orders"],
    only: true,
    because: /major upgrade in place, 16 to 17/,
  },
  {
    title: "a major version down",
    head: (sample) => {
      sample.postgres.version = "15";
    },
    risk: "danger",
    shows: ["update DatabaseCluster orders"],
    only: true,
    because: /cannot be downgraded/,
  },
  {
    title: "a smaller node",
    head: (sample) => {
      sample.postgres.size = "db-s-1vcpu-2gb";
    },
    risk: "care",
    shows: ["update DatabaseCluster orders", "cost less"],
    only: true,
    because: /refuses to shrink/,
  },
  {
    title: "keys that can be evicted",
    head: (sample) => {
      sample.valkey.evictionPolicy = "allkeys_lru";
    },
    risk: "danger",
    shows: ["update DatabaseCluster sessions"],
    only: true,
    because: /evicts keys/,
  },
  {
    title: "keys without persistence",
    head: (sample) => {
      sample.valkeyConfig.persistence = "off";
    },
    risk: "danger",
    shows: ["update DatabaseValkeyConfig sessions-config"],
    only: true,
    because: /a restart loses every key/,
  },
  {
    title: "a public bucket",
    head: (sample) => {
      sample.bucket.acl = "public-read";
    },
    risk: "danger",
    shows: ["update SpacesBucket orders-bucket"],
    only: true,
  },
  {
    title: "one instance fewer",
    head: (sample) => {
      sample.api.count = 1;
    },
    risk: "care",
    shows: ["redeploy App orders-app", "cost less"],
    only: true,
  },
  {
    title: "a worker that reads a secret",
    head: (sample) => {
      sample.worker = true;
    },
    risk: "care",
    shows: ["redeploy App orders-app", "secret reader added: orders-jwt", "cost more"],
  },
  {
    title: "migrations that no longer run before a deployment",
    head: (sample) => {
      sample.job = false;
    },
    risk: "care",
    shows: ["redeploy App orders-app"],
    because: /job migrate is removed/,
  },
  {
    title: "an app that logs in as the administrator",
    head: (sample) => {
      sample.app.databaseUser = "doadmin";
    },
    risk: "danger",
    shows: ["redeploy App orders-app", "secret origin: the login of doadmin at orders"],
    because: /logs in as the administrator of the cluster/,
  },
  {
    title: "an app that logs in as another user",
    head: (sample) => {
      sample.app.databaseUser = "orders_reader";
    },
    risk: "care",
    shows: ["redeploy App orders-app", "secret origin: the login of orders_reader at orders"],
  },
  // ── Secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a secret of type GENERAL",
    head: env("JWT_SECRET", { type: "GENERAL" }),
    risk: "danger",
    shows: ["redeploy App orders-app", "secret turned plain: orders-jwt"],
    only: true,
  },
  {
    title: "a secret without a type",
    head: (sample) => {
      const { envs } = sample;
      sample.envs = (made) => envs(made).map(({ type: _, ...one }) => one);
    },
    risk: "danger",
    shows: ["secret turned plain: orders-jwt"],
  },
  {
    title: "a secret with build scope",
    head: env("JWT_SECRET", { scope: "RUN_AND_BUILD_TIME" }),
    risk: "danger",
    shows: ["redeploy App orders-app", "secret scope widened: orders-jwt"],
    only: true,
  },
  {
    title: "a secret without build scope",
    base: env("JWT_SECRET", { scope: "RUN_AND_BUILD_TIME" }),
    head: () => {},
    risk: "routine",
    shows: ["redeploy App orders-app", "secret scope narrowed: orders-jwt"],
    only: true,
  },
  {
    title: "a secret of the program with another value",
    head: env("STRIPE_KEY", { value: pulumi.secret("sk_live_another") }),
    risk: "care",
    shows: ["redeploy App orders-app", "secret rotated: orders-app api STRIPE_KEY"],
    only: true,
  },
  {
    title: "a secret in clear text in the program",
    head: env("STRIPE_KEY", { value: "sk_live_4eC39HqLyjWDarjtT1zdp7dc" }),
    risk: "danger",
    shows: ["redeploy App orders-app", "secret turned plain: orders-app api STRIPE_KEY"],
    only: true,
  },
  {
    title: "a variable that reads another secret",
    head: (sample) => {
      const { envs } = sample;
      sample.envs = (made) => envs(made).map((one) => (one.key === "STRIPE_KEY" ? { ...one, value: made.jwt.result } : one));
    },
    risk: "care",
    shows: ["redeploy App orders-app", "secret origin: orders-jwt"],
    only: true,
  },
  {
    title: "a stack output in clear text",
    head: (sample) => {
      sample.outputs = ({ postgres }) => ({ host: postgres.host, url: pulumi.unsecret(postgres.uri) });
    },
    risk: "danger",
    shows: ["secret turned plain: orders.uri"],
    only: true,
  },
  {
    title: "a plain variable that becomes SECRET",
    head: env("LOG_LEVEL", { type: "SECRET" }),
    risk: "routine",
    shows: ["redeploy App orders-app", "secret turned secret: orders-app api LOG_LEVEL"],
    only: true,
  },
  // ── Firewalls ─────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a firewall open to the internet",
    head: (sample) => {
      sample.rules.push({ type: "ip_addr", value: "0.0.0.0/0" });
    },
    risk: "danger",
    shows: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 0.0.0.0/0"],
    only: true,
  },
  {
    title: "a firewall open to a provider's range",
    head: (sample) => {
      sample.rules.push({ type: "ip_addr", value: "203.0.0.0/12" });
    },
    risk: "danger",
    shows: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 203.0.0.0/12"],
    only: true,
  },
  {
    title: "an additional address",
    head: (sample) => {
      sample.rules.push({ type: "ip_addr", value: "198.51.100.4" });
    },
    risk: "care",
    shows: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 198.51.100.4"],
    only: true,
  },
  {
    title: "a removed address",
    head: (sample) => {
      sample.rules.pop();
    },
    risk: "care",
    shows: ["update DatabaseFirewall orders-firewall", "firewall closed: orders ip_addr 203.0.113.7"],
    only: true,
  },
  {
    title: "a firewall without rules",
    head: (sample) => {
      sample.rules = [];
    },
    risk: "danger",
    shows: ["update DatabaseFirewall orders-firewall", "firewall opened: orders every address"],
  },
];

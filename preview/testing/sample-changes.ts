/** Changes that slipway's own components refuse or hide, each with what a reviewer must be told of it. */

import * as pulumi from "@pulumi/pulumi";
import type { Risk } from "../../report/review.ts";
import type { Change, Env } from "./sample-program.ts";

export interface HouseChange {
  readonly title: string;
  /** @default the house as it is built */
  readonly base?: Change;
  readonly head: Change;
  readonly risk: Risk;
  readonly tells: readonly string[];
  readonly only?: true;
  readonly because?: RegExp;
}

/** The api's variables, with one of them otherwise. */
function env(key: string, change: Partial<Env>): Change {
  return (house) => {
    const { envs } = house;
    house.envs = (made) => envs(made).map((one) => (one.key === key ? { ...one, ...change } : one));
  };
}

export const HOUSES: readonly HouseChange[] = [
  // ── Nothing ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "rules of a firewall in another order",
    head: (house) => {
      house.rules.reverse();
    },
    risk: "none",
    tells: [],
    only: true,
  },
  {
    title: "variables of an app in another order",
    head: (house) => {
      const { envs } = house;
      house.envs = (made) => envs(made).reverse();
    },
    risk: "none",
    tells: [],
    only: true,
  },
  // ── Replacements that the provider makes ──────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster with another name at DigitalOcean",
    head: (house) => {
      house.postgres.name = "orders-2";
    },
    risk: "danger",
    tells: [
      "replace DatabaseCluster orders",
      ...["Db orders-db", "User orders-user", "ConnectionPool orders-pool", "Firewall orders-firewall", "Replica orders-replica"].map(
        (one) => `replace Database${one}`,
      ),
    ],
    because: /DatabaseCluster orders is replaced: .*its data is gone, and with it orders/,
  },
  {
    title: "a cluster with another engine",
    head: (house) => {
      house.other = { ...house.other, engine: "mysql", version: "8" };
    },
    risk: "danger",
    tells: ["replace DatabaseCluster other"],
    because: /replaced for engine/,
  },
  {
    title: "a cluster in another project",
    head: (house) => {
      house.postgres.projectId = "5f1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "danger",
    tells: ["replace DatabaseCluster orders"],
    because: /replaced for projectId/,
  },
  {
    title: "a cluster in another network",
    head: (house) => {
      house.postgres.privateNetworkUuid = "6d1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "danger",
    tells: ["replace DatabaseCluster orders"],
    because: /replaced for privateNetworkUuid/,
  },
  {
    title: "a network with another range",
    head: (house) => {
      house.network.ipRange = "10.30.0.0/20";
    },
    risk: "danger",
    tells: ["replace Vpc network", "replace DatabaseCluster orders", "replace DatabaseCluster sessions", "replace DatabaseDb orders-db"],
    because: /DatabaseCluster orders is replaced: replaced with network/,
  },
  {
    title: "a network in another region",
    head: (house) => {
      house.network.region = "fra1";
    },
    risk: "danger",
    tells: ["replace Vpc network", "replace DatabaseCluster orders"],
  },
  {
    title: "a database with another name",
    head: (house) => {
      house.database = { name: "orders_v2" };
    },
    risk: "danger",
    tells: ["replace DatabaseDb orders-db"],
    because: /its tables are gone/,
  },
  {
    title: "everything of a cluster on another one",
    head: (house) => {
      house.owner = "other";
    },
    risk: "danger",
    tells: [
      "replace DatabaseDb orders-db",
      "replace DatabaseUser orders-user",
      "replace DatabaseConnectionPool orders-pool",
      "replace DatabaseFirewall orders-firewall",
    ],
    because: /DatabaseDb orders-db is replaced: replaced for clusterId/,
  },
  {
    title: "a user with another name",
    head: (house) => {
      house.user.name = "orders_api";
    },
    risk: "care",
    tells: ["replace DatabaseUser orders-user"],
    because: /another password/,
  },
  ...(["name", "mode", "size", "dbName", "user"] as const).map(
    (input): HouseChange => ({
      title: `a pool with another ${input}`,
      head: (house) => {
        Object.assign(house.pool, { [input]: { size: 20, mode: "session" }[input as string] ?? "another" });
      },
      risk: "care",
      tells: ["replace DatabaseConnectionPool orders-pool"],
      because: new RegExp(`replaced for ${input}: nothing is lost`),
    }),
  ),
  {
    title: "a replica in another region",
    head: (house) => {
      house.replica!.region = "sfo3";
    },
    risk: "care",
    tells: ["replace DatabaseReplica orders-replica"],
    because: /copied anew/,
  },
  {
    title: "a bucket in another region",
    head: (house) => {
      house.bucket.region = "ams3";
    },
    risk: "danger",
    tells: ["replace SpacesBucket orders-bucket"],
    because: /its objects are gone/,
  },
  {
    title: "a bucket with another name, which the provider does not notice",
    head: (house) => {
      house.bucket.name = "orders-backups-2";
    },
    risk: "danger",
    tells: ["update SpacesBucket orders-bucket"],
    because: /renames nothing/,
  },
  {
    title: "a bucket with another name, replaced because the program says so",
    base: (house) => {
      house.bucketOptions = { replaceOnChanges: ["name"] };
    },
    head: (house) => {
      house.bucketOptions = { replaceOnChanges: ["name"] };
      house.bucket.name = "orders-backups-2";
    },
    risk: "danger",
    tells: ["replace SpacesBucket orders-bucket"],
  },
  {
    title: "an app in another project",
    head: (house) => {
      house.app.projectId = "5f1c9f6c-0000-4000-8000-000000000000";
    },
    risk: "care",
    tells: ["replace App orders-app"],
    because: /Its address changes/,
  },
  {
    title: "a generated secret of another length",
    head: (house) => {
      house.password.length = 64;
    },
    risk: "care",
    tells: ["replace RandomPassword orders-jwt", "redeploy App orders-app", "secret rotated: orders-jwt"],
  },
  {
    title: "a replacement that brings a backup along",
    head: (house) => {
      house.postgres.name = "orders-2";
      house.postgres.backupRestore = { databaseName: "orders" };
    },
    risk: "danger",
    tells: ["replace DatabaseCluster orders"],
    because: /filled from a backup/,
  },
  // ── Names in the program ──────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster under another name in the program, with an alias",
    head: (house) => {
      house.postgresName = "orders-primary";
      house.postgresOptions = { aliases: [{ name: "orders" }] };
    },
    risk: "none",
    tells: ["same DatabaseCluster orders-primary (was orders)"],
    only: true,
  },
  {
    title: "a cluster under another name in the program, without an alias",
    head: (house) => {
      house.postgresName = "orders-primary";
    },
    risk: "danger",
    tells: ["create DatabaseCluster orders-primary", "delete DatabaseCluster orders"],
    because: /orders-primary under a new name, give that one an alias of the old: aliases: \[\{ name: "orders" \}\]/,
  },
  // ── Protection ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster that is protected no more",
    base: (house) => {
      house.postgresOptions = { protect: true };
    },
    head: () => {},
    risk: "danger",
    tells: ["update DatabaseCluster orders"],
    because: /no longer protected/,
  },
  {
    title: "a database that is gone",
    head: (house) => {
      house.database = undefined;
    },
    risk: "danger",
    tells: ["delete DatabaseDb orders-db"],
    because: /is destroyed: its tables are gone/,
  },
  {
    title: "a protected database that is gone",
    base: (house) => {
      house.databaseOptions = { protect: true };
    },
    head: (house) => {
      house.database = undefined;
    },
    risk: "danger",
    tells: ["delete DatabaseDb orders-db"],
    because: /Pulumi refuses it as long as it is protected/,
  },
  {
    title: "a database that is kept on delete, and gone",
    base: (house) => {
      house.databaseOptions = { retainOnDelete: true };
    },
    head: (house) => {
      house.database = undefined;
    },
    risk: "care",
    tells: ["delete DatabaseDb orders-db"],
    because: /stays at DigitalOcean/,
  },
  {
    title: "a database that is taken over",
    base: (house) => {
      house.database = undefined;
    },
    head: (house) => {
      house.databaseOptions = { import: "c9/database/orders" };
    },
    risk: "care",
    tells: ["import DatabaseDb orders-db"],
    because: /takes over what stands as c9\/database\/orders/,
  },
  {
    title: "a replica that is gone",
    head: (house) => {
      house.replica = undefined;
    },
    risk: "care",
    tells: ["delete DatabaseReplica orders-replica", "cost less"],
  },
  // ── In place ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a cluster that moves to another region",
    head: (house) => {
      house.postgres.region = "sfo3";
    },
    risk: "care",
    tells: ["update DatabaseCluster orders"],
    only: true,
    because: /moves to sfo3/,
  },
  {
    title: "a major version up",
    head: (house) => {
      house.postgres.version = "17";
    },
    risk: "care",
    tells: ["update DatabaseCluster orders"],
    only: true,
    because: /major upgrade in place, 16 to 17/,
  },
  {
    title: "a major version down",
    head: (house) => {
      house.postgres.version = "15";
    },
    risk: "danger",
    tells: ["update DatabaseCluster orders"],
    only: true,
    because: /no way back/,
  },
  {
    title: "a smaller node",
    head: (house) => {
      house.postgres.size = "db-s-1vcpu-2gb";
    },
    risk: "care",
    tells: ["update DatabaseCluster orders", "cost less"],
    only: true,
    because: /does not shrink/,
  },
  {
    title: "keys that may be evicted from now on",
    head: (house) => {
      house.valkey.evictionPolicy = "allkeys_lru";
    },
    risk: "danger",
    tells: ["update DatabaseCluster sessions"],
    only: true,
    because: /evicts keys/,
  },
  {
    title: "keys that are written to disk no more",
    head: (house) => {
      house.valkeyConfig.persistence = "off";
    },
    risk: "danger",
    tells: ["update DatabaseValkeyConfig sessions-config"],
    only: true,
    because: /a restart loses every key/,
  },
  {
    title: "a bucket that anybody may read",
    head: (house) => {
      house.bucket.acl = "public-read";
    },
    risk: "danger",
    tells: ["update SpacesBucket orders-bucket"],
    only: true,
  },
  {
    title: "one instance fewer",
    head: (house) => {
      house.api.count = 1;
    },
    risk: "care",
    tells: ["redeploy App orders-app", "cost less"],
    only: true,
  },
  {
    title: "a worker that reads a secret",
    head: (house) => {
      house.worker = true;
    },
    risk: "care",
    tells: ["redeploy App orders-app", "secret reader added: orders-jwt", "cost more"],
  },
  {
    title: "migrations that no longer run before a deployment",
    head: (house) => {
      house.job = false;
    },
    risk: "care",
    tells: ["redeploy App orders-app"],
    because: /job migrate is gone/,
  },
  {
    title: "an app that logs in as another user",
    head: (house) => {
      house.app.databaseUser = "doadmin";
    },
    risk: "care",
    tells: ["redeploy App orders-app", "secret origin: the login of doadmin at orders"],
  },
  // ── Secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a secret whose type is GENERAL from now on",
    head: env("JWT_SECRET", { type: "GENERAL" }),
    risk: "danger",
    tells: ["redeploy App orders-app", "secret turned plain: orders-jwt"],
    only: true,
  },
  {
    title: "a secret whose type is left out from now on",
    head: (house) => {
      const { envs } = house;
      house.envs = (made) => envs(made).map(({ type: _, ...one }) => one);
    },
    risk: "danger",
    tells: ["secret turned plain: orders-jwt"],
  },
  {
    title: "a secret that is there while images are built",
    head: env("JWT_SECRET", { scope: "RUN_AND_BUILD_TIME" }),
    risk: "danger",
    tells: ["redeploy App orders-app", "secret scope widened: orders-jwt"],
    only: true,
  },
  {
    title: "a secret that is no longer there while images are built",
    base: env("JWT_SECRET", { scope: "RUN_AND_BUILD_TIME" }),
    head: () => {},
    risk: "routine",
    tells: ["redeploy App orders-app", "secret scope narrowed: orders-jwt"],
    only: true,
  },
  {
    title: "a secret of the program with another value",
    head: env("STRIPE_KEY", { value: pulumi.secret("sk_live_another") }),
    risk: "care",
    tells: ["redeploy App orders-app", "secret rotated: orders-app api STRIPE_KEY"],
    only: true,
  },
  {
    title: "a secret in clear text in the program",
    head: env("STRIPE_KEY", { value: "sk_live_4eC39HqLyjWDarjtT1zdp7dc" }),
    risk: "danger",
    tells: ["redeploy App orders-app", "secret turned plain: orders-app api STRIPE_KEY"],
    only: true,
  },
  {
    title: "a variable that reads another secret",
    head: (house) => {
      const { envs } = house;
      house.envs = (made) => envs(made).map((one) => (one.key === "STRIPE_KEY" ? { ...one, value: made.jwt.result } : one));
    },
    risk: "care",
    tells: ["redeploy App orders-app", "secret origin: orders-jwt"],
    only: true,
  },
  {
    title: "a stack output in clear text",
    head: (house) => {
      house.outputs = ({ postgres }) => ({ host: postgres.host, url: pulumi.unsecret(postgres.uri) });
    },
    risk: "danger",
    tells: ["secret turned plain: orders.uri"],
    only: true,
  },
  {
    title: "a plain variable that hides from now on",
    head: env("LOG_LEVEL", { type: "SECRET" }),
    risk: "routine",
    tells: ["redeploy App orders-app", "secret turned secret: orders-app api LOG_LEVEL"],
    only: true,
  },
  // ── Firewalls ─────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    title: "a firewall that is open to the world",
    head: (house) => {
      house.rules.push({ type: "ip_addr", value: "0.0.0.0/0" });
    },
    risk: "danger",
    tells: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 0.0.0.0/0"],
    only: true,
  },
  {
    title: "a firewall that is open to a provider's range",
    head: (house) => {
      house.rules.push({ type: "ip_addr", value: "203.0.0.0/12" });
    },
    risk: "danger",
    tells: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 203.0.0.0/12"],
    only: true,
  },
  {
    title: "one more office",
    head: (house) => {
      house.rules.push({ type: "ip_addr", value: "198.51.100.4" });
    },
    risk: "care",
    tells: ["update DatabaseFirewall orders-firewall", "firewall opened: orders ip_addr 198.51.100.4"],
    only: true,
  },
  {
    title: "an office less",
    head: (house) => {
      house.rules.pop();
    },
    risk: "care",
    tells: ["update DatabaseFirewall orders-firewall", "firewall closed: orders ip_addr 203.0.113.7"],
    only: true,
  },
  {
    title: "a firewall without rules",
    head: (house) => {
      house.rules = [];
    },
    risk: "danger",
    tells: ["update DatabaseFirewall orders-firewall", "firewall opened: orders every address"],
  },
];

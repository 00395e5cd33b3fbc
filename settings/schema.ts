/**
 * The shape of a stack's settings as an operator writes them, before defaults. zod is used here only; the result is plain data.
 * An unknown key is a problem, because it is usually a typing error that would be ignored silently.
 */
import * as z from "zod/mini";
import { USER_SLOTS } from "../catalog/alternate-user.ts";
import { AUTOSCALE, DISK_STEP_GIB, MOST_NODES, NAMES } from "../catalog/limits.ts";
import { MOST_KEPT } from "../catalog/retention.ts";
import type { Component, System } from "../systems/definition.ts";
import { consumersOf } from "./connections.ts";
import type { Day } from "./settings.ts";
import * as values from "./values.ts";

type Shape = Readonly<Record<string, z.ZodMiniType>>;
type Group<S extends Shape> = z.ZodMiniObject<{ -readonly [Key in keyof S]: z.ZodMiniOptional<S[Key]> }, z.core.$strict>;

/** Almost every setting is optional. */
function group<S extends Shape>(shape: S): Group<S> {
  return z.strictObject(Object.fromEntries(Object.entries(shape).map(([key, schema]) => [key, z.optional(schema)]))) as Group<S>;
}

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const satisfies readonly Day[];

const uuid = values.form(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "the id of a cluster, as `doctl databases list` prints it",
  "<cluster id>",
);
const vpc = values.form(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "the id of a private network, as `doctl vpcs list` prints it",
  "<network id>",
);
const cidr = values.form(/\//, "a private IPv4 block from /16 to /28", "10.110.0.0/20");
const email = values.form(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, "an email address", "<name@example.com>");
const maintenance = group({
  day: values.oneOf(DAYS, "it is not a day of the week"),
  hour: values.form(/^([01]\d|2[0-3]):00$/, "a full hour in UTC, 00:00 to 23:00", "04:00"),
});
const kept = values.whole(0, MOST_KEPT, 1);
const autoscale = group({
  enabled: values.flag,
  threshold: values.percent(AUTOSCALE.threshold.least, AUTOSCALE.threshold.most),
  increment: values.gibibytes(AUTOSCALE.incrementGiB.least, AUTOSCALE.incrementGiB.most, 1),
});

/** Checked against the declarations of the systems on the cluster in postgres.ts. */
const names = z.array(values.form(/./, "names that the systems on the cluster declare", "<name>"));

const postgresCluster = {
  /** A major: 15. There is no default, because an upgrade cannot be reverted. */
  version: values.postgresMajor(),
  /** @default db-s-2vcpu-4gb in prod and staging, db-s-1vcpu-2gb on a laptop */
  size: values.nodeSize("pg"),
  /** The primary and its standbys. @default 2 in prod, else 1 */
  nodes: values.whole(1, MOST_NODES),
  /** A fixed disk. @default what comes with the size */
  storage: values.gibibytes(DISK_STEP_GIB, 20_000, DISK_STEP_GIB),
  /** A disk that grows. @default in prod by 10 GiB when 80% full, unless storage is given */
  autoscale,
  /** Read replicas, by default in the cluster's region and size. @default none */
  replicas: z.array(
    z.strictObject({
      name: values.form(NAMES.cluster.pattern, NAMES.cluster.description, "read-1"),
      region: z.optional(values.replicaRegion()),
      size: z.optional(values.nodeSize("pg")),
    }),
  ),
  /** An existing cluster that is adopted as it is. @default none: a new one */
  adopt: uuid,
  /** Which declared names exist in it; the others are created. @default all */
  adoptOnly: group({ databases: names, users: names, pools: names }),
  /** When DigitalOcean may restart nodes. @default sunday 04:00 UTC */
  maintenance,
};

const valkeyNode = group({
  /** @default db-s-1vcpu-1gb; db-s-1vcpu-2gb for state in prod */
  size: values.nodeSize("valkey"),
  /** @default 2 for state in prod, else 1 */
  nodes: values.whole(1, MOST_NODES),
  /** An existing cluster that is adopted as it is. @default none */
  adopt: uuid,
});

const valkeyCluster = {
  /** @default 8 */
  version: values.valkeyVersion(),
  /** Keys that must not be lost: noeviction, snapshots. The only cluster in layout single. */
  state: valkeyNode,
  /** Keys that may be evicted: allkeys_lru. */
  cache: valkeyNode,
  /** @default sunday 04:00 UTC */
  maintenance,
};

export function stackSchema(systems: readonly System[], today: string) {
  return group({
    /** @default the stack's name, where it is one of these */
    environment: values.oneOf(["local", "staging", "prod"]),
    /** The systems of the stack. @default all */
    systems: z.array(
      values.oneOf(
        systems.map(({ name }) => name),
        "no system has this name",
      ),
    ),
    /** Appended to account-wide names, after a dash. @default none for stack prod, else the stack's name */
    suffix: values.form(
      /^(none|[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?)$/,
      "1 to 20 lower-case letters, digits and dashes, or none",
      "<short name>",
    ),
    /** The region of everything that has no region of its own. @default nyc1 */
    region: values.databaseRegion(),
    /** The private network's block. A change replaces the network and all in it. @default one for each environment and region */
    vpcCidr: cidr,
    /** An existing private network in the stack's region, such as that of an adopted cluster. It is read, never changed. @default none: a new one */
    vpc,
    /** Whether the resources of the stack are protected from deletion and replacement. @default true in prod */
    protect: values.flag,
    /** The sources outside the private network that may reach the databases. @default none; loopback on a laptop */
    allowedSources: z.array(values.form(/./, "IPv4 addresses and blocks", "203.0.113.10")),
    /** layout: one cluster for all, or one each. @default dedicated in prod, else shared */
    postgres: group({ layout: values.oneOf(["shared", "dedicated"]), ...postgresCluster }),
    /** layout: separate clusters for state and cache, or one. @default split in prod, else single. sharing: clusters for all systems, or for each. @default dedicated. sharedState: that products with state share a password in prod. @default refused */
    valkey: group({
      layout: values.oneOf(["split", "single"]),
      sharing: values.oneOf(["dedicated", "shared"]),
      sharedState: values.oneOf(["accepted"]),
      ...valkeyCluster,
    }),
    /** Where migrations run: on this machine, in a job inside the network, or by hand. @default runner */
    postDeploy: group({
      mode: values.oneOf(["runner", "job", "manual"]),
      image: values.image,
    }),
    /** What an `up` does after the apps: verifies the deployment, and warns or fails. @default fail; off on a laptop, and where this machine runs no migrations */
    verify: values.oneOf(["off", "warn", "fail"]),
    /**
     * enabled, region, offsiteRegion, bucketPrefix: the buckets. @default enabled except on a laptop; near the databases, and copies in another city.
     * recipients: the age recipients that backups are encrypted for. @default none: nothing makes backups. The others apply where there are recipients.
     */
    backups: group({
      enabled: values.flag,
      region: values.spacesRegion(),
      offsiteRegion: values.spacesRegion(),
      bucketPrefix: values.form(/^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$/, "3 to 32 lower-case letters, digits and dashes", "<company>-slipway"),
      recipients: z.array(values.ageRecipient),
      /** Of signing keys that were replaced: backups that these signed still count. @default none */
      verifyKeys: z.array(values.verifyKey),
      /** Of the worker. @default that of postDeploy */
      image: values.image,
      /** Whether backups are also made once an hour. @default false: once a day */
      hourly: values.flag,
      /** @default 30 daily, 12 weekly, 12 monthly, 5 yearly */
      keep: group({ daily: kept, weekly: kept, monthly: kept, yearly: kept }),
      /** A migration needs a verified backup that is not older; an `up` makes one where there is none. 0: always. @default 1 */
      maxAgeHours: values.whole(0, 168, 1),
    }),
    /** In addition to those of the systems. They must be verified members of the team. @default none */
    alertEmails: z.array(email),
    /** A new day creates new generated secrets. @default never */
    rotated: values.pastDay(today),
    /** A new day creates new keys of the buckets. `slipway rotate keys` writes it. @default never */
    keysRotated: values.pastDay(today),
    /** For `slipway plan --placeholders` only. */
    placeholders: values.flag,
  });
}

export function systemSchema(system: System, today: string) {
  const components = Object.values(system.apps).flatMap((app) => Object.entries(app.components));
  const instances = group({
    size: values.instanceSlug(),
    instances: values.whole(1, 250),
  });
  const source = group({
    repo: values.form(/^[\w.-]+\/[\w.-]+$/, "owner/name of a GitHub repository", "<owner/name>"),
    branch: values.form(/^[\w./-]+$/, "the name of a branch", "main"),
  });
  return group({
    /** A region of its own. @default the stack's */
    region: values.databaseRegion(),
    /** The block of that region's network. @default one for each environment and region */
    vpcCidr: cidr,
    /** The features that are on. @default none */
    features: z.array(
      values.oneOf(
        Object.keys(system.features),
        `${system.title} has no feature of this name`,
        (feature) => `${feature} (${system.features[feature]!.purpose})`,
      ),
    ),
    /** By app; none for none. @default the declared ones in prod, else none */
    domains: keyed(
      Object.keys(system.apps),
      values.form(
        /^(none|(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,}|xn--[a-z0-9-]+))$/,
        "a domain name in lower case, or none",
        "none",
      ),
    ),
    /** By component. @default what the definition names */
    repos: keyed(
      components.map(([name]) => name),
      source,
    ),
    /** By component. @default what the definition names */
    sizes: keyed(
      components.filter(([, component]) => isSized(component)).map(([name]) => name),
      instances,
    ),
    /** The phase of the move from files to Postgres. @default P3: Postgres only */
    phase: values.oneOf(["P0", "P1", "P2", "P3"]),
    /** Since when the apps have reported that phase. `slipway phase` writes it. @default unknown */
    phaseSince: values.form(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/, "a time in UTC", "2026-11-01T12:00:00Z"),
    /** The system's own cluster, where the layout is dedicated or the system adopts one. keepShared: its database stays on the shared cluster too. @default the stack's figures */
    postgres: group({ ...postgresCluster, keepShared: values.flag }),
    /** The system's own clusters, where sharing is dedicated. @default the stack's figures */
    valkey: group(valkeyCluster),
    /** By pool or component/VARIABLE. A number here is never reduced. @default the request, or what the node has left */
    connections: keyed(
      consumersOf(system)
        .filter(({ adjustable }) => adjustable)
        .map(({ name }) => name),
      values.whole(1, 10_000),
    ),
    /** A new day creates new generated secrets. @default the stack's */
    rotated: values.pastDay(today),
    /** By role: which of its two users the apps use, since when, and which one a rotation still has to retire. `slipway rotate` writes it. @default a */
    credentials: credentials(today),
  });
}

function credentials(today: string) {
  const slot = values.oneOf(USER_SLOTS, "a role has two users, a and b");
  const credential = z.strictObject({ active: slot, since: z.optional(values.pastDay(today)), retiring: z.optional(slot) });
  return group({ owner: credential, runtime: credential, readonly: credential, backup: credential });
}

/** An object with these keys and no others. */
function keyed<T extends z.ZodMiniType>(keys: readonly string[], value: T) {
  return group(Object.fromEntries(keys.map((key) => [key, value])));
}

export function isSized(component: Component): component is Exclude<Component, { kind: "site" }> {
  return component.kind !== "site";
}

/** The decoded config. */
export interface Requested {
  readonly stack: RequestedStack;
  /** By the system's name; an empty object for one that the config does not mention. */
  readonly systems: ReadonlyMap<string, RequestedSystem>;
}

export type RequestedStack = z.output<ReturnType<typeof stackSchema>>;
export type RequestedSystem = z.output<ReturnType<typeof systemSchema>>;
export type RequestedPostgres = NonNullable<RequestedSystem["postgres"]>;
export type RequestedValkey = NonNullable<RequestedSystem["valkey"]>;

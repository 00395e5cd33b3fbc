/**
 * The shape of a stack's settings as an operator writes them, before any default. zod stands at this door only: what passes is plain data.
 * An unknown key is a mistake, because it is most often a typing error that would silently do nothing.
 */
import { z } from "zod";
import { AUTOSCALE, DISK_STEP_GIB, MOST_NODES, NAMES } from "../catalog/limits.ts";
import type { Component, System } from "../systems/definition.ts";
import { consumersOf } from "./connections.ts";
import * as leaf from "./leaf.ts";
import type { Day } from "./settings.ts";

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const satisfies readonly Day[];

const uuid = leaf.form(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "the id of a cluster, as `doctl databases list` prints it",
  "<cluster id>",
);
const vpc = leaf.form(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "the id of a private network, as `doctl vpcs list` prints it",
  "<network id>",
);
const cidr = leaf.form(/\//, "a private IPv4 block from /16 to /28", "10.110.0.0/20");
const email = leaf.form(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, "an email address", "<name@example.com>");
const maintenance = z.strictObject({
  day: leaf.oneOf(DAYS, "it is not a day of the week").optional(),
  hour: leaf.form(/^([01]\d|2[0-3]):00$/, "a full hour in UTC, 00:00 to 23:00", "04:00").optional(),
});
const autoscale = z.strictObject({
  enabled: leaf.flag.optional(),
  threshold: leaf.percent(AUTOSCALE.threshold.least, AUTOSCALE.threshold.most).optional(),
  increment: leaf.gibibytes(AUTOSCALE.incrementGiB.least, AUTOSCALE.incrementGiB.most, 1).optional(),
});

/** Whether they are declared is known where it is known who is on the cluster. */
const names = z.array(leaf.form(/./, "names that the systems on the cluster declare", "<name>"));

const postgresCluster = {
  /** A major: 15. There is no default, because an upgrade cannot be taken back. */
  version: leaf.postgresMajor().optional(),
  /** @default db-s-2vcpu-4gb in prod and staging, db-s-1vcpu-2gb on a laptop */
  size: leaf.nodeSize("pg").optional(),
  /** The primary and its standbys. @default 2 in prod, else 1 */
  nodes: leaf.whole(1, MOST_NODES).optional(),
  /** A fixed disk. @default what comes with the size */
  storage: leaf.gibibytes(DISK_STEP_GIB, 20_000, DISK_STEP_GIB).optional(),
  /** A disk that grows. @default in prod by 10 GiB when 80% full, unless storage is given */
  autoscale: autoscale.optional(),
  /** Read replicas, each in the cluster's region and size unless it says another. @default none */
  replicas: z
    .array(
      z.strictObject({
        name: leaf.form(NAMES.cluster.pattern, NAMES.cluster.says, "read-1"),
        region: leaf.replicaRegion().optional(),
        size: leaf.nodeSize("pg").optional(),
      }),
    )
    .optional(),
  /** A cluster that exists and is taken over as it is. @default none: a new one */
  adopt: uuid.optional(),
  /** Which of what the systems declare stands in it; the others are created. @default all of it */
  adoptOnly: z.strictObject({ databases: names.optional(), users: names.optional(), pools: names.optional() }).optional(),
  /** When DigitalOcean may restart nodes. @default sunday 04:00 UTC */
  maintenance: maintenance.optional(),
};

const valkeyNode = z.strictObject({
  /** @default db-s-1vcpu-1gb; db-s-1vcpu-2gb for state in prod */
  size: leaf.nodeSize("valkey").optional(),
  /** @default 2 for state in prod, else 1 */
  nodes: leaf.whole(1, MOST_NODES).optional(),
  /** A cluster that exists and is taken over as it is. @default none */
  adopt: uuid.optional(),
});

const valkeyCluster = {
  /** @default 8 */
  version: leaf.valkeyVersion().optional(),
  /** What must not be lost: noeviction, snapshots. The only one in layout single. */
  state: valkeyNode.optional(),
  /** What may be evicted: allkeys_lru. */
  cache: valkeyNode.optional(),
  /** @default sunday 04:00 UTC */
  maintenance: maintenance.optional(),
};

export function stackSchema(systems: readonly System[], today: string) {
  return z.strictObject({
    /** @default the stack's name, where it is one of these */
    environment: leaf.oneOf(["local", "staging", "prod"]).optional(),
    /** Which systems the stack holds. @default all */
    systems: z
      .array(
        leaf.oneOf(
          systems.map(({ name }) => name),
          "no system has this name",
        ),
      )
      .optional(),
    /** Ends account-wide names, after a dash. @default none for stack prod, else the stack's name */
    suffix: leaf
      .form(/^(none|[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?)$/, "1 to 20 lower-case letters, digits and dashes, or none", "<short name>")
      .optional(),
    /** Where everything stands that does not say otherwise. @default nyc1 */
    region: leaf.databaseRegion().optional(),
    /** The private network's block. A change replaces the network and all in it. @default one for each environment and region */
    vpcCidr: cidr.optional(),
    /** A private network that exists, in the stack's region: that of an adopted cluster. It is read, never changed. @default none: a new one */
    vpc: vpc.optional(),
    /** Whether destroying or replacing what holds data is refused. @default true in prod */
    protect: leaf.flag.optional(),
    /** Who may reach the databases from outside the private network. @default nobody; loopback on a laptop */
    allowedSources: z.array(leaf.form(/./, "IPv4 addresses and blocks", "203.0.113.10")).optional(),
    /** layout: one cluster for all, or one each. @default dedicated in prod, else shared */
    postgres: z.strictObject({ layout: leaf.oneOf(["shared", "dedicated"]).optional(), ...postgresCluster }).optional(),
    /** layout: state and cache apart, or in one. @default split in prod, else single. sharing: clusters for all, or for each. @default dedicated */
    valkey: z
      .strictObject({
        layout: leaf.oneOf(["split", "single"]).optional(),
        sharing: leaf.oneOf(["dedicated", "shared"]).optional(),
        ...valkeyCluster,
      })
      .optional(),
    /** From where migrations run: this machine, a job inside the network, or by hand. @default runner */
    postDeploy: z
      .strictObject({
        mode: leaf.oneOf(["runner", "job", "manual"]).optional(),
        image: leaf
          .form(
            /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:(?!latest$)[\w][\w.-]*|@sha256:[0-9a-f]{64})$/,
            "registry/repository:tag, with a tag that stays what it is (not latest)",
            "registry.digitalocean.com/<registry>/slipway:1.0.0",
          )
          .optional(),
      })
      .optional(),
    /** @default enabled except on a laptop; buckets near the databases, and a copy in another city */
    backups: z
      .strictObject({
        enabled: leaf.flag.optional(),
        region: leaf.spacesRegion().optional(),
        offsiteRegion: leaf.spacesRegion().optional(),
        bucketPrefix: leaf
          .form(/^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$/, "3 to 32 lower-case letters, digits and dashes", "<company>-slipway")
          .optional(),
      })
      .optional(),
    /** Beside those that the systems name. They must be verified members of the team. @default none */
    alertEmails: z.array(email).optional(),
    /** A new day makes new generated secrets. @default never */
    rotated: leaf.pastDay(today).optional(),
    /** For `slipway plan --placeholders` only. */
    placeholders: leaf.flag.optional(),
  });
}

export function systemSchema(system: System, today: string) {
  const components = Object.values(system.apps).flatMap((app) => Object.entries(app.components));
  const instances = z.strictObject({
    size: leaf.instanceSlug().optional(),
    instances: leaf.whole(1, 250).optional(),
  });
  const source = z.strictObject({
    repo: leaf.form(/^[\w.-]+\/[\w.-]+$/, "owner/name of a GitHub repository", "<owner/name>").optional(),
    branch: leaf.form(/^[\w./-]+$/, "the name of a branch", "main").optional(),
  });
  return z.strictObject({
    /** A region of its own. @default the stack's */
    region: leaf.databaseRegion().optional(),
    /** The block of that region's network. @default one for each environment and region */
    vpcCidr: cidr.optional(),
    /** What is switched on. @default nothing */
    features: z.array(leaf.oneOf(Object.keys(system.features), `${system.title} has no feature of this name`)).optional(),
    /** By app; none for none. @default the declared ones in prod, else none */
    domains: keyed(
      Object.keys(system.apps),
      leaf.form(
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
    /** How far the move from files to Postgres has come. @default P3: Postgres only */
    phase: leaf.oneOf(["P0", "P1", "P2", "P3"]).optional(),
    /** Where the files are in P0 and P1, outside the container. @default none */
    externalStore: leaf
      .form(
        /^(spaces|s3):\/\/[a-z0-9][a-z0-9.-]+(\/[\w./-]*)?$/,
        "spaces://bucket/prefix, without credentials",
        "spaces://<bucket>/<prefix>",
      )
      .optional(),
    /** The system's own cluster, where the layout is dedicated. @default the stack's figures */
    postgres: z.strictObject(postgresCluster).optional(),
    /** The system's own clusters, where sharing is dedicated. @default the stack's figures */
    valkey: z.strictObject(valkeyCluster).optional(),
    /** By pool or component/VARIABLE. What is said here never shrinks. @default the wish, or what the node has left */
    connections: keyed(
      consumersOf(system)
        .filter(({ adjustable }) => adjustable)
        .map(({ name }) => name),
      leaf.whole(1, 10_000),
    ),
    /** A new day makes new generated secrets. @default the stack's */
    rotated: leaf.pastDay(today).optional(),
  });
}

/** An object with these keys and no others, each of which may be left out. */
function keyed<T extends z.ZodType>(keys: readonly string[], value: T) {
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, value.optional()]))).optional();
}

export function isSized(component: Component): component is Exclude<Component, { kind: "site" }> {
  return component.kind !== "site";
}

export type AskedStack = z.output<ReturnType<typeof stackSchema>>;
export type AskedSystem = z.output<ReturnType<typeof systemSchema>>;
export type AskedPostgres = NonNullable<AskedSystem["postgres"]>;
export type AskedValkey = NonNullable<AskedSystem["valkey"]>;

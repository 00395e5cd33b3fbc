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

const postgresCluster = {
  version: leaf.postgresMajor().optional(),
  size: leaf.nodeSize("pg").optional(),
  nodes: leaf.whole(1, MOST_NODES).optional(),
  storage: leaf.gibibytes(DISK_STEP_GIB, 20_000, DISK_STEP_GIB).optional(),
  autoscale: autoscale.optional(),
  replicas: z
    .array(
      z.strictObject({
        name: leaf.form(NAMES.cluster.pattern, NAMES.cluster.says, "read-1"),
        region: leaf.replicaRegion().optional(),
        size: leaf.nodeSize("pg").optional(),
      }),
    )
    .optional(),
  adopt: uuid.optional(),
  maintenance: maintenance.optional(),
};

const valkeyNode = z.strictObject({
  size: leaf.nodeSize("valkey").optional(),
  nodes: leaf.whole(1, MOST_NODES).optional(),
  adopt: uuid.optional(),
});

const valkeyCluster = {
  version: leaf.valkeyVersion().optional(),
  state: valkeyNode.optional(),
  cache: valkeyNode.optional(),
  maintenance: maintenance.optional(),
};

export function stackSchema(systems: readonly System[], today: string) {
  return z.strictObject({
    environment: leaf.oneOf(["local", "staging", "prod"]).optional(),
    systems: z
      .array(
        leaf.oneOf(
          systems.map(({ name }) => name),
          "no system has this name",
        ),
      )
      .optional(),
    suffix: leaf
      .form(/^(none|[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?)$/, "1 to 20 lower-case letters, digits and dashes, or none", "<short name>")
      .optional(),
    region: leaf.databaseRegion().optional(),
    vpcCidr: cidr.optional(),
    protect: leaf.flag.optional(),
    allowedSources: z.array(leaf.form(/./, "IPv4 addresses and blocks", "203.0.113.10")).optional(),
    postgres: z.strictObject({ layout: leaf.oneOf(["shared", "dedicated"]).optional(), ...postgresCluster }).optional(),
    valkey: z
      .strictObject({
        layout: leaf.oneOf(["split", "single"]).optional(),
        sharing: leaf.oneOf(["dedicated", "shared"]).optional(),
        ...valkeyCluster,
      })
      .optional(),
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
    alertEmails: z.array(email).optional(),
    rotated: leaf.pastDay(today).optional(),
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
    region: leaf.databaseRegion().optional(),
    vpcCidr: cidr.optional(),
    features: z.array(leaf.oneOf(Object.keys(system.features), `${system.title} has no feature of this name`)).optional(),
    domains: keyed(
      Object.keys(system.apps),
      leaf.form(/^(none|(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,})$/, "a domain name in lower case, or none", "none"),
    ),
    repos: keyed(
      components.map(([name]) => name),
      source,
    ),
    sizes: keyed(
      components.filter(([, component]) => isSized(component)).map(([name]) => name),
      instances,
    ),
    phase: leaf.oneOf(["P0", "P1", "P2", "P3"]).optional(),
    externalStore: leaf
      .form(
        /^(spaces|s3):\/\/[a-z0-9][a-z0-9.-]+(\/[\w./-]*)?$/,
        "spaces://bucket/prefix, without credentials",
        "spaces://<bucket>/<prefix>",
      )
      .optional(),
    postgres: z.strictObject(postgresCluster).optional(),
    valkey: z.strictObject(valkeyCluster).optional(),
    connections: keyed(
      consumersOf(system).map(({ name }) => name),
      leaf.whole(1, 10_000),
    ),
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

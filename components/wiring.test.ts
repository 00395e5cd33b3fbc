import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { Secret } from "../engine/plan.ts";
import type { Settings } from "../settings/settings.ts";
import { harbour, settingsFrom } from "../settings/testing/fixture.ts";
import { env, type System } from "../systems/definition.ts";
import { Backups } from "./backups.ts";
import { Bucket } from "./bucket.ts";
import { Network } from "./network.ts";
import { Postgres } from "./postgres.ts";
import { Secrets } from "./secrets.ts";
import { recorded } from "./testing/recorded.ts";
import { Valkey } from "./valkey.ts";
import { readsBucket, resolveWiring, type ScheduledBackups } from "./wiring.ts";

const { api } = harbour.apps.web!.components;
const system: System = {
  ...harbour,
  buckets: { media: { cdn: true }, exports: { feature: "google" } },
  apps: {
    web: {
      name: "harbour",
      components: {
        api: {
          ...api!,
          env: {
            LOG_LEVEL: env.plain("info"),
            PUBLIC_URL: env.app("url"),
            PUBLIC_DOMAIN: env.app("domain"),
            JWT_SECRET: env.secret("jwtSecret"),
            DB_HOST: env.database("host"),
            DB_PASSWORD: env.database("password"),
            REDIS_URL: env.keyspace("sessions"),
            CACHE_URL: env.keyspace("answers"),
            ...Object.fromEntries(
              (["name", "region", "endpoint", "accessKey", "secretKey", "cdnUrl"] as const).map((part) => [
                `S3_${part}`,
                env.bucket("media", part),
              ]),
            ),
            EXPORTS: env.where("google", env.bucket("exports", "name")),
            REPLICA_URL: env.database("url", { replica: true }),
            GOOGLE_CLIENT_ID: env.where("google", env.setting("googleClientId")),
          },
        },
      },
    },
  },
};

/** With a component that reads no bucket. */
const withSite: System = {
  ...system,
  apps: { web: { ...system.apps.web!, components: { ...system.apps.web!.components, frontend: harbour.apps.web!.components.frontend! } } },
};

/** Variable, declared secret, alias of the attached database, and value. */
async function wiring(postDeploy: Readonly<Record<string, unknown>>, makesBackups = false) {
  const { outputs } = await recorded(() => {
    const stack = settingsFrom(
      {
        ...{ postDeploy, ...(postDeploy.mode === "job" ? { allowedSources: [] } : {}), backupSigningKey: "slipway-signing-key-x" },
        ...(makesBackups ? { backups: { recipients: [RECIPIENT], verifyKeys: VERIFY_KEYS, image: "ghcr.io/acme/slipway:1.0.0" } } : {}),
      },
      { systems: [system], secretKeys: ["backupSigningKey"] },
    );
    const [settings] = stack.systems;
    const network = new Network("net", { region: "nyc3", cidr: "10.20.0.0/20" });
    const cluster = { network, region: "nyc3", size: "db-s-1vcpu-2gb" };
    const databases = { harbour: { users: Object.values(system.postgres.roles) } };
    const wires = resolveWiring({
      ...{ stack, settings: settings! },
      postgres: new Postgres("orders", { ...cluster, major: "16", databases }),
      buckets: { media: new Bucket("media", { region: "nyc3", bucketName: "harbour-media", cdn: true }) },
      stores: { state: new Valkey("store", { ...cluster, class: "state" }) },
      scheduled: makesBackups ? scheduledOf(stack) : undefined,
      secrets: new Secrets("secrets", { generated: { jwtSecret: { length: 48 } } }),
    });
    return { wires: wires.map(({ reader, source, value }) => [reader.variable, source.secret ?? "", source.binding?.alias ?? "", value]) };
  });
  return outputs.wires;
}

const RECIPIENT = `age1${"q".repeat(58)}`;
const VERIFY_KEYS = ["a", "b"].map((letter) => `slipway-verify-key-${letter.repeat(59)}`);

function scheduledOf({ backups }: Settings): ScheduledBackups {
  const { copies } = new Backups("backups", { region: "nyc3", offsiteRegion: "sfo3", bucketName: "harbour-backups" });
  return { schedule: backups.schedule!, copies, signingKey: pulumi.secret("slipway-signing-key-x") };
}

const OWN = [
  ["LOG_LEVEL", "", "", "info"],
  ["PUBLIC_URL", "", "", "${APP_URL}"],
  ["PUBLIC_DOMAIN", "", "", "${APP_DOMAIN}"],
  ["JWT_SECRET", "harbour.jwtSecret", "", new Secret("x".repeat(48))],
  ["DB_HOST", "", "db", "private-orders.db.test"],
  ["DB_PASSWORD", "harbour.postgres.runtime", "db", "${db.PASSWORD}"],
  ["REDIS_URL", "harbour-single-valkey", "state", "rediss://${state.USERNAME}:${state.PASSWORD}@private-store.db.test:${state.PORT}/0"],
  ["S3_name", "", "", "harbour-media"],
  ["S3_region", "", "", "nyc3"],
  ["S3_endpoint", "", "", "https://nyc3.digitaloceanspaces.com"],
  ["S3_accessKey", "harbour.bucket.media", "", new Secret("media-key-access")],
  ["S3_secretKey", "harbour.bucket.media", "", new Secret("media-key-secret")],
  ["S3_cdnUrl", "", "", "https://media-cdn.cdn.test"],
];

it("takes an app for a reader of a bucket if one of its components reads it, and its feature is on", () => {
  const readers = (features: readonly string[]) => {
    const google = { harbourGoogleClientId: "id.acme.dev", harbourGoogleClientSecret: "kq3Zr8Vx1LmN" };
    const given = { systems: [withSite], secretKeys: ["harbourGoogleClientSecret"] };
    const [settings] = settingsFrom({ harbour: { features }, ...google }, given).systems;
    return ["media", "exports"].filter((bucket) => readsBucket(withSite.apps.web!, bucket, settings!));
  };
  expect(readers([])).toEqual(["media"]);
  expect(readers(["google"])).toEqual(["media", "exports"]);
});

it("gives each variable its source and value, and leaves out those without a store, a replica or a feature", async () => {
  expect(await wiring({ mode: "manual" })).toEqual(OWN);
});

it("gives the post-deploy job the logins of the administrator, the owner and every store", async () => {
  const url = (alias: string) =>
    `postgresql://\${${alias}.USERNAME}:\${${alias}.PASSWORD}@private-orders.db.test:\${${alias}.PORT}/harbour?sslmode=verify-full`;
  expect(await wiring({ mode: "job", image: "ghcr.io/acme/slipway:1.0.0" })).toEqual([
    ...OWN,
    ["SLIPWAY_ADMIN_URL", "shared-postgres.doadmin", "admin", url("admin")],
    ["SLIPWAY_OWNER_URL", "harbour.postgres.owner", "owner", url("owner")],
    ["SLIPWAY_CA", "", "owner", "${owner.CA_CERT}"],
    [
      "SLIPWAY_STORE_STATE_URL",
      "harbour-single-valkey",
      "state",
      "rediss://${state.USERNAME}:${state.PASSWORD}@private-store.db.test:${state.PORT}",
    ],
    ["SLIPWAY_STORE_STATE_CA", "", "state", "${state.CA_CERT}"],
  ]);
});

it("gives the worker the backup role, durable stores and a key for each bucket, and nothing of the product", async () => {
  expect(await wiring({ mode: "manual" }, true)).toEqual([
    ...OWN,
    [
      "DATABASE_URL",
      "harbour.postgres.backup",
      "backup",
      "postgresql://${backup.USERNAME}:${backup.PASSWORD}@private-orders.db.test:${backup.PORT}/harbour?sslmode=verify-full",
    ],
    ["SLIPWAY_CA", "", "backup", "${backup.CA_CERT}"],
    [
      "SLIPWAY_STORE_STATE_URL",
      "harbour-single-valkey",
      "state",
      "rediss://${state.USERNAME}:${state.PASSWORD}@private-store.db.test:${state.PORT}",
    ],
    ["SLIPWAY_STORE_STATE_CA", "", "state", "${state.CA_CERT}"],
    ["SLIPWAY_BACKUP_STORE", "", "", "s3://harbour-backups?region=nyc3"],
    ["SLIPWAY_BACKUP_STORE_KEY", "backups.primary", "", new Secret("backups-key-primary-access:backups-key-primary-secret")],
    ["SLIPWAY_BACKUP_OFFSITE", "", "", "s3://harbour-backups-offsite?region=sfo3"],
    ["SLIPWAY_BACKUP_OFFSITE_KEY", "backups.offsite", "", new Secret("backups-key-offsite-access:backups-key-offsite-secret")],
    ["SLIPWAY_BACKUP_RECIPIENTS", "", "", RECIPIENT],
    ["SLIPWAY_BACKUP_VERIFY_KEYS", "", "", VERIFY_KEYS.join(",")],
    ["SLIPWAY_BACKUP_SIGNING_KEY", "backups.signingKey", "", new Secret("slipway-signing-key-x")],
  ]);
});

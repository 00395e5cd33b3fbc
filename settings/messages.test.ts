/** Every refusal of a setting, as the operator reads it, and the settings of valid stacks, in testing/messages.txt and testing/settings.txt. */
import { describe, expect, it } from "vitest";
import { env, type System } from "../systems/definition.ts";
import { readExpected } from "../tests/expected.ts";
import type { Settings } from "./settings.ts";
import { complaint, type Given, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

type Case = readonly [values: Readonly<Record<string, unknown>>, given?: Given];

const ID = "49f4dc39-3d91-4bce-aa7a-7784c8e32a66";
const IMAGE = "ghcr.io/acme/slipway:1.0.0";
const both = { systems: [harbour, longPier] };
const prod = { stack: "prod" };

const quay: System = {
  ...longPier,
  name: "quay",
  title: "Quay",
  postgres: { ...longPier.postgres, database: "quay" },
  keyspaces: { jobs: { store: "store", database: 5, durable: true } },
};
const withBuckets: System = {
  ...harbour,
  name: "wharf",
  title: "Wharf",
  buckets: { uploads: {}, "exports-of-all-customers": { feature: "cache" } },
  alerts: { ...harbour.alerts, emails: ["oncall@example.com", "oncall@acme.dev"] },
};
const older: System = { ...harbour, name: "older", title: "Older", postgres: { ...harbour.postgres, minimumMajor: 13 } };
const large: System = {
  ...harbour,
  name: "large",
  title: "Large",
  stores: { state: { class: "state", memoryMiB: 600 }, cache: { class: "cache", memoryMiB: 100 } },
  postgres: { ...harbour.postgres, sizing: { connections: 98, effectiveCacheMiB: 4097, concurrentUsers: 2000 } },
};
const huge: System = { ...harbour, name: "huge", stores: { state: { class: "state", memoryMiB: 200_000 } }, keyspaces: {} };
const careless: System = {
  ...harbour,
  name: "careless",
  keyspaces: { ...harbour.keyspaces, users: { store: "cache", database: 2, durable: true } },
};
const onlyCache: System = {
  ...harbour,
  name: "only-cache",
  stores: { cache: { class: "cache", memoryMiB: 64 } },
  keyspaces: { users: { store: "cache", database: 200, durable: true } },
};
const several: System = {
  ...harbour,
  name: "several",
  title: "Several",
  apps: {
    web: harbour.apps.web!,
    admin: { name: "several-admin-application", domain: "harbour.example.com", components: {} },
  },
};
const unpooled: System = {
  ...harbour,
  name: "unpooled",
  apps: {
    web: {
      name: "unpooled",
      components: {
        api: {
          ...(harbour.apps.web!.components.worker as Extract<System["apps"][string]["components"][string], { kind: "worker" }>),
          env: { DATABASE_HOST: env.database("host"), DATABASE_PORT: env.database("port") },
          feature: undefined as never,
          size: "apps-s-1vcpu-1gb",
          instances: 3,
        },
        reader: {
          ...(harbour.apps.web!.components.worker as Extract<System["apps"][string]["components"][string], { kind: "worker" }>),
          env: {
            REPLICA_URL: env.database("url", { replica: true }),
            REPLICA_POOL: env.budget(7, 2),
            GONE: env.where("google", env.database("url")),
            GONE_POOL: env.where("google", env.budget(6, 2)),
          },
          feature: undefined as never,
        },
      },
    },
  },
};

const twin: System = { ...harbour, name: "twin", title: "Twin", postgres: { ...harbour.postgres, database: "twin" } };
/** A pool of a component that is off. */
const featured: System = {
  ...harbour,
  name: "featured",
  title: "Featured",
  apps: {
    web: {
      name: "featured",
      components: {
        api: harbour.apps.web!.components.api!,
        worker: { ...harbour.apps.web!.components.worker!, env: { POOL: env.budget(10, 2), DATABASE_URL: env.database("url") } },
      },
    },
  },
};

/** Written in plain JavaScript, without the helpers of a definition. */
const plain: System = {
  ...longPier,
  name: "plain",
  apps: {
    web: {
      name: "plain",
      components: {
        api: {
          ...longPier.apps.web!.components.api!,
          env: { URL: env.database("url"), POOL: { from: "budget", wish: 90, least: 5, scope: "RUN_TIME" } },
        },
      },
    },
  },
};

/** One component, which reads the phase among other things. */
const cutover: System = {
  ...harbour,
  name: "cutover",
  title: "Cutover",
  apps: { web: { name: "cutover", components: { api: harbour.apps.web!.components.api! } } },
};
/** Nothing to configure. */
const bare: System = {
  ...longPier,
  name: "bare",
  title: "Bare",
  secrets: {},
  features: {},
  apps: { web: { name: "bare", components: {} } },
};
/** As much as the node of the usual size has, exactly. */
const exact: System = {
  ...harbour,
  name: "exact",
  title: "Exact",
  postgres: { ...harbour.postgres, sizing: { connections: 97, effectiveCacheMiB: 4096, concurrentUsers: 1000 } },
};
const withoutPools: System = {
  ...unpooled,
  name: "without-pools",
  postgres: { ...unpooled.postgres, pools: {}, sizing: { concurrentUsers: 1000 } },
};
const ofMemory = (memoryMiB: number): System => ({
  ...longPier,
  name: `of-${memoryMiB}`,
  stores: { store: { class: "state", memoryMiB } },
});
/** A cache of its own, whose numbers differ from those of the others. */
const pantry: System = {
  ...quay,
  name: "pantry",
  title: "Pantry",
  stores: { ...quay.stores, pages: { class: "cache", memoryMiB: 64 } },
  keyspaces: { ...quay.keyspaces, pages: { store: "pages", database: 6, durable: false } },
};
/** A cache without keyspaces. */
const pages: System = { ...longPier, name: "pages", title: "Pages", stores: { pages: { class: "cache", memoryMiB: 64 } } };

const AGE = `age1${"q".repeat(58)}`;
const OTHER_AGE = `age1${"p".repeat(58)}`;
const VERIFY = `slipway-verify-key-${"Aa0-_".repeat(11)}abcd`;
/** What a stack says that makes backups, and its key. */
const MADE = { recipients: [AGE, OTHER_AGE], image: IMAGE };
const SIGNED = [{ backupSigningKey: "slipway-signing-key-MC4CAQ" }, { secretKeys: ["backupSigningKey"] }] as const;

/** Refused values of one setting, of the stack or of a system. */
const values = (at: string, ...given: readonly unknown[]): Case[] =>
  given.map((value) => [at.split(".").reduceRight<unknown>((inner, step) => ({ [step]: inner }), value) as Record<string, unknown>]);

const REFUSED: readonly Case[] = [
  // Names and kinds of settings
  [{ regoin: "nyc1" }],
  [{ zzzzzzzzz: "1" }],
  [{ redis: "{}" }],
  [{ redisVersion: "7" }],
  [{ engine: "redis" }],
  [{ valkey: { redis: "7", version: "8" } }],
  [{ harbour: { redis: {} } }],
  [{ harbour: { valkey: { engine: "redis" } } }],
  [{ hiredis: "x" }],
  [{ bare: { connections: { "api/POOL_MAX": 3 }, domains: [], features: ["google"], repos: "x" } }, { systems: [bare] }],
  [{ postgres: { version: "16", engine: "redis" } }],
  [{ postgres: { version: "16", sise: "x", hunter: "hunter2" } }],
  [{ harbourGoogleClientSecrt: "x" }],
  [{ harbourGoogleClientIdd: "x" }],
  [{ harbour: { domains: { wbe: "a.dev" }, repos: { appi: {} }, sizes: { frontend: {} }, connections: { "api/POOL_MAXX": 3 } } }],
  [{ longPier: { connections: {} }, harbour: { features: ["gogle", "cach"] } }],
  [{ postgres: "16" }],
  [{ postgres: "[1]" }],
  [{ alertEmails: "oncall@acme.dev" }],
  [{ alertEmails: "{}" }],
  [{ harbour: "on" }],
  [{ harbour: { postgres: [], features: {} } }],
  [{ harbour: { postgres: { replicas: [7] } } }],
  [{ postgres: { version: "16", replicas: [{ name: "a" }, { name: "read-1", sise: 1 }] } }],
  [{ postgres: { version: "16", autoscale: true, maintenance: "sunday" } }],
  // Single values
  ...values("environment", "production", "prodd", ""),
  ...values("systems", ["harbor", "x"], [], ["harbour", "harbour"]),
  ...values("suffix", "Upper", "-a", "a-", "a".repeat(21)),
  ...values("region", "nyc", "mars1", "ric1", "fra"),
  ...values("vpcCidr", "10.0.0.0", "8.8.0.0/20", "10.0.0.0/8", "10.0.0.0/29", "10.0.0.5/20", "fd00::/64", "x/y"),
  ...values("vpc", "default", `x${ID}`, `${ID}0`),
  ...values("protect", "yes", "1"),
  [{ systems: [] }, both],
  [{ systems: [], regoin: "nyc1" }],
  [{ systems: ["x", "harbour"], harbour: { phase: "P0" } }],
  ...values("alertEmails", ["a@acme.dev, b@acme.dev"], ["oncall"], ["a b@acme.dev"], ["@acme.dev"], ["a@acme"], [3]),
  ...values("rotated", "2026-11-21", "2026-02-30", "today", "2026-1-1", "2026-13-01", "x2026-01-01", "2026-01-011"),
  ...values("postDeploy", { mode: "jobs" }, { mode: "job" }, { image: IMAGE }, { mode: "job", image: "slipway:1.0.0" }),
  ...values("postDeploy.image", "ghcr.io/acme/slipway:latest", "ghcr.io/acme/slipway", "GHCR.io/acme/slipway:1", `${IMAGE} `),
  ...values("backups", { enabled: "no" }, { region: "nyc1" }, { offsiteRegion: "nyc3" }, { region: "fra1", offsiteRegion: "fra1" }),
  ...values(
    "backups.recipients",
    "age1",
    ["age1short"],
    [AGE, "AGE-SECRET-KEY-1HUNTER2"],
    [7],
    [AGE.toUpperCase()],
    [`x${AGE}`, `${AGE}!`],
  ),
  [
    {
      backups: { ...MADE, verifyKeys: [VERIFY, 7, `${VERIFY}x`, `x${VERIFY}`, VERIFY.slice(1), "slipway-signing-key-hunter2"] },
      ...SIGNED[0],
    },
    SIGNED[1],
  ],
  ...values("backups", { verifyKeys: [VERIFY] }, { enabled: false, verifyKeys: [VERIFY] }),
  ...values("backups", { image: IMAGE }, { hourly: true, keep: { daily: 1 } }, { maxAgeHours: 2, recipients: [] }),
  ...values("backups", { enabled: false, hourly: true, keep: { daily: 1 }, maxAgeHours: 2 }),
  ...values("backups", { enabled: false, recipients: [AGE], image: IMAGE }, { recipients: [AGE] }, { recipients: [AGE], image: "slipway" }),
  ...[
    ...[{ hourly: "often" }, { maxAgeHours: -1 }, { maxAgeHours: 169 }, { keep: { daily: 10_001 } }, { keep: { dayly: 3 } }],
    { keep: { daily: 0, weekly: 0, monthly: 0, yearly: 0 } },
  ].map((more): Case => [{ backups: { ...MADE, ...more }, ...SIGNED[0] }, SIGNED[1]]),
  [{ backups: MADE, backupSigningKey: "slipway-signing-key-hunter2" }],
  [
    { backups: MADE, backupSigningKey: "hunter2-hunter2" },
    { ...SIGNED[1], underEngine: true },
  ],
  [{ backups: MADE, backupSigningKey: "changeme" }, SIGNED[1]],
  [{ backupSigningKye: "x" }],
  [
    { backups: { ...MADE, image: "ghcr.io/your-org/slipway:1.0.0" }, ...SIGNED[0] },
    { ...SIGNED[1], underEngine: true },
  ],
  [{ backups: MADE, suffix: "a-very-long-suffix1", ...SIGNED[0] }, SIGNED[1]],
  ...values("backups.bucketPrefix", "ab", "a".repeat(33), "-abc", "abc-", "Abc"),
  ...values("valkey", { version: "7" }, { version: "9" }, { layout: "one" }, { sharing: "all" }, { sharedState: "yes" }),
  ...values("valkey.state", { size: "gd-2vcpu-8gb" }, { size: "db-s-1vcpu-3gb" }, { size: 1 }, { nodes: "4" }, { nodes: "0" }),
  ...values("valkey.state", { nodes: 2 }, { adopt: "production" }),
  ...values("valkey", { maintenance: { day: "Sunday", hour: "4:00" } }, { cache: {} }),
  ...values(
    "harbour",
    { region: "sfo" },
    { vpcCidr: "10.110.0.0/20" },
    { phase: "P4" },
    { phase: "P0" },
    { phase: "P1" },
    { phaseSince: "2026-11-01" },
  ),
  ...values("harbour.domains.web", "none.", "Shop.dev", "shop", "-a.dev", "a-.dev", "a.d", "a..dev", `${"a".repeat(64)}.dev`),
  ...values("harbour.repos.api", { repo: "harbour" }, { repo: "a/b/c" }, { branch: "a b" }),
  ...values("harbour.sizes.api", { size: "basic-xxs" }, { size: "apps-s-1vcpu-3gb" }, { size: "x" }, { size: 1 }),
  ...values("harbour.sizes.api", { instances: 0 }, { instances: 251 }, { size: "apps-s-1vcpu-0.5gb", instances: 2 }),
  ...values("harbour.sizes.api", { size: "apps-s-1vcpu-1gb-fixed", instances: 3 }, { instances: "many" }),
  ...values("harbour.sizes.api", { instances: true }, { instances: "1e1" }, { instances: "0x10" }),
  ...values("harbour.connections", { harbour_pool: 0 }, { harbour_pool: 1 }, { "api/POOL_MAX": 4 }, { "api/POOL_MAX": 10_001 }),
  ...values("harbour.connections", { "pooled/CLIENT_MAX": 1 }, { "api/POOL_MAX": 91 }, { harbour_pool: 2.5 }),
  ...values("harbour.rotated", "2026-11-21"),
  // Postgres
  ...[
    {},
    { version: "12" },
    { version: "15.15" },
    { version: "16.4" },
    { version: "15." },
    { version: "x15.1" },
    { version: "99.1" },
    { version: "14" },
    { version: "16", layout: "own" },
    { version: "16", size: "db-s-2vcpu-5gb" },
    { version: "16", size: "m-2vcpu-16gb" },
    { version: "16", size: "huge" },
    { version: "16", size: 4 },
    { version: "16", size: "db-s-1vcpu-1gb", nodes: 2 },
    { version: "16", size: "db-s-1vcpu-1gb", nodes: 3 },
    { version: "16", nodes: 4 },
    { version: "16", nodes: 1.5 },
    { version: "16", nodes: "x1" },
    { version: "16", storage: "70" },
    { version: "16", storage: "70 GB" },
    { version: "16", storage: "65 GiB" },
    { version: "16", storage: "5 GiB" },
    { version: "16", storage: "20001 GiB" },
    { version: "16", storage: "x70 GiB" },
    { version: "16", storage: "70 GiB each" },
    { version: "16", storage: "30 GiB" },
    { version: "16", storage: "100 GiB", autoscale: {} },
    { version: "16", storage: "30 GiB", autoscale: { enabled: true } },
    { version: "16", autoscale: { threshold: "14%" } },
    { version: "16", autoscale: { threshold: "96%" } },
    { version: "16", autoscale: { threshold: "80" } },
    { version: "16", autoscale: { threshold: "x80%" } },
    { version: "16", autoscale: { threshold: "+80%" } },
    { version: "16", autoscale: { threshold: "80%x" } },
    { version: "16", autoscale: { threshold: 80 } },
    { version: "16", autoscale: { increment: "9 GiB" } },
    { version: "16", autoscale: { increment: "501 GiB" } },
    { version: "16", replicas: [{}] },
    { version: "16", replicas: [{ name: "Read" }, { name: "read", region: "sfo" }, { name: "read", region: "x", size: "db-s-1vcpu-1gb" }] },
    { version: "16", replicas: [{ name: "read", region: 7 }, { name: "read" }, { name: "read" }] },
    { version: "16", adopt: "production-db" },
    { version: "16", adopt: ID, adoptOnly: { databases: ["defaultdb"], users: ["harbour_ownr"], pools: ["x"] } },
    { version: "16", adoptOnly: { users: ["harbour"] } },
    { version: "16", adopt: ID, adoptOnly: { roles: [], users: [""] } },
    { version: "16", maintenance: { day: "Tuesday", hour: "24:00" } },
    { version: "16", maintenance: { day: "noday", hour: "04:30" } },
    { version: "16", maintenance: { hour: 4 } },
    { version: "16", maintenance: { hour: "x04:00" } },
    { version: "16", maintenance: { hour: "04:00x" } },
  ].map((postgres): Case => [{ postgres }]),
  [{ postgres: { version: "14" } }, { systems: [older] }],
  [{ postgres: { version: "13" } }, { systems: [older] }],
  [{ postgres: {} }, { systems: [older] }],
  [{ postgres: {} }, both],
  [{ harbour: { postgres: { adopt: ID, adoptOnly: { users: ["unknown_role", ""] } } } }, prod],
  [{ postgres: { version: "15" } }, both],
  [{ postgres: { version: "15", layout: "dedicated" } }, both],
  [{ postgres: { version: "16", layout: "dedicated", adopt: ID } }, both],
  [{ harbour: { postgres: { size: "db-s-4vcpu-8gb" } } }],
  [{ harbour: { postgres: { size: "db-s-1vcpu-1gb", nodes: 3 } }, postgres: { version: "16", layout: "dedicated" } }],
  [{ harbour: { postgres: { nodes: 3 } }, postgres: { version: "16", layout: "dedicated", size: "db-s-1vcpu-1gb" } }],
  [{ harbour: { postgres: { adoptOnly: { users: ["harbour"] }, storage: "10 GiB" } } }, prod],
  [{ longPier: { region: "sfo3" } }, both],
  [{ longPier: { postgres: { adopt: ID, adoptOnly: { pools: ["harbour_pool"], databases: ["peer"] } } } }, { ...both, ...prod }],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { sizes: { api: { instances: 4 } } } }],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { connections: { "api/POOL_MAX": 30 } } }],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" } }, both],
  [
    { postgres: { version: "16", size: "db-s-1vcpu-1gb", nodes: 1 }, longPier: { sizes: { api: { instances: 2 } } } },
    { ...both, ...prod },
  ],
  [{ longPier: { connections: { "api/POOL_SIZE": 500 } } }, both],
  [{ longPier: { connections: { "api/POOL_SIZE": 2000 } } }, both],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { features: ["worker"], connections: { "api/POOL_MAX": 90 } } }],
  // Valkey
  [{ valkey: { state: { adopt: ID } } }, both],
  [{}, { systems: [ofMemory(1024)] }],
  [{ valkey: { state: { size: "db-s-1vcpu-2gb" } } }, { systems: [ofMemory(1025)] }],
  [{ region: "nyc2" }],
  [{ region: "fra1", postgres: { version: "16", layout: "dedicated" }, harbour: { region: "nyc2" } }],
  [{ valkey: { layout: "split", cache: { adopt: ID } }, harbour: { features: ["cache"] }, quay: {} }, { systems: [harbour, large, quay] }],
  [{}, { systems: [large] }],
  [{ valkey: { layout: "split", state: { size: "db-s-1vcpu-1gb" } } }, { systems: [large] }],
  [{}, { systems: [huge] }],
  [{ valkey: { sharing: "shared" } }, { systems: [quay, huge] }],
  [{ careless: { features: ["cache"] }, valkey: { layout: "split" } }, { systems: [careless] }],
  [{ valkey: { layout: "split" } }, { systems: [onlyCache] }],
  [{ valkey: { sharing: "shared" } }, both],
  [{ valkey: { sharing: "shared" }, quay: { valkey: { state: { nodes: 1 } } } }, { systems: [harbour, quay] }],
  [
    { valkey: { sharing: "shared" }, postgres: { version: "16", layout: "dedicated" }, quay: { region: "sfo3" } },
    { systems: [harbour, quay] },
  ],
  [{ valkey: { sharing: "shared" } }, { systems: [harbour, quay], ...prod }],
  [{ harbour: { valkey: { cache: { size: "db-s-1vcpu-2gb" } } } }],
  // Networks and sources
  [{ allowedSources: [] }],
  [{ allowedSources: [], regoin: "nyc1" }],
  [{ allowedSources: ["203.0.113.10", "203.0.113.10/32"] }],
  [{ allowedSources: ["203.0.113.10", "203.0.113.10/32", "10.0.0.5/8", "0.0.0.0/0", "::1", "x", "8.0.0.0/8", ""] }],
  [{ allowedSources: ["203.0.0.0/16", "198.51.0.0/17", "192.0.2.7"] }],
  [{ allowedSources: Array.from({ length: 100 }, (_, index) => `203.0.113.${index}`) }],
  [{ vpc: ID, vpcCidr: "10.9.0.0/20" }],
  [
    { vpcCidr: "10.126.0.0/20", postgres: { version: "16", layout: "dedicated" }, longPier: { region: "nyc2", vpcCidr: "10.126.8.0/24" } },
    both,
  ],
  [
    {
      postgres: { version: "16", layout: "dedicated" },
      harbour: { region: "sfo3", vpcCidr: "10.9.0.0/20" },
      longPier: { region: "sfo3", vpcCidr: "10.9.16.0/20" },
    },
    both,
  ],
  [{ postgres: { version: "16", layout: "dedicated" }, longPier: { region: "sfo3", vpcCidr: "8.8.8.0/24" } }, both],
  [
    {
      region: "ams3",
      postgres: { version: "16", layout: "dedicated" },
      longPier: { region: "sfo3" },
      quay: { region: "fra1", vpcCidr: "10.128.0.0/20" },
    },
    { systems: [harbour, longPier, quay] },
  ],
  // Systems
  [{ longPier: { phase: "P3" } }, both],
  [{ harbour: { phase: "P2" } }],
  [{ harbour: { phase: "P2" }, backups: { enabled: false } }],
  [{ harbour: { phase: "P2" }, backups: { image: IMAGE } }],
  [{ harbour: { phase: "P0" }, backups: MADE, ...SIGNED[0] }, SIGNED[1]],
  [{ unpooled: { connections: { "reader/GONE_POOL": 3 } } }, { systems: [unpooled] }],
  [{ harbour: { connections: { "worker/X": 3 }, features: [] } }],
  [{ wharf: { features: ["cache"] }, backups: { bucketPrefix: "a".repeat(32) } }, { systems: [withBuckets] }],
  [{ suffix: "a-very-long-suffix" }, { systems: [several] }],
  [{ several: { domains: { web: "a.dev", admin: "a.dev" } } }, { systems: [several] }],
  [{}, { systems: [several], ...prod }],
  [{ featured: { connections: { "worker/POOL": 5 } } }, { systems: [featured] }],
  [{ backups: { enabled: false } }, prod],
  [{ postgres: { version: "16", size: "a secret" } }, { secretKeys: ["postgres"] }],
  [{ postgres: { version: "16", adopt: `${ID}0` } }],
  [{ postgres: { version: "16", adopt: `x${ID}` } }],
  // A sum that does not fit is reported together with other problems, but not where a number in it was refused
  ...[
    { phase: "P0" },
    { region: "mars" },
    { sizes: { worker: { instances: 0 } } },
    { connections: { harbour_pool: 0, "api/POOL_MAX": 90 } },
    { features: ["wurker"] },
    { postgres: {} },
  ].map((own): Case => [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { connections: { "api/POOL_MAX": 90 }, ...own } }]),
  [{ postgres: { version: "12", size: "db-s-1vcpu-1gb" }, harbour: { connections: { "api/POOL_MAX": 90 } } }],
  [{ unpooled: { sizes: { api: { instances: 20 } } }, postgres: { version: "16", size: "db-s-1vcpu-1gb" } }, { systems: [unpooled] }],
  [{ allowedSources: [""] }],
  [{ systems: [""] }],
  [{ systems: ["harbour", "", "harbour"] }],
  [{ allowedSources: ["203.0.0.0/16", "198.51.0.0/16"] }],
  [{ postgres: { version: "14" } }, { systems: [harbour, twin] }],
  [{ postgres: { version: "16", replicas: [{ name: "a-read", size: "db-s-1vcpu-2gb" }] } }],
  // Keys that only an operator knows
  ...["kq3Zr8V", "aaaaaabb", "secretly-kq3Zr8Vx1LmN"].map(
    (value): Case => [{ harbourGoogleClientSecret: value, harbour: { features: ["gone"] } }, { secretKeys: ["harbourGoogleClientSecret"] }],
  ),
  [{ harbour: { features: ["google"] } }],
  [{ harbourGoogleClientSecret: "kq3Zr8Vx1LmN" }],
  [{ harbourGoogleClientSecret: " changeme " }, { secretKeys: ["harbourGoogleClientSecret"] }],
  [{ harbourGoogleClientSecret: "changeme" }, { secretKeys: ["harbourGoogleClientSecret"] }],
  [{ harbourGoogleClientSecret: "       a1b2c3d       " }, { secretKeys: ["harbourGoogleClientSecret"] }],
  [{ harbourGoogleClientSecret: "abababababab" }, { secretKeys: ["harbourGoogleClientSecret"] }],
  [{ harbourGoogleClientSecret: "abcdefgh\ud800" }, { secretKeys: ["harbourGoogleClientSecret"] }],
  [{ harbourGoogleClientId: "abc\udfff" }],
  [{ harbourGoogleClientId: "abc" }, { secretKeys: ["harbourGoogleClientId"] }],
  [{ region: "mars" }, { secretKeys: ["region"] }],
  [{ placeholders: "true" }, { underEngine: true }],
  // Examples
  [
    {
      allowedSources: ["8.8.4.4", "203.0.113.10"],
      alertEmails: ["oncall@acme.dev", "oncall@example.com"],
      postDeploy: { mode: "job", image: "ghcr.io/your-org/slipway:1.0.0" },
      wharf: { features: ["google"], repos: { api: { repo: "your-org/wharf" } }, domains: { web: "shop.example.com" } },
      wharfGoogleClientId: "https://id.example.com/x",
      wharfGoogleClientSecret: "kq3Zr8Vx1LmN",
    },
    { systems: [withBuckets], underEngine: true, secretKeys: ["wharfGoogleClientSecret"] },
  ],
];

const ACCEPTED: readonly Case[] = [
  [{}],
  [{}, prod],
  [{ allowedSources: undefined }, { stack: "local" }],
  [{}, { ...both }],
  [{}, { ...both, ...prod }],
  [{ environment: "prod", suffix: "none" }, { stack: "Blue--1-" }],
  [{ environment: "prod" }, { stack: "Blue--1-" }],
  [{ suffix: "x" }],
  [{ systems: ["long-pier"] }, both],
  [{ protect: "true", rotated: "2026-11-20", alertEmails: ["a@acme.dev", "a@acme.dev"], region: "SFO2" }],
  [{ protect: "false", harbour: { rotated: "2026-01-31", features: ["google", "cache", "worker"] }, placeholders: "true" }, prod],
  [{ vpcCidr: "10.9.0.0/16", allowedSources: ["198.18.0.0/16", "10.0.0.0/8"] }],
  [{ vpc: ID, postgres: { version: "16", layout: "dedicated" }, longPier: { region: "fra1", vpcCidr: "10.9.0.0/28" } }, both],
  [{ postDeploy: { mode: "job", image: IMAGE }, allowedSources: [] }],
  [{ postDeploy: { mode: "job", image: `localhost:5000/a/b@sha256:${"0".repeat(64)}` }, allowedSources: [] }],
  [{ postDeploy: { mode: "manual" }, allowedSources: [] }],
  [{ allowedSources: [] }, { stack: "local" }],
  [{ backups: { enabled: "false" } }],
  [{ backups: { enabled: true, region: "fra1", bucketPrefix: "abc" } }, { stack: "local" }],
  [{ backups: { offsiteRegion: "syd1" }, region: "ams3" }],
  [{ backups: MADE, ...SIGNED[0] }, SIGNED[1]],
  [
    { backups: { ...MADE, recipients: [AGE, AGE] }, ...SIGNED[0] },
    { ...SIGNED[1], ...prod },
  ],
  [
    {
      backups: { recipients: [AGE, OTHER_AGE], hourly: "true", keep: { daily: 7, yearly: 0 }, maxAgeHours: "0" },
      postDeploy: { mode: "job", image: IMAGE },
      allowedSources: [],
      ...SIGNED[0],
    },
    SIGNED[1],
  ],
  [{ backups: { ...MADE, verifyKeys: [VERIFY, VERIFY] }, ...SIGNED[0] }, SIGNED[1]],
  [
    { backups: { ...MADE, enabled: true }, ...SIGNED[0] },
    { ...SIGNED[1], stack: "local" },
  ],
  [{ backups: MADE, placeholders: "true" }],
  // A recorded program has text of its own in the place of a secret.
  [{ backups: MADE, backupSigningKey: "recorded-4f1b" }, { secretKeys: ["backupSigningKey"] }],
  [{ backups: { recipients: [AGE], image: IMAGE }, ...SIGNED[0] }, SIGNED[1]],
  ...[
    { size: "db-s-1vcpu-1gb" },
    { size: "gd-16vcpu-64gb", nodes: 3, storage: "20000 GiB" },
    { storage: "60 GiB", maintenance: { day: "friday", hour: "23:00" } },
    { autoscale: { threshold: "15%", increment: "10 GiB" } },
    { autoscale: { threshold: "95%", increment: "500 GiB", enabled: "true" } },
    { autoscale: { enabled: false }, storage: "100 GiB" },
    { adopt: ID },
    { adopt: ID, adoptOnly: { databases: ["harbour"], users: ["harbour_backup"], pools: ["harbour_pool"] } },
    { replicas: [{ name: "read-1" }, { name: "read-2", region: "RIC1", size: "db-s-4vcpu-8gb" }] },
  ].map((postgres): Case => [{ postgres: { version: 17, ...postgres } }]),
  [{ postgres: { version: "16", autoscale: { enabled: false } } }, prod],
  [{ postgres: { version: "16", layout: "dedicated", adopt: ID } }],
  [{ postgres: { version: "16", layout: "dedicated" }, harbour: { region: "sfo3" } }],
  [{ postgres: { version: "16", layout: "dedicated" }, harbour: { region: "sfo3" } }, both],
  [{}, { systems: [exact] }],
  ...[20, 19].map((size): Case => [{ exact: { connections: { "api/POOL_MAX": size } } }, { systems: [exact], ...prod }]),
  [{}, { systems: [withoutPools], ...prod }],
  [{ postgres: { version: "16", storage: "100 GiB" } }, prod],
  [
    { postgres: { version: "16", nodes: 3, maintenance: { day: "monday" } }, longPier: { postgres: { size: "db-s-4vcpu-8gb", nodes: 1 } } },
    { ...both, ...prod },
  ],
  [{ postgres: { version: "14", adopt: ID } }, { systems: [older] }],
  [{ postgres: { version: "13", adopt: ID } }, { systems: [older] }],
  [{ postgres: { version: "17", size: "db-s-1vcpu-1gb" } }, { systems: [longPier] }],
  [{ postgres: { version: "16", size: "db-s-4vcpu-8gb" } }, both],
  [{ postgres: { version: "16", size: "db-s-4vcpu-8gb" }, longPier: { connections: { "api/POOL_SIZE": 30 } } }, both],
  [{ harbour: { connections: { harbour_pool: 2, "api/POOL_MAX": 5 } }, postgres: { version: "16", size: "db-s-1vcpu-1gb" } }],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { features: ["worker"] } }],
  [{ postgres: { version: "16", size: "db-s-1vcpu-1gb" } }, { systems: [plain] }],
  [{ valkey: { maintenance: { hour: "05:00" } }, harbour: { valkey: { maintenance: { day: "monday" } } } }],
  [{ valkey: { sharing: "shared", layout: "split" }, harbour: { features: ["cache"] } }, { systems: [harbour, pantry] }],
  [{ valkey: { layout: "split" } }, { systems: [pages] }],
  [{ valkey: { layout: "split", version: "8", maintenance: { hour: "05:00" } }, harbour: { features: ["cache"] } }],
  [{ valkey: { state: { size: "db-s-1vcpu-2gb", nodes: 2, adopt: ID } }, harbour: { valkey: { state: { nodes: 3 } } } }],
  [{ valkey: { sharing: "shared", cache: { size: "m-2vcpu-16gb" }, layout: "split" } }, { systems: [harbour, quay] }],
  [{ valkey: { sharing: "shared", sharedState: "accepted" } }, { systems: [harbour, quay], ...prod }],
  [{ valkey: { layout: "split", state: { size: "db-s-1vcpu-2gb" } } }, { systems: [large], ...prod }],
  [{ valkey: { state: { size: "db-s-1vcpu-2gb" } }, postgres: { version: "16", size: "gd-2vcpu-8gb" } }, { systems: [large] }],
  [{ careless: { features: ["cache"] } }, { systems: [careless] }],
  [
    {
      harbour: {
        domains: { web: "shop.xn--p1ai" },
        repos: { api: { repo: "a.b/c-d_e", branch: "release/1.x" }, worker: { branch: "x" } },
        sizes: { api: { size: "apps-d-1vcpu-1gb", instances: 30 }, worker: { instances: 1 } },
        phase: "P2",
      },
      postgres: { version: "16", size: "gd-40vcpu-160gb" },
      backups: MADE,
      ...SIGNED[0],
    },
    SIGNED[1],
  ],
  [{ harbour: { phase: "P0", domains: { web: "none" } }, allowedSources: ["127.0.0.1"] }, { stack: "local" }],
  [{ large: {}, valkey: { state: { size: "db-s-1vcpu-2gb" } } }, { systems: [large] }],
  [
    {
      harbourGoogleClientId: "test",
      harbour: { features: ["google"] },
      harbourGoogleClientSecret: "kq3Zr8Vx1LmN",
      allowedSources: ["8.8.4.4"],
    },
    { secretKeys: ["harbourGoogleClientSecret"], underEngine: true, stack: "staging" },
  ],
  ...["kq3Zr8Vx", "abcabcabcabc", "kq3Zr8Vx1LmN-changeme", "todo-kq3Zr8Vx1LmN"].map(
    (value): Case => [
      { harbourGoogleClientSecret: value, harbour: { features: ["google"] }, harbourGoogleClientId: "id" },
      { secretKeys: ["harbourGoogleClientSecret"] },
    ],
  ),
  [{ harbour: { domains: { web: "none" } } }, prod],
  [
    { wharf: { features: ["cache"] }, alertEmails: ["oncall@acme.dev"] },
    { systems: [withBuckets], ...prod },
  ],
  [{ backups: { bucketPrefix: "acme-staging" } }, { systems: [withBuckets] }],
  [{}, { systems: [unpooled] }],
  [
    { several: { phase: "P2", phaseSince: "2026-11-01T12:00:00.000Z" }, suffix: "x", backups: MADE, ...SIGNED[0] },
    { ...SIGNED[1], systems: [several] },
  ],
  [
    { cutover: { phase: "P2" }, backups: MADE, ...SIGNED[0] },
    { ...SIGNED[1], systems: [cutover] },
  ],
  [{}, { systems: [plain] }],
  [
    { harbourGoogleClientId: "id.acme.dev", harbourGoogleClientSecret: "kq3Zr8Vx1LmN", harbour: { features: ["google"] } },
    { secretKeys: ["harbourGoogleClientSecret"], underEngine: true, stack: "local" },
  ],
  [
    {
      allowedSources: ["8.8.4.4", "203.0.113.10"],
      alertEmails: ["oncall@example.com"],
      wharf: { repos: { api: { repo: "your-org/wharf" } } },
    },
    { systems: [withBuckets] },
  ],
];

function headingOf([values, given = {}]: Case): string {
  const { systems, stack = "staging", ...more } = given;
  const names = systems === undefined ? "" : ` with ${systems.map(({ name }) => name).join(", ")}`;
  const rest = Object.keys(more).length === 0 ? "" : ` ${JSON.stringify(more)}`;
  return `${stack}${names}${rest}: ${JSON.stringify(values, (_, value) => (value === undefined ? "<none>" : value))}`;
}

/** A line for each value. Of a stack with settings of its own, the lines that differ from those of the same stack without. */
function textOf([values, given]: Case): string {
  const lines = linesOf(settingsFrom(values, given));
  const usual = Object.keys(values).length === 0 ? [] : usualLinesOf(given);
  return [
    ...lines.filter((line) => !usual.includes(line)),
    ...usual.filter((line) => !lines.includes(line)).map((line) => `instead of ${line}`),
  ].join("\n");
}

function usualLinesOf(given: Given | undefined): readonly string[] {
  try {
    return linesOf(settingsFrom({}, given));
  } catch {
    return [];
  }
}

function linesOf({ systems, ...settings }: Settings): readonly string[] {
  const plain = { ...settings, systems: systems.map(({ system, ...rest }) => ({ system: system.name, ...rest })) };
  const visit = (value: unknown, path: string): string[] => {
    if (value instanceof Set) return visit([...value], path);
    if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return [`${path}: ${JSON.stringify(value)}`];
    return Object.entries(value).flatMap(([key, inner]) => visit(inner, path === "" ? key : `${path}.${key}`));
  };
  return visit(plain, "");
}

const textsOf = (cases: readonly Case[], text: (one: Case) => string) =>
  Object.fromEntries(cases.map((one) => [headingOf(one), text(one)] as const));

describe("settings", () => {
  it("are refused with these messages", () => {
    const texts = textsOf(REFUSED, (one) => complaint(...one));
    expect(texts).toEqual(readExpected(new URL("testing/messages.txt", import.meta.url), texts));
  });

  it("are completed to these values", () => {
    const texts = textsOf(ACCEPTED, (one) => textOf(one));
    expect(texts).toEqual(readExpected(new URL("testing/settings.txt", import.meta.url), texts));
  });
});

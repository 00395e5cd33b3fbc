/** Every refusal of a component's arguments, as Pulumi prints it, in testing/refusals.txt. */
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { readExpected } from "../tests/expected.ts";
import { App, type AppArgs, type AppService } from "./app.ts";
import { Backups, type BackupsArgs } from "./backups.ts";
import { Bucket, type BucketArgs } from "./bucket.ts";
import { Firewall, type FirewallArgs } from "./firewall.ts";
import { imageSource } from "./image.ts";
import { Monitoring, type MonitoringArgs } from "./monitoring.ts";
import { Network, type NetworkArgs } from "./network.ts";
import { Postgres, type PostgresArgs } from "./postgres.ts";
import { Secrets, type SecretsArgs } from "./secrets.ts";
import { ADOPTED, SMALL } from "./testing/postgres.ts";
import { refusal } from "./testing/recorded.ts";
import { Valkey, type ValkeyArgs } from "./valkey.ts";

type Changes<Args> = Partial<Record<keyof Args, unknown>>;

const network = { id: "vpc-id", cidr: "10.20.0.0/20" };
const advice = `${pulumi.output("x")}`;
const never = (text: string) => pulumi.output(Promise.resolve(text));

const service: AppService = {
  kind: "service",
  github: { repo: "acme/shop", branch: "main", deployOnPush: true },
  size: "apps-s-1vcpu-1gb",
  port: 8080,
  health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
  routes: ["/"],
  env: {},
};
const site = { kind: "site", github: service, outputDir: "dist", routes: ["/"] };
const withEnv = (env: object) => ({ components: { api: { ...service, env } } });

/** A program for each list of changed arguments of one component. */
function programs<Args>(create: (args: Args, name: string) => unknown, usual: object, changes: readonly Changes<Args>[], name = "shop") {
  return changes.map((change) => ({
    title: `${name === "shop" ? "" : `named ${name} `}${JSON.stringify(change, (_, value) => (pulumi.Output.isInstance(value) ? "<Output>" : value))}`,
    run: () => void create({ ...usual, ...change } as Args, name),
  }));
}

const app = (args: AppArgs, name: string) => new App(name, args);
const bucket = (args: BucketArgs, name: string) => new Bucket(name, args);
const backups = (args: BackupsArgs, name: string) => new Backups(name, args);
const firewall = (args: FirewallArgs, name: string) => new Firewall(name, args);
const monitoring = (args: MonitoringArgs, name: string) => new Monitoring(name, args);
const networkOf = (args: NetworkArgs, name: string) => new Network(name, args);
const postgres = (args: PostgresArgs, name: string) => new Postgres(name, args);
const secrets = (args: SecretsArgs, name: string) => new Secrets(name, args);
const valkey = (args: ValkeyArgs, name: string) => new Valkey(name, args);

const WATCHED = { emails: ["a@acme.dev"], databases: [], uptime: [], cpu: 80, memory: 80, disk: 80 };
const STORE = { network, region: "nyc3", class: "state", size: "db-s-1vcpu-2gb" };
const endpoint = { name: "api", target: "https://shop.dev", latencyMs: 500 };

const databases = (users: readonly unknown[], pools: object = {}, name = "shop") => ({ databases: { [name]: { users, pools } } });
const pool = (change: object, name = "shop-pool") => databases(["shop"], { [name]: { user: "shop", size: 5, ...change } });
const replica = (change: object) => ({ name: "read", region: "nyc3", size: "db-s-1vcpu-2gb", ...change });

const PROGRAMS: Readonly<Record<string, ReturnType<typeof programs>>> = {
  App: [
    ...programs(app, { appName: "shop", region: "nyc", components: { api: service } }, [
      ...["a", "a".repeat(33), "Shop", "1shop", "shop-", "sh op"].map((appName) => ({ appName })),
      { components: {} },
      { domain: advice },
      withEnv({ "1A": { value: "x", scope: "RUN_TIME" }, "A-B": { value: "x", scope: "RUN_TIME" } }),
      withEnv({ A: { value: "x", scope: "GENERAL" }, B: { value: "x" } }),
      { components: { web: { ...site, env: { KEY: { value: "x", secret: true, scope: "BUILD_TIME" } } } } },
      withEnv({ A: { value: pulumi.secret("hidden"), scope: "RUN_TIME" } }),
      withEnv({ A: { value: never(advice), scope: "RUN_TIME" } }),
      withEnv({ A: { value: never(advice), secret: true, scope: "RUN_TIME" } }),
    ]),
  ],
  Bucket: programs(bucket, { region: "nyc3", bucketName: "shop-files" }, [
    { region: "nyc1" },
    { region: "mars" },
    { bucketName: "Shop" },
    { bucketName: advice },
    { deletedKeptDays: 0 },
    { deletedKeptDays: 1.5 },
    ...["*", "https://*.dev", "https://shop.dev/", "ftp://shop.dev", "xhttps://shop.dev", "https://shop.dev:x"].map((origin) => ({
      cors: { origins: ["https://ok.dev", origin], methods: ["GET"] },
    })),
    { cors: { origins: [never("https://*.dev")], methods: ["GET"] } },
  ]),
  Backups: programs(backups, { region: "nyc3", bucketName: "shop-backups" }, [
    { region: "nyc1" },
    { offsiteRegion: "sfo1" },
    { offsiteRegion: "nyc3" },
    { bucketName: "-a" },
    { bucketName: "a".repeat(56) },
    { bucketName: advice },
    { deletedKeptDays: 0 },
  ]),
  Firewall: programs(firewall, { clusterId: "id", allow: ["203.0.113.7"] }, [
    { allow: [] },
    { allow: ["0.0.0.0/0", "::1", "x", "10.0.0.5/8", "8.0.0.0/8"] },
    { allow: ["203.0.0.0/16", "198.51.0.0/17"] },
    { vpcCidr: "10.0.0.5/8" },
    { vpcCidr: never("0.0.0.0/0") },
    { allow: Array.from({ length: 99 }, (_, index) => `203.0.113.${index}`), vpcCidr: "10.0.0.0/8", tags: ["a", "a"] },
    { allow: Array.from({ length: 98 }, (_, index) => `203.0.113.${index}`), droplets: ["1"], apps: ["2"], tags: ["a"] },
    { tags: [advice] },
  ]),
  Monitoring: programs(monitoring, WATCHED, [
    { emails: ["a@acme.dev", "acme.dev", "a @acme.dev", "a@ acme.dev", "a b@acme.dev", "a@acme.dev b"] },
    { emails: [advice] },
    { slack: { channel: "", url: "x" } },
    { cpu: 0, memory: 100, disk: 1.5 },
    { load: 0 },
    { certificateDays: 0 },
    { certificateDays: 1.5 },
    { databases: ["a", "b", "a"].map((name) => ({ name, id: "x", engine: "pg" })) },
    { uptime: [endpoint, endpoint] },
    { uptime: [{ ...endpoint, target: "http://shop.dev", latencyMs: 0, regions: [] }] },
    { uptime: [{ ...endpoint, target: "xhttps://shop.dev", latencyMs: 1.5, regions: ["us_east", "mars"] }] },
  ]),
  Network: [
    ...programs(networkOf, { region: "nyc3", cidr: "10.20.0.0/20" }, [
      { region: "nyc" },
      { region: "NYC3" },
      { region: "xnyc3" },
      { region: "nyc33" },
      { region: "mars" },
      { cidr: "10.20.0.5/20" },
      { cidr: "8.8.0.0/20" },
      { description: "x".repeat(256) },
      { description: advice },
    ]),
    ...["a b", "é1"].flatMap((name) => programs(networkOf, { region: "nyc3", cidr: "10.20.0.0/20" }, [{}], name)),
  ],
  Postgres: [
    ...programs(postgres, SMALL, [
      { region: "nyc" },
      { region: "NYC3" },
      ...["m-2vcpu-16gb", "huge", "db-s 1", "Db-s-9vcpu"].map((size) => ({ size })),
      { size: "db-s-1vcpu-1gb", nodes: 2 },
      { nodes: 0 },
      { nodes: 4 },
      { nodes: 1.5 },
      ...["17.2", "x17", "177", "9.6", ""].map((major) => ({ major })),
      { storageMiB: 0 },
      { storageMiB: 1.5 },
      { storageMiB: 1, autoscale: { thresholdPercent: 80, incrementGiB: 10 } },
      ...[14, 96, 80.5].map((thresholdPercent) => ({ autoscale: { thresholdPercent, incrementGiB: 10 } })),
      ...[0, 510, 15].map((incrementGiB) => ({ autoscale: { thresholdPercent: 80, incrementGiB } })),
      { maintenance: { day: "Sunday", hour: "04:00" } },
      ...["4:00", "24:00", "x04:00", "04:000"].map((hour) => ({ maintenance: { day: "sunday", hour } })),
      { config: { backupMinute: 0, timezone: "", workMem: 4 } },
      { config: { sharedBuffersPercentage: 19 } },
      { config: { sharedBuffersPercentage: 61 } },
      { databases: {} },
      databases(["shop"], {}, "1shop"),
      databases(["shop"], {}, "defaultdb"),
      databases(["shop"], {}, "postgres"),
      databases(["doadmin", "-shop", "sh op"]),
      pool({ user: "other" }),
      databases([], { "shop-pool": { user: "other", size: 1 } }),
      pool({ size: 0 }),
      pool({ size: 1.5 }),
      pool({ mode: "fast" }),
      pool({}, "ab"),
      pool({}, "a b c"),
      pool({}, "a".repeat(61)),
      pool({ size: 48 }),
      { databases: { shop: { users: ["shop"], pools: { one: { user: "shop", size: 24 }, two: { user: "shop", size: 24 } } } } },
      {
        databases: {
          shop: { users: ["shop"], pools: { one: { user: "shop", size: 2 } } },
          other: { users: ["shop"], pools: { one: { user: "shop", size: 2 } } },
        },
      },
      { replicas: [replica({ name: "Read" }), replica({ name: "a".repeat(32) }), replica({ name: "1" })] },
      { replicas: [replica({}), replica({})] },
      { replicas: [replica({ region: "nyc" }), replica({ name: "b", size: "m-2vcpu-16gb" })] },
      { replicas: [replica({ region: "fra1" })] },
      { adopt: "by-hand" },
      { adopt: `x${ADOPTED}` },
      { adopt: { cluster: `${ADOPTED}0`, databases: ["other"], users: ["someone"], pools: ["x"] } },
      { tags: [advice] },
    ]),
    ...["Orders", "ab", "a".repeat(64)].flatMap((name) => programs(postgres, SMALL, [{}], name)),
    ...programs<PostgresArgs>(
      (args, name) => {
        const made = new Postgres(name, args);
        for (const attempt of [() => made.user("x"), () => made.pool("x"), () => made.url("x", "shop"), () => made.url("shop", "x")])
          collect(attempt);
        collect(() => made.url("shop", "shop", { replica: "x" }));
        throw new pulumi.RunError(collected.splice(0).join("\n"));
      },
      SMALL,
      [{}, pool({})],
    ),
  ],
  Secrets: [
    ...programs(secrets, {}, [
      { rotated: "today" },
      { rotated: "2026-13-01" },
      { rotated: "2026-00-01" },
      { rotated: "2026-01-32" },
      { rotated: "x2026-01-01" },
      { rotated: "2026-01-011" },
      { generated: { jwt: { length: 31 } } },
      { generated: { jwt: { length: 32.5 } } },
      { generated: { jwt: { length: 32 } }, operator: { jwt: "x" } },
      { operator: { jwt: never("") } },
      { operator: { jwt: advice } },
    ]),
    ...programs<SecretsArgs>((args, name) => new Secrets(name, args).value("other"), {}, [
      {},
      { generated: { b: { length: 32 }, a: { length: 32 } } },
    ]),
  ],
  Valkey: [
    ...programs(valkey, STORE, [
      { region: "nyc" },
      { size: "gd-2vcpu-8gb" },
      { size: "db-s-1vcpu-1gb", nodes: 2 },
      { nodes: 4 },
      { class: "both" },
      { engine: "redis" },
      { engine: "keydb" },
      ...["7", "8.0", "x8", "latest"].map((version) => ({ version })),
      { databases: 0 },
      { databases: 129 },
      { databases: 1.5 },
      { idleTimeoutSeconds: -1 },
      { idleTimeoutSeconds: 1.5 },
      { maintenance: { day: "sunday", hour: "4" } },
      { adopt: "x" },
      { tags: [advice] },
    ]),
    ...programs<ValkeyArgs>(
      (args, name) => {
        const made = new Valkey(name, args);
        for (const database of [-1, 16, 1.5]) collect(() => made.url(database));
        throw new pulumi.RunError(collected.splice(0).join("\n"));
      },
      STORE,
      [{}],
    ),
  ],
  imageSource: [
    "slipway",
    "acme/slipway",
    "quay.io/acme/slipway:1",
    "ghcr.io/acme/slipway@sha256:1",
    "x ghcr.io/a/b:1",
    "ghcr.io/a/b:1 ",
  ].map((image) => ({ title: image, run: () => void imageSource(image, "slipway:postDeploy.image") })),
};

const collected: string[] = [];

function collect(attempt: () => unknown): void {
  try {
    attempt();
    collected.push("accepted");
  } catch (error) {
    collected.push((error as Error).message);
  }
}

it("prints these refusals", async () => {
  const texts: Record<string, string> = {};
  for (const [component, list] of Object.entries(PROGRAMS))
    for (const { title, run } of list)
      texts[`${component} ${title.replaceAll(/Calling \[.*?Output(?:<|\[)[^"]*/g, "<Pulumi's advice>")}`] = await refusal(run);
  expect(texts).toEqual(readExpected(new URL("testing/refusals.txt", import.meta.url), texts));
});

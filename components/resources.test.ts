/** What each component requests with uncommon arguments, before and after the first `up`, in testing/resources.txt. */
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import type { Program } from "../engine/record.ts";
import { readExpected } from "../tests/expected.ts";
import { textsOf } from "../tests/plan-text.ts";
import { App, type AppService } from "./app.ts";
import { Backups } from "./backups.ts";
import { Bucket } from "./bucket.ts";
import { Firewall } from "./firewall.ts";
import { imageSource } from "./image.ts";
import { Monitoring } from "./monitoring.ts";
import { Network } from "./network.ts";
import { PostDeploy } from "./postdeploy.ts";
import { Postgres } from "./postgres.ts";
import { Secrets } from "./secrets.ts";
import { ADOPTED, SMALL } from "./testing/postgres.ts";
import { MOMENTS, recorded } from "./testing/recorded.ts";
import { Valkey } from "./valkey.ts";

const network = { id: "vpc-id", cidr: "10.20.0.0/20" };
const store = { network, region: "nyc3", class: "state", size: "db-s-1vcpu-2gb" } as const;
const fromGithub = { github: { repo: "acme/shop", branch: "main", deployOnPush: false } };
const api: AppService = {
  kind: "service",
  ...fromGithub,
  size: "apps-s-1vcpu-1gb",
  port: 8080,
  health: { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 },
  routes: ["/api", "/apis", "/"],
  env: {},
};
const marked = <Args extends object>(args: Args): Args => ({ ...args, name: "transformed" });
const watched = { emails: ["a@acme.dev"], databases: [], uptime: [], cpu: 80, memory: 80, disk: 80 };
const opened = (url: pulumi.Output<string>) => pulumi.unsecret(url);

const PROGRAMS: Readonly<Record<string, Program>> = {
  "an app with every kind of component": () => {
    const clusters = {
      db: { engine: "PG", cluster: "shop", database: "shop", user: "shop" },
      cache: { engine: "VALKEY", cluster: "cache" },
    } as const;
    const { id, appUrn, liveUrl, deployment } = new App("shop", {
      appName: "shop",
      region: "nyc",
      vpc: pulumi.output("vpc-id"),
      databases: clusters,
      domain: "shop.dev",
      alerts: ["DEPLOYMENT_LIVE"],
      components: {
        web: {
          kind: "site",
          ...fromGithub,
          dir: "web",
          environment: "node-js",
          buildCommand: "npm run build",
          outputDir: "dist",
          routes: ["/web"],
          env: { B: { value: "b", scope: "BUILD_TIME" }, A: { value: "a", scope: "RUN_AND_BUILD_TIME" } },
        },
        api: {
          ...api,
          env: {
            TOKEN: { value: pulumi.secret("hidden"), secret: true, scope: "RUN_TIME" },
            LINES: { value: pulumi.output("a\nb\nc"), scope: "RUN_TIME" },
          },
        },
        mailer: {
          kind: "worker",
          image: imageSource("ghcr.io/acme/mailer:1.2.3", "slipway:postDeploy.image"),
          runCommand: "mail",
          size: "apps-s-1vcpu-0.5gb",
          instances: 2,
          alerts: [{ rule: "CPU_UTILIZATION", above: 70, window: "FIVE_MINUTES" }],
          env: {},
        },
        seed: {
          kind: "job",
          image: imageSource(`docker.io/acme/seed@sha256:${"0".repeat(64)}`, "slipway:postDeploy.image"),
          when: "POST_DEPLOY",
          size: "apps-s-1vcpu-0.5gb",
          env: {},
        },
        build: {
          kind: "job",
          image: imageSource("registry.digitalocean.com/acme/build:1", "slipway:postDeploy.image"),
          when: "FAILED_DEPLOY",
          size: "apps-s-1vcpu-0.5gb",
          env: {},
        },
      },
    });
    return { id, appUrn, liveUrl, deployment };
  },
  "an app of one service": () =>
    void new App("shop", { appName: "shop", region: "nyc", components: { api: { ...api, routes: [] } } }, { protect: true }),
  "an app that waits": () => {
    const first = new Network("first", { region: "nyc3", cidr: "10.20.0.0/20" });
    new App("shop", { appName: "shop", region: "nyc", vpc: first.id, components: { api } }, { dependsOn: first });
  },
  "a bucket with everything": () => {
    const cors = { origins: [pulumi.output("https://shop.dev"), "http://127.0.0.1:3000"], methods: ["GET", "PUT"] } as const;
    const made = new Bucket("files", { region: "fra1", bucketName: "shop-files", cors, cdn: true, deletedKeptDays: 1, protect: false });
    const { bucket, endpoint, accessKey, secretKey, bucketUrn, cdnUrl, region } = made;
    return { bucket, endpoint, accessKey, secretKey, bucketUrn, cdnUrl, region, nodes: Object.keys(made.nodes) };
  },
  "a bucket with no more than a name": () => {
    const made = new Bucket("files", { region: "fra1", bucketName: "abc", transform: { bucket: marked, key: marked } });
    return { cdnUrl: made.cdnUrl === undefined, nodes: Object.keys(made.nodes) };
  },
  "a bucket that is changed by its transforms": () =>
    void new Bucket("files", {
      region: "fra1",
      bucketName: "abc",
      cdn: true,
      cors: { origins: [], methods: ["GET"] },
      transform: { cors: marked, cdn: marked },
    }),
  "backups in one place": () => {
    const { bucket, endpoint, accessKey, secretKey, bucketUrns, offsite, region, nodes } = new Backups("backups", {
      region: "nyc3",
      bucketName: "abc",
      deletedKeptDays: 3,
      protect: false,
      transform: { key: marked },
    });
    return {
      bucket,
      endpoint,
      accessKey,
      secretKey,
      bucketUrns: [...bucketUrns],
      hasOffsite: offsite !== undefined,
      region,
      nodes: Object.keys(nodes),
    };
  },
  "backups in two places": () => {
    const { bucketUrns, offsite, nodes } = new Backups("backups", { region: "nyc3", offsiteRegion: "sfo3", bucketName: "abc" });
    return { bucketUrns: [...bucketUrns], offsite: { ...offsite }, nodes: Object.keys(nodes) };
  },
  "a firewall with every kind of source": () => {
    const allow = ["203.0.113.9/32", "203.0.113.9", "198.51.100.0/24", "10.20.0.0/20"];
    const { sources } = new Firewall("wall", {
      clusterId: "id",
      vpcCidr: "10.20.0.0/20",
      allow,
      droplets: ["2", "1"],
      tags: ["b", "a", "b"],
      apps: ["x"],
    });
    return { sources: [...sources] };
  },
  "a firewall of a network that only the provider knows": () =>
    void new Firewall("wall", {
      clusterId: "id",
      vpcCidr: Network.prototype instanceof pulumi.Resource ? new Network("other", { existing: "vpc" }).cidr : "",
    }),
  "monitoring of everything": () => {
    const { watching, nodes } = new Monitoring("watch", {
      ...watched,
      emails: ["a@acme.dev", "a@acme.dev"],
      slack: { channel: "#alerts", url: "https://slack.test/x" },
      databases: [
        { name: "orders", id: "pg-id", engine: "pg" },
        { name: "cache", id: "valkey-id", engine: "valkey" },
      ],
      uptime: [{ name: "api", target: "https://shop.dev", latencyMs: 500, regions: ["us_west", "se_asia"] }],
      load: 4,
      certificateDays: 7,
      cpu: 1,
      memory: 99,
      transform: { database: marked, check: marked, endpoint: marked },
    });
    return { watching, checks: Object.keys(nodes.checks), databases: nodes.databases.length, endpoints: nodes.endpoints.length };
  },
  "monitoring by Slack alone": () =>
    void new Monitoring("watch", {
      ...watched,
      emails: [],
      slack: { channel: "#a", url: "https://slack.test/x" },
      databases: [{ name: "a", id: "x", engine: "pg" }],
      load: 1,
      certificateDays: 1,
    }),
  "monitoring without a recipient": () => {
    const { watching, nodes } = new Monitoring("watch", {
      ...watched,
      emails: [],
      databases: [{ name: "a", id: "x", engine: "pg" }],
      uptime: [{ name: "api", target: "https://shop.dev", latencyMs: 1 }],
    });
    return { watching, nodes: JSON.stringify(nodes) };
  },
  "an uptime check from one region": () => {
    const uptime = [{ name: "api", target: "https://shop.dev", latencyMs: 500, regions: ["us_east"] }];
    new Monitoring("watch", { ...watched, uptime });
  },
  "a network with a description": () => {
    const { id, cidr, region } = new Network("net.1", {
      region: "nyc3",
      cidr: "10.20.0.0/20",
      description: "x".repeat(255),
      transform: { vpc: marked },
    });
    return { id, cidr, region };
  },
  "a network that exists": () => {
    const { id, cidr, region } = new Network("net", { existing: "vpc-id" });
    return { id, cidr, region };
  },
  "post-deploy steps without keyspaces": () => ({ done: new PostDeploy("steps", { system: "shop", postgres: steps() }).done.length }),
  "post-deploy steps with keyspaces and credentials": () => {
    const stores = { state: { url: "rediss://x", ca: "ca", class: "state" } } as const;
    const { done, nodes } = new PostDeploy(
      "steps",
      { system: "shop", postgres: { ...steps(), credentials: ["a", "b"] }, keyspaces: { folder: "keyspaces/candlefish", stores } },
      { dependsOn: new Network("first", { existing: "x" }) },
    );
    return { done: done.length, nodes: Object.keys(nodes) };
  },
  "a Postgres cluster with everything": () => {
    const made = new Postgres("orders", {
      ...SMALL,
      nodes: 3,
      allow: ["203.0.113.7"],
      trust: { tags: ["web"], droplets: ["1"], apps: ["2"] },
      databases: {
        shop: {
          users: ["shop", "reader"],
          pools: { "shop-pool": { user: "shop", size: 10 }, session: { user: "reader", size: 5, mode: "session" } },
        },
        audit: { users: ["reader"] },
      },
      replicas: [
        { name: "here", region: "nyc3", size: "db-s-1vcpu-2gb" },
        { name: "there", region: "fra1", size: "db-s-2vcpu-4gb", network: { id: "other", cidr: "10.30.0.0/20" } },
        { name: "alone", region: "sfo3", size: "db-s-2vcpu-4gb" },
      ],
      storageMiB: 61440,
      maintenance: { day: "monday", hour: "23:00" },
      config: { workMem: 4, sharedBuffersPercentage: 20 },
      tags: ["b", "a"],
      protect: false,
    });
    const via = [{}, { private: true }, { replica: "there" }, { replica: "there", private: true }];
    return {
      urls: via.map((one) => opened(made.url("shop", "shop", one))),
      admin: opened(made.url("audit", "doadmin")),
      role: opened(made.url("shop", { name: "by-hand", password: "p@ss" })),
      connection: made.admin,
      user: made.user("reader"),
      pool: made.pool("session"),
      addresses: [made.id, made.clusterUrn, made.name, made.host, made.privateHost, made.port, made.ca],
      replicas: [...made.replicas],
      nodes: Object.keys(made.nodes),
    };
  },
  "a Postgres cluster that grows, changed by its transforms": () => {
    const made = new Postgres("orders", {
      ...SMALL,
      major: "18",
      region: "xyz9",
      size: "db-new-1vcpu",
      databases: { shop: { users: ["shop"], pools: { pool: { user: "shop", size: 2, mode: "statement" } } } },
      replicas: [{ name: "r", region: "xyz9", size: "db-new-1vcpu" }],
      autoscale: { thresholdPercent: 95, incrementGiB: 500 },
      config: { timezone: "UTC", sharedBuffersPercentage: 60 },
      transform: { cluster: marked, config: marked, database: marked, user: marked, pool: marked, replica: marked },
    });
    return { nodes: Object.keys(made.nodes) };
  },
  "a Postgres cluster that is adopted whole": () =>
    void new Postgres("orders", {
      ...SMALL,
      adopt: ADOPTED,
      tags: [],
      databases: { shop: { users: ["shop"], pools: { pool: { user: "shop", size: 47 } } } },
    }),
  "a Postgres cluster of which a part is adopted": () =>
    void new Postgres("orders", {
      ...SMALL,
      autoscale: { thresholdPercent: 15, incrementGiB: 10 },
      databases: { shop: { users: ["shop", "other"], pools: { "p-1": { user: "shop", size: 1 } } } },
      adopt: { cluster: ADOPTED, users: ["shop"] },
    }),
  secrets: () => {
    const made = new Secrets("secrets", {
      generated: { b: { length: 32 }, a: { length: 64 } },
      operator: { c: "typed" },
      rotated: "2026-11-01",
      transform: { generated: (args) => ({ ...args, special: true }) },
    });
    return { names: [...made.names], values: made.names.map((name) => made.value(name)) };
  },
  "a Valkey cluster of state with everything": () => {
    const made = new Valkey("sessions", {
      ...store,
      engine: "valkey",
      version: "9",
      nodes: 3,
      allow: ["203.0.113.7"],
      trust: { tags: ["web"] },
      databases: 128,
      idleTimeoutSeconds: 0,
      maintenance: { day: "sunday", hour: "00:00" },
      tags: ["b", "a"],
      protect: false,
    });
    return {
      urls: [opened(made.url(0)), opened(made.url(127, { private: true }))],
      addresses: [made.id, made.clusterUrn, made.name, made.host, made.privateHost, made.port, made.user, made.password, made.ca],
      databases: made.databases,
      nodes: Object.keys(made.nodes),
    };
  },
  "clusters of one node with one GiB, and a replica of that size": () => {
    const small = { size: "db-s-1vcpu-1gb" };
    new Postgres("orders", { ...SMALL, ...small, storageMiB: 1, replicas: [{ name: "read", region: "nyc3", ...small }] });
    new Valkey("cache", { ...store, ...small });
  },
  "a Valkey cluster of cache, adopted": () => void new Valkey("cache", { ...store, class: "cache", adopt: ADOPTED, databases: 1 }),
  "a Valkey cluster that is changed by its transforms": () =>
    void new Valkey("cache", { ...store, size: "db-new-1vcpu", transform: { cluster: marked, config: marked } }),
};

function steps() {
  const roles = { owner: "o", runtime: "r", readonly: "ro", backup: "b" };
  const urls = { adminUrl: "postgresql://admin", ownerUrl: pulumi.output("postgresql://owner"), ca: "ca", migrations: "sql/devx" };
  return { database: "shop", schemas: ["public"], extensions: ["pg_trgm"], roles, statementTimeoutSeconds: 30, ...urls };
}

it("requests these resources", async () => {
  const texts: Record<string, string> = {};
  for (const [title, program] of Object.entries(PROGRAMS))
    for (const moment of MOMENTS) {
      const { plan } = await recorded(program, moment);
      const { messages } = plan;
      for (const [resource, text] of Object.entries(textsOf(plan))) texts[`${title}, ${moment}: ${resource}`] = text;
      if (messages.length > 0)
        texts[`${title}, ${moment}: messages`] = messages.map(({ severity, text }) => `${severity} ${text}`).join("\n");
    }
  const later = Object.fromEntries(
    Object.entries(texts).filter(
      ([title, text]) => texts[title.replace("after an up", "before the first up")] !== text || title.includes("before"),
    ),
  );
  expect(later).toEqual(readExpected(new URL("testing/resources.txt", import.meta.url), later));
});

import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { type Plan, Secret, Unknown } from "../engine/plan.ts";
import { Network } from "./network.ts";
import { Postgres, type PostgresArgs } from "./postgres.ts";
import { ADOPTED, make, SMALL } from "./testing/postgres.ts";
import { CA, ENCODED_PASSWORD, find, listed, MOMENTS, PASSWORD, recorded, refusal, waitsFor } from "./testing/recorded.ts";

const FULL: PostgresArgs = {
  ...SMALL,
  nodes: 2,
  allow: ["198.51.100.7"],
  databases: {
    shop: { users: ["shop_owner", "shop"], pools: { "shop-api": { user: "shop", size: 20 } } },
    stock: { users: ["shop"], pools: { "stock-jobs": { user: "shop", size: 5, mode: "session" } } },
  },
  config: { logMinDurationStatement: 1000, sharedBuffersPercentage: 25 },
  maintenance: { day: "sunday", hour: "04:00" },
  replicas: [{ name: "reports", region: "nyc3", size: "db-s-1vcpu-2gb" }],
  tags: ["shop", "prod"],
};

const custom = (plan: Plan) => listed({ ...plan, resources: plan.resources.filter((resource) => resource.custom) });

describe.each(MOMENTS)("a Postgres cluster with everything, %s", (moment) => {
  it("is built from the outside in: cluster, firewall, settings, databases, users, pools, replicas", async () => {
    const { plan } = await recorded(make(FULL), moment);
    expect(custom(plan)).toEqual([
      "DatabaseCluster orders-cluster",
      "DatabaseFirewall orders-firewall-rules",
      "DatabasePostgresqlConfig orders-config",
      "DatabaseDb orders-db-shop",
      "DatabaseDb orders-db-stock",
      "DatabaseUser orders-user-shop_owner",
      "DatabaseUser orders-user-shop",
      "DatabaseConnectionPool orders-pool-shop-api",
      "DatabaseConnectionPool orders-pool-stock-jobs",
      "DatabaseReplica orders-replica-reports",
      "DatabaseFirewall orders-firewall-reports-rules",
    ]);
  });

  it("asks for exactly this cluster, and for no project, whose change would replace it", async () => {
    const { plan } = await recorded(make(FULL), moment);
    expect(find(plan, "DatabaseCluster orders-cluster").inputs).toEqual({
      name: "orders",
      engine: "pg",
      version: "17",
      region: "nyc3",
      size: "db-s-1vcpu-2gb",
      nodeCount: 2,
      privateNetworkUuid: "vpc-id",
      maintenanceWindows: [{ day: "sunday", hour: "04:00" }],
      tags: ["prod", "shop"],
    });
    expect(find(plan, "DatabasePostgresqlConfig orders-config").inputs).toMatchObject({
      logMinDurationStatement: 1000,
      sharedBuffersPercentage: 25,
    });
    expect(find(plan, "DatabaseConnectionPool orders-pool-shop-api").inputs).toMatchObject({
      name: "shop-api",
      dbName: "shop",
      user: "shop",
      size: 20,
      mode: "transaction",
    });
    expect(find(plan, "DatabaseConnectionPool orders-pool-stock-jobs").inputs).toMatchObject({ mode: "session" });
    expect(find(plan, "DatabaseReplica orders-replica-reports").inputs).toMatchObject({
      name: "orders-reports",
      region: "nyc3",
      privateNetworkUuid: "vpc-id",
    });
    expect(find(plan, "DatabaseReplica orders-replica-reports").inputs).not.toHaveProperty("tags");
  });

  it("keeps everything behind its firewall, and each kind behind the one before", async () => {
    const { plan } = await recorded(make(FULL), moment);
    const wall = "DatabaseFirewall orders-firewall-rules";
    const ready = ["DatabaseCluster orders-cluster", wall, "DatabasePostgresqlConfig orders-config"];
    const databases = ["DatabaseDb orders-db-shop", "DatabaseDb orders-db-stock"];
    const users = ["DatabaseUser orders-user-shop_owner", "DatabaseUser orders-user-shop"];
    const pools = ["DatabaseConnectionPool orders-pool-shop-api", "DatabaseConnectionPool orders-pool-stock-jobs"];
    expect(waitsFor(plan, wall)).toEqual(["DatabaseCluster orders-cluster"]);
    expect(waitsFor(plan, "DatabasePostgresqlConfig orders-config")).toEqual(["DatabaseCluster orders-cluster", wall]);
    for (const database of databases) expect(waitsFor(plan, database)).toEqual(ready);
    for (const user of users) expect(waitsFor(plan, user)).toEqual([...ready, ...databases]);
    for (const pool of pools) expect(waitsFor(plan, pool)).toEqual([...ready, ...databases, ...users]);
    expect(waitsFor(plan, "DatabaseReplica orders-replica-reports")).toEqual([...ready, ...databases, ...users, ...pools]);
  });

  it("protects everything in the cluster, pools by the guard that depends on them, and forgets all of it together with the cluster", async () => {
    const { plan } = await recorded(make(FULL), moment);
    const cluster = find(plan, "DatabaseCluster orders-cluster");
    expect(cluster.options).toMatchObject({ protect: true, customTimeouts: { create: "60m" } });
    const unprotected = plan.resources.filter(({ custom, options }) => custom && options.protect !== true);
    expect(unprotected.map(({ type }) => type.split(":").at(-1))).toEqual(["DatabaseConnectionPool", "DatabaseConnectionPool"]);
    const guard = find(plan, "Guard orders-guard");
    expect(guard.options.protect).toBe(true);
    expect(guard.dependencies).toEqual(expect.arrayContaining(unprotected.map(({ urn }) => urn)));
    const within = plan.resources.filter(({ custom, urn, name }) => custom && urn !== cluster.urn && !name.includes("reports-rules"));
    expect(within.map(({ options }) => options.deletedWith)).toEqual(within.map(() => cluster.urn));
    expect(find(plan, "DatabaseFirewall orders-firewall-reports-rules").options.deletedWith).toBe(
      find(plan, "DatabaseReplica orders-replica-reports").urn,
    );
  });

  it("leaves out of account what DigitalOcean adds to a user", async () => {
    const { plan } = await recorded(make(FULL), moment);
    expect(find(plan, "DatabaseUser orders-user-shop").options.ignoreChanges).toEqual(["settings"]);
    expect(find(plan, "DatabaseUser orders-user-shop").inputs).not.toHaveProperty("settings");
  });

  it("hides every password and every URL, known or not", async () => {
    const { outputs } = await recorded(() => {
      const orders = new Postgres("orders", FULL);
      return { user: orders.user("shop").password, admin: orders.admin.password, url: orders.url("shop", "shop") };
    }, moment);
    const hidden = [outputs.user, outputs.admin, outputs.url];
    const url = `postgresql://shop:${ENCODED_PASSWORD}@orders.db.test:25060/shop?sslmode=verify-full`;
    const known = [PASSWORD, PASSWORD, url].map((value) => new Secret(value));
    expect(hidden).toEqual(moment === "after an up" ? known : hidden.map(() => new Secret(new Unknown())));
  });
});

describe("a Postgres cluster", () => {
  it("is protected, has one node and needs no more than its databases", async () => {
    const { plan } = await recorded(make(SMALL));
    expect(custom(plan)).toEqual([
      "DatabaseCluster orders-cluster",
      "DatabaseFirewall orders-firewall-rules",
      "DatabaseDb orders-db-shop",
      "DatabaseUser orders-user-shop",
    ]);
    expect(find(plan, "DatabaseCluster orders-cluster")).toMatchObject({ inputs: { nodeCount: 1 }, options: { protect: true } });
  });

  it("is unprotected only where that is said", async () => {
    const { plan } = await recorded(make({ ...SMALL, protect: false }));
    expect(plan.resources.filter(({ options }) => options.protect)).toEqual([]);
  });

  it("stands in the network it is given, and lets nothing else in", async () => {
    const { plan } = await recorded(() => {
      const network = new Network("main", { region: "nyc3", cidr: "10.20.0.0/20" });
      new Postgres("orders", { ...SMALL, network });
    });
    expect(find(plan, "DatabaseCluster orders-cluster").inputs.privateNetworkUuid).toBe("main-vpc-id");
    expect(find(plan, "DatabaseFirewall orders-firewall-rules").inputs.rules).toEqual([{ type: "ip_addr", value: "10.20.0.0/20" }]);
  });

  it("grows its disk by both numbers, because a missing one is sent as zero", async () => {
    const { plan } = await recorded(make({ ...SMALL, autoscale: { thresholdPercent: 80, incrementGiB: 10 } }));
    const { inputs } = find(plan, "DatabaseCluster orders-cluster");
    expect(inputs.storageAutoscale).toEqual({ enabled: true, thresholdPercent: 80, incrementGib: 10 });
    expect(inputs).not.toHaveProperty("storageSizeMib");
  });

  it("has a disk of a fixed size where that is asked", async () => {
    const { plan } = await recorded(make({ ...FULL, storageMiB: 61440 }));
    expect(find(plan, "DatabaseCluster orders-cluster").inputs.storageSizeMib).toBe("61440");
    expect(find(plan, "DatabaseReplica orders-replica-reports").inputs.storageSizeMib).toBe("61440");
  });

  it("names its children by what they hold, so that taking one out renames no other", async () => {
    const before = await recorded(make(FULL));
    const { stock } = FULL.databases;
    const after = await recorded(make({ ...FULL, databases: { stock: stock! } }));
    const gone = custom(before.plan).filter((name) => !custom(after.plan).includes(name));
    expect(gone).toEqual([
      "DatabaseDb orders-db-shop",
      "DatabaseUser orders-user-shop_owner",
      "DatabaseConnectionPool orders-pool-shop-api",
    ]);
  });

  it("lets a transform have the last word on a child, function or fields", async () => {
    const fields = { size: 7 };
    const { plan } = await recorded(
      make({
        ...FULL,
        transform: {
          cluster: (args) => {
            args.sqlMode = "ANSI";
          },
          pool: fields,
        },
      }),
    );
    expect(find(plan, "DatabaseCluster orders-cluster").inputs).toMatchObject({ sqlMode: "ANSI", name: "orders" });
    expect(find(plan, "DatabaseConnectionPool orders-pool-shop-api").inputs).toMatchObject({ size: 7, mode: "transaction" });
    expect(fields).toEqual({ size: 7 });
  });

  it("passes on who is trusted besides addresses, to its replicas too", async () => {
    const { plan } = await recorded(make({ ...FULL, trust: { tags: ["worker"] } }));
    for (const wall of ["orders-firewall-rules", "orders-firewall-reports-rules"])
      expect(find(plan, `DatabaseFirewall ${wall}`).inputs.rules).toContainEqual({ type: "tag", value: "worker" });
  });

  it("exposes what an App spec and a project need", async () => {
    const { outputs } = await recorded(() => {
      const { id, clusterUrn, name, host, privateHost, port, ca, nodes } = new Postgres("orders", SMALL);
      return { id, clusterUrn, name, host, privateHost, port, ca, nodes: Object.keys(nodes).join() };
    });
    expect(outputs).toEqual({
      id: "orders-cluster-id",
      clusterUrn: "do:dbaas:orders-cluster-id",
      name: "orders",
      host: "orders.db.test",
      privateHost: "private-orders.db.test",
      port: 25060,
      ca: CA,
      nodes: "cluster,firewall,databases,users,pools,replicas,replicaFirewalls",
    });
  });

  it("writes no credential into the state once more", async () => {
    const { plan } = await recorded(make(FULL));
    expect(find(plan, "Postgres orders").outputs).toEqual({ id: "orders-cluster-id", name: "orders" });
  });
});

describe("a Postgres URL", () => {
  const urls = (args: PostgresArgs, use: (orders: Postgres) => Record<string, unknown>) => async () =>
    (await recorded(() => use(new Postgres("orders", args)))).outputs;

  it("is direct, encoded and verified, through either host [F107]", async () => {
    const outputs = await urls(FULL, (orders) => ({
      outside: orders.url("shop", "shop"),
      inside: orders.url("shop", "shop", { private: true }),
    }))();
    expect(outputs.outside).toEqual(new Secret(`postgresql://shop:${ENCODED_PASSWORD}@orders.db.test:25060/shop?sslmode=verify-full`));
    expect(outputs.inside).toEqual(
      new Secret(`postgresql://shop:${ENCODED_PASSWORD}@private-orders.db.test:25060/shop?sslmode=verify-full`),
    );
  });

  it("gives back the password that went in", () => {
    expect(decodeURIComponent(new URL(`postgresql://shop:${ENCODED_PASSWORD}@host/shop`).password)).toBe(PASSWORD);
  });

  it("serves the administrator, and a role made in SQL", async () => {
    const outputs = await urls(FULL, (orders) => ({
      admin: orders.url("shop", "doadmin"),
      role: orders.url("shop", { name: "reader", password: pulumi.secret("made here") }),
    }))();
    expect(outputs.admin).toEqual(new Secret(`postgresql://doadmin:${ENCODED_PASSWORD}@orders.db.test:25060/shop?sslmode=verify-full`));
    expect(outputs.role).toEqual(new Secret("postgresql://reader:made%20here@orders.db.test:25060/shop?sslmode=verify-full"));
  });

  it("leads to a replica with an address of its own", async () => {
    const outputs = await urls(FULL, (orders) => ({
      url: orders.url("shop", "shop", { replica: "reports", private: true }),
      listed: orders.replicas.map(({ name, host }) => pulumi.interpolate`${name} ${host}`),
    }))();
    expect(outputs.url).toEqual(new Secret(`postgresql://shop:${ENCODED_PASSWORD}@private-replica.db.test:25060/shop?sslmode=verify-full`));
    expect(outputs.listed).toEqual(["reports replica.db.test"]);
  });

  it("makes what uses it wait for the database, and so for the firewall", async () => {
    const { plan } = await recorded(() => {
      const orders = new Postgres("orders", SMALL);
      new Postgres("after", { ...SMALL, tags: [orders.url("shop", "doadmin") as never] });
    });
    expect(waitsFor(plan, "DatabaseCluster after-cluster")).toEqual(["DatabaseCluster orders-cluster", "DatabaseDb orders-db-shop"]);
  });

  it("of a pool is not offered: a pool is reached by its host and port", async () => {
    const { outputs } = await recorded(() => ({ pool: new Postgres("orders", FULL).pool("shop-api") }));
    expect(outputs.pool).toEqual({ name: "shop-api", host: "pool.db.test", privateHost: "private-pool.db.test", port: 25061 });
  });

  it.each([
    ["database", (orders: Postgres) => orders.url("other", "shop"), 'database "other" is not declared. Declared: shop, stock.'],
    ["user", (orders: Postgres) => orders.url("shop", "unknown"), 'user "unknown" is not declared. Declared: shop_owner, shop.'],
    ["pool", (orders: Postgres) => orders.pool("none"), 'pool "none" is not declared. Declared: shop-api, stock-jobs.'],
    [
      "replica",
      (orders: Postgres) => orders.url("shop", "shop", { replica: "none" }),
      'replica "none" is not declared. Declared: reports.',
    ],
    ["name that every object has", (orders: Postgres) => orders.pool("toString"), 'pool "toString" is not declared.'],
  ])("of an unknown %s is refused with those that there are", async (_, use, text) => {
    expect(await refusal(() => void use(new Postgres("orders", FULL)))).toContain(`orders: ${text}`);
  });

  it("is refused when the token hides passwords, by the scope that is missing", async () => {
    const text = await refusal(
      () => ({ url: new Postgres("orders", SMALL).url("shop", "shop") }),
      ({ type }) => (type.endsWith(":DatabaseUser") ? { password: "" } : undefined),
    );
    expect(text).toContain('orders: DigitalOcean gave no password for "shop". The API token lacks the scope database:view_credentials.');
  });
});

describe("a cluster that exists", () => {
  const there = ({ type }: { type: string }) => (type.endsWith(":DatabaseCluster") ? { name: "db-old", region: "nyc3" } : undefined);

  it("is taken over with all that is declared, and keeps what would replace it [F3]", async () => {
    const { plan } = await recorded(make({ ...FULL, adopt: ADOPTED }), "after an up", there);
    expect(find(plan, "DatabaseCluster orders-cluster").options).toMatchObject({
      importId: ADOPTED,
      protect: true,
      ignoreChanges: ["name", "engine", "privateNetworkUuid", "projectId", "region"],
    });
    const imported = plan.resources
      .filter(({ options }) => options.importId !== undefined)
      .map(({ name, options }) => `${name} ${options.importId}`);
    expect(imported).toEqual([
      `orders-cluster ${ADOPTED}`,
      `orders-db-shop ${ADOPTED},shop`,
      `orders-db-stock ${ADOPTED},stock`,
      `orders-user-shop_owner ${ADOPTED},shop_owner`,
      `orders-user-shop ${ADOPTED},shop`,
      `orders-pool-shop-api ${ADOPTED},shop-api`,
      `orders-pool-stock-jobs ${ADOPTED},stock-jobs`,
    ]);
  });

  it("is taken over in part, and given the rest", async () => {
    const { plan } = await recorded(
      make({ ...FULL, adopt: { cluster: ADOPTED, databases: ["shop"], users: ["shop"] } }),
      "after an up",
      there,
    );
    expect(plan.resources.filter(({ options }) => options.importId !== undefined).map(({ name }) => name)).toEqual([
      "orders-cluster",
      "orders-db-shop",
      "orders-user-shop",
    ]);
  });

  it("is called by its own name", async () => {
    const { outputs } = await recorded(() => ({ name: new Postgres("orders", { ...SMALL, adopt: ADOPTED }).name }), "after an up", there);
    expect(outputs.name).toBe("db-old");
  });

  it.each([
    ["another engine", { engine: "mysql" }, `adopt: cluster ${ADOPTED} runs mysql, not pg.`],
    ["another region", { region: "fra1" }, `adopt: cluster ${ADOPTED} is in fra1, and region is "nyc3". Set region to "fra1"`],
  ])("is refused with %s", async (_, state, text) => {
    const made = make({ ...SMALL, adopt: ADOPTED });
    expect(await refusal(made, ({ type }) => (type.endsWith(":DatabaseCluster") ? state : undefined))).toContain(text);
  });
});

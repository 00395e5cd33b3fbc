import { describe, expect, it } from "vitest";
import { Postgres, type PostgresArgs } from "./postgres.ts";
import { ADOPTED, make, SMALL } from "./testing/postgres.ts";
import { find, recorded, refusal } from "./testing/recorded.ts";

describe("Postgres arguments are refused:", () => {
  const pool = (wanted: object) => ({
    ...SMALL,
    databases: { shop: { users: ["shop"], pools: { "shop-api": { user: "shop", size: 5, ...wanted } } } },
  });
  const replica = (wanted: object) => ({ ...SMALL, replicas: [{ name: "reports", region: "nyc3", size: "db-s-1vcpu-2gb", ...wanted }] });
  const cases: [string, object, string][] = [
    ["an App Platform region", { region: "nyc" }, 'region is "nyc": nyc is an App Platform region; use nyc1, nyc2 or nyc3.'],
    [
      "a minor version",
      { major: "15.15" },
      'major is "15.15". Allowed: the major version alone, "15"; DigitalOcean selects the minor version.',
    ],
    ["a word for a version", { major: "latest" }, 'major is "latest". Allowed: the major version alone, such as "17".'],
    ["a size that is none", { size: "large" }, 'size is "large". Allowed: a database size slug'],
    ["a size for another engine", { size: "m-2vcpu-16gb" }, 'size is "m-2vcpu-16gb": DigitalOcean has this size for valkey only.'],
    [
      "standbys for the smallest size",
      { size: "db-s-1vcpu-1gb", nodes: 2 },
      'size is "db-s-1vcpu-1gb": this size has no standby nodes, and nodes is 2. Use "db-s-1vcpu-2gb" or larger, or nodes: 1.',
    ],
    ["four nodes", { nodes: 4 }, "nodes is 4. Allowed: 1 to 3"],
    ["no node", { nodes: 0 }, "nodes is 0."],
    ["no database", { databases: {} }, "databases: it is empty."],
    ["a database that always exists", { databases: { defaultdb: { users: ["shop"] } } }, "databases.defaultdb: it exists in every cluster"],
    ["a database with a dot", { databases: { "shop.eu": { users: [] } } }, 'databases.shop.eu is "shop.eu". Allowed: 1 to 63 letters'],
    ["the administrator as a user", { databases: { shop: { users: ["doadmin"] } } }, "databases.shop.users: it contains doadmin"],
    [
      "a disk both fixed and growing",
      { storageMiB: 61440, autoscale: { thresholdPercent: 80, incrementGiB: 10 } },
      "storageMiB: autoscale is set too",
    ],
    ["half a disk", { storageMiB: 0.5 }, "storageMiB is 0.5. Allowed: whole MiB"],
    ["a threshold of nothing", { autoscale: { incrementGiB: 10 } }, "autoscale.thresholdPercent is undefined. Allowed: 15 to 95."],
    [
      "an increment that would be rounded",
      { autoscale: { thresholdPercent: 80, incrementGiB: 15 } },
      "autoscale.incrementGiB is 15. Allowed: 10 to 500 in steps of 10.",
    ],
    ["a day in capitals", { maintenance: { day: "Sunday", hour: "04:00" } }, 'maintenance.day is "Sunday". Allowed: monday'],
    ["half an hour", { maintenance: { day: "sunday", hour: "04:30" } }, 'maintenance.hour is "04:30". Allowed: a full hour'],
    [
      "settings that are never sent",
      { config: { logMinDurationStatement: 0 } },
      "config.logMinDurationStatement is 0: the provider does not send this value.",
    ],
    [
      "too much memory for buffers",
      { config: { sharedBuffersPercentage: 80 } },
      "config.sharedBuffersPercentage is 80. Allowed: 20 to 60.",
    ],
    [
      "a pool for an unknown user",
      pool({ user: "other" }),
      'databases.shop.pools.shop-api.user is "other": it is not a user of this database. Allowed: shop.',
    ],
    ["an empty pool", pool({ size: 0 }), "databases.shop.pools.shop-api.size is 0."],
    [
      "an unknown pool mode",
      pool({ mode: "fast" }),
      'databases.shop.pools.shop-api.mode is "fast". Allowed: transaction, session, statement.',
    ],
    [
      "pools beyond the node",
      pool({ size: 48 }),
      "the pools: they require 48 server connections (shop-api 48), and db-s-1vcpu-2gb has 47.",
    ],
    [
      "a replica out of reach",
      replica({ region: "fra1" }),
      "replicas[0]: it is in fra1, which the cluster's network does not reach, so its firewall would be empty.",
    ],
    ["a replica without a size", replica({ size: "" }), 'replicas[0].size is "".'],
    ["a name for an id", { adopt: "db-postgresql-nyc3" }, 'adopt is "db-postgresql-nyc3". Allowed: a cluster\'s id'],
    [
      "adopting what is not declared",
      { adopt: { cluster: ADOPTED, databases: ["other"] } },
      'adopt.databases is "other": it is not declared. Allowed: shop.',
    ],
    ["an open source", { allow: ["0.0.0.0/0"] }, 'allow[0] is "0.0.0.0/0": it opens the database to the whole internet.'],
  ];

  it.each(cases)("%s", async (_, args, text) => {
    expect(await refusal(make({ ...SMALL, ...args } as PostgresArgs))).toContain(text);
  });

  it("but not the one switch that is sent when it is off", async () => {
    const { plan } = await recorded(make({ ...SMALL, config: { jit: false } }));
    expect(find(plan, "DatabasePostgresqlConfig orders-config").inputs.jit).toBe(false);
  });

  it("one pool name in two databases", async () => {
    const pools = { "shop-api": { user: "shop", size: 5 } };
    const text = await refusal(make({ ...SMALL, databases: { shop: { users: ["shop"], pools }, stock: { users: ["shop"], pools } } }));
    expect(text).toContain('pool "shop-api": it is declared in two databases');
  });

  it("two replicas of one name", async () => {
    const twin = { name: "reports", region: "nyc3", size: "db-s-1vcpu-2gb" };
    expect(await refusal(make({ ...SMALL, replicas: [twin, twin] }))).toContain(
      'replicas[1].name is "reports": another replica has this name.',
    );
  });

  it("a name that no cluster may have", async () => {
    expect(await refusal(() => void new Postgres("Orders", SMALL))).toContain(
      "the component's name is \"Orders\": it becomes the cluster's name.",
    );
  });

  it("all of them at once", async () => {
    const text = await refusal(make({ ...SMALL, region: "nyc", major: "15.15", nodes: 9 }));
    expect(text).toMatch(/^orders: 3 arguments cannot be used\.\n {2}- region .*\n {2}- nodes .*\n {2}- major .*$/);
  });

  it("but not a size newer than the catalog, which DigitalOcean will know", async () => {
    const { plan } = await recorded(make({ ...SMALL, size: "db-next-3vcpu-7gb", nodes: 3 }));
    expect(find(plan, "DatabaseCluster orders-cluster").inputs.size).toBe("db-next-3vcpu-7gb");
  });
});

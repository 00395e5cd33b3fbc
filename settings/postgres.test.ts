import { describe, expect, it } from "vitest";
import { parseSettings } from "./parse.ts";
import { complaint, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

const FORK = "7d0e3a51-6b1c-4f7e-9d59-0f5f9cf3b1aa";
const both = { systems: [harbour, longPier] };
const cluster = (postgres: object, stack = "staging") =>
  settingsFrom({ postgres: { version: "16", ...postgres } }, { stack }).postgres.clusters[0]!;
const refused = (postgres: object, stack = "staging") => complaint({ postgres: { version: "16", ...postgres } }, { stack });

describe("Postgres clusters", () => {
  it("are one for all systems, or one each", () => {
    const clusters = (layout: string) =>
      settingsFrom({ postgres: { version: "16", layout } }, both).postgres.clusters.map(({ key, systems }) => [key, systems]);
    expect(clusters("shared")).toEqual([["shared", ["harbour", "long-pier"]]]);
    expect(clusters("dedicated")).toEqual([
      ["harbour", ["harbour"]],
      ["long-pier", ["long-pier"]],
    ]);
  });

  it("take a system's own figures over the stack's where each has one", () => {
    const { clusters } = settingsFrom(
      { postgres: { version: "16", layout: "dedicated", nodes: 2 }, longPier: { postgres: { size: "db-s-4vcpu-8gb" } } },
      both,
    ).postgres;
    expect(clusters.map(({ size, nodes }) => [size, nodes])).toEqual([
      ["db-s-2vcpu-4gb", 2],
      ["db-s-4vcpu-8gb", 2],
    ]);
  });

  it("refuse a system's own figures where one cluster holds all", () => {
    const message = complaint({ harbour: { postgres: { size: "db-s-4vcpu-8gb" } } });
    expect(message).toContain(
      "slipway:harbour.postgres: the layout is shared: one cluster for all systems, described in slipway:postgres.",
    );
    expect(message).toContain("pulumi config rm --path slipway:harbour.postgres -s staging");
    expect(message).toContain("pulumi config set --path slipway:postgres.layout dedicated -s staging");
  });

  it("are one more for a system that has left the shared one for a fork of it, and keep its database until that is no longer wanted", () => {
    const split = (own: object) =>
      settingsFrom(
        { postgres: { version: "16", layout: "shared", replicas: [{ name: "read-1" }] }, longPier: { postgres: { adopt: FORK, ...own } } },
        both,
      ).postgres.clusters.map(({ key, systems, kept, replicas }) => ({ key, systems, kept, replicas: replicas.length }));
    const harbours = { key: "shared", systems: ["harbour"], kept: [], replicas: 1 };
    const own = { key: "long-pier", systems: ["long-pier"], kept: [], replicas: 0 };
    expect(split({ keepShared: true })).toEqual([{ ...harbours, kept: ["long-pier"] }, own]);
    expect(split({})).toEqual([harbours, own]);
  });

  it("keep the shared one for the databases of systems that have all left it", () => {
    const { clusters } = settingsFrom(
      { postgres: { version: "16", layout: "dedicated" }, harbour: { postgres: { adopt: FORK, keepShared: true } } },
      both,
    ).postgres;
    expect(clusters.map(({ key, systems, kept }) => [key, systems, kept])).toEqual([
      ["shared", [], ["harbour"]],
      ["harbour", ["harbour"], []],
      ["long-pier", ["long-pier"], []],
    ]);
  });

  it("refuse a system that would leave its data behind", () => {
    const message = complaint({ postgres: { version: "16", layout: "dedicated" }, harbour: { postgres: { keepShared: true } } });
    expect(message).toContain(
      "slipway:harbour.postgres.keepShared: Harbour has no adopted cluster, so it would start on a new and empty one.",
    );
    expect(message).toContain("pulumi config set --path slipway:harbour.postgres.adopt '<cluster id>' -s staging");
  });

  it("compute the connections of each, once they are apart", () => {
    const budgetOf = (own: object) => settingsFrom({ postgres: { version: "16", layout: "shared", size: "db-s-1vcpu-2gb" }, ...own }, both);
    const together = budgetOf({}).systems.map(({ connections }) => connections);
    const apart = budgetOf({ longPier: { postgres: { adopt: FORK, keepShared: true } } }).systems.map(({ connections }) => connections);
    const sum = (all: readonly Readonly<Record<string, number>>[]) => all.flatMap((one) => Object.values(one)).reduce((a, b) => a + b, 0);
    expect(sum(apart)).toBeGreaterThan(sum(together));
  });

  it("refuse to stand in two regions at once", () => {
    const message = complaint({ longPier: { region: "sfo3" } }, both);
    expect(message).toContain(
      'slipway:longPier.region is "sfo3": the systems share Postgres, and a shared cluster is in one region: nyc1.',
    );
    expect(message).toContain("pulumi config set --path slipway:postgres.layout dedicated -s staging");
  });

  it("have a window for maintenance", () => {
    expect(cluster({}).maintenance).toEqual({ day: "sunday", hour: "04:00" });
    expect(cluster({ maintenance: { day: "tuesday" } }).maintenance).toEqual({ day: "tuesday", hour: "04:00" });
    expect(refused({ maintenance: { day: "Tuesday", hour: "4pm" } })).toContain("did you mean tuesday?");
  });
});

describe("a major", () => {
  it("is required and has no default", () => {
    const message = complaint({ postgres: {} });
    expect(message).toContain("slipway:postgres.version: it is missing; there is no default, because an upgrade cannot be reverted");
    expect(message).toContain("allowed: 15, 16, 17");
    expect(message).toContain("pulumi config set --path slipway:postgres.version 15 -s staging");
    expect(cluster({ version: "15" }).major).toBe("15");
  });

  it("is not older than what the strictest product on the cluster needs", () => {
    const message = complaint({ postgres: { version: "15" } }, both);
    expect(message).toContain('slipway:postgres.version is "15": Long Pier needs Postgres 16 or newer.');
    expect(message).toContain("allowed: 16, 17");
  });

  it("is one that DigitalOcean runs, without its minor", () => {
    expect(refused({ version: "12" })).toContain("it is not a Postgres major that DigitalOcean runs");
    const message = refused({ version: "15.15" });
    expect(message).toContain("it contains a minor version, which DigitalOcean selects");
    expect(message).toContain("pulumi config set --path slipway:postgres.version 15 -s staging");
  });

  it("is one that new clusters can still be made with; an adopted one may be older", () => {
    const old = { ...harbour, postgres: { ...harbour.postgres, minimumMajor: 13 } };
    const adopt = "49f4dc39-3d91-4bce-aa7a-7784c8e32a66";
    expect(complaint({ postgres: { version: "14" } }, { systems: [old] })).toContain(
      "DigitalOcean created new clusters of it until 2026-05-12",
    );
    const settings = settingsFrom({ postgres: { version: "14", adopt } }, { systems: [old] });
    expect(settings.postgres.clusters[0]).toMatchObject({ major: "14", adopt });
    expect(settings.notices.join()).toContain('Postgres 14 of cluster "shared" ends on 2026-11-12');
  });

  it("is reported in the last 181 days before its end", () => {
    const postgres = JSON.stringify({ version: "16", adopt: "49f4dc39-3d91-4bce-aa7a-7784c8e32a66" });
    const values = { "slipway:allowedSources": '["8.8.4.4"]', "slipway:postgres": postgres };
    const noticesOn = (today: string) =>
      parseSettings({ project: "slipway", stack: "staging", values, secretKeys: new Set() }, [harbour], today).notices.join();
    const ending = 'Postgres 16 of cluster "shared" ends on 2028-11-09';
    expect(noticesOn("2028-05-11")).not.toContain(ending);
    expect(noticesOn("2028-05-12")).toContain(ending);
  });

  it("newer than what was measured is allowed and noticed", () => {
    expect(settingsFrom({ postgres: { version: "17" } }).notices.join()).toContain("Harbour was measured on Postgres 15");
    expect(settingsFrom({ postgres: { version: "15" } }).notices.join()).not.toContain("was measured");
  });
});

describe("nodes", () => {
  it("refuse a standby behind 1 GB, and name the smallest node that may have one", () => {
    const message = refused({ size: "db-s-1vcpu-1gb", nodes: 2 });
    expect(message).toContain(
      'slipway:postgres.size is "db-s-1vcpu-1gb": 2 nodes are requested, and a node of 1 GB cannot have a standby.',
    );
    expect(message).toContain("pulumi config set --path slipway:postgres.size db-s-1vcpu-2gb -s staging");
  });

  it.each([0, 4, 1.5, "two"])("are not %s", (nodes) => {
    expect(refused({ nodes })).toContain("allowed: 1 to 3");
  });

  it("are of a size that exists for Postgres", () => {
    expect(refused({ size: "db-s-2vcpu-5gb" })).toContain("pulumi config set --path slipway:postgres.size db-s-2vcpu-4gb -s staging");
    expect(refused({ size: "m-2vcpu-16gb" })).toContain("this node is not offered for Postgres");
  });
});

describe("a disk", () => {
  it("is a size with its unit", () => {
    expect(cluster({ storage: "70 GiB" }).storageMiB).toBe(71_680);
    expect(refused({ storage: "70 GB" })).toContain('slipway:postgres.storage is "70 GB": disks are counted in GiB.');
    expect(refused({ storage: 70 })).toContain("it is not a size");
    expect(refused({ storage: "70" })).toContain("it has no unit");
    expect(refused({ storage: "65 GiB" })).toContain("pulumi config set --path slipway:postgres.storage '70 GiB' -s staging");
  });

  it("is not smaller than what the node comes with", () => {
    expect(refused({ storage: "30 GiB" })).toContain("db-s-2vcpu-4gb comes with 60 GiB, and a disk never shrinks");
  });

  it("grows by both figures or not at all, and a fixed one does not grow", () => {
    expect(cluster({ autoscale: { threshold: "70%" } }).autoscale).toEqual({ thresholdPercent: 70, incrementGiB: 10 });
    expect(cluster({ autoscale: { increment: "50 GiB" } }).autoscale).toEqual({ thresholdPercent: 80, incrementGiB: 50 });
    expect(cluster({ autoscale: { enabled: false } }, "prod").autoscale).toBeUndefined();
    expect(cluster({ storage: "100 GiB" }, "prod").autoscale).toBeUndefined();
    expect(refused({ storage: "100 GiB", autoscale: {} })).toContain("would differ from a fixed size");
    expect(refused({ autoscale: { threshold: "99%" } })).toContain("allowed: 15% to 95%");
  });
});

describe("read replicas", () => {
  it("are off until they are requested, and have the region and size of the cluster", () => {
    expect(cluster({}).replicas).toEqual([]);
    expect(cluster({ replicas: [{ name: "read-1" }, { name: "read-2", region: "SFO3", size: "db-s-4vcpu-8gb" }] }).replicas).toEqual([
      { name: "read-1", region: "nyc1", size: "db-s-2vcpu-4gb" },
      { name: "read-2", region: "sfo3", size: "db-s-4vcpu-8gb" },
    ]);
  });

  it("have a name, one of their own, and no less than the cluster's size", () => {
    expect(refused({ replicas: [{}] })).toContain("slipway:postgres.replicas[0].name: it is missing");
    expect(refused({ replicas: [{ name: "read" }, { name: "read" }] })).toContain("slipway:postgres.replicas[1].name");
    expect(refused({ replicas: [{ name: "read", size: "db-s-1vcpu-1gb" }] })).toContain("a replica is at least as large as its cluster");
    expect(refused({ replicas: [{ name: "read", region: "sfo" }] })).toContain("sfo is an App Platform region; use sfo2 or sfo3");
  });
});

describe("adoption", () => {
  const adopt = "49f4dc39-3d91-4bce-aa7a-7784c8e32a66";

  it("names one cluster by its id", () => {
    expect(cluster({ adopt }).adopt).toBe(adopt);
    expect(refused({ adopt: "production-db" })).toContain("the id of a cluster, as `doctl databases list` prints it");
  });

  it("may be of a part: what is named, and nothing else, stands there already", () => {
    const users = ["harbour"];
    expect(cluster({ adopt, adoptOnly: { databases: ["harbour"], users } }).adoptOnly).toEqual({
      databases: ["harbour"],
      users,
      pools: [],
    });
    expect(cluster({ adopt })).not.toHaveProperty("adoptOnly");
  });

  it("refuses a part that is not declared, and a part of nothing", () => {
    const message = refused({ adopt, adoptOnly: { databases: ["defaultdb"], users: ["harbour_ownr"] } });
    expect(message).toContain('slipway:postgres.adoptOnly.databases[0] is "defaultdb": it is not declared by Harbour');
    expect(message).toContain("allowed: harbour\n");
    expect(message).toContain("did you mean harbour_owner?");
    expect(message).toContain("pulumi config set --path 'slipway:postgres.adoptOnly.users[0]' harbour_owner -s staging");
    expect(refused({ adoptOnly: { users: ["harbour"] } })).toContain("slipway:postgres.adoptOnly: no cluster is adopted");
    expect(refused({ adopt, adoptOnly: { roles: ["harbour"] } })).toContain("slipway:postgres.adoptOnly.roles: there is no such setting");
  });

  it("says whose cluster it is where each system has one", () => {
    const message = complaint({ postgres: { version: "16", layout: "dedicated", adopt } }, both);
    expect(message).toContain("it does not say which system's cluster this is");
    expect(message).toContain(`pulumi config set --path slipway:harbour.postgres.adopt ${adopt} -s staging`);
    const { clusters } = settingsFrom(
      { postgres: { version: "16", layout: "dedicated" }, longPier: { postgres: { adopt } } },
      both,
    ).postgres;
    expect(clusters.map((one) => one.adopt)).toEqual([undefined, adopt]);
  });
});

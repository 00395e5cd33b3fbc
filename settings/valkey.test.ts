import { describe, expect, it } from "vitest";
import type { System } from "../systems/definition.ts";
import { complaint, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

const cached = { harbour: { features: ["cache"] } };
const clusters = (values: Record<string, unknown>, systems: readonly System[] = [harbour], stack = "staging") =>
  settingsFrom(values, { systems, stack }).valkey.clusters.map(({ key, class: kind, stores }) => ({ key, kind, stores }));

describe("Valkey clusters", () => {
  it("keep state and cache apart in production", () => {
    expect(clusters(cached, [harbour], "prod")).toEqual([
      { key: "harbour-state", kind: "state", stores: ["harbour/state"] },
      { key: "harbour-cache", kind: "cache", stores: ["harbour/cache"] },
    ]);
  });

  it("are one with the policies of state where a stack asks for one", () => {
    expect(clusters(cached)).toEqual([{ key: "harbour-single", kind: "state", stores: ["harbour/state", "harbour/cache"] }]);
  });

  it("are made only for stores whose feature is on", () => {
    expect(settingsFrom({}).systems[0]!.stores).toEqual({ state: "harbour-single" });
    expect(settingsFrom({ ...cached, valkey: { layout: "split" } }).systems[0]!.stores).toEqual({
      state: "harbour-state",
      cache: "harbour-cache",
    });
  });

  it("evict like a cache where there is nothing but cache", () => {
    const onlyCache = { ...harbour, stores: { cache: harbour.stores.cache! }, keyspaces: { answers: harbour.keyspaces.answers! } };
    expect(clusters(cached, [onlyCache])).toEqual([{ key: "harbour-single", kind: "cache", stores: ["harbour/cache"] }]);
  });

  it("have room for every database that is named, and sixteen at least", () => {
    expect(settingsFrom({}).valkey.clusters[0]!.databases).toBe(16);
    const many = { ...harbour, keyspaces: { sessions: { ...harbour.keyspaces.sessions!, database: 40 } } };
    expect(settingsFrom({}, { systems: [many] }).valkey.clusters[0]!.databases).toBe(41);
  });

  it("take a system's own figures over the stack's", () => {
    const { valkey } = settingsFrom({
      valkey: { state: { size: "db-s-1vcpu-2gb", nodes: 2 } },
      harbour: { valkey: { state: { nodes: 3 } } },
    });
    expect(valkey.clusters[0]).toMatchObject({ size: "db-s-1vcpu-2gb", nodes: 3 });
  });

  it("refuse a standby behind 1 GB, and name the smallest node that may have one", () => {
    const message = complaint({ valkey: { state: { nodes: 2 } } });
    expect(message).toContain('slipway:valkey.state.size is "db-s-1vcpu-1gb": 2 nodes are requested');
    expect(message).toContain("pulumi config set --path slipway:valkey.state.size db-s-1vcpu-2gb -s staging");
  });

  it("hold what the products ask for in half of their memory", () => {
    const large = { ...harbour, stores: { state: { ...harbour.stores.state!, memoryMiB: 600 } } };
    const message = complaint({}, { systems: [large] });
    expect(message).toContain('cluster "harbour-single" needs 600 MiB (harbour state 600), and half of a node');
    expect(message).toContain("pulumi config set --path slipway:harbour.valkey.state.size db-s-1vcpu-2gb -s staging");
  });

  it("refuse to describe a cache that a single cluster has not", () => {
    const message = complaint({ valkey: { cache: { size: "db-s-1vcpu-2gb" } } });
    expect(message).toContain("slipway:valkey.cache: the layout is single");
    expect(message).toContain("pulumi config set --path slipway:valkey.layout split -s staging");
  });
});

describe("a durable keyspace", () => {
  it("is refused where allkeys_lru would evict it", () => {
    const careless = {
      ...harbour,
      keyspaces: { ...harbour.keyspaces, users: { store: "cache", database: 2, durable: true } },
    };
    const message = complaint(cached, { systems: [careless], stack: "prod" });
    expect(message).toContain(
      'harbour declares its keyspace users durable and keeps it in store cache, but cluster "harbour-cache" evicts any key when it is full (allkeys_lru)',
    );
    expect(settingsFrom(cached, { systems: [careless] }).valkey.clusters[0]!.class).toBe("state");
  });
});

describe("shared clusters", () => {
  const shared = { valkey: { sharing: "shared" } };
  const quay: System = { ...longPier, name: "quay", keyspaces: { jobs: { store: "store", database: 5, durable: true } } };

  it("hold systems whose database numbers differ", () => {
    expect(clusters(shared, [harbour, quay])).toEqual([{ key: "single", kind: "state", stores: ["harbour/state", "quay/store"] }]);
  });

  it("refuse numbers that collide, and say whose they are", () => {
    const crowd = { ...quay, keyspaces: { jobs: { store: "store", database: 0, durable: true } } };
    const message = complaint(shared, { systems: [harbour, crowd] });
    expect(message).toContain(
      'slipway:valkey.sharing is "shared": on cluster "single" database 0 would be both harbour sessions and quay jobs.',
    );
    expect(message).toContain("pulumi config set --path slipway:valkey.sharing dedicated -s staging");
  });

  it("count a store without keyspaces as database 0", () => {
    expect(complaint(shared, { systems: [harbour, longPier] })).toContain(
      "database 0 would be both harbour sessions and long-pier store store",
    );
  });

  it("refuse figures and regions of one system", () => {
    expect(complaint({ ...shared, quay: { valkey: { state: { nodes: 1 } } } }, { systems: [harbour, quay] })).toContain(
      "all systems share their Valkey clusters",
    );
    const apart = { ...shared, postgres: { version: "16", layout: "dedicated" }, quay: { region: "sfo3" } };
    expect(complaint(apart, { systems: [harbour, quay] })).toContain(
      "the systems share Valkey, and a shared cluster is in one region: nyc1",
    );
  });
});

describe("adoption", () => {
  const adopt = "49f4dc39-3d91-4bce-aa7a-7784c8e32a66";

  it("names one cluster", () => {
    expect(settingsFrom({ valkey: { state: { adopt } } }).valkey.clusters[0]!.adopt).toBe(adopt);
    const message = complaint({ valkey: { state: { adopt } }, postgres: { version: "16" } }, { systems: [harbour, longPier] });
    expect(message).toContain("harbour-single and long-pier-single are clusters of their own");
    expect(message).toContain(`pulumi config set --path slipway:harbour.valkey.state.adopt ${adopt} -s staging`);
  });
});

describe("state of two products on one cluster", () => {
  const quay: System = { ...longPier, name: "quay", title: "Quay", keyspaces: { jobs: { store: "store", database: 5, durable: true } } };
  const shared = (more: Record<string, unknown> = {}) => ({ valkey: { sharing: "shared", ...more } });

  it("is reported by a plan", () => {
    expect(settingsFrom(shared(), { systems: [harbour, quay] }).notices.join("\n")).toContain(
      'Quay share the password of Valkey cluster "single": each can read, change and flush the state of the others.',
    );
    expect(settingsFrom({}, { systems: [harbour, quay] }).notices.join("\n")).not.toContain("share the password");
  });

  it("is refused in prod until the stack accepts it", () => {
    const prod = { environment: "prod", ...shared() };
    expect(complaint(prod, { systems: [harbour, quay] })).toContain("which has one password: each product can read, change and flush");
    const accepted = { environment: "prod", ...shared({ sharedState: "accepted" }) };
    expect(settingsFrom(accepted, { systems: [harbour, quay] }).notices.join("\n")).toContain("share the password of Valkey cluster");
  });
});

/** The figures of the products' definitions that a stack notices at its limits: connections, memory and users. */
import { describe, expect, it } from "vitest";
import { candlefish } from "../../systems/candlefish.ts";
import { checkSystem } from "../../systems/check.ts";
import { systems } from "../../systems/index.ts";
import { planOf } from "./planned.ts";

describe("the products", () => {
  it.each([
    ["candlefish", "api/SQLALCHEMY_POOL_SIZE"],
    ["candlefish", "paintbox/DATABASE_POOL_MAX"],
    ["devx", "api/POSTGRES_POOL_MAX"],
  ])("%s works with five connections of %s and not with four", async (name, pool) => {
    const withConnections = (count: number) => planOf("prod", { [name]: { connections: { [pool]: count } } });
    await expect(withConnections(4)).rejects.toThrow(
      `${pool} is 4: ${systems.find((system) => system.name === name)!.title} does not work`,
    );
    expect((await withConnections(5)).messages.map(({ text }) => text).join()).not.toContain(pool);
  });

  it("need this much of a shared Valkey cluster", async () => {
    const everyStore = { valkey: { sharing: "shared" }, fluxstudio: { features: ["cache"] }, devx: { features: ["valkey"] } };
    await expect(planOf("staging", everyStore)).rejects.toThrow(
      "needs 1024 MiB (fluxstudio cache 256, devx valkey 256, candlefish state 256, candlefish cache 256)",
    );
  });

  it("report where FluxStudio's API has fewer connections than its 1,000 users need", async () => {
    const notices = async (count: number) => {
      const plan = await planOf("prod", { fluxstudio: { connections: { "api/DB_POOL_MAX": count } } });
      return plan.messages.map(({ text }) => text).join("\n");
    };
    expect(await notices(19)).toContain(
      "FluxStudio is expected to serve 1000 users at a time, for which its API needs about 20 connections; it has 19.",
    );
    expect(await notices(20)).not.toContain("is expected to serve");
  });

  it("have shared buffers of the size that Candlefish's documents require, a quarter of a node with one GiB", async () => {
    const plan = await planOf("prod", { candlefish: { postgres: { size: "db-s-1vcpu-1gb", nodes: 1 } } });
    const [config] = plan.resources.filter(({ name }) => name === "candlefish-postgres-config");
    expect(config!.inputs.sharedBuffersPercentage).toBe(25);
  });

  it.each(["sessions", "userData"])("keep Candlefish's %s where nothing is evicted", (name) => {
    const moved = { ...candlefish.keyspaces, [name]: { ...candlefish.keyspaces[name]!, store: "cache", database: 9 } };
    expect(() => checkSystem({ ...candlefish, keyspaces: moved })).toThrow("the keyspace is durable, and this store is a cache");
  });
});

import { expect, it } from "vitest";
import { readAccount } from "./account.ts";
import type { ApiClient } from "./api.ts";
import { TYPES } from "./kinds.ts";

/** @returns what is found in one cluster of this engine, and the requests for it. */
async function readCluster(engine: string) {
  const requested: string[] = [];
  const lists: Readonly<Record<string, readonly object[]>> = {
    databases: [{ id: "c1", name: "orders", engine, status: "online" }],
    dbs: [{ name: "shop" }],
    users: [{ name: "owner", password: "p" }],
    pools: [{ name: "pool", db: "shop", size: 1, mode: "transaction" }],
    replicas: [{ id: "r1", name: "read" }],
  };
  const list = (isTolerant: boolean) => async (path: string, key: string) => {
    requested.push(`${path.replace("/v2/databases/c1/", "")}${isTolerant ? "?" : ""}`);
    return lists[key] as never;
  };
  const api: ApiClient = {
    get: async (path) => {
      requested.push(path.replace("/v2/databases/c1/", ""));
      return {};
    },
    list: list(false),
    listIfSupported: list(true),
  };
  const wanted = { types: new Set([TYPES.cluster]), isWanted: () => true, buckets: new Map() };
  const found = await readAccount(api, wanted);
  expect(JSON.stringify(found)).not.toContain('"p"');
  return { types: found.map(({ type }) => type), requested };
}

it("reads pools of Postgres only, and an answer that refuses its lists is an error", async () => {
  const { types, requested } = await readCluster("pg");
  expect(types).toContain(TYPES.pool);
  expect(requested).toEqual(expect.arrayContaining(["dbs", "users", "pools", "replicas"]));
  expect(requested).not.toContain("eviction_policy");
});

it.each([
  ["mysql", false],
  ["mongodb", false],
  ["kafka", false],
  ["valkey", true],
  ["redis", true],
])("reads databases, users and replicas of %s where it has them", async (engine, hasEviction) => {
  const { types, requested } = await readCluster(engine);
  expect(types).toEqual(expect.arrayContaining([TYPES.cluster, TYPES.database, TYPES.user, TYPES.replica]));
  expect(requested).toEqual(expect.arrayContaining(["dbs?", "users?", "replicas?"]));
  expect(requested.some((path) => path.startsWith("pools"))).toBe(false);
  expect(requested.includes("eviction_policy")).toBe(hasEviction);
});

/** Which of several clusters with the same database a stack uses, read from the local API. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Api, startApi } from "../../local/api/server.ts";
import { createApp, updateApp } from "../../local/cloud/apps/apps.ts";
import { createDatabase } from "../../local/cloud/databases/databases.ts";
import { createUser } from "../../local/cloud/databases/users.ts";
import { type Cloud, openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { createOnlineCluster, POSTGRES } from "../../local/cloud/testing/cloud.ts";
import { openApi } from "./api.ts";
import { databaseAddress, findDatabaseCluster } from "./cluster.ts";

const TOKEN = "a token for tests";
const SHOP = { postgres: { database: "shop", roles: { owner: "shop_owner" } }, apps: { web: { name: "shop" }, api: { name: "shop-api" } } };

let folder: string;
let cloud: Cloud;
let api: Api;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway cluster "));
  cloud = await openCloud({ directory: join(folder, "cloud"), timings: "instant", backing: recordOnly });
  api = await startApi({ cloud, token: TOKEN });
});
afterEach(async () => {
  await api.close();
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

async function createShop(name: string): Promise<void> {
  const id = await createOnlineCluster(cloud, { ...POSTGRES, name });
  await createDatabase(cloud, id, { name: "shop" });
  await createUser(cloud, id, { name: "shop_owner" });
}

const specOf = (app: string, cluster: string) => ({
  spec: {
    name: app,
    services: [{ name: "web", image: { registry_type: "DOCKER_HUB" as const, registry: "library", repository: "nginx", tag: "1" } }],
    databases: [{ name: "db", engine: "PG" as const, production: true, cluster_name: cluster, db_name: "shop" }],
  },
});
const wire = async (app: string, cluster: string): Promise<string> => (await createApp(cloud, specOf(app, cluster))).id;

const found = async (suffix: string): Promise<string | undefined> =>
  (await findDatabaseCluster(openApi({ endpoint: api.url, token: TOKEN }), databaseAddress(SHOP, suffix)))?.name;

it("uses the cluster that the stack's own apps are wired to, where another stack has a database of the same name", async () => {
  await createShop("shop-postgres");
  await createShop("shop-postgres-staging");
  await wire("shop", "shop-postgres");
  expect(await found("")).toBe("shop-postgres");
  // Nothing of staging is deployed yet, and the other cluster is production's.
  expect(await found("-staging")).toBe("shop-postgres-staging");
  await wire("shop-staging", "shop-postgres-staging");
  expect([await found(""), await found("-staging")]).toEqual(["shop-postgres", "shop-postgres-staging"]);
});

it("does not take the cluster of another stack for one that is not deployed", async () => {
  await createShop("shop-postgres");
  expect(await found("-staging")).toBe("shop-postgres");
  await wire("shop", "shop-postgres");
  expect(await found("-staging")).toBeUndefined();
});

it("follows the apps to another cluster, and names the clusters where the apps do not show which one is used", async () => {
  await createShop("shared-postgres");
  await createShop("shop-postgres");
  await expect(found("")).rejects.toThrow('Database "shop" is on several clusters: shared-postgres, shop-postgres. No app');
  const web = await wire("shop", "shared-postgres");
  const other = await wire("shop-api", "shared-postgres");
  expect(await found("")).toBe("shared-postgres");
  await updateApp(cloud, web, specOf("shop", "shop-postgres"));
  await expect(found("")).rejects.toThrow("is on several clusters");
  await updateApp(cloud, other, specOf("shop-api", "shop-postgres"));
  expect(await found("")).toBe("shop-postgres");
});

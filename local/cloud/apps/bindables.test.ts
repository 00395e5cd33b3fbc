import { describe, expect, it } from "vitest";
import { readCluster } from "../databases/clusters.ts";
import { createDatabase } from "../databases/databases.ts";
import { createPool, readPool } from "../databases/pools.ts";
import { createUser } from "../databases/users.ts";
import type { Cloud } from "../open-cloud.ts";
import { createOnlineCluster, openTestCloud, VALKEY } from "../testing/cloud.ts";
import { resolveComponentEnv } from "./app.ts";
import { createApp } from "./apps.ts";

const source = { github: { repo: "acme/api", branch: "main" } };

/** Resolves the environment of a service `api` with these variables, in an app with every kind of component and database. */
async function resolved(cloud: Cloud, values: Record<string, string>, more: object = {}, when: "run" | "build" = "run") {
  const pg = await createOnlineCluster(cloud);
  const valkey = await createOnlineCluster(cloud, VALKEY);
  await createDatabase(cloud, pg, { name: "shop" });
  const user = await createUser(cloud, pg, { name: "app" });
  await createPool(cloud, pg, { name: "web-pool", mode: "transaction", size: 5, db: "shop", user: "app" });
  const envs = Object.entries(values).map(([key, value]) => ({ key, value, scope: "RUN_AND_BUILD_TIME" }));
  const app = await createApp(cloud, {
    spec: {
      name: "shop",
      services: [
        { name: "api", http_port: 3000, ...source, envs },
        { name: "admin", http_port: 4000, ...source },
      ],
      static_sites: [{ name: "site", ...source }],
      databases: [
        { name: "db", engine: "PG", production: true, cluster_name: "pg-test", db_name: "shop", db_user: "app" },
        { name: "bare", engine: "PG", production: true, cluster_name: "pg-test" },
        { name: "cache", engine: "VALKEY", production: true, cluster_name: "valkey-test" },
      ],
      ...more,
    },
  });
  await cloud.idle();
  return { env: resolveComponentEnv(cloud, app.id, "api", when), app, user, pg, valkey };
}

describe("a bindable reference", () => {
  it("to a database resolves to its credentials, with the user and database of the spec", async () => {
    const cloud = await openTestCloud();
    const { env, user } = await resolved(cloud, {
      URL: "${db.DATABASE_URL}",
      PARTS: "${db.USERNAME} ${db.PASSWORD} ${db.HOSTNAME} ${db.PORT} ${db.DATABASE}",
      BARE: "${bare.USERNAME}/${bare.DATABASE}",
    });
    const host = "pg-test-do-user-1-0.nyc3.db.ondigitalocean.test";
    expect(env.URL).toBe(`postgresql://app:${user.password}@${host}:25060/shop?sslmode=require`);
    expect(env.PARTS).toBe(`app ${user.password} ${host} 25060 shop`);
    expect(env.BARE).toBe("doadmin/defaultdb");
  });

  it("to a pool resolves to the pool's address, and to the CA to the certificate", async () => {
    const cloud = await openTestCloud();
    const { env, pg } = await resolved(cloud, { POOL: "${db.web-pool.DATABASE_URL}", CA: "${db.CA_CERT}" });
    expect(env.POOL).toBe(readPool(cloud, pg, "web-pool").connection.uri);
    expect(env.POOL).toContain(":25061/web-pool?");
    expect(env.CA).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });

  it("to Valkey resolves to a rediss URL of its default user", async () => {
    const cloud = await openTestCloud();
    const { env, valkey } = await resolved(cloud, { REDIS_URL: "${cache.DATABASE_URL}" });
    expect(env.REDIS_URL).toBe(readCluster(cloud, valkey).connection.uri);
    expect(env.REDIS_URL).toMatch(/^rediss:\/\/default:[^@]+@valkey-test-.*:25061$/);
  });

  it("to the app or a component resolves to its public or private address", async () => {
    const cloud = await openTestCloud();
    const { env, app } = await resolved(cloud, {
      APP: "${APP_URL} ${APP_DOMAIN} ${APP_ID}",
      SELF: "${_self.PRIVATE_URL} ${_self.PUBLIC_URL}",
      ADMIN: "${admin.PRIVATE_DOMAIN}:${admin.PRIVATE_PORT} ${admin.PUBLIC_URL} ${admin.PUBLIC_ROUTE_PATH}",
      SITE: "${site.PUBLIC_URL}",
      COMMIT: "${_self.COMMIT_HASH}",
    });
    const url = `https://shop-${cloud.store.collection<{ suffix: string }>("apps").get(app.id)!.suffix}.ondigitalocean.test`;
    expect(env.APP).toBe(`${url} ${url.slice(8)} ${app.id}`);
    expect(env.SELF).toBe(`http://api:3000 ${url}`);
    expect(env.ADMIN).toBe(`admin:4000 ${url}/admin /admin`);
    expect(env.SITE).toBe(`${url}/site`);
    expect(env.COMMIT).toMatch(/^[0-9a-f]{40}$/);
  });

  it("uses the PRIMARY domain if there is one", async () => {
    const cloud = await openTestCloud();
    const domains = [
      { domain: "www.example.com", type: "ALIAS" },
      { domain: "example.com", type: "PRIMARY" },
    ];
    expect((await resolved(cloud, { APP: "${APP_URL}" }, { domains })).env.APP).toBe("https://example.com");
  });

  it("may name another variable, and a secret may contain one", async () => {
    const cloud = await openTestCloud();
    const envs = [
      { key: "SECRET_URL", value: "token-for-${db.USERNAME}", scope: "RUN_TIME", type: "SECRET" },
      { key: "NAME", value: "shop", scope: "RUN_TIME" },
    ];
    const { env } = await resolved(cloud, { GREETING: "hello ${NAME}", OWN: "mine" }, { envs });
    expect(env).toMatchObject({ SECRET_URL: "token-for-app", GREETING: "hello shop", OWN: "mine" });
  });

  it("stays unchanged without a value: at build time, for an unknown variable, for text that is not a reference", async () => {
    const cloud = await openTestCloud();
    const values = { DB: "${db.DATABASE_URL}", ODD: "${db.FAVOURITE_COLOUR}", JS: "${user.name} $HOME ${lower}", NONE: "${NOT_THERE}" };
    const { env } = await resolved(cloud, values, {}, "build");
    expect(env).toEqual(values);
  });

  it("is not resolved inside the value of another reference", async () => {
    const cloud = await openTestCloud();
    const { env } = await resolved(cloud, { A: "${B}", B: "$& ${APP_ID}" });
    expect(env.A).toBe("${B}");
  });
});

describe("the environment of a component", () => {
  it("has the variables of its scope, the component's before the app's, and PORT", async () => {
    const cloud = await openTestCloud();
    const envs = [
      { key: "RUN", value: "1", scope: "RUN_TIME" },
      { key: "BUILD", value: "1", scope: "BUILD_TIME" },
      { key: "BOTH", value: "app" },
    ];
    const { env, app } = await resolved(cloud, { BOTH: "component" }, { envs });
    expect(env).toEqual({ PORT: "3000", RUN: "1", BOTH: "component" });
    expect(resolveComponentEnv(cloud, app.id, "api", "build")).toEqual({ BUILD: "1", BOTH: "component" });
  });
});

/** App Platform's development databases, as real servers on this machine. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { listServerStatus } from "../servers/status.ts";
import { startTestHost, type TestHost } from "./testing/platform.ts";

const source = { image: { registry_type: "DOCKER_HUB", registry: "library", repository: "nginx" } };
const BINDABLES = ["DATABASE_URL", "HOSTNAME", "PORT", "USERNAME", "PASSWORD", "DATABASE", "CA_CERT"];
const serviceWith = (envs: Readonly<Record<string, string>>, more: object = {}) => ({
  name: "api",
  ...source,
  envs: Object.entries(envs).map(([key, value]) => ({ key, value, scope: "RUN_TIME" })),
  ...more,
});

describeUnless(NEEDS_PROC, "a development database", () => {
  let test: TestHost;
  beforeAll(async () => {
    test = await startTestHost();
  }, 60_000);
  afterAll(() => test.close(), 60_000);

  const envOf = (app: string, component = "api") => test.host.env(app, component)!.env;
  const serversOf = (name: string) => listServerStatus(test.workspace.home.state).filter((server) => server.name === name);

  it("is a Postgres server that all bindable variables refer to, whose user can create tables", async () => {
    const envs = Object.fromEntries(BINDABLES.map((name) => [`DB_${name}`, `\${db.${name}}`]));
    const { id, deployment, app } = await test.create({
      name: "bound",
      services: [serviceWith(envs)],
      databases: [{ name: "db", engine: "PG" }],
    });
    expect(deployment.phase).toBe("ACTIVE");
    expect(app.spec.databases).toEqual([{ name: "db", engine: "PG" }]);
    const env = envOf("bound");
    expect(env).toMatchObject({ DB_USERNAME: "db", DB_DATABASE: "db", DB_HOSTNAME: "localhost" });
    const client = new pg.Client({
      host: env.DB_HOSTNAME!,
      port: Number(env.DB_PORT),
      user: env.DB_USERNAME!,
      password: env.DB_PASSWORD!,
      database: env.DB_DATABASE!,
      ssl: { ca: env.DB_CA_CERT! },
    });
    await client.connect();
    await client.query("CREATE TABLE orders (id int)");
    expect((await client.query("SELECT current_user AS user_name, current_database() AS database")).rows).toEqual([
      { user_name: "db", database: "db" },
    ]);
    await client.end();
    expect(new URL(env.DB_DATABASE_URL!).searchParams.get("sslmode")).toBe("require");
    expect((await test.call("GET", "/v2/databases")).body.databases).toEqual([]);
    await test.remove(id);
    expect(serversOf("bound-db")).toEqual([]);
  });

  it("works for an app that reads only its URL, with a warning that the certificate is not verified", async () => {
    const { id, deployment, app } = await test.create({
      name: "url-only",
      services: [serviceWith({ DATABASE_URL: "${db.DATABASE_URL}", REDIS_URL: "${cache.DATABASE_URL}" })],
      databases: [{ name: "db" }, { name: "cache", engine: "VALKEY", production: false }],
    });
    expect(deployment.phase).toBe("ACTIVE");
    expect(await (await fetch(app.live_url)).json()).toMatchObject({
      status: "ok",
      connections: { DATABASE_URL: "ok", REDIS_URL: "ok" },
      warnings: {
        DATABASE_URL: "sslmode=require: encrypted, but the certificate of the server is not verified",
        REDIS_URL: expect.stringContaining("the certificate of the server is not verified"),
      },
    });
    await test.remove(id);
  });

  it("has the names in the spec, except names that Postgres reserves", async () => {
    const { id, deployment } = await test.create({
      name: "named",
      services: [serviceWith({ A: "${db.USERNAME}/${db.DATABASE}", B: "${postgres.USERNAME}/${postgres.DATABASE}" })],
      databases: [
        { name: "db", engine: "PG", db_name: "shop", db_user: "clerk", version: "12" },
        { name: "postgres", engine: "PG" },
      ],
    });
    expect(deployment.phase).toBe("ACTIVE");
    expect(envOf("named")).toMatchObject({ A: "clerk/shop", B: "app_postgres/app_postgres" });
    expect(test.log.join("\n")).toContain("version 12 does not run on this machine");
    await test.remove(id);
  });

  it("keeps its data across an update and a restart, and is deleted when the spec no longer declares it", async () => {
    const spec = (databases: object[]) => ({
      name: "keeper",
      services: [serviceWith(databases.length > 0 ? { DATABASE_URL: "${db.DATABASE_URL}", CA: "${db.CA_CERT}" } : {})],
      databases,
    });
    const { id } = await test.create(spec([{ name: "db", engine: "PG" }]));
    const rows = async (sql: string) => {
      const { DATABASE_URL, CA } = envOf("keeper");
      const client = new pg.Client({ connectionString: DATABASE_URL!.replace(/\?.*/, ""), ssl: { ca: CA! } });
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    };
    await rows("CREATE TABLE kept AS SELECT 1 AS one");
    await test.update(id, spec([{ name: "db", engine: "PG" }]));
    await test.restart();
    expect(await rows("SELECT one FROM kept")).toEqual([{ one: 1 }]);
    expect((await test.update(id, spec([]))).deployment.phase).toBe("ACTIVE");
    expect(serversOf("keeper-db")).toEqual([]);
    await test.remove(id);
  });

  it.each([
    ["MYSQL", /^mysql:\/\/.*@mysql-does-not-run-here\.invalid:25060\/db\?/, "no MySQL server runs on this machine"],
    ["MONGODB", /^mongodb:\/\/.*@mongodb-does-not-run-here\.invalid:27017\/db\?/, "no MongoDB server runs on this machine"],
    ["KAFKA", /^kafka:\/\/.*@kafka-does-not-run-here\.invalid:25073$/, "no Kafka server runs on this machine"],
    ["OPENSEARCH", /^https:\/\/.*@opensearch-does-not-run-here\.invalid:25060$/, "no OpenSearch server runs on this machine"],
  ])(
    "of engine %s has variables of the right form, and a warning that no such server runs on this machine",
    async (engine, url, warning) => {
      for (const database of [
        { name: "db", engine },
        { name: "db", engine, production: true, cluster_name: "elsewhere" },
      ]) {
        const { id, deployment, app } = await test.create({
          name: `on-${engine.toLowerCase()}`,
          services: [serviceWith({ DATABASE_URL: "${db.DATABASE_URL}" })],
          databases: [database],
        });
        expect(deployment.phase).toBe("ACTIVE");
        expect(envOf(app.spec.name).DATABASE_URL).toMatch(url);
        const health = (await (await fetch(app.live_url)).json()) as { warnings: Record<string, string> };
        expect(health.warnings.DATABASE_URL).toContain(warning);
        await test.remove(id);
      }
    },
  );

  it("is not created for a production database of an unknown cluster", async () => {
    const databases = [{ name: "db", engine: "PG", production: true, cluster_name: "nowhere" }];
    const refused = await test.call("POST", "/v2/apps", { spec: { name: "refused", services: [serviceWith({})], databases } });
    expect([refused.status, refused.body.message]).toEqual([
      400,
      'error validating app spec field "databases.0.cluster_name": database cluster "nowhere" not found',
    ]);
  });
});

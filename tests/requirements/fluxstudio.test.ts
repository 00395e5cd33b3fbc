/** What FluxStudio's documents require, observed in the requests that a deployment would send. */
import { beforeAll, describe, expect, it } from "vitest";
import { parseWorkerCommand } from "../../catalog/backup-worker.ts";
import type { Plan } from "../../engine/index.ts";
import { byType, componentOf, componentsOf, PORT, planOf, resource, secretNamesOf, TYPE, variablesOf } from "./planned.ts";

const APP = "fluxstudio-fluxstudio-app";
const PARTS = ["collaboration", "mcp", "ffmpeg", "analytics"];
const PROVIDERS = ["google", "github", "figma", "slack"];

const apiVariables = (plan: Plan) => variablesOf(plan, APP, "services", "api");

describe("FluxStudio in production", () => {
  let plan: Plan;
  /** With every feature and a read replica. */
  let everything: Plan;
  beforeAll(async () => {
    plan = await planOf("prod");
    const fluxstudio = { features: ["cache", ...PARTS, ...PROVIDERS], postgres: { replicas: [{ name: "read" }] } };
    everything = await planOf("prod", { fluxstudio });
  });
  const api = () => componentOf(plan, APP, "services", "api");

  it("is a static frontend and one backend service [F13]", () => {
    const names = (["staticSites", "services", "workers", "jobs"] as const).map((kind) =>
      componentsOf(plan, APP, kind).map(({ name }) => name),
    );
    expect(names).toEqual([["frontend"], ["api"], [], []]);
  });

  it("listens on port 3001, on an instance of 512 MB, with an alert at 39 % of it, which is 200 MB [F79]", () => {
    const { httpPort, instanceSizeSlug, alerts } = api();
    expect({ httpPort, instanceSizeSlug }).toEqual({ httpPort: 3001, instanceSizeSlug: "apps-s-1vcpu-0.5gb" });
    expect(alerts).toContainEqual({ rule: "MEM_UTILIZATION", operator: "GREATER_THAN", value: 39, window: "TEN_MINUTES" });
    expect((39 / 100) * 512).toBeCloseTo(200, 0);
  });

  it("is deployed by a push to main [F17]", () => {
    for (const component of [componentOf(plan, APP, "staticSites", "frontend"), api()])
      expect(component.github).toMatchObject({ branch: "main", deployOnPush: true });
  });

  it("answers at fluxstudio.art, also if the stack names no domain [F46]", async () => {
    for (const each of [plan, await planOf("prod", { fluxstudio: {} })])
      expect(resource(each, TYPE.app, APP).inputs.spec).toMatchObject({ domainNames: [{ name: "fluxstudio.art", type: "PRIMARY" }] });
  });

  it("runs on a cluster in nyc1 and an app in nyc, from one location [F4]", () => {
    expect(resource(plan, TYPE.cluster, "fluxstudio-postgres-cluster").inputs).toMatchObject({ region: "nyc1" });
    expect(resource(plan, TYPE.app, APP).inputs.spec).toMatchObject({ region: "nyc" });
  });

  it("runs on Postgres 15 [F2]", () => {
    expect(resource(plan, TYPE.cluster, "fluxstudio-postgres-cluster").inputs).toMatchObject({ engine: "pg", version: "15" });
  });

  it("creates and attaches the database fluxstudio [F53]", () => {
    const created = byType(plan, "digitalocean:index/databaseDb:DatabaseDb").filter(({ name }) => name.startsWith("fluxstudio-"));
    expect(created.map(({ inputs }) => inputs.name)).toEqual(["fluxstudio"]);
    const { databases } = resource(plan, TYPE.app, APP).inputs.spec as unknown as { databases: Record<string, unknown>[] };
    expect(databases.find(({ name }) => name === "db")).toMatchObject({ dbName: "fluxstudio", dbUser: "fluxstudio_user" });
  });

  it("lets DigitalOcean generate the password of fluxstudio_user, which no request contains [F54]", () => {
    const { inputs } = resource(plan, TYPE.user, "fluxstudio-postgres-user-fluxstudio_user");
    expect(Object.keys(inputs).sort()).toEqual(["clusterId", "name"]);
    expect(inputs.name).toBe("fluxstudio_user");
    expect(apiVariables(plan).DB_PASSWORD).toBe("${db.PASSWORD}");
  });

  it("leads DATABASE_URL and the five DB_ variables to one server, database and role [F57]", () => {
    const variables = apiVariables(plan);
    const host = "private-fluxstudio-postgres-cluster.example";
    expect(Object.entries(variables).filter(([key]) => /^DB_(?!POOL)/.test(key))).toEqual([
      ["DB_HOST", host],
      ["DB_NAME", "${db.DATABASE}"],
      ["DB_PASSWORD", "${db.PASSWORD}"],
      ["DB_PORT", "${db.PORT}"],
      ["DB_USER", "${db.USERNAME}"],
    ]);
    expect(variables.DATABASE_URL).toMatch(`://\${db.USERNAME}:\${db.PASSWORD}@${host}:\${db.PORT}/\${db.DATABASE}?`);
  });

  it("sets DATABASE_URL as a reference at run time, with a verified certificate, and the post-deploy job's as well [F15]", async () => {
    const inJob = await planOf("prod", {
      postDeploy: { mode: "job", image: "ghcr.io/acme/slipway:1.0.0" },
      allowedSources: [],
    });
    const url = api().envs.find(({ key }) => key === "DATABASE_URL");
    expect(url).toMatchObject({ scope: "RUN_TIME", value: expect.stringContaining("sslmode=verify-full&sslrootcert=/tmp/slipway-ca.pem") });
    const job = componentOf(inJob, APP, "jobs", "post-deploy");
    expect(job.kind).toBe("PRE_DEPLOY");
    expect(job.envs.find(({ key }) => key === "SLIPWAY_OWNER_URL")).toMatchObject({
      scope: "RUN_TIME",
      value: expect.stringMatching(/^postgresql:\/\/\$\{owner\.USERNAME\}:\$\{owner\.PASSWORD\}@.*sslmode=verify-full/),
    });
  });

  it("keeps the password out of DATABASE_URL, and verifies the server [F39]", () => {
    const { value } = api().envs.find(({ key }) => key === "DATABASE_URL")!;
    expect(value).toMatch(/^postgresql:\/\/\$\{db\.USERNAME\}:\$\{db\.PASSWORD\}@/);
    expect(value).toContain("?sslmode=verify-full&");
    expect(JSON.stringify(plan.resources.filter(({ type }) => type === TYPE.app))).not.toContain("canary-fluxstudio-postgres");
  });

  it("gives the pool 30 connections, 5 of them kept, 30 s idle, 10 s to connect, and 17 where the node has no more [F42]", async () => {
    const poolOf = (each: Plan) => Object.fromEntries(Object.entries(apiVariables(each)).filter(([key]) => key.startsWith("DB_POOL_")));
    const pool = { DB_POOL_MAX: "30", DB_POOL_MIN: "5", DB_POOL_IDLE_TIMEOUT_MS: "30000", DB_POOL_CONNECTION_TIMEOUT_MS: "10000" };
    expect(poolOf(plan)).toEqual(pool);
    const small = await planOf("prod", { fluxstudio: { postgres: { size: "db-s-1vcpu-1gb", nodes: 1 } } });
    expect(poolOf(small)).toEqual({ ...pool, DB_POOL_MAX: "17" });
  });

  it("has one bounded pool, whose size is the budget's and not the other documents' 20 [F103, F24]", () => {
    const sizes = Object.entries(apiVariables(plan)).filter(([key]) => key.includes("POOL_MAX"));
    expect(sizes).toEqual([["DB_POOL_MAX", "30"]]);
    expect(Object.entries(apiVariables(plan)).filter(([key, value]) => key.includes("POOL") && value === "20")).toEqual([]);
  });

  it("fails with the sum if pools times instances, runner, backup and reserve exceed the node's connections [F83]", async () => {
    const fluxstudio = {
      postgres: { size: "db-s-1vcpu-1gb", nodes: 1 },
      sizes: { api: { size: "apps-s-1vcpu-1gb", instances: 4 } },
    };
    await expect(planOf("prod", { fluxstudio })).rejects.toThrow(/DB_POOL_MAX +20 +5 x 4 instances/);
    await expect(planOf("prod", { fluxstudio })).rejects.toThrow(
      /runner +2 [\s\S]*backup +2 [\s\S]*operator and monitoring +1 [\s\S]*sum +25\s+usable +22 +3 too few/,
    );
  });

  it("is checked at /api/health, by App Platform and from outside [F31]", () => {
    expect(api().healthCheck).toMatchObject({ httpPath: "/api/health" });
    expect(resource(plan, TYPE.uptimeCheck, "fluxstudio-monitoring-api").inputs).toMatchObject({
      enabled: true,
      target: "https://fluxstudio.art/api/health",
    });
  });

  it("raises alerts at 80 % CPU, 85 % memory, 80 % disk and 500 ms [F149]", () => {
    const cluster = "id-fluxstudio-postgres-cluster";
    const alerts = byType(plan, TYPE.monitorAlert).filter(({ inputs }) => (inputs.entities as unknown[]).includes(cluster));
    const limits = alerts.map(({ inputs: { type, compare, value, enabled } }) => [String(type).split("/").at(-1), compare, value, enabled]);
    expect(limits.toSorted()).toEqual([
      ["cpu_alerts", "GreaterThan", 80, true],
      ["disk_utilization_alerts", "GreaterThan", 80, true],
      ["memory_utilization_alerts", "GreaterThan", 85, true],
    ]);
    for (const { inputs } of alerts) expect((inputs.alerts as unknown as { emails: string[] }).emails).not.toEqual([]);
    expect(resource(plan, TYPE.uptimeAlert, "fluxstudio-monitoring-api-latency").inputs).toMatchObject({
      comparison: "greater_than",
      threshold: 500,
      type: "latency",
    });
  });

  it("waits twenty minutes for a deployment [F45]", () => {
    expect(resource(plan, TYPE.app, APP).options.customTimeouts).toEqual({ create: "20m" });
  });

  it("links to the database, the app, its deployment and the production address [F44]", () => {
    const { links, urls } = plan.outputs as unknown as { links: Record<string, Record<string, string>>; urls: Record<string, string> };
    expect(links.postgres?.fluxstudio).toBe("https://cloud.digitalocean.com/databases/id-fluxstudio-postgres-cluster");
    expect(links.apps?.["fluxstudio/fluxstudio"]).toBe(`https://cloud.digitalocean.com/apps/id-${APP}`);
    expect(links.deployments?.["fluxstudio/fluxstudio"]).toBe(
      `https://cloud.digitalocean.com/apps/id-${APP}/deployments/deployment-of-${APP}`,
    );
    expect(urls["fluxstudio/fluxstudio"]).toBe(`https://${APP}.example`);
  });

  it("takes hosts and ports from clusters, pools and replicas, and none from a definition [F77]", () => {
    const ports: string[] = [];
    for (const { inputs } of byType(everything, TYPE.app))
      for (const kind of ["services", "workers", "jobs"] as const)
        for (const { envs } of (inputs.spec as unknown as Record<string, { envs: { key: string; value: unknown }[] }[]>)[kind] ?? [])
          for (const { key, value } of envs)
            if (typeof value === "string" && /^(postgres|redis)[a-z+]*:/.test(value))
              ports.push(/@[^:]+:([^/]+)\//.exec(`${value}/`)?.[1] ?? key);
    expect(ports.length).toBeGreaterThan(9);
    expect(ports.filter((port) => !/^\$\{\w+\.PORT\}$/.test(port) && port !== String(PORT.pool))).toEqual([]);
  });

  it("has a variable for a read replica, which leads there, and none without one [F90]", () => {
    expect(apiVariables(everything).DATABASE_REPLICA_URL).toMatch(
      "@private-fluxstudio-postgres-replica-read.example:${db.PORT}/${db.DATABASE}?sslmode=verify-full",
    );
    expect(resource(everything, TYPE.replica, "fluxstudio-postgres-replica-read").inputs).toMatchObject({ region: "nyc1" });
    expect(apiVariables(plan)).not.toHaveProperty("DATABASE_REPLICA_URL");
  });

  it("adds one component with the database and the signing secret for each optional part, and none by default [F38]", () => {
    const names = (each: Plan) =>
      (["services", "workers"] as const).map((kind) =>
        componentsOf(each, APP, kind)
          .map(({ name }) => name)
          .sort(),
      );
    expect(names(plan)).toEqual([["api"], []]);
    expect(names(everything)).toEqual([
      ["api", "collaboration", "mcp"],
      ["analytics", "ffmpeg"],
    ]);
    for (const part of PARTS) {
      const kind = ["collaboration", "mcp"].includes(part) ? "services" : "workers";
      expect(Object.keys(variablesOf(everything, APP, kind, part))).toEqual(
        expect.arrayContaining(["DATABASE_URL", "DB_POOL_MAX", "JWT_SECRET", "NODE_ENV"]),
      );
    }
  });

  it("adds a cache that evicts, in database 1 over TLS, where the feature is on, and nothing elsewhere [F34]", () => {
    expect(resource(everything, TYPE.cluster, "fluxstudio-cache-valkey-cluster").inputs).toMatchObject({
      engine: "valkey",
      evictionPolicy: "allkeys_lru",
    });
    expect(apiVariables(everything).REDIS_URL).toMatch(
      /^rediss:\/\/\$\{cache\.USERNAME\}:\$\{cache\.PASSWORD\}@private-fluxstudio-cache-valkey-cluster\.example:\$\{cache\.PORT\}\/1$/,
    );
    expect(apiVariables(plan)).not.toHaveProperty("REDIS_URL");
    expect(byType(plan, TYPE.cluster).filter(({ name }) => name.startsWith("fluxstudio-cache"))).toEqual([]);
  });

  it("wires one id and one secret for each sign-in provider, and only the signing secret without one [F26]", () => {
    const all = componentOf(everything, APP, "services", "api");
    const secrets = PROVIDERS.map((provider) => `${provider.toUpperCase()}_CLIENT_SECRET`);
    const ids = PROVIDERS.map((provider) => `${provider.toUpperCase()}_CLIENT_ID`);
    expect(
      secretNamesOf(all)
        .filter((name) => !name.startsWith("S3_"))
        .sort(),
    ).toEqual([...secrets, "JWT_SECRET"].sort());
    for (const id of ids) expect(all.envs.find(({ key }) => key === id)).toMatchObject({ value: expect.stringContaining("ClientId") });
    expect(secretNamesOf(api()).filter((name) => !name.startsWith("S3_"))).toEqual(["JWT_SECRET"]);
    for (const name of [...ids, ...secrets]) expect(apiVariables(plan)).not.toHaveProperty(name);
  });

  it("keeps nothing in a container: no variable is a path but that of the certificates, and P0 and P1 are refused [F19]", async () => {
    const paths = Object.entries(apiVariables(everything)).filter(([, value]) => typeof value === "string" && value.startsWith("/"));
    expect(paths).toEqual([["NODE_EXTRA_CA_CERTS", "/tmp/slipway-ca.pem"]]);
    for (const phase of ["P0", "P1"])
      await expect(planOf("prod", { fluxstudio: { phase } })).rejects.toThrow("App Platform deletes a container's files at every restart");
  });
});

describe("FluxStudio's App spec", () => {
  it("contains these variables and no others, with every feature", async () => {
    const fluxstudio = { features: ["cache", ...PARTS, ...PROVIDERS], postgres: { replicas: [{ name: "read" }] } };
    const plan = await planOf("prod", { fluxstudio });
    const providers = PROVIDERS.map((name) => name.toUpperCase()).flatMap((name) => [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`]);
    const database = ["DATABASE_CA_CERT", "DATABASE_URL", "DB_HOST", "DB_NAME", "DB_PASSWORD", "DB_PORT", "DB_USER"];
    const pool = ["DB_POOL_CONNECTION_TIMEOUT_MS", "DB_POOL_IDLE_TIMEOUT_MS", "DB_POOL_MAX", "DB_POOL_MIN"];
    const common = [...database, ...pool, "JWT_SECRET", "NODE_ENV", "NODE_EXTRA_CA_CERTS", "PGSSLMODE"];
    const own = ["APP_URL", "DATABASE_REPLICA_URL", "DUAL_WRITE_ENABLED", "REDIS_CA_CERT", "REDIS_URL", "USE_DATABASE", "USE_POSTGRES"];
    const namesOf = (kind: "services" | "workers" | "staticSites", name: string) =>
      Object.keys(variablesOf(plan, APP, kind, name)).filter((key) => !key.startsWith("S3_"));
    expect(namesOf("services", "api")).toEqual([...common, ...own, ...providers].sort());
    for (const part of ["collaboration", "mcp"]) expect(namesOf("services", part)).toEqual(common.toSorted());
    for (const part of ["analytics", "ffmpeg"]) expect(namesOf("workers", part)).toEqual(common.toSorted());
    expect(namesOf("staticSites", "frontend")).toEqual([]);
  });

  it("sends the API and Socket.IO to the backend, and the rest to the site", async () => {
    const { ingress } = resource(await planOf("prod"), TYPE.app, APP).inputs.spec as unknown as {
      ingress: { rules: { component: { name: string }; match: { path: { prefix: string } } }[] };
    };
    expect(ingress.rules.map(({ component, match }) => [match.path.prefix, component.name])).toEqual([
      ["/socket.io", "api"],
      ["/api", "api"],
      ["/", "frontend"],
    ]);
  });

  it("has a server that logs statements over half a second and is backed up at two in the morning, UTC", async () => {
    const config = resource(
      await planOf("prod"),
      "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig",
      "fluxstudio-postgres-config",
    );
    expect(config.inputs).toMatchObject({ backupHour: 2, logMinDurationStatement: 500 });
  });
});

describe("FluxStudio's cutover flags", () => {
  const PHASES = {
    P0: ["false", "false", "false"],
    P1: ["false", "false", "true"],
    P2: ["true", "true", "true"],
    P3: ["true", "true", "false"],
  };

  it.each(Object.entries(PHASES))("are what phase %s says [F58]", async (phase, expected) => {
    const { USE_DATABASE, USE_POSTGRES, DUAL_WRITE_ENABLED } = apiVariables(await planOf("local", { fluxstudio: { phase } }));
    expect([USE_DATABASE, USE_POSTGRES, DUAL_WRITE_ENABLED]).toEqual(expected);
  });

  it("write both stores only where the app has a disk: on App Platform the worker of the backups exports the JSON copy in P2 [F50]", async () => {
    const backups = { bucketPrefix: "acme", image: "ghcr.io/acme/slipway:1.0.0", recipients: [`age1${"q".repeat(58)}`] };
    for (const stack of ["staging", "prod"] as const)
      for (const phase of ["P2", "P3"]) {
        const plan = await planOf(stack, { fluxstudio: { phase }, backups });
        const { USE_DATABASE, USE_POSTGRES, DUAL_WRITE_ENABLED } = apiVariables(plan);
        expect([USE_DATABASE, USE_POSTGRES, DUAL_WRITE_ENABLED]).toEqual(["true", "true", "false"]);
        const exports = ["fluxstudio", "devx", "candlefish"].map(
          (name) => parseWorkerCommand(componentOf(plan, `${name}-backups-app`, "workers", "worker").runCommand)!.exportsJson,
        );
        expect(exports).toEqual([phase === "P2" ? true : undefined, undefined, undefined]);
      }
  });

  it("contain USE_DATABASE as the lower-case word that the application compares with [F1]", async () => {
    const flags = await Promise.all(
      ["P0", "P3"].map(async (phase) => apiVariables(await planOf("local", { fluxstudio: { phase } })).USE_DATABASE),
    );
    expect(flags).toEqual(["false", "true"]);
  });
});

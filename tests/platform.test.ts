import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  at,
  byType,
  findProject,
  type Plan,
  type PlannedResource,
  planStack,
  resource,
  Secret,
  Unknown,
  type Value,
} from "../engine/index.ts";
import { systems } from "../systems/index.ts";
import { type AppVariable, answers, ca, envsOf, PORT, project, STEP, TYPE } from "./requirements/planned.ts";

const { app: APP, cluster: CLUSTER, firewall: FIREWALL } = TYPE;

/** Everything that must have happened before. */
function ancestors(plan: Plan, { dependencies }: PlannedResource, seen = new Set<string>()): Set<string> {
  for (const urn of dependencies) {
    if (seen.has(urn)) continue;
    seen.add(urn);
    const next = plan.resources.find((candidate) => candidate.urn === urn);
    if (next !== undefined) ancestors(plan, next, seen);
  }
  return seen;
}

describe.each(["prod", "staging", "local"])("stack %s", (stack) => {
  let plan: Plan;
  let first: Plan;

  beforeAll(async () => {
    plan = await planStack(project, { stack, outputs: answers, invokes: ca });
    first = await planStack(project, { stack });
  });

  it("holds the products: their databases, their users, their apps", () => {
    const databases = byType(plan, "digitalocean:index/databaseDb:DatabaseDb").map(({ inputs }) => inputs.name);
    expect(databases).toEqual(expect.arrayContaining(["candlefish_collaboration", "devxplatform", "fluxstudio"]));
    expect(byType(plan, "digitalocean:index/databaseUser:DatabaseUser").map(({ inputs }) => inputs.name)).toEqual(
      expect.arrayContaining([
        "fluxstudio_user",
        "fluxstudio_owner",
        "fluxstudio_readonly",
        "fluxstudio_backup",
        "devx",
        "devx_owner",
        "candlefish",
        "candlefish_owner",
      ]),
    );
    expect(byType(plan, APP).map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "candlefish-brand-portal-app",
        "candlefish-paintbox-app",
        "candlefish-rtpm-app",
        "devx-devx-app",
        "fluxstudio-fluxstudio-app",
      ]),
    );
  });

  it("starts no app before its migrations and keyspaces are done [D48]", () => {
    for (const app of byType(plan, APP)) {
      const [system] = app.name.split("-");
      const steps = byType(plan, STEP.Migrations)
        .concat(byType(plan, STEP.Keyspaces))
        .filter(({ inputs }) => inputs.system === system);
      expect(steps.length).toBeGreaterThan(0);
      for (const step of steps) expect(ancestors(plan, app)).toContain(step.urn);
    }
  });

  it("connects to nothing before its firewall stands [C57]", () => {
    const connecting = Object.values(STEP)
      .flatMap((type) => byType(plan, type))
      .concat(byType(plan, APP));
    const firewalls = byType(plan, FIREWALL);
    expect(firewalls).toHaveLength(byType(plan, CLUSTER).length);
    for (const one of connecting)
      expect(
        firewalls.some(({ urn }) => ancestors(plan, one).has(urn)),
        one.name,
      ).toBe(true);
    for (const type of ["databaseDb:DatabaseDb", "databaseUser:DatabaseUser", "databaseConnectionPool:DatabaseConnectionPool"]) {
      for (const one of byType(plan, `digitalocean:index/${type}`))
        expect(
          firewalls.some(({ urn }) => ancestors(plan, one).has(urn)),
          one.name,
        ).toBe(true);
    }
  });

  it("opens no firewall to the world, and keeps each on destroy [C57]", () => {
    for (const { inputs, options } of byType(first, FIREWALL)) {
      const rules = inputs.rules as unknown as { type: string; value: Value }[];
      expect(rules.length).toBeGreaterThan(0);
      for (const { type, value } of rules) {
        expect(type).toBe("ip_addr");
        expect(value).toMatch(/^\d+\.\d+\.\d+\.\d+(\/(8|9|[12]\d|3[0-2]))?$/);
      }
      expect(options.retainOnDelete).toBe(true);
    }
  });

  it("holds no secret outside of an envelope: no password, no key, no URL with a login [F16]", () => {
    const bare: string[] = [];
    const look = (value: unknown, path: string): void => {
      if (value instanceof Secret || value instanceof Unknown || value === null) return;
      if (typeof value === "string") {
        if (value.includes("canary") || /:\/\/[^/\s:@$]+:[^/\s@$]+@/.test(value)) bare.push(`${path}: ${value}`);
      } else if (typeof value === "object") for (const [key, inner] of Object.entries(value)) look(inner, `${path}.${key}`);
    };
    for (const { urn, inputs, outputs } of plan.resources) {
      look(inputs, urn);
      look(outputs ?? {}, `${urn} outputs`);
    }
    look(plan.outputs, "stack");
    look(plan.messages, "messages");
    expect(bare).toEqual([]);
  });

  it("gives every variable a scope, and a type to nothing but what is secret", () => {
    for (const { inputs } of byType(plan, APP)) {
      const spec = inputs.spec as unknown as Record<string, { envs?: AppVariable[] }[]>;
      const all = ["services", "staticSites", "workers", "jobs"].flatMap((kind) =>
        (spec[kind] ?? []).flatMap((component) => component.envs ?? []),
      );
      for (const { key, value, scope, type } of all) {
        expect(scope, key).toMatch(/^(RUN_TIME|BUILD_TIME)$/);
        expect(type, key).toBe(value instanceof Secret ? "SECRET" : undefined);
        if (type === "SECRET") expect(scope).toBe("RUN_TIME");
      }
    }
  });

  it("names no project in a cluster or an app, because a change of project would replace them", () => {
    for (const { inputs } of [...byType(plan, CLUSTER), ...byType(plan, APP)]) expect(inputs).not.toHaveProperty("projectId");
    expect(byType(plan, "digitalocean:index/projectResources:ProjectResources")).toHaveLength(1);
  });

  it("asks for valkey, never for the retired redis, with a policy that fits what it holds", () => {
    const engines = byType(plan, CLUSTER).map(({ inputs }) => `${inputs.engine} ${inputs.evictionPolicy ?? ""}`.trim());
    expect(new Set(engines)).toEqual(
      new Set(stack === "prod" ? ["pg", "valkey noeviction", "valkey allkeys_lru"] : ["pg", "valkey noeviction"]),
    );
    for (const { inputs } of byType(plan, "digitalocean:index/databaseValkeyConfig:DatabaseValkeyConfig"))
      expect(["rdb", "off"]).toContain(inputs.persistence);
  });

  it("leads FluxStudio's DATABASE_URL and its DB_* variables to one server, database and role, by reference and verified [F39]", () => {
    const env = envsOf(plan, "fluxstudio-fluxstudio-app", "services", "api");
    const host = stack === "prod" ? "private-fluxstudio-postgres-cluster.example" : `private-shared-postgres-${stack}-cluster.example`;
    expect(env.DATABASE_URL!.value).toBe(
      `postgresql://\${db.USERNAME}:\${db.PASSWORD}@${host}:\${db.PORT}/\${db.DATABASE}?sslmode=verify-full&sslrootcert=/tmp/slipway-ca.pem`,
    );
    expect([env.DB_HOST, env.DB_PORT, env.DB_NAME, env.DB_USER, env.DB_PASSWORD].map((one) => one!.value)).toEqual([
      host,
      "${db.PORT}",
      "${db.DATABASE}",
      "${db.USERNAME}",
      "${db.PASSWORD}",
    ]);
    const { databases } = resource(plan, APP, "fluxstudio-fluxstudio-app").inputs.spec as unknown as { databases: Record<string, Value>[] };
    expect(databases.find(({ name }) => name === "db")).toMatchObject({
      dbName: "fluxstudio",
      dbUser: "fluxstudio_user",
      engine: "PG",
      production: true,
    });
  });

  it("gives USE_DATABASE as the lower-case word that the application compares with, equal to USE_POSTGRES", () => {
    const env = envsOf(plan, "fluxstudio-fluxstudio-app", "services", "api");
    expect([env.USE_DATABASE!.value, env.USE_POSTGRES!.value, env.DUAL_WRITE_ENABLED!.value]).toEqual(["true", "true", "false"]);
  });

  it("leads Candlefish's keyspaces to database 0, 1 and 2 over TLS [C26]", () => {
    for (const app of ["rtpm", "paintbox", "brand-portal"]) {
      const env = envsOf(plan, `candlefish-${app}-app`, "services", app === "rtpm" ? "api" : app);
      expect(env.REDIS_URL!.value).toMatch(
        /^rediss:\/\/\$\{state\.USERNAME\}:\$\{state\.PASSWORD\}@private-[a-z-]+\.example:\$\{state\.PORT\}\/0$/,
      );
      expect(env.REDIS_CACHE_URL!.value).toMatch(/^rediss:\/\/.*\/1$/);
      expect(env.REDIS_USER_DATA_URL!.value).toMatch(/^rediss:\/\/.*\/2$/);
    }
  });

  it("gives one JWT secret to all three Candlefish apps [C8]", () => {
    const values = ["rtpm", "paintbox", "brand-portal"].map(
      (app) => envsOf(plan, `candlefish-${app}-app`, "services", app === "rtpm" ? "api" : app).JWT_SECRET!.value as Secret,
    );
    expect(new Set(values.map(({ value }) => value)).size).toBe(1);
  });

  it("sends Candlefish's clients through the pool, and its migrations around it", () => {
    const env = envsOf(plan, "candlefish-paintbox-app", "services", "paintbox");
    expect(env.DATABASE_URL!.value).toMatch(`@private-pool.example:${PORT.pool}/candlefish_collaboration?sslmode=verify-full`);
    const { url } = byType(plan, STEP.Migrations).find(({ inputs }) => inputs.system === "candlefish")!.inputs;
    expect((url as Secret).value).toMatch(`:${PORT.cluster}/candlefish_collaboration`);
  });

  it("percent-encodes a password in every URL that it makes itself [F107]", () => {
    const { url } = byType(plan, STEP.Migrations).find(({ inputs }) => inputs.system === "fluxstudio")!.inputs;
    const { password } = new URL((url as Secret).value as string);
    expect(decodeURIComponent(password)).toMatch(/^canary-.*-#\/\?%41@$/);
  });

  it("exports the credentials as one secret output, and the addresses as plain ones", () => {
    expect(plan.outputs.connections).toBeInstanceOf(Secret);
    expect(Object.keys((plan.outputs.connections as Secret).value as object)).toEqual(
      expect.arrayContaining(["candlefish", "devx", "fluxstudio"]),
    );
    expect(at(plan.outputs, "links.postgres")).toBeDefined();
  });

  it("links to DigitalOcean's control panel, and on stack local to the apps and the status page on this machine", () => {
    const [clusters, apps, deployments] = ["postgres", "apps", "deployments"].map((kind) =>
      Object.values(at(plan.outputs, `links.${kind}`) as object),
    );
    if (stack === "local") {
      expect(new Set([...clusters!, ...deployments!])).toEqual(new Set(["http://127.0.0.1:4010/_slipway/page"]));
      expect(apps).toContain("https://fluxstudio-fluxstudio-app.example/api/health");
    } else {
      expect(clusters![0]).toMatch(/^https:\/\/cloud\.digitalocean\.com\/databases\/id-/);
      expect(apps).toContain("https://cloud.digitalocean.com/apps/id-fluxstudio-fluxstudio-app");
    }
  });

  it("names what is not built as its documents ask, in the plan", () => {
    const { outputs } = resource(plan, "slipway:index:Platform", "slipway");
    const held = systems.filter(({ name }) => plan.resources.some((one) => one.name === `${name}-secrets`));
    expect(held.length).toBeGreaterThan(0);
    expect(outputs?.deviations).toEqual(held.flatMap(({ deviations }) => deviations));
  });
});

describe("stack prod", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planStack(project, { stack: "prod", outputs: answers, invokes: ca });
  });

  it("runs FluxStudio on major 15 in nyc1, its app in nyc, under its own domain", () => {
    expect(resource(plan, CLUSTER, "fluxstudio-postgres-cluster").inputs).toMatchObject({ engine: "pg", version: "15", region: "nyc1" });
    expect(resource(plan, APP, "fluxstudio-fluxstudio-app").inputs.spec).toMatchObject({
      region: "nyc",
      domainNames: [{ name: "fluxstudio.art", type: "PRIMARY" }],
    });
  });

  it("runs Candlefish in San Francisco, in a network of its own", () => {
    expect(resource(plan, CLUSTER, "candlefish-postgres-cluster").inputs).toMatchObject({
      region: "sfo3",
      privateNetworkUuid: "id-slipway-sfo3-vpc",
    });
    expect(resource(plan, APP, "candlefish-rtpm-app").inputs.spec).toMatchObject({ region: "sfo", name: "rtpm-api-candlefish" });
  });

  it("protects every cluster, database and bucket", () => {
    const kept = [CLUSTER, "digitalocean:index/databaseDb:DatabaseDb", "digitalocean:index/spacesBucket:SpacesBucket"].flatMap((type) =>
      byType(plan, type),
    );
    expect(kept.length).toBeGreaterThan(9);
    for (const { options, name } of kept) expect(options.protect, name).toBe(true);
  });

  it("keeps two Valkey clusters for Candlefish: state that never evicts, cache that does", () => {
    expect(resource(plan, CLUSTER, "candlefish-state-valkey-cluster").inputs).toMatchObject({ evictionPolicy: "noeviction", nodeCount: 2 });
    expect(resource(plan, CLUSTER, "candlefish-cache-valkey-cluster").inputs).toMatchObject({ evictionPolicy: "allkeys_lru" });
  });

  it("is backed up by DigitalOcean at two o'clock, and has buckets in two regions", () => {
    expect(
      byType(plan, "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig").map(({ inputs }) => inputs.backupHour),
    ).toEqual([2, 2, 2]);
    expect(
      byType(plan, "digitalocean:index/spacesBucket:SpacesBucket")
        .filter(({ name }) => name.startsWith("slipway-backups-"))
        .map(({ inputs }) => inputs.region)
        .toSorted(),
    ).toEqual(["nyc3", "sfo3"]);
  });
});

describe("FluxStudio's bucket", () => {
  const S3 = {
    S3_BUCKET: undefined,
    S3_REGION: undefined,
    S3_ENDPOINT: undefined,
    S3_ACCESS_KEY_ID: "SECRET",
    S3_SECRET_ACCESS_KEY: "SECRET",
  };

  it.each([
    ["prod", "slipway-prod-fluxstudio-uploads", "https://fluxstudio.art"],
    ["staging", "slipway-staging-fluxstudio-uploads", "https://fluxstudio-fluxstudio-app.example"],
  ])("in %s is given to the backend and the media worker, and allows the app's own address only", async (stack, bucket, origin) => {
    const config = { "slipway:fluxstudio": JSON.stringify({ features: ["uploads", "ffmpeg", "analytics"] }) };
    const plan = await planStack(project, { stack, config, outputs: answers, invokes: ca });
    for (const [kind, component] of [
      ["services", "api"],
      ["workers", "ffmpeg"],
    ] as const) {
      const variables = envsOf(plan, "fluxstudio-fluxstudio-app", kind, component);
      expect(Object.fromEntries(Object.keys(S3).map((key) => [key, variables[key]?.type]))).toEqual(S3);
      expect(variables.S3_BUCKET!.value).toBe(bucket);
    }
    expect(Object.keys(envsOf(plan, "fluxstudio-fluxstudio-app", "workers", "analytics")).filter((key) => key.startsWith("S3_"))).toEqual(
      [],
    );
    const [cors] = byType(plan, "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration");
    expect(cors!.inputs.corsRules).toMatchObject([{ allowedOrigins: [origin], allowedMethods: ["GET", "HEAD", "PUT"] }]);
  });
});

describe("a stack with a job in place of the runner", () => {
  it("connects from nowhere but the VPC, and gives the job its logins by reference [D27]", async () => {
    const job = {
      "slipway:postDeploy": JSON.stringify({ mode: "job", image: "ghcr.io/your-org/slipway:1.0.0" }),
      "slipway:allowedSources": "[]",
    };
    const plan = await planStack(project, { stack: "prod", config: job, outputs: answers, invokes: ca });
    expect(Object.values(STEP).flatMap((type) => byType(plan, type))).toEqual([]);
    const env = envsOf(plan, "candlefish-rtpm-app", "jobs", "post-deploy");
    expect(env.SLIPWAY_ADMIN_URL!.value).toMatch(/^postgresql:\/\/\$\{admin\.USERNAME\}:\$\{admin\.PASSWORD\}@private-/);
    expect(env.SLIPWAY_STORE_STATE_URL!.value).toMatch(/^rediss:\/\/\$\{state\.USERNAME\}/);
    const { jobs } = resource(plan, APP, "candlefish-rtpm-app").inputs.spec as unknown as { jobs: Record<string, Value>[] };
    expect(jobs[0]).toMatchObject({
      kind: "PRE_DEPLOY",
      runCommand: "slipway post-deploy --system candlefish",
      image: { registry: "your-org", repository: "slipway", tag: "1.0.0" },
    });
    for (const { inputs } of byType(plan, FIREWALL)) expect(inputs.rules).toHaveLength(1);
  });
});

describe("a project that `pulumi new` has given another name", () => {
  it("is planned with placeholders, and lists them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway named "));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const main = fileURLToPath(new URL("../index.ts", import.meta.url));
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name: "harbour-works", runtime: "nodejs", main }));
    const slipway = { environment: "staging", allowedSources: ["203.0.113.7"], postgres: { version: "17" }, systems: ["fluxstudio"] };
    const config = Object.fromEntries(
      Object.entries({ ...slipway, fluxstudio: { features: ["google"] } }).map(([key, it]) => [`slipway:${key}`, it]),
    );
    writeFileSync(join(folder, "Pulumi.dev.yaml"), JSON.stringify({ config }));

    const named = findProject(folder);
    await expect(planStack(named, { stack: "dev" })).rejects.toThrow("slipway:fluxstudioGoogleClientSecret: it is missing");
    const plan = await planStack(named, { stack: "dev", placeholders: true });
    expect(plan.placeholders).toEqual(["slipway:fluxstudioGoogleClientId", "slipway:fluxstudioGoogleClientSecret"]);
    expect(resource(plan, "slipway:index:Platform", "harbour-works").urn).toContain(":dev::harbour-works::");
  });
});

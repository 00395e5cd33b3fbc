import { describe, expect, it } from "vitest";
import { type Plan, type PlannedResource, Secret, Unknown, type Value } from "../engine/plan.ts";
import { findProject } from "../engine/project.ts";
import { planStack } from "../engine/stackplan.ts";
import { policies } from "./pack.ts";
import { judge } from "./testing/judge.ts";

const project = findProject(import.meta.dirname.replace(/\/policy$/, ""));

describe("the stacks of this project", async () => {
  const plans = new Map<string, Plan>();
  for (const stack of ["prod", "staging", "local"]) plans.set(stack, await planStack(project, { stack, placeholders: true }));

  it("satisfy every rule, and every rule can be checked although many values are not known yet", async () => {
    for (const plan of plans.values()) expect(await judge(plan, policies)).toEqual([]);
  });

  it("get a violation at the resource that breaks a rule", async () => {
    const plan = plans.get("prod")!;
    const firewall = plan.resources.find(({ name }) => name.endsWith("-postgres-firewall-rules"))!;
    const cluster = firewall.name.replace("-firewall-rules", "-cluster");
    const broken = plan.resources.filter((resource) => resource !== firewall);
    expect(await judge({ resources: broken }, policies)).toEqual([
      {
        policy: "database-firewall-exists",
        level: "mandatory",
        message: expect.stringContaining(`${cluster} has no DatabaseFirewall`),
        name: cluster,
      },
    ]);
  });
});

const planned = (
  type: string,
  inputs: Record<string, Value>,
  options: PlannedResource["options"] = {},
  stack = "prod",
): PlannedResource => ({
  urn: `urn:pulumi:${stack}::shop::${type}::it`,
  type,
  name: "it",
  custom: true,
  read: false,
  inputs,
  dependencies: [],
  propertyDependencies: {},
  options,
});

async function broken(resource: PlannedResource): Promise<readonly string[]> {
  const violations = await judge({ resources: [resource] }, policies);
  // Alone, a cluster has no firewall; that rule has its own test.
  return violations
    .filter(({ policy }) => policy !== "database-firewall-exists")
    .map(({ policy, message }) => `${policy}: ${message.split("\n").at(-1)}`);
}

describe("a database firewall", () => {
  const firewall = (rules: Value) => broken(planned("digitalocean:index/databaseFirewall:DatabaseFirewall", { clusterId: "1", rules }));

  it("that is empty or too wide is refused", async () => {
    expect(await firewall([])).toEqual([expect.stringContaining("rules is empty")]);
    expect(await firewall([{ type: "ip_addr", value: "0.0.0.0/0" }])).toEqual([
      expect.stringContaining("rules[0].value opens the database to the whole internet"),
    ]);
    expect(await firewall([{ type: "ip_addr", value: "203.0.0.0/8" }])).toEqual([
      expect.stringContaining("rules[0].value lets 16,777,216 public addresses reach the database"),
    ]);
    expect(await firewall([{ type: "ip_addr", value: "2001:db8::1" }])).toEqual([expect.stringContaining("IPv6")]);
    expect(
      await firewall([
        { type: "ip_addr", value: "203.0.0.0/16" },
        { type: "ip_addr", value: "198.51.100.7" },
      ]),
    ).toEqual([expect.stringContaining("rules lets 65,537 public addresses reach the database")]);
  });

  it("that lists addresses, apps and a network is accepted", async () => {
    expect(
      await firewall([
        { type: "ip_addr", value: "203.0.113.10" },
        { type: "ip_addr", value: "10.104.0.0/20" },
        { type: "app", value: new Unknown() },
      ]),
    ).toEqual([]);
  });

  it("whose address is not known yet is checked by its other rules", async () => {
    expect(
      await firewall([
        { type: "ip_addr", value: new Unknown() },
        { type: "ip_addr", value: "0.0.0.0/0" },
      ]),
    ).toEqual([expect.stringContaining("rules[1]")]);
  });
});

describe("a cluster", () => {
  const good = { engine: "pg", version: "15", privateNetworkUuid: new Unknown(), nodeCount: 2 };
  const cluster = (inputs: Record<string, Value>, options: PlannedResource["options"] = { protect: true }, stack = "prod") =>
    broken(planned("digitalocean:index/databaseCluster:DatabaseCluster", inputs, options, stack));

  it("is protected in production, has a standby there, a network, a major version, and an engine that exists", async () => {
    expect(await cluster(good)).toEqual([]);
    expect(await cluster(good, {})).toEqual([expect.stringContaining("database-protected: it is not protected")]);
    expect(await cluster({ ...good, nodeCount: 1 })).toEqual([expect.stringContaining("database-standby: nodeCount is 1")]);
    const { privateNetworkUuid: _, ...outside } = good;
    expect(await cluster(outside)).toEqual([expect.stringContaining("privateNetworkUuid is missing")]);
    expect(await cluster({ ...good, version: "latest" })).toEqual([expect.stringContaining("version is not a major version")]);
    expect(await cluster({ ...good, engine: "redis", version: "7" })).toEqual([expect.stringContaining('write "valkey"')]);
  });

  it("needs no protection outside production, and where it is a cache", async () => {
    expect(await cluster({ ...good, nodeCount: 1 }, {}, "staging")).toEqual([]);
    expect(await cluster({ ...good, engine: "valkey", version: "8", evictionPolicy: "allkeys_lru", nodeCount: 1 }, {})).toEqual([]);
    expect(await cluster({ ...good, engine: "valkey", version: "8", evictionPolicy: "noeviction" }, {})).toEqual([
      expect.stringContaining("not protected"),
    ]);
  });
});

describe("what is in a cluster", () => {
  const cluster = {
    ...planned("digitalocean:index/databaseCluster:DatabaseCluster", {
      engine: "pg",
      version: "15",
      privateNetworkUuid: new Unknown(),
      nodeCount: 2,
    }),
    urn: "urn:pulumi:prod::shop::digitalocean:index/databaseCluster:DatabaseCluster::cluster",
  };
  const contents = async (type: string, inside: PlannedResource["options"], outside: PlannedResource["options"], stack = "prod") => {
    const resource = { ...planned(`digitalocean:index/${type}`, {}, inside, stack), propertyDependencies: { clusterId: [cluster.urn] } };
    const violations = await judge({ resources: [{ ...cluster, options: outside }, resource] }, policies);
    return violations.filter(({ policy }) => policy === "database-contents-protected").map(({ message }) => message.split("\n").at(-1));
  };
  const USER = "databaseUser:DatabaseUser";

  it("is protected in production as the cluster is, except pools, which every change replaces", async () => {
    expect(await contents(USER, {}, { protect: true })).toEqual([
      "it is not protected, and its cluster is: a destroy removes it, and then fails at the cluster.",
    ]);
    expect(await contents(USER, { protect: true }, { protect: true })).toEqual([]);
    expect(await contents(USER, {}, {})).toEqual([]);
    expect(await contents(USER, {}, { protect: true }, "staging")).toEqual([]);
    expect(await contents("databaseConnectionPool:DatabaseConnectionPool", {}, { protect: true })).toEqual([]);
  });
});

describe("an app", () => {
  const env = (given: Record<string, Value>) =>
    broken(
      planned("digitalocean:index/app:App", { spec: { services: [{ name: "api", healthCheck: { httpPath: "/health" }, envs: [given] }] } }),
    );

  it("has a scope for every variable, and encrypts variables with the name of a secret, for run time only", async () => {
    expect(await env({ key: "LOG_LEVEL", value: "info", scope: "RUN_TIME" })).toEqual([]);
    expect(await env({ key: "LOG_LEVEL", value: "info" })).toEqual([
      expect.stringContaining("spec.services[0] (api).envs LOG_LEVEL.scope is missing"),
    ]);
    expect(await env({ key: "JWT_SECRET", value: new Secret("canary-jwt"), scope: "RUN_TIME" })).toEqual([
      expect.stringContaining("type is not SECRET"),
    ]);
    expect(await env({ key: "JWT_SECRET", value: new Secret("canary-jwt"), scope: "RUN_AND_BUILD_TIME", type: "SECRET" })).toEqual([
      expect.stringContaining("scope is not RUN_TIME"),
    ]);
    expect(await env({ key: "JWT_SECRET", value: new Secret("canary-jwt"), scope: "RUN_TIME", type: "SECRET" })).toEqual([]);
  });

  it("references its databases instead of containing their logins, and no message repeats one", async () => {
    const copied = await env({
      key: "DATABASE_URL",
      value: new Secret("postgresql://shop:canary-password@db:25060/shop"),
      scope: "RUN_TIME",
      type: "SECRET",
    });
    expect(copied).toEqual([expect.stringContaining("value contains a login")]);
    expect(copied.join()).not.toContain("canary-password");
    expect(
      await env({ key: "DATABASE_URL", value: "postgresql://${db.USERNAME}:${db.PASSWORD}@${db.HOSTNAME}/x", scope: "RUN_TIME" }),
    ).toEqual([]);
    expect(await env({ key: "DATABASE_URL", value: new Unknown(), scope: "RUN_TIME" })).toEqual([]);
  });

  it("has healthy services, and no second instance of a size that takes one", async () => {
    const app = (service: Record<string, Value>) =>
      broken(planned("digitalocean:index/app:App", { spec: { services: [{ name: "api", ...service }] } }));
    expect(await app({})).toEqual([expect.stringContaining("has no healthCheck.httpPath")]);
    const healthCheck = { httpPath: "/health" };
    expect(await app({ healthCheck, instanceSizeSlug: "apps-s-1vcpu-0.5gb", instanceCount: 2 })).toEqual([
      expect.stringContaining("takes one instance only"),
    ]);
    expect(await app({ healthCheck, instanceSizeSlug: "apps-s-1vcpu-0.5gb", instanceCount: 1 })).toEqual([]);
  });
});

it("refuses buckets that are public, unversioned, deleted with their objects or open to every site, and keys for all buckets", async () => {
  const bucket = (inputs: Record<string, Value>) => broken(planned("digitalocean:index/spacesBucket:SpacesBucket", inputs));
  const kept = { acl: "private", versioning: { enabled: true } };
  expect(await bucket(kept)).toEqual([]);
  expect(await bucket({ ...kept, acl: "public-read" })).toEqual([expect.stringContaining("anyone can read")]);
  expect(await bucket({ acl: "private" })).toEqual([expect.stringContaining("versioning is off")]);
  expect(await bucket({ ...kept, forceDestroy: true })).toEqual([expect.stringContaining("forceDestroy is true")]);
  const cors = (origin: string) =>
    broken(
      planned("digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration", {
        corsRules: [{ allowedMethods: ["GET"], allowedOrigins: [origin] }],
      }),
    );
  expect(await cors("https://shop.example.com")).toEqual([]);
  expect(await cors("*")).toEqual([expect.stringContaining('allows the origin "*"')]);
  const key = (grants: Value) => broken(planned("digitalocean:index/spacesKey:SpacesKey", { grants }));
  expect(await key([{ bucket: "backups", permission: "readwrite" }])).toEqual([]);
  expect(await key([{ bucket: "", permission: "fullaccess" }])).toEqual([expect.stringContaining("grants access to every bucket")]);
});

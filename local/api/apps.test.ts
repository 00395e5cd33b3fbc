import { describe, expect, it } from "vitest";
import { resolveComponentEnv } from "../cloud/apps/app.ts";
import { recordOnly } from "../cloud/record-only.ts";
import { createCluster, POSTGRES, startTestApi, type TestApi, VALKEY } from "./testing/api.ts";

const source = { github: { repo: "acme/api", branch: "main" } };
const service = { name: "api", ...source };
const app = (more: object = {}) => ({ spec: { name: "shop", region: "nyc", services: [service], ...more } });
const withService = (more: object) => app({ services: [{ ...service, ...more }] });
const withEnvs = (...envs: object[]) => withService({ envs });

async function createApp({ call }: TestApi, request: object = app()) {
  return (await call("POST", "/v2/apps", request)).body.app;
}

const at = (field: string, what: string) => `400 error validating app spec field "${field}": ${what}`;

describe("an app spec is rejected for", () => {
  const cases: readonly (readonly [what: string, request: object, reply: string])[] = [
    [
      "a name in capitals",
      app({ name: "Shop" }),
      at("name", "must be 2 to 32 lower-case letters, digits and dashes, beginning with a letter"),
    ],
    [
      "a name that is too long",
      app({ name: "a".repeat(33) }),
      at("name", "must be 2 to 32 lower-case letters, digits and dashes, beginning with a letter"),
    ],
    [
      "an unknown region",
      app({ region: "mars" }),
      at("region", '"mars" is not an App Platform region: must be one of ams, atl, nyc, fra, sfo, sgp, blr, tor, lon, syd'),
    ],
    ["two components with the same name", app({ workers: [service] }), at("workers.0.name", 'component name "api" is used more than once')],
    [
      "two sources",
      withService({ git: { repo_clone_url: "https://x.example/a.git", branch: "main" } }),
      at("services.0", "must have one source of git, github, gitlab, bitbucket, image, not git and github"),
    ],
    [
      "a repository without an owner",
      app({ services: [{ name: "api", github: { repo: "api" } }] }),
      at("services.0.github.repo", "must be owner/repository"),
    ],
    [
      "an unknown size",
      withService({ instance_size_slug: "huge" }),
      at("services.0.instance_size_slug", '"huge" is not an instance size: must be one of apps-s-1vcpu-0.5gb, apps-s-1vcpu-1gb-fixed, '),
    ],
    [
      "a size that cannot be scaled",
      withService({ instance_size_slug: "apps-s-1vcpu-0.5gb", instance_count: 2 }),
      at("services.0.instance_count", "apps-s-1vcpu-0.5gb cannot have more than one instance"),
    ],
    [
      "autoscaling on shared CPUs",
      withService({ instance_size_slug: "apps-s-1vcpu-1gb", autoscaling: { min_instance_count: 1, max_instance_count: 2 } }),
      at("services.0.autoscaling", "is only available for dedicated CPU instance sizes (apps-d-…)"),
    ],
    ["a port out of range", withService({ http_port: 70_000 }), at("services.0.http_port", "Too big: expected number to be <=65535")],
    [
      "a variable that begins with a digit",
      withEnvs({ key: "1A", value: "1" }),
      at("services.0.envs.0.key", "must be letters, digits and underscores, not beginning with a digit"),
    ],
    [
      "an encrypted secret",
      withEnvs({ key: "S", type: "SECRET", value: "EV[1:AAAA:AAAA]" }),
      at("services.0.envs", 'secret env value of "S" must not be encrypted before app is created'),
    ],
    [
      "an unknown cluster",
      app({ databases: [{ name: "db", engine: "PG", production: true, cluster_name: "nope" }] }),
      at("databases.0.cluster_name", 'database cluster "nope" not found'),
    ],
    ["a VPC that does not exist", app({ vpc: { id: "nope" } }), at("vpc.id", "VPC nope not found")],
    [
      "a duplicate domain",
      app({ domains: [{ domain: "a.example" }, { domain: "a.example" }] }),
      at("domains.1.domain", '"a.example" is used more than once'),
    ],
    [
      "two primary domains",
      app({
        domains: [
          { domain: "a.example", type: "PRIMARY" },
          { domain: "b.example", type: "PRIMARY" },
        ],
      }),
      at("domains", "only one domain can be the PRIMARY one"),
    ],
    [
      "a route to an unknown component",
      app({ ingress: { rules: [{ component: { name: "web" } }] } }),
      at("ingress.rules.0.component.name", '"web" is no service, static site or function'),
    ],
    [
      "a route without a component or redirect",
      app({ ingress: { rules: [{ match: { path: { prefix: "/" } } }] } }),
      at("ingress.rules.0", "must have either a component or a redirect"),
    ],
    [
      "a duplicate route",
      app({ ingress: { rules: [{ component: { name: "api" } }, { component: { name: "api" } }] } }),
      at("ingress.rules.1.match", "the same path is matched by another rule"),
    ],
    [
      "a scheduled job without a schedule",
      app({ jobs: [{ name: "job", kind: "SCHEDULED", ...source }] }),
      at("jobs.0.schedule", "is required for a SCHEDULED job"),
    ],
    [
      "an image with both tag and digest",
      app({ services: [{ name: "api", image: { registry_type: "DOCR", repository: "api", tag: "1", digest: "sha256:0" } }] }),
      at("services.0.image", "tag and digest exclude each other"),
    ],
    ["services that are not a list", app({ services: "api" }), at("services", "Invalid input: expected array, received string")],
    ["a missing spec", {}, "422 spec is required"],
  ];
  for (const [what, request, reply] of cases) {
    it(`${what}, when proposed and when created`, async () => {
      const api = await startTestApi();
      for (const path of ["/v2/apps", "/v2/apps/propose"]) {
        const { status, body } = await api.callInvalid("POST", path, request);
        const given = `${status} ${body.message}`;
        expect(given).toContain(reply);
      }
      expect((await api.call("GET", "/v2/apps")).body.meta.total).toBe(0);
    });
  }

  it("a database, user or engine that its cluster does not have, and a VPC in another region", async () => {
    const api = await startTestApi();
    await createCluster(api);
    await createCluster(api, VALKEY);
    const database = { name: "db", engine: "PG", production: true, cluster_name: "pg-test" };
    const rejection = async (more: object) => (await api.callInvalid("POST", "/v2/apps", app(more))).body.message;
    expect(await rejection({ databases: [{ ...database, db_name: "nope" }] })).toContain('database "nope" not found in cluster pg-test');
    expect(await rejection({ databases: [{ ...database, db_user: "nope" }] })).toContain('user "nope" not found in cluster pg-test');
    expect(await rejection({ databases: [{ ...database, cluster_name: "valkey-test" }] })).toContain(
      "cluster valkey-test runs valkey, not PG",
    );
    const vpc = (await api.call("POST", "/v2/vpcs", { name: "net", region: "fra1" })).body.vpc;
    expect(await rejection({ vpc: { id: vpc.id } })).toContain("VPC net is in fra1, an app in nyc can use one in nyc1 or nyc3");
  });

  it("a name or domain of another app, but not for its own", async () => {
    const api = await startTestApi();
    const domains = [{ domain: "shop.example", type: "PRIMARY" }];
    const { id } = await createApp(api, app({ domains }));
    const taken = await api.callInvalid("POST", "/v2/apps", app());
    expect([taken.status, taken.body.message]).toEqual([409, "app name already exists"]);
    expect((await api.call("POST", "/v2/apps/propose", app())).body).toMatchObject({
      app_name_available: false,
      app_name_suggestion: "shop-2",
    });
    const domain = await api.callInvalid("POST", "/v2/apps", app({ name: "other", domains }));
    expect(domain.body.message).toBe('error validating app spec field "domains.0.domain": "shop.example" is in use by app shop');
    expect((await api.call("PUT", `/v2/apps/${id}`, app({ domains }))).status).toBe(200);
  });
});

describe("an app", () => {
  it("gets defaults for port, scope, job kind and ingress, but not for instance size or count", async () => {
    const { spec } = await createApp(
      await startTestApi(),
      app({
        region: undefined,
        services: [{ ...service, envs: [{ key: "A", value: "1" }] }],
        static_sites: [{ name: "site", ...source }],
        workers: [{ name: "worker", ...source }],
        jobs: [{ name: "job", ...source }],
      }),
    );
    expect(spec.region).toBe("nyc");
    expect(spec.services[0]).toEqual({
      ...service,
      http_port: 8080,
      envs: [{ key: "A", value: "1", scope: "RUN_AND_BUILD_TIME" }],
    });
    expect(spec.workers[0]).toEqual({ name: "worker", ...source });
    expect(spec.jobs[0]).toEqual({ name: "job", ...source, kind: "POST_DEPLOY" });
    expect(spec.ingress.rules).toEqual([
      { match: { path: { prefix: "/" } }, component: { name: "api" } },
      { match: { path: { prefix: "/site" } }, component: { name: "site" } },
    ]);
  });

  it("with a datacenter as its region gets the App Platform region of that datacenter", async () => {
    const { body } = await (await startTestApi()).callInvalid("POST", "/v2/apps", app({ region: "ams3" }));
    expect([body.app.spec.region, body.app.region.slug]).toEqual(["ams", "ams"]);
  });

  it("without routable components has an empty ingress", async () => {
    const { spec } = await createApp(await startTestApi(), { spec: { name: "shop", workers: [service] } });
    expect(spec.ingress).toEqual({});
  });

  it("assigns a route that two components declare to the first", async () => {
    const routes = [{ path: "/" }];
    const created = await createApp(
      await startTestApi(),
      app({ services: [{ ...service, routes }], static_sites: [{ name: "site", ...source, routes }] }),
    );
    expect(created.spec.ingress.rules).toEqual([{ match: { path: { prefix: "/" } }, component: { name: "api" } }]);
  });

  it("keeps a reference to an undeclared component unchanged, and logs it", async () => {
    const notes: string[] = [];
    const api = await startTestApi({ note: (line) => notes.push(line) });
    const { id } = await createApp(api, withEnvs({ key: "URL", value: "${db.DATABASE_URL}" }));
    await api.cloud.idle();
    expect(resolveComponentEnv(api.cloud, id, "api").URL).toBe("${db.DATABASE_URL}");
    expect(notes).toEqual([
      "app shop: URL in services.0.envs refers to ${db.DATABASE_URL}, and the spec declares no such component or database",
    ]);
  });

  it("derives its ingress from deprecated routes, and keeps an ingress that is set", async () => {
    const api = await startTestApi();
    const routed = await createApp(api, withService({ routes: [{ path: "/v1" }, { path: "/v2" }] }));
    expect(routed.spec.ingress.rules.map(({ match }: { match: { path: object } }) => match.path)).toEqual([
      { prefix: "/v1" },
      { prefix: "/v2" },
    ]);
    const rules = [{ component: { name: "api" }, match: { path: { prefix: "/api" } } }];
    expect((await createApp(api, app({ name: "other", ingress: { rules } }))).spec.ingress.rules).toEqual(rules);
  });

  it("returns type GENERAL if it was sent, or never, because DigitalOcean is not consistent", async () => {
    const sent = { key: "A", value: "1", scope: "RUN_TIME", type: "GENERAL" };
    expect((await createApp(await startTestApi(), withEnvs(sent))).spec.services[0].envs).toEqual([sent]);
    const api = await startTestApi({ echoGeneralType: false });
    const { spec } = await createApp(api, withEnvs(sent));
    expect(spec.services[0].envs).toEqual([{ key: "A", value: "1", scope: "RUN_TIME" }]);
  });

  it("is replaced as a whole by an update: omitted fields are removed", async () => {
    const api = await startTestApi();
    const { id } = await createApp(api, withService({ http_port: 3000, health_check: { http_path: "/health" } }));
    const { spec } = (await api.call("PUT", `/v2/apps/${id}`, app())).body.app;
    expect(spec.services[0]).not.toHaveProperty("health_check");
    expect(spec.services[0].http_port).toBe(8080);
  });

  it("has a pending deployment, and an address when the deployment is active", async () => {
    const api = await startTestApi();
    const created = await createApp(api);
    expect(created.pending_deployment.progress.steps.map(({ status }: { status: string }) => status)).toEqual(["RUNNING", "PENDING"]);
    expect(created).not.toHaveProperty("default_ingress");
    const { deployment } = (await api.call("GET", `/v2/apps/${created.id}/deployments/${created.pending_deployment.id}`)).body;
    expect([deployment.phase, deployment.progress.error_steps]).toEqual(["ACTIVE", 0]);
    const read = (await api.call("GET", `/v2/apps/${created.id}`)).body.app;
    expect(read.default_ingress).toMatch(/^https:\/\/shop-[a-z0-9]{5}\.ondigitalocean\.test$/);
    expect([read.live_url, read.active_deployment.id]).toEqual([read.default_ingress, created.pending_deployment.id]);
  });

  it("is a member of its VPC, gets requested dedicated addresses, and its domains become active", async () => {
    const api = await startTestApi();
    const vpc = (await api.call("POST", "/v2/vpcs", { name: "net", region: "nyc3" })).body.vpc;
    const more = { vpc: { id: vpc.id }, egress: { type: "DEDICATED_IP" }, domains: [{ domain: "shop.example", type: "PRIMARY" }] };
    const { id } = await createApp(api, app(more));
    const read = (await api.call("GET", `/v2/apps/${id}`)).body.app;
    expect(read).toMatchObject({
      vpc: { id: vpc.id },
      live_url: "https://shop.example",
      live_domain: "shop.example",
      domains: [{ phase: "ACTIVE" }],
    });
    expect(read.dedicated_ips.map(({ status }: { status: string }) => status)).toEqual(["ASSIGNED", "ASSIGNED"]);
    expect((await api.call("GET", `/v2/vpcs/${vpc.id}/members`)).body.members).toMatchObject([{ urn: `do:app:${id}`, name: "shop" }]);
  });

  it("reports its cost, its instances and their health", async () => {
    const api = await startTestApi();
    const sized = app({
      services: [{ ...service, instance_size_slug: "apps-s-1vcpu-1gb", instance_count: 2 }],
      workers: [{ name: "worker", ...source }],
      static_sites: [{ name: "site", ...source }],
    });
    expect((await api.call("POST", "/v2/apps/propose", sized)).body).toMatchObject({
      app_cost: 29,
      app_is_static: false,
      app_name_available: true,
    });
    const { id } = await createApp(api, sized);
    const { instances } = (await api.call("GET", `/v2/apps/${id}/instances`)).body;
    expect(instances.map(({ instance_alias }: { instance_alias: string }) => instance_alias)).toEqual(["api-0", "api-1", "worker-0"]);
    expect((await api.call("GET", `/v2/apps/${id}/health`)).body.app_health.components).toMatchObject([
      { name: "api", replicas_desired: 2, state: "HEALTHY" },
      { name: "worker", replicas_desired: 1, state: "HEALTHY" },
    ]);
    const sizes = (await api.call("GET", "/v2/apps/tiers/instance_sizes")).body.instance_sizes;
    expect(sizes[2]).toMatchObject({
      slug: "apps-s-1vcpu-1gb",
      usd_per_month: "12.00",
      usd_per_second: "0.000004960317",
      memory_bytes: "1073741824",
    });
    expect((await api.call("GET", "/v2/apps/tiers/instance_sizes/apps-d-1vcpu-2gb")).body.instance_size.scalable).toBe(true);
    expect((await api.callInvalid("GET", "/v2/apps/tiers/instance_sizes/huge")).status).toBe(404);
    expect((await api.call("GET", "/v2/apps/regions")).body.regions.find(({ slug }: { slug: string }) => slug === "nyc").default).toBe(
      true,
    );
  });
});

describe("a secret variable", () => {
  const secret = (value: string) => withEnvs({ key: "TOKEN", value, scope: "RUN_TIME", type: "SECRET" });
  const tokenOf = (body: { app: { spec: { services: { envs: { value: string }[] }[] } } }) => body.app.spec.services[0]!.envs[0]!.value;

  it("is returned encrypted: with a new value if its plaintext is sent, unchanged if the encrypted value is sent", async () => {
    const api = await startTestApi();
    const { id } = await createApp(api, secret("s3cret"));
    const path = `/v2/apps/${id}`;
    const first = tokenOf((await api.call("GET", path)).body);
    expect(first).toMatch(/^EV\[1:[^:]{32}:[^\]]+\]$/);
    expect(tokenOf((await api.call("GET", path)).body)).toBe(first);
    expect(tokenOf((await api.call("PUT", path, secret(first))).body)).toBe(first);
    const second = tokenOf((await api.call("PUT", path, secret("s3cret"))).body);
    expect(second).not.toBe(first);
    expect(resolveComponentEnv(api.cloud, id, "api").TOKEN).toBe("s3cret");
  });

  it("is rejected if it was encrypted for another app or not by this cloud", async () => {
    const api = await startTestApi();
    const sealed = (await createApp(api, secret("s3cret"))).spec.services[0].envs[0].value;
    const other = await createApp(api, app({ name: "other" }));
    for (const value of [sealed, "EV[1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAA]"]) {
      const request = { spec: { ...secret(value).spec, name: "other" } };
      const { status, body } = await api.callInvalid("PUT", `/v2/apps/${other.id}`, request);
      expect([status, body.message]).toEqual([
        400,
        'error validating app spec field "services.0.envs": secret env value of "TOKEN" was not encrypted for this app',
      ]);
    }
  });

  it("appears in no reply and in no state file in plaintext", async () => {
    const api = await startTestApi();
    const credentials = {
      image: { registry_type: "GHCR", registry: "acme", repository: "api", registry_credentials: "me:pl41n-credentials" },
    };
    const envs = [{ key: "TOKEN", value: "pl41n-token", type: "SECRET" }];
    const { id } = await createApp(api, { spec: { name: "shop", envs, services: [{ name: "api", ...credentials }] } });
    const pages = ["/v2/apps", `/v2/apps/${id}`, `/v2/apps/${id}/deployments`];
    const seen = await Promise.all(pages.map(async (page) => JSON.stringify((await api.call("GET", page)).body)));
    expect(seen.join("")).not.toContain("pl41n");
    expect(JSON.stringify(api.cloud.store.collection("apps").all())).not.toContain("pl41n");
    expect(JSON.stringify(api.cloud.store.collection("deployments").all())).not.toContain("pl41n");
    expect(resolveComponentEnv(api.cloud, id, "api").TOKEN).toBe("pl41n-token");
  });
});

describe("deployments", () => {
  it("are created by every update and restart, listed newest first, and limited to the newest 50", async () => {
    const api = await startTestApi();
    const { id } = await createApp(api);
    await api.call("PUT", `/v2/apps/${id}`, app());
    await api.call("POST", `/v2/apps/${id}/deployments`, { force_build: true });
    await api.call("POST", `/v2/apps/${id}/restart`, { components: ["api"] });
    const { deployments, meta } = (await api.call("GET", `/v2/apps/${id}/deployments?per_page=20`)).body;
    expect(deployments.map(({ cause }: { cause: string }) => cause)).toEqual(["restart", "manual", "app spec updated", "app spec created"]);
    expect(meta.total).toBe(4);
    // The Go client sends null for a request without options.
    for (const verb of ["deployments", "restart"]) expect((await api.callInvalid("POST", `/v2/apps/${id}/${verb}`, null)).status).toBe(200);
    expect((await api.callInvalid("POST", `/v2/apps/${id}/restart`, { components: ["nope"] })).body.message).toBe(
      'app shop has no component "nope"',
    );
    for (let round = 0; round < 60; round++) await api.call("POST", `/v2/apps/${id}/deployments`, {});
    expect((await api.call("GET", `/v2/apps/${id}/deployments`)).body.meta.total).toBe(50);
  });

  it("link to the log of each component, and the link works without the token of the account", async () => {
    const readLog = async (app: string, component: string, type: string) => `${type} log of ${component} in ${app}\n`;
    const api = await startTestApi({ backing: { ...recordOnly, readLog } });
    const { id, pending_deployment } = await createApp(api);
    await api.cloud.idle();
    const links = async (path: string) => (await api.call("GET", `/v2/apps/${id}/${path}`)).body.historic_urls;
    const [link] = await links("components/api/logs?type=RUN");
    expect(await links(`deployments/${pending_deployment.id}/components/api/logs?type=RUN`)).toEqual([link]);
    expect(await (await fetch(link)).text()).toBe(`RUN log of api in ${id}\n`);
    const [restarts] = await links("components/api/logs?type=RUN_RESTARTED");
    expect(await (await fetch(restarts)).text()).toBe(`RUN_RESTARTED log of api in ${id}\n`);
    expect(await links("components/api/logs?type=BUILD")).toEqual([]);
    expect((await api.callInvalid("GET", `/v2/apps/${id}/components/web/logs?type=RUN`)).body.message).toContain('no component "web"');
    expect((await api.callInvalid("GET", `/v2/apps/${id}/components/api/logs`)).body.message).toContain("type must be one of BUILD");
    for (const forged of [
      link.replace("/api/", "/web/"),
      link.replace("/RUN/", "/RUN_RESTARTED/"),
      link.slice(0, -1),
      `${link}0`,
      link.replace(/[^/]+$/, ""),
    ])
      expect((await fetch(forged)).status).toBe(404);
  });

  it("can be rolled back to, which pins the app until the rollback is committed or reverted", async () => {
    const api = await startTestApi();
    const { id, pending_deployment } = await createApp(api, withService({ http_port: 3000 }));
    await api.cloud.idle();
    await api.call("PUT", `/v2/apps/${id}`, withService({ http_port: 4000 }));
    await api.cloud.idle();
    const port = async () => (await api.call("GET", `/v2/apps/${id}`)).body.app.spec.services[0].http_port;
    const back = { deployment_id: pending_deployment.id, skip_pin: false };
    expect((await api.call("POST", `/v2/apps/${id}/rollback/validate`, back)).body).toEqual({ valid: true, warnings: [] });
    expect((await api.call("POST", `/v2/apps/${id}/rollback`, back)).body.deployment.cloned_from).toBe(pending_deployment.id);
    expect(await port()).toBe(3000);
    const pinned = await api.callInvalid("PUT", `/v2/apps/${id}`, app());
    expect([pinned.status, pinned.body.message]).toEqual([
      409,
      "app is pinned to a rolled back deployment; commit or revert the rollback first",
    ]);
    await api.call("POST", `/v2/apps/${id}/rollback/revert`);
    expect(await port()).toBe(4000);
    await api.call("POST", `/v2/apps/${id}/rollback`, back);
    await api.call("POST", `/v2/apps/${id}/rollback/commit`);
    expect((await api.callInvalid("POST", `/v2/apps/${id}/rollback/commit`)).status).toBe(412);
    expect((await api.call("PUT", `/v2/apps/${id}`, app())).status).toBe(200);
  });
});

describe("an app's alerts", () => {
  it("are those of its spec, and keep their destinations when the spec changes", async () => {
    const api = await startTestApi();
    const cpu = { rule: "CPU_UTILIZATION", operator: "GREATER_THAN", value: 80, window: "FIVE_MINUTES" };
    const alerted = (value: number) =>
      app({ alerts: [{ rule: "DEPLOYMENT_FAILED" }], services: [{ ...service, alerts: [{ ...cpu, value }] }] });
    const { id } = await createApp(api, alerted(80));
    const alerts = async () => (await api.call("GET", `/v2/apps/${id}/alerts`)).body.alerts;
    const [failed, busy] = await alerts();
    expect(busy).toMatchObject({ component_name: "api", spec: cpu, emails: [] });
    const destinations = { emails: ["ops@example.com"], slack_webhooks: [{ url: "https://hooks.slack.com/services/x", channel: "ops" }] };
    const updated = await api.call("POST", `/v2/apps/${id}/alerts/${failed.id}/destinations`, destinations);
    expect(updated.body.alert).toMatchObject({ id: failed.id, ...destinations });
    await api.call("PUT", `/v2/apps/${id}`, alerted(90));
    expect((await alerts())[0]).toMatchObject({ id: failed.id, ...destinations });
    expect((await alerts())[1].spec.value).toBe(90);
    expect((await api.callInvalid("POST", `/v2/apps/${id}/alerts/nope/destinations`, destinations)).status).toBe(404);
    expect(
      (await api.callInvalid("POST", `/v2/apps/${id}/alerts/${failed.id}/destinations`, { emails: ["not-an-address"] })).body.message,
    ).toBe('"not-an-address" is not an email address');
  });
});

describe("references in a spec", () => {
  it("to the app's own databases, pools and components are accepted", async () => {
    const api = await startTestApi();
    const id = await createCluster(api, POSTGRES);
    await createCluster(api, VALKEY);
    await api.call("POST", `/v2/databases/${id}/pools`, { name: "web", mode: "transaction", size: 5, db: "defaultdb", user: "doadmin" });
    const values = [
      "${db.DATABASE_URL}",
      "${db.web.DATABASE_URL}",
      "${cache.HOSTNAME}",
      "${_self.PRIVATE_URL}",
      "${APP_URL}",
      "${ANYTHING}",
      "${not.a_reference}",
    ];
    const created = await createApp(api, {
      spec: {
        name: "shop",
        services: [{ ...service, envs: values.map((value, index) => ({ key: `V${index}`, value, scope: "RUN_TIME" })) }],
        databases: [
          { name: "db", engine: "PG", production: true, cluster_name: "pg-test", db_name: "defaultdb", db_user: "doadmin" },
          { name: "cache", engine: "VALKEY", production: true, cluster_name: "valkey-test" },
        ],
      },
    });
    expect(created.spec.services[0].envs.map(({ value }: { value: string }) => value)).toEqual(values);
    expect(resolveComponentEnv(api.cloud, created.id, "api").V1).toMatch(/:25061\/web\?sslmode=require$/);
  });
});

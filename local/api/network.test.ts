import { describe, expect, it } from "vitest";
import { createCluster, POSTGRES, startTestApi, type TestApi } from "./testing/api.ts";

async function rejectionOf({ callInvalid }: TestApi, method: string, path: string, body?: unknown) {
  const reply = await callInvalid(method, path, body);
  return `${reply.status} ${reply.body.message}`;
}

describe("a VPC", () => {
  const vpc = { name: "net", region: "nyc3", ip_range: "10.10.0.0/20" };

  it("is rejected if its name, region or address range is invalid", async () => {
    const api = await startTestApi();
    await api.call("POST", "/v2/vpcs", vpc);
    const rejection = (change: object) =>
      rejectionOf(api, "POST", "/v2/vpcs", { ...vpc, name: "other", ip_range: "10.20.0.0/20", ...change });
    expect(await rejection({ name: "net" })).toBe("422 name has already been taken");
    expect(await rejection({ name: "a b" })).toBe("422 name: may only contain letters, digits, periods and dashes");
    expect(await rejection({ region: "nyc" })).toBe("422 Region is not available");
    expect(await rejection({ ip_range: "10.10.8.0/24" })).toBe(
      "422 This range/size overlaps with another VPC network in your account. Please enter an alternate range/size",
    );
    expect(await rejection({ ip_range: "8.8.8.0/24" })).toMatch(/^422 ip_range must be within a private network/);
    expect(await rejection({ ip_range: "10.20.0.0/8" })).toBe("422 ip_range must be between /16 and /28");
    expect(await rejection({ ip_range: "10.20.0.1/20" })).toBe("422 ip_range must begin at the first address of its network");
    expect(await rejection({ ip_range: "ten" })).toBe("422 ip_range is not a valid CIDR");
  });

  it("gets a free range if it names none, and rejects a range in use", async () => {
    const { call } = await startTestApi();
    const ranges = [];
    for (const name of ["a", "b", "c"]) ranges.push((await call("POST", "/v2/vpcs", { name, region: "nyc3" })).body.vpc.ip_range);
    expect(ranges).toEqual(["10.100.0.0/20", "10.100.16.0/20", "10.100.32.0/20"]);
  });

  it("cannot be deleted while it has members, or if it is the default of its region", async () => {
    const api = await startTestApi();
    const { id } = (await api.call("POST", "/v2/vpcs", vpc)).body.vpc;
    const cluster = await createCluster(api, { ...POSTGRES, private_network_uuid: id });
    expect((await api.call("GET", `/v2/vpcs/${id}/members?resource_type=dbaas`)).body.members).toMatchObject([
      { urn: `do:dbaas:${cluster}` },
    ]);
    expect(await rejectionOf(api, "DELETE", `/v2/vpcs/${id}`)).toMatch(
      /^409 Can not delete VPC with members: \S+ \(do:dbaas:[0-9a-f-]{36}\)$/,
    );
    await api.call("DELETE", `/v2/databases/${cluster}`);
    await api.call("PUT", `/v2/vpcs/${id}`, { name: "net", description: "ours", default: true });
    expect(await rejectionOf(api, "DELETE", `/v2/vpcs/${id}`)).toBe("403 Can not delete default VPCs");
    const second = (await api.call("POST", "/v2/vpcs", { name: "net-2", region: "nyc3" })).body.vpc;
    await api.call("PATCH", `/v2/vpcs/${second.id}`, { default: true });
    expect((await api.call("DELETE", `/v2/vpcs/${id}`)).status).toBe(204);
  });
});

describe("a project", () => {
  const project = { name: "shop", purpose: "Web Application", environment: "Staging" };

  it("exists by default, and exactly one is the default project", async () => {
    const api = await startTestApi();
    const first = (await api.call("GET", "/v2/projects/default")).body.project;
    expect(first).toMatchObject({ is_default: true, environment: "Development" });
    const { id } = (await api.call("POST", "/v2/projects", project)).body.project;
    await api.call("PATCH", `/v2/projects/${id}`, { is_default: true });
    const all = (await api.call("GET", "/v2/projects")).body.projects;
    expect(all.filter(({ is_default }: { is_default: boolean }) => is_default)).toMatchObject([{ id }]);
    expect(await rejectionOf(api, "DELETE", `/v2/projects/${id}`)).toBe("403 cannot delete the default project");
    expect(await rejectionOf(api, "PATCH", "/v2/projects/default", { is_default: false })).toMatch(
      /^422 the default project cannot be unset/,
    );
    const whole = { name: "main", description: "all of it", purpose: "IoT", environment: "Production", is_default: true };
    expect((await api.call("PUT", "/v2/projects/default", whole)).body.project).toMatchObject(whole);
  });

  it("marks a custom purpose, and rejects a duplicate name or an unknown environment", async () => {
    const api = await startTestApi();
    expect((await api.call("POST", "/v2/projects", { ...project, purpose: "selling shoes" })).body.project.purpose).toBe(
      "Other: selling shoes",
    );
    expect(await rejectionOf(api, "POST", "/v2/projects", project)).toBe("409 name is already in use");
    expect(await rejectionOf(api, "POST", "/v2/projects", { ...project, name: "b", environment: "Test" })).toMatch(/^422 environment: /);
    expect(await rejectionOf(api, "POST", "/v2/projects", { name: "b" })).toBe("422 purpose is required");
  });

  it("holds resources of every type, reports unknown ones, and cannot be deleted while it has resources", async () => {
    const api = await startTestApi();
    const { id } = (await api.call("POST", "/v2/projects", project)).body.project;
    const cluster = await createCluster(api);
    const spec = { name: "shop", services: [{ name: "api", github: { repo: "a/b", branch: "main" } }] };
    const app = (await api.call("POST", "/v2/apps", { spec, project_id: id })).body.app;
    await api.call("POST", "/v2/domains", { name: "shop.example" });
    const path = `/v2/projects/${id}/resources`;
    const urns = [`do:dbaas:${cluster}`, `do:app:${app.id}`, "do:domain:shop.example", "do:space:nope"];
    const assigned = (await api.call("POST", path, { resources: urns })).body.resources;
    expect(assigned.map(({ status }: { status: string }) => status)).toEqual(["assigned", "already_assigned", "assigned", "not_found"]);
    expect((await api.call("GET", path)).body.resources.map(({ urn }: { urn: string }) => urn).sort()).toEqual(urns.slice(0, 3).sort());
    expect((await api.call("GET", `/v2/databases/${cluster}`)).body.database.project_id).toBe(id);
    expect(await rejectionOf(api, "DELETE", `/v2/projects/${id}`)).toMatch(/^412 cannot delete a project with resources/);
    expect(await rejectionOf(api, "POST", path, { resources: ["do:droplet:1"] })).toMatch(/^422 resource types must be one of/);
    await api.call("POST", "/v2/projects/default/resources", { resources: urns.slice(0, 3) });
    expect((await api.call("DELETE", `/v2/projects/${id}`)).status).toBe(204);
  });
});

describe("a domain", () => {
  it("has SOA and NS records from the start, and an address record if an address is given", async () => {
    const { call } = await startTestApi();
    const { domain } = (await call("POST", "/v2/domains", { name: "shop.example", ip_address: "2001:db8::1" })).body;
    expect(domain.zone_file).toContain("shop.example. IN NS ns1.digitalocean.com");
    const records = (await call("GET", "/v2/domains/shop.example/records")).body.domain_records;
    expect(records.map(({ type }: { type: string }) => type)).toEqual(["SOA", "NS", "NS", "NS", "AAAA"]);
    expect((await call("GET", "/v2/domains/shop.example/records?type=NS")).body.meta.total).toBe(3);
  });

  it("stores names relative to the zone, and the fields of each record type", async () => {
    const api = await startTestApi();
    await api.call("POST", "/v2/domains", { name: "shop.example" });
    const path = "/v2/domains/shop.example/records";
    const create = async (record: object) => (await api.call("POST", path, record)).body.domain_record;
    expect(await create({ type: "CNAME", name: "www", data: "shop.example." })).toMatchObject({
      data: "@",
      ttl: 1800,
      priority: null,
    });
    expect(await create({ type: "A", name: "api.shop.example.", data: "192.0.2.1" })).toMatchObject({ name: "api" });
    expect(await create({ type: "TXT", name: "shop.example.", data: "x" })).toMatchObject({ name: "@" });
    expect(await create({ type: "MX", data: "mail.example.", priority: 10 })).toMatchObject({
      name: "@",
      data: "mail.example",
      priority: 10,
    });
    expect(await create({ type: "SRV", name: "_sip", data: "sip", priority: 1, port: 5060, flags: 0, tag: "" })).toMatchObject({
      port: 5060,
      weight: 0,
    });
    expect((await api.call("GET", `${path}?name=www.shop.example`)).body.domain_records).toHaveLength(1);
    expect(await rejectionOf(api, "POST", path, { type: "A", name: "x", data: "not an address" })).toMatch(
      /^422 IP address did not match IPv4 format/,
    );
    expect(await rejectionOf(api, "POST", path, { type: "A", name: "x" })).toBe("422 Data is required for A records");
    expect(await rejectionOf(api, "POST", path, { type: "MX", data: "mail" })).toBe("422 Priority is required for MX records");
    expect(await rejectionOf(api, "POST", path, { type: "A", name: "www", data: "10.0.0.1" })).toBe(
      "422 CNAME records cannot share a name with other records",
    );
    expect(await rejectionOf(api, "POST", path, { type: "MX", data: "mail.example", priority: 10 })).toBe("422 Record already exists");
    expect(await rejectionOf(api, "POST", "/v2/domains", { name: "shop.example" })).toBe("422 Domain name already exists.");
    expect(await rejectionOf(api, "POST", "/v2/domains", { name: "no dots" })).toBe("422 name: must be a domain name in lower case");
    const soa = (await api.call("GET", `${path}?type=SOA`)).body.domain_records[0].id;
    expect(await rejectionOf(api, "DELETE", `${path}/${soa}`)).toBe("403 SOA records cannot be deleted");
  });
});

describe("monitoring", () => {
  it("reports an enabled check as up, and deletes its alerts with it", async () => {
    const { call, callInvalid } = await startTestApi();
    const check = { name: "site", type: "https", target: "https://example.com", regions: ["us_east", "eu_west"], enabled: true };
    const { id } = (await call("POST", "/v2/uptime/checks", check)).body.check;
    const { state } = (await call("GET", `/v2/uptime/checks/${id}/state`)).body;
    expect([state.regions.us_east.status, state.regions.eu_west.status]).toEqual(["UP", "UP"]);
    // The provider sends "" as the comparison of a "down" alert.
    const down = { name: "down", type: "down", period: "2m", comparison: "", notifications: { email: [], slack: null } };
    const alert = (await callInvalid("POST", `/v2/uptime/checks/${id}/alerts`, down)).body.alert;
    expect(alert).toEqual({ id: alert.id, name: "down", type: "down", period: "2m", notifications: { email: [], slack: [] } });
    await call("DELETE", `/v2/uptime/checks/${id}`);
    expect((await callInvalid("GET", `/v2/uptime/checks/${id}/alerts/${alert.id}`)).status).toBe(404);
  });

  it("rejects unknown metrics, unknown check types and invalid email addresses", async () => {
    const api = await startTestApi();
    const policy = {
      type: "v1/dbaas/alerts/cpu_alerts",
      description: "",
      compare: "GreaterThan",
      value: 80,
      window: "5m",
      entities: [],
      tags: [],
      enabled: true,
    };
    const alerts = { email: [], slack: [] };
    expect(await rejectionOf(api, "POST", "/v2/monitoring/alerts", { ...policy, type: "v1/moods", alerts })).toBe(
      "422 type: is no metric that can be watched",
    );
    expect(await rejectionOf(api, "POST", "/v2/monitoring/alerts", { ...policy, alerts: { email: ["not-an-address"] } })).toMatch(
      /^422 alerts\.email\.0: /,
    );
    expect(await rejectionOf(api, "POST", "/v2/uptime/checks", { name: "a", type: "smell", target: "x" })).toMatch(/^422 type: /);
  });
});

describe("a Spaces key", () => {
  it("returns its secret once, and rejects invalid grants", async () => {
    const api = await startTestApi();
    const created = (await api.call("POST", "/v2/spaces/keys", { name: "all", grants: [{ bucket: "", permission: "fullaccess" }] })).body
      .key;
    expect(created.access_key).toMatch(/^DO[A-Z0-9]{18}$/);
    expect(created.secret_key).toMatch(/^[\w-]{43}$/);
    expect((await api.call("GET", `/v2/spaces/keys/${created.access_key}`)).body.key).not.toHaveProperty("secret_key");
    expect((await api.call("GET", "/v2/spaces/keys?name=all")).body.keys).toHaveLength(1);
    const rejection = (bucket: string, permission: string) =>
      rejectionOf(api, "POST", "/v2/spaces/keys", { name: "b", grants: [{ bucket, permission }] });
    expect(await rejection("backups", "fullaccess")).toBe("400 fullaccess is for all buckets: leave the bucket empty");
    expect(await rejection("", "read")).toBe("400 read needs a bucket");
    expect(await rejection("backups", "read")).toBe("400 bucket backups does not exist");
    expect(await rejection("backups", "own")).toMatch(/^422 grants\.0\.permission: /);
  });
});

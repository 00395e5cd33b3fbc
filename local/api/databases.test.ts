import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { recordOnly } from "../cloud/record-only.ts";
import { createCluster, POSTGRES, startTestApi, type TestApi, VALKEY } from "./testing/api.ts";

const rule = (value: string, type = "ip_addr") => ({ rules: [{ type, value }] });
const pool = { name: "web", mode: "transaction", size: 10, db: "defaultdb", user: "doadmin" };

/** Available versions depend on the date. */
const now = () => Date.parse("2026-11-20T12:00:00Z");

/** Sends an invalid request and returns the status and message of the reply. */
async function rejectionOf({ callInvalid }: TestApi, method: string, path: string, body?: unknown) {
  const reply = await callInvalid(method, path, body);
  return `${reply.status} ${reply.body.message}`;
}

describe("creating a cluster is rejected for", () => {
  const cases: readonly (readonly [what: string, change: object, reply: string])[] = [
    [
      "the retired redis engine",
      { engine: "redis", version: "7" },
      "422 redis is no longer available for new clusters (since 2025-04-30), use valkey",
    ],
    ["an unsupported engine", { engine: "mysql" }, '422 invalid engine "mysql": this cloud runs pg and valkey'],
    ["a version that is not offered", { version: "12" }, '422 invalid version "12" for pg: must be one of 15, 16, 17'],
    ["an unknown region", { region: "sjc1" }, "422 invalid region"],
    ["an app region instead of a datacenter", { region: "nyc" }, "422 invalid region"],
    ["an unknown size", { size: "db-s-64vcpu-1tb" }, "422 invalid size"],
    [
      "two nodes of 1 GiB",
      { size: "db-s-1vcpu-1gb", num_nodes: 2 },
      "422 invalid size: db-s-1vcpu-1gb comes in one node only, 2 nodes need at least db-s-1vcpu-2gb",
    ],
    ["no node", { num_nodes: 0 }, "422 invalid num_nodes: must be from 1 to 3"],
    ["four nodes", { num_nodes: 4 }, "422 invalid num_nodes: must be from 1 to 3"],
    [
      "a name with an underscore",
      { name: "my_pg" },
      "422 invalid cluster name: 3 to 63 lower-case letters, digits and dashes, beginning with a letter",
    ],
    ["less storage than the plan has", { storage_size_mib: 1024 }, "422 invalid storage_size_mib: db-s-1vcpu-2gb comes with 30720"],
    [
      "a VPC that does not exist",
      { private_network_uuid: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" },
      "404 The resource you were accessing could not be found.",
    ],
    ["a project that does not exist", { project_id: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" }, "404 project not found"],
    ["an IPv6 firewall rule", rule("2001:db8::1"), '422 invalid firewall rule: "2001:db8::1" is no ip_addr (IPv6 is not supported)'],
    ["a node count that is not a number", { num_nodes: "two" }, "422 num_nodes: Invalid input: expected number, received string"],
  ];
  for (const [what, change, reply] of cases) {
    it(`${what}, and nothing is created`, async () => {
      const api = await startTestApi({ now });
      expect(await rejectionOf(api, "POST", "/v2/databases", { ...POSTGRES, ...change })).toBe(reply);
      expect((await api.call("GET", "/v2/databases")).body.databases).toEqual([]);
    });
  }

  it("the name of another cluster, a missing field, and a VPC in another region", async () => {
    const api = await startTestApi();
    await createCluster(api);
    expect(await rejectionOf(api, "POST", "/v2/databases", POSTGRES)).toBe("422 cluster name is not available");
    const { region: _, ...rest } = POSTGRES;
    expect(await rejectionOf(api, "POST", "/v2/databases", rest)).toBe("422 region is required");
    const vpc = (await api.call("POST", "/v2/vpcs", { name: "ams", region: "ams3" })).body.vpc;
    expect(await rejectionOf(api, "POST", "/v2/databases", { ...POSTGRES, name: "other", private_network_uuid: vpc.id })).toBe(
      "422 invalid private_network_uuid: VPC ams is in ams3, the cluster in nyc3",
    );
  });
});

describe("a cluster", () => {
  it("accepts the Terraform provider's blanks and nulls for unset fields", async () => {
    const api = await startTestApi();
    const providerRequest = { ...POSTGRES, private_network_uuid: "", project_id: "", tags: null, rules: null, storage_size_mib: 0 };
    const { status, body } = await api.callInvalid("POST", "/v2/databases", providerRequest);
    expect([status, body.database.tags, body.database.storage_size_mib]).toEqual([201, [], 30_720]);
    expect(body.database.project_id).toBe((await api.call("GET", "/v2/projects/default")).body.project.id);
    expect(body.database.private_network_uuid).toBe((await api.call("GET", "/v2/vpcs")).body.vpcs[0].id);
  });

  it("is creating in the reply to the create, and online when it is read", async () => {
    const { call } = await startTestApi();
    const { database } = (await call("POST", "/v2/databases", POSTGRES)).body;
    expect(database.status).toBe("creating");
    expect((await call("GET", `/v2/databases/${database.id}`)).body.database.status).toBe("online");
  });

  it("has public and private addresses in its region, and a standby address if it has a standby", async () => {
    const api = await startTestApi();
    const id = await createCluster(api, { ...POSTGRES, num_nodes: 2 });
    const { database } = (await api.call("GET", `/v2/databases/${id}`)).body;
    const { password } = database.connection;
    expect(database.connection.uri).toBe(
      `postgresql://doadmin:${password}@pg-test-do-user-1-0.nyc3.db.ondigitalocean.test:25060/defaultdb?sslmode=require`,
    );
    expect(database.private_connection.host).toBe("private-pg-test-do-user-1-0.nyc3.db.ondigitalocean.test");
    expect(database.standby_connection.host).toBe("replica-pg-test-do-user-1-0.nyc3.db.ondigitalocean.test");
    expect(database.users).toEqual([{ name: "doadmin", role: "primary", password }]);
  });

  it("is found by its tags, as they are added, removed and deleted", async () => {
    const { call, ...api } = await startTestApi();
    const id = await createCluster({ call, ...api }, { ...POSTGRES, tags: ["prod"] });
    const tagged = async (tag: string) => (await call("GET", `/v2/databases?tag_name=${tag}`)).body.databases.length;
    expect([await tagged("prod"), await tagged("dev")]).toEqual([1, 0]);
    await call("POST", "/v2/tags", { name: "dev" });
    const resources = { resources: [{ resource_id: id, resource_type: "database" }] };
    expect((await call("POST", "/v2/tags/dev/resources", resources)).status).toBe(204);
    expect((await call("DELETE", "/v2/tags/prod/resources", resources)).status).toBe(204);
    expect((await call("GET", `/v2/databases/${id}`)).body.database.tags).toEqual(["dev"]);
    expect((await call("GET", "/v2/tags/dev")).body.tag.resources.databases).toEqual({
      count: 1,
      last_tagged_uri: `https://api.digitalocean.com/v2/databases/${id}`,
    });
    await call("DELETE", "/v2/tags/dev");
    expect((await call("GET", `/v2/databases/${id}`)).body.database.tags).toEqual([]);
  });

  it("can grow but not shrink in memory and storage", async () => {
    const api = await startTestApi();
    const id = await createCluster(api, { ...POSTGRES, size: "db-s-2vcpu-4gb" });
    const path = `/v2/databases/${id}/resize`;
    expect((await api.call("PUT", path, { size: "db-s-4vcpu-8gb", num_nodes: 3 })).status).toBe(202);
    expect((await api.call("GET", `/v2/databases/${id}`)).body.database).toMatchObject({ num_nodes: 3, storage_size_mib: 143_360 });
    expect((await api.call("PUT", path, { size: "db-s-4vcpu-8gb", num_nodes: 1, storage_size_mib: 204_800 })).status).toBe(202);
    expect(await rejectionOf(api, "PUT", path, { size: "db-s-1vcpu-2gb", num_nodes: 1 })).toBe(
      "422 cannot resize from db-s-4vcpu-8gb to the smaller db-s-1vcpu-2gb",
    );
    expect(await rejectionOf(api, "PUT", path, { size: "db-s-4vcpu-8gb", num_nodes: 1, storage_size_mib: 143_360 })).toBe(
      "422 storage cannot shrink below 204800 MiB",
    );
  });

  it("migrates to another region, and upgrades but does not downgrade", async () => {
    const api = await startTestApi();
    const id = await createCluster(api, { ...POSTGRES, version: "16" });
    expect((await api.call("PUT", `/v2/databases/${id}/migrate`, { region: "fra1" })).status).toBe(202);
    expect((await api.call("PUT", `/v2/databases/${id}/upgrade`, { version: "17" })).status).toBe(204);
    expect((await api.call("GET", `/v2/databases/${id}`)).body.database).toMatchObject({ region: "fra1", version: "17" });
    expect(await rejectionOf(api, "PUT", `/v2/databases/${id}/upgrade`, { version: "16" })).toBe("422 cannot upgrade from 17 to 16");
    const events = (await api.call("GET", `/v2/databases/${id}/events`)).body.events;
    expect(events.map(({ event_type }: { event_type: string }) => event_type)).toEqual([
      "cluster_update",
      "cluster_update",
      "cluster_create",
    ]);
  });

  it("normalizes its maintenance window and stores its autoscaling settings", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    expect((await api.call("PUT", `/v2/databases/${id}/maintenance`, { day: "Sunday", hour: "4:30" })).status).toBe(204);
    const storage = { enabled: true, threshold_percent: 80, increment_gib: 10 };
    expect((await api.call("PUT", `/v2/databases/${id}/autoscale`, { storage })).status).toBe(204);
    const { database } = (await api.call("GET", `/v2/databases/${id}`)).body;
    expect(database.maintenance_window).toMatchObject({ day: "sunday", hour: "04:30:00" });
    expect(database.storage_autoscale).toEqual(storage);
    expect((await api.call("GET", `/v2/databases/${id}/autoscale`)).body).toEqual({ storage, autoscale: { storage } });
    await api.callInvalid("PUT", `/v2/databases/${id}/autoscale`, { storage: { enabled: true, threshold_percent: 0, increment_gib: 0 } });
    expect((await api.call("GET", `/v2/databases/${id}/autoscale`)).body.storage).toEqual({ enabled: true });
    expect(await rejectionOf(api, "PUT", `/v2/databases/${id}/maintenance`, { day: "someday", hour: "4:30" })).toMatch(/^422 day: /);
  });

  it("returns its CA in base64, one backup per day, and the account's metrics credentials", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    const { certificate } = (await api.call("GET", `/v2/databases/${id}/ca`)).body.ca;
    expect(new X509Certificate(Buffer.from(certificate, "base64")).ca).toBe(true);
    expect((await api.call("GET", `/v2/databases/${id}/backups`)).body.backups).toHaveLength(1);
    const first = (await api.call("GET", "/v2/databases/metrics/credentials")).body.credentials.credentials;
    expect(first).toMatchObject({ basic_auth_username: "metrics" });
    const mine = { credentials: { basic_auth_username: "me", basic_auth_password: "secret" } };
    expect((await api.call("PUT", "/v2/databases/metrics/credentials", mine)).status).toBe(204);
    expect((await api.call("GET", "/v2/databases/metrics/credentials")).body.credentials).toEqual({ ...mine.credentials, ...mine });
    const names = { do_settings: { service_cnames: ["db.example.com"] } };
    expect((await api.call("PUT", `/v2/databases/${id}/do_settings`, names)).status).toBe(204);
    expect((await api.call("GET", `/v2/databases/${id}/do_settings`)).body).toEqual(names);
    expect((await api.call("PUT", `/v2/databases/${id}/install_update`)).status).toBe(204);
  });

  it("can be created from the backup of another cluster", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    await api.call("POST", `/v2/databases/${id}/dbs`, { name: "shop" });
    const backup = { database_name: "pg-test", backup_created_at: "2026-11-20T12:00:00Z" };
    const copy = await api.call("POST", "/v2/databases", { ...POSTGRES, name: "pg-copy", backup_restore: backup });
    expect(copy.body.database).toMatchObject({ status: "forking", db_names: ["defaultdb", "shop"] });
    const missing = { ...POSTGRES, name: "pg-other", backup_restore: { database_name: "nope" } };
    expect(await rejectionOf(api, "POST", "/v2/databases", missing)).toBe("404 cluster nope not found");
    expect(await rejectionOf(api, "POST", "/v2/databases", { ...VALKEY, backup_restore: backup })).toBe(
      "422 backups are not supported for valkey clusters",
    );
  });

  it("reports an online migration as syncing at once, and stops it once", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/online-migration`;
    expect(await rejectionOf(api, "GET", path)).toBe("404 no online migration was started on this cluster");
    const source = { host: "old.example.com", port: 5432, dbname: "shop", username: "shop", password: "secret" };
    const started = (await api.call("PUT", path, { source, disable_ssl: false })).body;
    expect(started.status).toBe("syncing");
    expect((await api.call("GET", path)).body).toEqual(started);
    expect((await api.call("DELETE", `${path}/${started.id}`)).status).toBe(204);
    expect((await api.call("GET", path)).body.status).toBe("canceled");
  });

  it("lists the versions, regions and sizes of both engines", async () => {
    const { options, version_availability } = (await (await startTestApi({ now })).call("GET", "/v2/databases/options")).body;
    expect(Object.keys(options)).toEqual(["pg", "valkey"]);
    expect(options.valkey.layouts.map(({ sizes }: { sizes: string[] }) => sizes.length)).toEqual([13, 12, 12]);
    expect(version_availability.pg.at(-1)).toEqual({
      version: "17",
      end_of_life: "2029-11-08T00:00:00Z",
      end_of_availability: "2029-05-08T00:00:00Z",
    });
    expect(options.pg.versions).toEqual(["15", "16", "17"]);
    expect(version_availability.pg[0].version).toBe("13");
  });

  it("does not list majors that it cannot run, and rejects majors past their end of availability", async () => {
    const later = () => Date.parse("2027-05-13T00:00:00Z");
    const api = await startTestApi({ now: later, backing: { ...recordOnly, postgresMajors: ["15", "17", "18"] } });
    expect((await api.call("GET", "/v2/databases/options")).body.options.pg.versions).toEqual(["17"]);
    expect(await rejectionOf(api, "POST", "/v2/databases", { ...POSTGRES, version: "15" })).toBe(
      '422 invalid version "15" for pg: must be one of 16, 17',
    );
  });
});

describe("a firewall", () => {
  it("keeps the uuids of rules in both lists, and can become empty again", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/firewall`;
    const rules = async () => (await api.call("GET", path)).body.rules;
    expect(await rules()).toEqual([]);
    expect((await api.call("PUT", path, rule("10.0.0.0/8"))).status).toBe(204);
    const [first] = await rules();
    await api.call("PUT", path, {
      rules: [
        { type: "ip_addr", value: "10.0.0.0/8" },
        { type: "tag", value: "env:prod" },
      ],
    });
    expect((await rules()).map(({ uuid, value }: Record<string, string>) => [uuid === first.uuid, value])).toEqual([
      [true, "10.0.0.0/8"],
      [false, "env:prod"],
    ]);
    await api.call("PUT", path, { rules: [] });
    expect(await rules()).toEqual([]);
  });

  it("accepts the Terraform provider's rules, with blanks and the year one", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/firewall`;
    const sent = { uuid: "", cluster_uuid: "", type: "ip_addr", value: "203.0.113.7", created_at: "0001-01-01T00:00:00Z" };
    expect((await api.call("PUT", path, { rules: [sent] })).status).toBe(204);
    const [storedRule] = (await api.call("GET", path)).body.rules;
    expect(storedRule.uuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(storedRule.created_at).toMatch(/^20\d\d-/);
  });

  it("rejects IPv6, invalid addresses, the provider's misspelled type, and more than 100 rules", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/firewall`;
    for (const value of ["::/0", "10.0.0.0/33", "10.0.0", "everybody"])
      expect(await rejectionOf(api, "PUT", path, rule(value))).toMatch(/^422 invalid firewall rule/);
    expect(await rejectionOf(api, "PUT", path, rule("10.0.0.1", "ipAddr"))).toMatch(/^422 rules\.0\.type: /);
    expect(await rejectionOf(api, "PUT", path, rule("not-a-uuid", "app"))).toBe('422 invalid firewall rule: "not-a-uuid" is no app');
    const many = { rules: Array.from({ length: 101 }, (_, index) => ({ type: "ip_addr", value: `10.0.0.${index}` })) };
    expect(await rejectionOf(api, "PUT", path, many)).toBe("422 at most 100 firewall rules are allowed");
  });
});

describe("users, databases and pools", () => {
  it("keep the administrator, and must have valid and unique names", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}`;
    expect(await rejectionOf(api, "DELETE", `${path}/users/doadmin`)).toBe("403 user doadmin belongs to the cluster and cannot be deleted");
    expect(await rejectionOf(api, "POST", `${path}/users`, { name: "doadmin" })).toBe("422 user name is not available");
    expect(await rejectionOf(api, "POST", `${path}/dbs`, { name: "defaultdb" })).toBe("422 database name is not available");
    expect(await rejectionOf(api, "POST", `${path}/dbs`, { name: "postgres" })).toBe("422 database name is not available");
    expect(await rejectionOf(api, "POST", `${path}/dbs`, { name: "a b" })).toMatch(/^422 invalid database name/);
    expect(await rejectionOf(api, "POST", `${path}/users`, { name: "1st" })).toMatch(/^422 invalid user name/);
    await api.call("POST", `${path}/pools`, pool);
    expect(await rejectionOf(api, "POST", `${path}/pools`, pool)).toBe("422 pool name is not available");
  });

  it("cannot be deleted while a pool uses them", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}`;
    await api.call("POST", `${path}/dbs`, { name: "shop" });
    await api.call("POST", `${path}/users`, { name: "app" });
    await api.call("POST", `${path}/pools`, { ...pool, db: "shop", user: "app" });
    expect(await rejectionOf(api, "DELETE", `${path}/dbs/shop`)).toBe("422 database shop is in use by connection pool web");
    expect(await rejectionOf(api, "DELETE", `${path}/users/app`)).toBe("422 user app is in use by connection pool web");
    await api.call("DELETE", `${path}/pools/web`);
    expect((await api.call("DELETE", `${path}/dbs/shop`)).status).toBe(204);
    expect((await api.call("DELETE", `${path}/users/app`)).status).toBe(204);
  });

  it("have pool addresses at the pooler's port, without a password if the pool has no user", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/pools`;
    const { connection } = (await api.call("POST", path, pool)).body.pool;
    expect(connection).toMatchObject({ port: 25_061, database: "web", user: "doadmin" });
    const open = (await api.call("POST", path, { ...pool, name: "open", user: "" })).body.pool;
    expect(open).toMatchObject({ user: "", connection: { user: "", password: "" } });
  });

  it("allow only as many pooled connections as the plan has", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api, { ...POSTGRES, size: "db-s-1vcpu-1gb" })}/pools`;
    await api.call("POST", path, { ...pool, size: 20 });
    expect(await rejectionOf(api, "POST", path, { ...pool, name: "more", size: 3 })).toBe(
      "422 pool size 3 is too large: db-s-1vcpu-1gb allows 22 connections, 2 of them are left",
    );
    expect(await rejectionOf(api, "PUT", `${path}/web`, { mode: "session", size: 23, db: "defaultdb" })).toMatch(
      /^422 pool size 23 is too large/,
    );
    expect(await rejectionOf(api, "POST", path, { ...pool, name: "x", size: 1, db: "nope" })).toBe("404 database nope not found");
    expect(await rejectionOf(api, "POST", path, { ...pool, name: "x", size: 1, user: "nope" })).toBe("404 user nope not found");
    expect(await rejectionOf(api, "POST", path, { ...pool, name: "x", mode: "turbo" })).toMatch(/^422 mode: /);
  });

  it("get a new password on reset, including the administrator", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}`;
    const before = (await api.call("GET", `${path}/users/doadmin`)).body.user.password;
    const after = (await api.call("POST", `${path}/users/doadmin/reset_auth`, {})).body.user.password;
    expect(after).not.toBe(before);
    expect((await api.call("GET", path)).body.database.connection.password).toBe(after);
  });
});

describe("a replica", () => {
  it("in another region is in the default VPC of that region", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    const request = { name: "read-far", size: POSTGRES.size, region: "sfo3" };
    const { replica } = (await api.call("POST", `/v2/databases/${id}/replicas`, request)).body;
    const { vpcs } = (await api.call("GET", "/v2/vpcs")).body;
    const network = vpcs.find((vpc: { region: string; default: boolean }) => vpc.region === "sfo3" && vpc.default);
    expect(replica.private_network_uuid).toBe(network.id);
  });

  it("has its own firewall and size, is deleted with its primary, and is not listed as a cluster", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    const { replica } = (await api.call("POST", `/v2/databases/${id}/replicas`, { name: "read-1", size: POSTGRES.size })).body;
    expect((await api.call("PUT", `/v2/databases/${replica.id}/firewall`, rule("10.0.0.0/8"))).status).toBe(204);
    // The provider sends the previous storage with the new size.
    const resize = { size: "db-s-2vcpu-4gb", num_nodes: 1, storage_size_mib: 30_720 };
    expect((await api.call("PUT", `/v2/databases/${replica.id}/resize`, resize)).status).toBe(202);
    const read = (await api.call("GET", `/v2/databases/${id}/replicas/read-1`)).body.replica;
    expect(read).toMatchObject({ size: "db-s-2vcpu-4gb", storage_size_mib: 61_440, status: "online" });
    expect((await api.call("GET", "/v2/databases")).body.meta.total).toBe(1);
    await api.call("DELETE", `/v2/databases/${id}`);
    expect((await api.callInvalid("GET", `/v2/databases/${replica.id}/firewall`)).status).toBe(404);
  });

  it("has its primary's password, and is promoted to a cluster with the users and databases of its primary", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    await api.call("POST", `/v2/databases/${id}/dbs`, { name: "shop" });
    await api.call("POST", `/v2/databases/${id}/users`, { name: "app" });
    const { replica } = (await api.call("POST", `/v2/databases/${id}/replicas`, { name: "read-1", size: POSTGRES.size })).body;
    const { password } = (await api.call("POST", `/v2/databases/${id}/users/doadmin/reset_auth`, {})).body.user;
    expect((await api.call("GET", `/v2/databases/${id}/replicas/read-1`)).body.replica.connection.password).toBe(password);

    expect((await api.call("PUT", `/v2/databases/${id}/replicas/read-1/promote`)).status).toBe(204);
    expect((await api.call("GET", `/v2/databases/${id}/replicas`)).body.replicas).toEqual([]);
    const promoted = (await api.call("GET", `/v2/databases/${replica.id}`)).body.database;
    expect(promoted).toMatchObject({ name: "read-1", db_names: ["defaultdb", "shop"], connection: { password } });
    expect(promoted.users.map(({ name }: { name: string }) => name)).toEqual(["doadmin", "app"]);
  });

  it("is rejected if it is smaller than its primary, has a duplicate name, or its primary is Valkey", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/replicas`;
    await api.call("POST", path, { name: "read-1", size: POSTGRES.size });
    expect(await rejectionOf(api, "POST", path, { name: "read-1", size: POSTGRES.size })).toBe("422 replica name is not available");
    expect(await rejectionOf(api, "POST", path, { name: "read-2", size: "db-s-1vcpu-1gb" })).toBe(
      "422 a replica must be at least as large as its primary (db-s-1vcpu-2gb)",
    );
    const valkey = await createCluster(api, VALKEY);
    expect(await rejectionOf(api, "POST", `/v2/databases/${valkey}/replicas`, { name: "read-1", size: VALKEY.size })).toBe(
      "422 read-only replicas are not supported for valkey clusters",
    );
  });
});

describe("a configuration", () => {
  it("of Postgres stores valid fields and rejects unknown fields and values out of range", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/config`;
    expect(
      (await api.call("PATCH", path, { config: { timezone: "UTC", work_mem: 8, pgbouncer: { autodb_idle_timeout: 60 } } })).status,
    ).toBe(200);
    await api.call("PATCH", path, { config: { work_mem: 16 } });
    expect((await api.call("GET", path)).body.config).toEqual({ timezone: "UTC", work_mem: 16, pgbouncer: { autodb_idle_timeout: 60 } });
    expect(await rejectionOf(api, "PATCH", path, { config: { redis_maxmemory_policy: "noeviction" } })).toBe(
      '400 unknown field "redis_maxmemory_policy"',
    );
    expect(await rejectionOf(api, "PATCH", path, { config: { work_mem: 0 } })).toBe('400 "work_mem" must be a number from 1 to 1024');
    expect(await rejectionOf(api, "PATCH", path, { config: { pgbouncer: { autodb_pool_mode: "turbo" } } })).toBe(
      '400 "pgbouncer.autodb_pool_mode" must be one of session, transaction, statement',
    );
    expect(await rejectionOf(api, "PATCH", path, { config: { jit: "on" } })).toBe('400 "jit" must be true or false');
  });

  it("of Valkey includes the eviction policy, in both spellings", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api, VALKEY)}`;
    const policy = async () => (await api.call("GET", `${path}/eviction_policy`)).body.eviction_policy;
    expect(await policy()).toBe("noeviction");
    expect((await api.call("PUT", `${path}/eviction_policy`, { eviction_policy: "allkeys_lru" })).status).toBe(204);
    expect((await api.call("GET", `${path}/config`)).body.config.valkey_maxmemory_policy).toBe("allkeys-lru");
    await api.call("PATCH", `${path}/config`, { config: { valkey_maxmemory_policy: "volatile-ttl", valkey_notify_keyspace_events: "Ex" } });
    expect(await policy()).toBe("volatile_ttl");
    expect(await rejectionOf(api, "PUT", `${path}/eviction_policy`, { eviction_policy: "random" })).toMatch(/^422 eviction_policy: /);
    expect(await rejectionOf(api, "PATCH", `${path}/config`, { config: { valkey_notify_keyspace_events: "t" } })).toMatch(
      /^400 "valkey_notify_keyspace_events" must match/,
    );
  });

  it("of Valkey has no users, databases or pools, and Postgres no eviction policy and no SQL mode", async () => {
    const api = await startTestApi();
    const valkey = `/v2/databases/${await createCluster(api, VALKEY)}`;
    expect(await rejectionOf(api, "POST", `${valkey}/users`, { name: "app" })).toBe("422 users are not supported for valkey clusters");
    expect(await rejectionOf(api, "POST", `${valkey}/dbs`, { name: "shop" })).toBe("422 databases are not supported for valkey clusters");
    expect(await rejectionOf(api, "POST", `${valkey}/pools`, pool)).toBe("422 connection pools are not supported for valkey clusters");
    expect((await api.call("GET", `${valkey}/users`)).body.users).toMatchObject([{ name: "default", role: "primary" }]);
    const postgres = `/v2/databases/${await createCluster(api)}`;
    expect(await rejectionOf(api, "GET", `${postgres}/eviction_policy`)).toBe("422 eviction policies are not supported for pg clusters");
    expect(await rejectionOf(api, "PUT", `${postgres}/sql_mode`, { sql_mode: "ANSI" })).toBe(
      "422 sql_mode is not supported for pg clusters",
    );
  });
});

describe("a log sink", () => {
  it("is rejected if its name is a duplicate, its type unknown, or its configuration of another type", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/logsink`;
    const sink = { sink_name: "logs", sink_type: "opensearch", config: { url: "https://logs.example.com", index_prefix: "pg" } };
    await api.call("POST", path, sink);
    expect(await rejectionOf(api, "POST", path, sink)).toBe("422 sink_name is not available");
    expect(await rejectionOf(api, "POST", path, { ...sink, sink_name: "b", sink_type: "fax" })).toMatch(/^422 invalid sink_type "fax"/);
    expect(await rejectionOf(api, "POST", path, { ...sink, sink_name: "b", sink_type: "rsyslog" })).toBe("422 server is required");
  });

  it("keeps its TLS setting if an update omits it", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/logsink`;
    const config = { server: "192.0.2.7", port: 514, tls: false, format: "rfc5424" };
    const { sink_id } = (await api.call("POST", path, { sink_name: "logs", sink_type: "rsyslog", config })).body.sink;
    const { tls: _, ...rest } = { ...config, port: 601 };
    expect((await api.callInvalid("PUT", `${path}/${sink_id}`, { config: rest })).status).toBe(200);
    expect((await api.call("GET", `${path}/${sink_id}`)).body.config).toEqual({ ...config, port: 601 });
  });
});

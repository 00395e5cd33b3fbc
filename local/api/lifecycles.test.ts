import { describe, expect, it } from "vitest";
import { createCluster, POSTGRES, startTestApi, type TestApi, type TestReply, VALKEY } from "./testing/api.ts";

/**
 * The lifecycle of every resource, from its creation to the 404 after its deletion. Every request and reply is validated against the API
 * document. Tests replies and state only; no servers run.
 */
interface Lifecycle {
  readonly noun: string;
  /** Creates a parent. Its id replaces BEFORE in the path. */
  readonly before?: (api: TestApi) => Promise<string>;
  readonly create: { readonly path: string; readonly body: object; readonly status?: number };
  /** The keys of a single resource and of a list. */
  readonly one: string;
  readonly many: string;
  readonly id: string;
  readonly update?: { readonly method: "PUT" | "PATCH"; readonly body: object; readonly status?: number; readonly shows: object };
  readonly deleted?: number;
}

const cluster = (request: object) => (api: TestApi) => createCluster(api, request);
const spec = (name: string, more: object = {}) => ({
  spec: { name, region: "nyc", services: [{ name: "api", github: { repo: "acme/api", branch: "main" }, ...more }] },
});
const notifications = { email: ["ops@example.com"], slack: [{ channel: "ops", url: "https://hooks.slack.com/services/T/B/x" }] };
const check = { name: "site", type: "https", target: "https://example.com", regions: ["us_east"], enabled: true };
const alert = { name: "slow", type: "latency", threshold: 300, comparison: "greater_than", period: "2m", notifications };
const policy = {
  type: "v1/dbaas/alerts/cpu_alerts",
  description: "busy",
  compare: "GreaterThan",
  value: 80,
  window: "5m",
  entities: [],
  tags: [],
  alerts: notifications,
  enabled: true,
};

const lifecycles: readonly Lifecycle[] = [
  {
    noun: "a VPC",
    create: { path: "/v2/vpcs", body: { name: "net", region: "nyc3", description: "", ip_range: "10.10.0.0/20" } },
    one: "vpc",
    many: "vpcs",
    id: "id",
    update: { method: "PATCH", body: { name: "net-2" }, shows: { name: "net-2", ip_range: "10.10.0.0/20" } },
  },
  {
    noun: "a Postgres cluster",
    create: { path: "/v2/databases", body: { ...POSTGRES, tags: ["prod"], storage_size_mib: 61_440 } },
    one: "database",
    many: "databases",
    id: "id",
  },
  { noun: "a Valkey cluster", create: { path: "/v2/databases", body: VALKEY }, one: "database", many: "databases", id: "id" },
  {
    noun: "a database",
    before: cluster(POSTGRES),
    create: { path: "/v2/databases/BEFORE/dbs", body: { name: "shop" } },
    one: "db",
    many: "dbs",
    id: "name",
  },
  {
    noun: "a user",
    before: cluster(POSTGRES),
    create: { path: "/v2/databases/BEFORE/users", body: { name: "shop-app" } },
    one: "user",
    many: "users",
    id: "name",
    update: {
      method: "PUT",
      body: { settings: { pg_allow_replication: true } },
      status: 201,
      shows: { settings: { pg_allow_replication: true } },
    },
  },
  {
    noun: "a connection pool",
    before: cluster(POSTGRES),
    create: { path: "/v2/databases/BEFORE/pools", body: { name: "web", mode: "transaction", size: 10, db: "defaultdb", user: "doadmin" } },
    one: "pool",
    many: "pools",
    id: "name",
    update: {
      method: "PUT",
      body: { mode: "session", size: 5, db: "defaultdb", user: "" },
      status: 204,
      shows: { mode: "session", user: "" },
    },
  },
  {
    noun: "a read-only replica",
    before: cluster(POSTGRES),
    create: { path: "/v2/databases/BEFORE/replicas", body: { name: "read-1", region: "nyc1", size: "db-s-2vcpu-4gb", tags: ["copy"] } },
    one: "replica",
    many: "replicas",
    id: "name",
  },
  {
    noun: "a log sink",
    before: cluster(POSTGRES),
    create: {
      path: "/v2/databases/BEFORE/logsink",
      body: { sink_name: "logs", sink_type: "rsyslog", config: { server: "logs.example.com", port: 514, tls: false, format: "rfc5424" } },
    },
    one: "sink",
    many: "sinks",
    id: "sink_id",
    update: {
      method: "PUT",
      body: { config: { server: "logs.example.com", port: 515, tls: true, format: "rfc3164" } },
      shows: { sink_name: "logs", config: { server: "logs.example.com", port: 515, tls: true, format: "rfc3164" } },
    },
    deleted: 200,
  },
  {
    noun: "an app",
    create: { path: "/v2/apps", body: spec("shop"), status: 200 },
    one: "app",
    many: "apps",
    id: "id",
    update: { method: "PUT", body: spec("shop-2", { http_port: 3000 }), shows: { tier_slug: "basic" } },
    deleted: 200,
  },
  {
    noun: "a project",
    create: { path: "/v2/projects", body: { name: "shop", purpose: "Web Application", environment: "Staging" } },
    one: "project",
    many: "projects",
    id: "id",
    update: { method: "PATCH", body: { description: "sells things" }, shows: { name: "shop", description: "sells things" } },
  },
  {
    noun: "a tag",
    create: { path: "/v2/tags", body: { name: "env:prod" } },
    one: "tag",
    many: "tags",
    id: "name",
  },
  {
    noun: "a domain",
    create: { path: "/v2/domains", body: { name: "example.com", ip_address: "203.0.113.7" } },
    one: "domain",
    many: "domains",
    id: "name",
  },
  {
    noun: "a DNS record",
    before: async ({ call }) => (await call("POST", "/v2/domains", { name: "example.com" })).body.domain.name,
    create: { path: "/v2/domains/BEFORE/records", body: { type: "A", name: "www", data: "203.0.113.7" } },
    one: "domain_record",
    many: "domain_records",
    id: "id",
    update: { method: "PUT", body: { type: "A", data: "203.0.113.8", ttl: 60 }, shows: { name: "www", data: "203.0.113.8", ttl: 60 } },
  },
  {
    noun: "an uptime check",
    create: { path: "/v2/uptime/checks", body: check },
    one: "check",
    many: "checks",
    id: "id",
    update: { method: "PUT", body: { ...check, enabled: false }, shows: { enabled: false, name: "site" } },
  },
  {
    noun: "an uptime alert",
    before: async ({ call }) => (await call("POST", "/v2/uptime/checks", check)).body.check.id,
    create: { path: "/v2/uptime/checks/BEFORE/alerts", body: alert },
    one: "alert",
    many: "alerts",
    id: "id",
    update: { method: "PUT", body: { ...alert, threshold: 500 }, shows: { threshold: 500, notifications } },
  },
  {
    noun: "a monitoring alert",
    create: { path: "/v2/monitoring/alerts", body: policy, status: 200 },
    one: "policy",
    many: "policies",
    id: "uuid",
    update: { method: "PUT", body: { ...policy, value: 90 }, shows: { value: 90, compare: "GreaterThan" } },
  },
  {
    noun: "a Spaces key",
    create: { path: "/v2/spaces/keys", body: { name: "backups", grants: [{ bucket: "", permission: "fullaccess" }] } },
    one: "key",
    many: "keys",
    id: "access_key",
    update: { method: "PUT", body: { name: "archive", grants: [] }, shows: { name: "archive", grants: [] } },
  },
];

/** A single logsink is not wrapped in a key. */
const unwrap = ({ body }: TestReply, key: string) => body[key] ?? body;

describe("the lifecycle of", () => {
  for (const { noun, before, create, one, many, id, update, deleted = 204 } of lifecycles) {
    it(`${noun}: create, read, list, update if supported, delete, then 404`, async () => {
      const api = await startTestApi();
      const parent = before ? await before(api) : "";
      const all = create.path.replace("BEFORE", parent);

      const created = await api.call("POST", all, create.body);
      expect(created.status).toBe(create.status ?? 201);
      const name = String(created.body[one][id]);
      const path = `${all}/${encodeURIComponent(name)}`;

      const read = await api.call("GET", path);
      expect(read.status).toBe(200);
      expect(String(unwrap(read, one)[id])).toBe(name);
      const ids = async () => (await api.call("GET", all)).body[many].map((item: Record<string, unknown>) => String(item[id]));
      expect(await ids()).toContain(name);

      if (update) {
        expect((await api.call(update.method, path, update.body)).status).toBe(update.status ?? 200);
        expect(unwrap(await api.call("GET", path), one)).toMatchObject(update.shows);
      }

      expect((await api.call("DELETE", path)).status).toBe(deleted);
      expect((await api.callInvalid("GET", path)).status).toBe(404);
      expect((await api.callInvalid("DELETE", path)).status).toBe(404);
      expect(await ids()).not.toContain(name);
    });
  }
});

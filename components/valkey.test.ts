import { describe, expect, it } from "vitest";
import { type Plan, Secret, Unknown } from "../engine/plan.ts";
import { CA, ENCODED_PASSWORD, find, listed, MOMENTS, PASSWORD, recorded, refusal, waitsFor } from "./testing/recorded.ts";
import { Valkey, type ValkeyArgs } from "./valkey.ts";

const STATE: ValkeyArgs = { network: { id: "vpc-id", cidr: "10.20.0.0/20" }, region: "nyc3", class: "state", size: "db-s-1vcpu-2gb" };
const ADOPTED = "49f4dc39-0000-4000-8000-000000000002";

const make = (args: ValkeyArgs) => () => void new Valkey("sessions", args);
const custom = (plan: Plan) => listed({ ...plan, resources: plan.resources.filter((resource) => resource.custom) });

describe.each(MOMENTS)("a Valkey cluster, %s", (moment) => {
  it("is built from the outside in: cluster, firewall, settings", async () => {
    const { plan } = await recorded(make(STATE), moment);
    expect(custom(plan)).toEqual([
      "DatabaseCluster sessions-cluster",
      "DatabaseFirewall sessions-firewall-rules",
      "DatabaseValkeyConfig sessions-config",
    ]);
    expect(waitsFor(plan, "DatabaseValkeyConfig sessions-config")).toEqual([
      "DatabaseCluster sessions-cluster",
      "DatabaseFirewall sessions-firewall-rules",
    ]);
  });

  it("that holds state evicts nothing and takes snapshots", async () => {
    const { plan } = await recorded(
      make({ ...STATE, databases: 3, nodes: 2, tags: ["b", "a"], maintenance: { day: "monday", hour: "03:00" } }),
      moment,
    );
    expect(find(plan, "DatabaseCluster sessions-cluster").inputs).toEqual({
      name: "sessions",
      engine: "valkey",
      version: "8",
      region: "nyc3",
      size: "db-s-1vcpu-2gb",
      nodeCount: 2,
      privateNetworkUuid: "vpc-id",
      evictionPolicy: "noeviction",
      maintenanceWindows: [{ day: "monday", hour: "03:00" }],
      tags: ["a", "b"],
    });
    const { clusterId: _, ...settings } = find(plan, "DatabaseValkeyConfig sessions-config").inputs;
    expect(settings).toEqual({ persistence: "rdb", numberOfDatabases: 3, ssl: true });
  });

  it("that is a cache drops what was used least recently, and takes none", async () => {
    const { plan } = await recorded(make({ ...STATE, class: "cache", idleTimeoutSeconds: 0 }), moment);
    expect(find(plan, "DatabaseCluster sessions-cluster").inputs.evictionPolicy).toBe("allkeys_lru");
    expect(find(plan, "DatabaseValkeyConfig sessions-config").inputs).toMatchObject({
      persistence: "off",
      numberOfDatabases: 16,
      timeout: 0,
    });
  });

  it("is protected, and takes its firewall and settings with it", async () => {
    const { plan } = await recorded(make(STATE), moment);
    const cluster = find(plan, "DatabaseCluster sessions-cluster");
    expect(cluster.options).toMatchObject({ protect: true, customTimeouts: { create: "60m" } });
    for (const name of ["DatabaseFirewall sessions-firewall-rules", "DatabaseValkeyConfig sessions-config"])
      expect(find(plan, name).options.deletedWith).toBe(cluster.urn);
  });

  it("hides its password and its URLs", async () => {
    const { outputs } = await recorded(() => {
      const sessions = new Valkey("sessions", STATE);
      return { url: sessions.url(0), password: sessions.password };
    }, moment);
    const hidden = [outputs.url, outputs.password];
    const known = [new Secret(`rediss://default:${ENCODED_PASSWORD}@sessions.db.test:25061/0`), new Secret(PASSWORD)];
    expect(hidden).toEqual(moment === "after an up" ? known : [new Secret(new Unknown()), new Secret(new Unknown())]);
  });
});

describe("a Valkey cluster", () => {
  it("is unprotected only where that is said", async () => {
    const { plan } = await recorded(make({ ...STATE, protect: false }));
    expect(find(plan, "DatabaseCluster sessions-cluster").options.protect ?? false).toBe(false);
  });

  it("admits its network and who else is named", async () => {
    const { plan } = await recorded(make({ ...STATE, allow: ["198.51.100.7"], trust: { apps: ["app-id"] } }));
    expect(find(plan, "DatabaseFirewall sessions-firewall-rules").inputs.rules).toEqual([
      { type: "ip_addr", value: "10.20.0.0/20" },
      { type: "ip_addr", value: "198.51.100.7" },
      { type: "app", value: "app-id" },
    ]);
  });

  it("exposes what an App spec and a project need, and does not write a credential into the state a second time", async () => {
    const { plan, outputs } = await recorded(() => {
      const { id, clusterUrn, name, host, privateHost, port, user, ca, databases } = new Valkey("sessions", STATE);
      return { id, clusterUrn, name, host, privateHost, port, user, ca, databases };
    });
    expect(outputs).toEqual({
      id: "sessions-cluster-id",
      clusterUrn: "do:dbaas:sessions-cluster-id",
      name: "sessions",
      host: "sessions.db.test",
      privateHost: "private-sessions.db.test",
      port: 25061,
      user: "default",
      ca: CA,
      databases: 16,
    });
    expect(find(plan, "Valkey sessions").outputs).toEqual({ id: "sessions-cluster-id", name: "sessions", databases: 16 });
  });

  it("lets a transform have the last word", async () => {
    const { plan } = await recorded(
      make({ ...STATE, transform: { config: { notifyKeyspaceEvents: "Ex" }, cluster: (args) => Object.assign(args, { version: "9" }) } }),
    );
    expect(find(plan, "DatabaseValkeyConfig sessions-config").inputs).toMatchObject({ notifyKeyspaceEvents: "Ex", persistence: "rdb" });
    expect(find(plan, "DatabaseCluster sessions-cluster").inputs.version).toBe("9");
  });

  it("that exists is taken over, and keeps what would replace it [F3]", async () => {
    const { plan } = await recorded(make({ ...STATE, adopt: ADOPTED }));
    expect(find(plan, "DatabaseCluster sessions-cluster").options).toMatchObject({
      importId: ADOPTED,
      ignoreChanges: ["name", "engine", "privateNetworkUuid", "projectId", "region", "tags"],
    });
  });

  it("that exists with another engine is refused", async () => {
    const text = await refusal(make({ ...STATE, adopt: ADOPTED }), ({ type }) =>
      type.endsWith(":DatabaseCluster") ? { engine: "pg" } : undefined,
    );
    expect(text).toContain(`adopt: cluster ${ADOPTED} runs pg, not valkey.`);
  });

  it("is refused when the token hides its password, by the scope that is missing", async () => {
    const text = await refusal(make(STATE), ({ type }) => (type.endsWith(":DatabaseCluster") ? { password: "" } : undefined));
    expect(text).toContain('DigitalOcean gave no password for "default". The API token lacks the scope database:view_credentials.');
  });
});

describe("a Valkey URL", () => {
  it("is TLS, encoded, and ends in the database's number [C26]", async () => {
    const { outputs } = await recorded(() => {
      const sessions = new Valkey("sessions", { ...STATE, databases: 3 });
      return { users: sessions.url(2), inside: sessions.url(0, { private: true }) };
    });
    expect(outputs).toEqual({
      users: new Secret(`rediss://default:${ENCODED_PASSWORD}@sessions.db.test:25061/2`),
      inside: new Secret(`rediss://default:${ENCODED_PASSWORD}@private-sessions.db.test:25061/0`),
    });
  });

  it("makes what uses it wait for the firewall and the settings", async () => {
    const { plan } = await recorded(() => {
      const sessions = new Valkey("sessions", STATE);
      new Valkey("after", { ...STATE, tags: [sessions.url(0) as never] });
    });
    expect(waitsFor(plan, "DatabaseCluster after-cluster")).toEqual([
      "DatabaseCluster sessions-cluster",
      "DatabaseValkeyConfig sessions-config",
    ]);
  });

  it.each([3, -1, 0.5])("of database %d, where there are three, is refused", async (number) => {
    const text = await refusal(() => void new Valkey("sessions", { ...STATE, databases: 3 }).url(number));
    expect(text).toContain(`database ${number} does not exist. There are 3, from 0 to 2; raise databases for more.`);
  });
});

describe("Valkey arguments are refused:", () => {
  const cases: [string, object, string][] = [
    ["Redis, which is retired", { engine: "redis" }, 'engine is "redis": DigitalOcean has retired it'],
    ["another engine", { engine: "memcached" }, 'engine is "memcached". Allowed: "valkey".'],
    ["a version that was Redis", { version: "7" }, 'version is "7". Allowed: a Valkey major, "8" or later'],
    ["a class that is neither", { class: "both" }, 'class is "both". Allowed: state (nothing is evicted) or cache'],
    ["no databases", { databases: 0 }, "databases is 0. Allowed: 1 to 128."],
    ["too many databases", { databases: 129 }, "databases is 129. Allowed: 1 to 128."],
    ["an idle time of half a second", { idleTimeoutSeconds: 0.5 }, "idleTimeoutSeconds is 0.5. Allowed: whole seconds"],
    ["a size for another engine", { size: "gd-2vcpu-8gb" }, 'size is "gd-2vcpu-8gb": DigitalOcean has this size for pg only.'],
    ["standbys for the smallest size", { size: "db-s-1vcpu-1gb", nodes: 2 }, 'size is "db-s-1vcpu-1gb": this size has no standby nodes'],
    ["an App Platform region", { region: "sfo" }, 'region is "sfo": sfo is an App Platform region'],
    ["a day that is none", { maintenance: { day: "someday", hour: "03:00" } }, 'maintenance.day is "someday".'],
    ["a name for an id", { adopt: "my-valkey" }, 'adopt is "my-valkey". Allowed: a cluster\'s id'],
  ];

  it.each(cases)("%s", async (_, args, text) => {
    expect(await refusal(make({ ...STATE, ...args } as ValkeyArgs))).toContain(`sessions: ${text}`);
  });

  it("all of them at once", async () => {
    expect(await refusal(make({ ...STATE, databases: 0, version: "7" }))).toContain("sessions: 2 arguments cannot be used.");
  });
});

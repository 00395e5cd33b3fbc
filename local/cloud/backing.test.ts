import { describe, expect, it } from "vitest";
import { createApp, readApp, updateApp } from "./apps/apps.ts";
import { listDeployments } from "./apps/deployments.ts";
import type { BackedCluster, BackedComponent } from "./backing.ts";
import { resizeCluster } from "./databases/cluster-changes.ts";
import { createCluster, deleteCluster, readCluster } from "./databases/clusters.ts";
import { patchConfig, setEvictionPolicy } from "./databases/configs.ts";
import { createDatabase, listDatabases } from "./databases/databases.ts";
import { setRules } from "./databases/firewall.ts";
import { createPool } from "./databases/pools.ts";
import { createReplica } from "./databases/replicas.ts";
import { createUser, resetPassword } from "./databases/users.ts";
import { recordOnly } from "./record-only.ts";
import { createOnlineCluster, openTestCloud, POSTGRES, recordingBacking, temporaryDirectory, VALKEY } from "./testing/cloud.ts";

/** The calls from the cloud to its backing. What the real servers do is tested in local/servers and local/apps. */
describe("the backing of a cluster", () => {
  it("may change the address when a change starts a server, such as the first pool's", async () => {
    let poolPort = 25061;
    const { backing } = recordingBacking({
      placeCluster: async (cluster) => ({ ...(await recordOnly.placeCluster(cluster)), poolPort }),
      setPool: async () => {
        poolPort = 25099;
      },
    });
    const cloud = await openTestCloud({ backing });
    const id = await createOnlineCluster(cloud);
    const pool = await createPool(cloud, id, { name: "web", mode: "session", size: 5, db: "defaultdb", user: "doadmin" });
    expect(pool.connection.port).toBe(25099);
  });

  it("is called before a change is recorded, and its error fails the request", async () => {
    const { backing } = recordingBacking({ createDatabase: () => Promise.reject(new Error("no space left")) });
    const cloud = await openTestCloud({ backing });
    const id = await createOnlineCluster(cloud);
    await expect(createDatabase(cloud, id, { name: "shop" })).rejects.toThrow("no space left");
    expect(listDatabases(cloud, id)).toEqual([{ name: "defaultdb" }]);
  });

  it("determines when the cluster is online, regardless of the clock", async () => {
    let started = () => {};
    const { backing } = recordingBacking({
      startCluster: (cluster) => new Promise((resolve) => (started = () => resolve(recordOnly.placeCluster(cluster)))),
    });
    const cloud = await openTestCloud({ backing });
    const { id } = await createCluster(cloud, POSTGRES);
    cloud.tick(3_600_000);
    expect(readCluster(cloud, id).status).toBe("creating");
    started();
    await cloud.idle();
    expect(readCluster(cloud, id).status).toBe("online");
  });

  it("leaves the cluster creating and logs the reason if it does not start; the next start tries again", async () => {
    const directory = temporaryDirectory();
    const notes: string[] = [];
    const broken = recordingBacking({ startCluster: () => Promise.reject(new Error("postgres: command not found")) });
    const before = await openTestCloud({ directory, backing: broken.backing, note: (line) => notes.push(line) });
    const { id } = await createCluster(before, POSTGRES);
    await before.idle();
    expect(readCluster(before, id).status).toBe("creating");
    expect(notes).toEqual([`starting cluster ${id}: postgres: command not found`]);
    await before.close();
    const after = await openTestCloud({ directory });
    await after.idle();
    expect(readCluster(after, id).status).toBe("online");
  });

  it("gets the full description after a restart, and may change the address", async () => {
    const directory = temporaryDirectory();
    const before = await openTestCloud({ directory });
    const id = await createOnlineCluster(before);
    await createDatabase(before, id, { name: "shop" });
    const user = await createUser(before, id, { name: "app", settings: { pg_allow_replication: true } });
    await createPool(before, id, { name: "web", mode: "transaction", size: 5, db: "shop", user: "app" });
    await setRules(before, id, { rules: [{ type: "ip_addr", value: "10.0.0.0/8" }] });
    await patchConfig(before, id, { config: { work_mem: 8 } });
    await before.close();

    const started: BackedCluster[] = [];
    const { backing } = recordingBacking({
      startCluster: async (cluster) => {
        started.push(cluster);
        return { ...(await recordOnly.placeCluster(cluster)), host: "127.0.0.1", port: 5555 };
      },
    });
    const after = await openTestCloud({ directory, backing });
    await after.idle();
    const app = { name: "app", password: user.password, replication: true };
    expect(started).toMatchObject([
      {
        id,
        databases: ["defaultdb", "shop"],
        users: [app],
        pools: [{ name: "web", mode: "transaction", size: 5, database: "shop", user: app }],
        rules: [{ type: "ip_addr", value: "10.0.0.0/8" }],
        config: { work_mem: 8 },
      },
    ]);
    expect(readCluster(after, id).connection).toMatchObject({ host: "127.0.0.1", port: 5555 });
  });

  it("starts again before any request runs, and a replica after its primary", async () => {
    const directory = temporaryDirectory();
    const before = await openTestCloud({ directory });
    const id = await createOnlineCluster(before);
    await createReplica(before, id, { name: "read-1" });
    await before.close();
    const order: string[] = [];
    const { backing } = recordingBacking({
      startCluster: async (cluster) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push(`${cluster.name} is back`);
        return recordOnly.placeCluster(cluster);
      },
      createDatabase: async (_, name) => void order.push(`${name} is created`),
    });
    const after = await openTestCloud({ directory, backing });
    await createDatabase(after, id, { name: "shop" });
    await after.idle();
    expect(order).toEqual(["pg-test is back", "shop is created", "read-1 is back"]);
  });

  it("is called once per change, and a pool gets its user's new password", async () => {
    const { backing, calls } = recordingBacking();
    const cloud = await openTestCloud({ backing });
    const id = await createOnlineCluster(cloud);
    await createUser(cloud, id, { name: "app" });
    await createPool(cloud, id, { name: "web", mode: "session", size: 5, db: "defaultdb", user: "app" });
    await resetPassword(cloud, id, "app");
    await resizeCluster(cloud, id, { size: "db-s-2vcpu-4gb", num_nodes: 1 });
    await deleteCluster(cloud, id);
    const uuid = `"${id}"`;
    expect(calls.filter((call) => !call.startsWith("placeCluster"))).toEqual([
      "startCluster pg-test",
      `createUser ${uuid} app`,
      `setPool ${uuid} web`,
      `setPassword ${uuid} app`,
      `setPool ${uuid} web`,
      "startCluster pg-test",
      `removeCluster ${uuid}`,
    ]);
  });

  it("gets Valkey's eviction policy as part of its configuration", async () => {
    const { backing, calls } = recordingBacking();
    const cloud = await openTestCloud({ backing });
    const id = await createOnlineCluster(cloud, VALKEY);
    await patchConfig(cloud, id, { config: { valkey_timeout: 60 } });
    await setEvictionPolicy(cloud, id, { eviction_policy: "allkeys_lru" });
    expect(calls.findLast((call) => !call.startsWith("placeCluster"))).toBe(
      `configure "${id}" {"valkey_timeout":60,"valkey_maxmemory_policy":"allkeys-lru"}`,
    );
  });
});

describe("the backing of an app", () => {
  const spec = {
    name: "shop",
    services: [{ name: "api", http_port: 3000, github: { repo: "acme/api", branch: "main" }, health_check: { http_path: "/health" } }],
    jobs: [{ name: "migrate", kind: "PRE_DEPLOY", github: { repo: "acme/api", branch: "main" } }],
  };

  it("gets every component with its environment, and returns the app's address", async () => {
    const deployed: (readonly BackedComponent[])[] = [];
    const { backing } = recordingBacking({
      placeApp: async () => ({ url: "http://127.0.0.1:8100", services: { api: { host: "127.0.0.1", port: 8101 } } }),
      deployApp: async (_, components) => {
        deployed.push(components);
        return { ok: true };
      },
    });
    const cloud = await openTestCloud({ backing });
    const envs = [{ key: "SELF", value: "${_self.PRIVATE_URL} ${APP_URL}", scope: "RUN_TIME" }];
    const { id } = await createApp(cloud, { spec: { ...spec, services: [{ ...spec.services[0], envs }] } });
    await cloud.idle();
    expect(deployed).toEqual([
      [
        {
          name: "api",
          kind: "service",
          env: { PORT: "3000", SELF: "http://127.0.0.1:8101 http://127.0.0.1:8100" },
          healthPath: "/health",
          routes: ["/"],
        },
        { name: "migrate", kind: "job", when: "PRE_DEPLOY", env: {} },
      ],
    ]);
    expect(readApp(cloud, id).default_ingress).toBe("http://127.0.0.1:8100");
  });

  it("fails a deployment with the component's name, and the previous deployment stays active", async () => {
    let healthy = true;
    const { backing } = recordingBacking({
      deployApp: async () => (healthy ? { ok: true } : { ok: false, component: "api", message: "exited with 1" }),
    });
    const cloud = await openTestCloud({ backing });
    const { id } = await createApp(cloud, { spec });
    await cloud.idle();
    const first = readApp(cloud, id).active_deployment!.id;
    healthy = false;
    await updateApp(cloud, id, { spec });
    await cloud.idle();
    const { phase, progress } = listDeployments(cloud, id)[0]!;
    expect([phase, progress.error_steps]).toEqual(["ERROR", 1]);
    expect(JSON.stringify(progress.steps)).toContain("exited with 1");
    for (let more = 0; more < 55; more++) {
      await updateApp(cloud, id, { spec });
      await cloud.idle();
    }
    expect(readApp(cloud, id).active_deployment!.id).toBe(first);
  });

  it("gets the active deployment again after a restart", async () => {
    const directory = temporaryDirectory();
    const before = await openTestCloud({ directory });
    await createApp(before, { spec });
    await before.close();
    const { backing, calls } = recordingBacking();
    const after = await openTestCloud({ directory, backing });
    await after.idle();
    expect(calls.filter((call) => call.startsWith("deployApp"))).toHaveLength(1);
  });
});

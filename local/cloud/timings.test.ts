import { describe, expect, it } from "vitest";
import { createApp, readApp, updateApp } from "./apps/apps.ts";
import { cancelDeployment, listDeployments, readDeployment } from "./apps/deployments.ts";
import { resizeCluster, upgradeCluster } from "./databases/cluster-changes.ts";
import { createCluster, readCluster } from "./databases/clusters.ts";
import { createDatabase } from "./databases/databases.ts";
import { createOnlineCluster, openTestCloud, POSTGRES, temporaryDirectory } from "./testing/cloud.ts";

const MINUTE = 60_000;
const app = (name: string, branch = "main") => ({ spec: { name, services: [{ name: "api", github: { repo: "acme/api", branch } }] } });

describe("a cluster with real timings", () => {
  it("is creating for as long as at DigitalOcean, rejects changes until then, and is then online", async () => {
    const cloud = await openTestCloud({ timings: "real" });
    const { id, status } = await createCluster(cloud, POSTGRES);
    expect(status).toBe("creating");
    await cloud.idle();
    cloud.tick(3 * MINUTE);
    expect(readCluster(cloud, id).status).toBe("creating");
    await expect(createDatabase(cloud, id, { name: "shop" })).rejects.toMatchObject({ status: 412, id: "precondition_failed" });
    cloud.tick(2 * MINUTE);
    expect(readCluster(cloud, id).status).toBe("online");
    await expect(createDatabase(cloud, id, { name: "shop" })).resolves.toEqual({ name: "shop" });
  });

  it("continues a pending operation after a restart", async () => {
    const directory = temporaryDirectory();
    const before = await openTestCloud({ directory, timings: 5 * MINUTE });
    const { id } = await createCluster(before, POSTGRES);
    await before.close();
    const after = await openTestCloud({ directory, timings: 5 * MINUTE });
    await after.idle();
    after.tick(4 * MINUTE);
    expect(readCluster(after, id).status).toBe("creating");
    after.tick(2 * MINUTE);
    expect(readCluster(after, id).status).toBe("online");
  });

  it("has status resizing during a resize and online during an upgrade, and rejects changes during both", async () => {
    const cloud = await openTestCloud({ timings: 1000 });
    const id = await createOnlineCluster(cloud, { ...POSTGRES, version: "16" });
    cloud.tick(1000);
    await resizeCluster(cloud, id, { size: "db-s-2vcpu-4gb", num_nodes: 2 });
    expect(readCluster(cloud, id)).toMatchObject({ status: "resizing", size: "db-s-2vcpu-4gb", num_nodes: 2, storage_size_mib: 61_440 });
    cloud.tick(1000);
    await upgradeCluster(cloud, id, { version: "17" });
    expect(readCluster(cloud, id)).toMatchObject({ status: "online", version: "17" });
    await expect(createDatabase(cloud, id, { name: "shop" })).rejects.toThrow("is currently undergoing maintenance (upgrading)");
  });
});

describe("a deployment with real timings", () => {
  it("passes through its phases and steps, and the app is live at the end", async () => {
    const cloud = await openTestCloud({ timings: 60_000 });
    const { id } = await createApp(cloud, app("shop"));
    await cloud.idle();
    const look = () => {
      const { phase, progress } = listDeployments(cloud, id)[0]!;
      return [phase, progress.steps.map(({ name, status }) => `${name} ${status}`).join(", "), progress.success_steps];
    };
    expect(look()).toEqual(["PENDING_BUILD", "build RUNNING, deploy PENDING", 0]);
    expect(readApp(cloud, id)).toMatchObject({ pending_deployment: { phase: "PENDING_BUILD" } });
    expect(readApp(cloud, id)).not.toHaveProperty("active_deployment");
    cloud.tick(25_000);
    expect(look()).toEqual(["BUILDING", "build SUCCESS, deploy RUNNING", 2]);
    cloud.tick(20_000);
    expect(look()).toEqual(["DEPLOYING", "build SUCCESS, deploy RUNNING", 4]);
    expect(readApp(cloud, id)).toMatchObject({ in_progress_deployment: { phase: "DEPLOYING" } });
    cloud.tick(15_000);
    expect(look()).toEqual(["ACTIVE", "build SUCCESS, deploy SUCCESS", 6]);
    expect(readApp(cloud, id)).toMatchObject({
      active_deployment: { phase: "ACTIVE" },
      live_url: expect.stringMatching(/^https:\/\/shop-/),
    });
  });

  it("supersedes the previous one, finished or not", async () => {
    const cloud = await openTestCloud({ timings: 60_000 });
    const { id } = await createApp(cloud, app("shop"));
    await cloud.idle();
    cloud.tick(60_000);
    await updateApp(cloud, id, app("shop", "next"));
    await cloud.idle();
    cloud.tick(30_000);
    await updateApp(cloud, id, app("shop", "after"));
    await cloud.idle();
    expect(listDeployments(cloud, id).map(({ phase }) => phase)).toEqual(["PENDING_BUILD", "SUPERSEDED", "ACTIVE"]);
    cloud.tick(60_000);
    expect(listDeployments(cloud, id).map(({ phase }) => phase)).toEqual(["ACTIVE", "SUPERSEDED", "SUPERSEDED"]);
  });

  it("stops when it is canceled, and the previous deployment stays active", async () => {
    const cloud = await openTestCloud({ timings: 60_000 });
    const { id } = await createApp(cloud, app("shop"));
    await cloud.idle();
    cloud.tick(60_000);
    const first = readApp(cloud, id).active_deployment!.id;
    await updateApp(cloud, id, app("shop", "next"));
    await cloud.idle();
    cloud.tick(30_000);
    const second = listDeployments(cloud, id)[0]!.id;
    cancelDeployment(cloud, id, second);
    cloud.tick(60_000);
    const canceled = readDeployment(cloud, id, second);
    expect(canceled.phase).toBe("CANCELED");
    expect(canceled.progress).toMatchObject({ success_steps: 3, running_steps: 0, error_steps: 0 });
    expect(readApp(cloud, id).active_deployment!.id).toBe(first);
    expect(() => cancelDeployment(cloud, id, second)).toThrow("deployment is CANCELED and cannot be canceled");
  });
});

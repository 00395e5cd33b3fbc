/**
 * Runs this repository's program against the local cloud without servers. local/platform tests the servers, tests/engine the real provider
 * against the API.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findProject, programOf } from "../../engine/project.ts";
import { toyState } from "../../engine/realize.testing.ts";
import { realize } from "../../engine/realize.ts";
import { readStack } from "../../engine/stackfile.ts";
import { listProjects, listResources } from "../cloud/account/projects.ts";
import { listApps } from "../cloud/apps/apps.ts";
import { allClusters, findClusterNamed } from "../cloud/databases/cluster.ts";
import { listClusters } from "../cloud/databases/clusters.ts";
import { readConfig } from "../cloud/databases/configs.ts";
import { listRules } from "../cloud/databases/firewall.ts";
import { listAlertPolicies } from "../cloud/monitoring/alert-policies.ts";
import { listChecks } from "../cloud/monitoring/uptime.ts";
import { listVpcs } from "../cloud/network/vpcs.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { recordOnly } from "../cloud/record-only.ts";
import { openTestCloud, recordingBacking } from "../cloud/testing/cloud.ts";
import { localCloudProvider } from "./provider.ts";

const project = findProject(fileURLToPath(new URL("../../", import.meta.url)));
/** Without servers, post-deploy steps cannot run. */
const MANUAL = { "slipway:postDeploy": '{"mode":"manual"}' };

function stackOn(cloud: Cloud, stack: string) {
  const state = toyState();
  const changes: string[] = [];
  const up = async (config: Readonly<Record<string, string>> = {}, program = programOf(project)) => {
    const settings = { ...MANUAL, "slipway:placeholders": "true", ...config };
    changes.length = 0;
    const { counts } = await realize(program, {
      ...readStack(project, stack, settings),
      directory: project.directory,
      state,
      provider: localCloudProvider(cloud),
      onEvent: ({ phase, change, type }) => void (phase === "done" && change !== "same" && changes.push(`${change} ${type}`)),
    });
    return counts;
  };
  return { up, changes };
}

describe.each(["local", "staging", "prod"])("stack %s", (stack) => {
  it("is created in full, and a second run changes nothing", async () => {
    const cloud = await openTestCloud();
    const { up } = stackOn(cloud, stack);
    const first = await up();
    expect(first).toMatchObject({ update: 0, replace: 0, delete: 0 });
    expect(first.create).toBeGreaterThan(40);
    expect(await up()).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: first.create });
    const stackProject = listProjects(cloud).find(({ name }) => name.startsWith("slipway"))!;
    expect(listResources(cloud, stackProject.id).length).toBeGreaterThanOrEqual(
      allClusters(cloud).filter(({ replicaOf }) => !replicaOf).length,
    );
    expect(listApps(cloud).every(({ active_deployment }) => active_deployment !== undefined)).toBe(true);
  });
});

it("a platform that another state created is adopted, and nothing is created twice", async () => {
  const cloud = await openTestCloud();
  await stackOn(cloud, "local").up();
  const count = () => [
    allClusters(cloud).length,
    listApps(cloud).length,
    listVpcs(cloud).length,
    listProjects(cloud).length,
    listChecks(cloud).length,
    listAlertPolicies(cloud).length,
  ];
  const before = count();
  const { up } = stackOn(cloud, "local");
  await up();
  expect(count()).toEqual(before);
  expect(await up()).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
});

describe("a change of the stack's settings", () => {
  it("of a size is applied in place", async () => {
    const cloud = await openTestCloud();
    const { up, changes } = stackOn(cloud, "local");
    await up();
    const { id } = findClusterNamed(cloud, "shared-postgres-local")!;
    await up({ "slipway:postgres": JSON.stringify({ layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 }) });
    // The pool grows with the node, and every change of a pool replaces it.
    expect(changes.filter((change) => /^(create|replace|delete) digitalocean:/.test(change))).toEqual([
      "replace digitalocean:index/databaseConnectionPool:DatabaseConnectionPool",
    ]);
    expect(findClusterNamed(cloud, "shared-postgres-local")).toMatchObject({ id, size: "db-s-2vcpu-4gb" });
  });

  it("of a major version upgrades the cluster and re-creates nothing", async () => {
    const cloud = await openTestCloud();
    const { up } = stackOn(cloud, "local");
    await up();
    const { id } = findClusterNamed(cloud, "shared-postgres-local")!;
    const counts = await up({ "slipway:postgres": JSON.stringify({ layout: "shared", version: "17", size: "db-s-1vcpu-2gb", nodes: 1 }) });
    expect(counts).toMatchObject({ create: 0, replace: 0, delete: 0, update: 1 });
    expect(findClusterNamed(cloud, "shared-postgres-local")).toMatchObject({ id, version: "17" });
  });

  it("of the allowed sources replaces the firewall's list", async () => {
    const cloud = await openTestCloud();
    const { up } = stackOn(cloud, "staging");
    await up();
    const { id } = findClusterNamed(cloud, "shared-postgres-staging")!;
    await up({ "slipway:allowedSources": '["198.51.100.7"]' });
    expect(listRules(cloud, id).map(({ value }) => value)).toEqual(["10.124.0.0/20", "198.51.100.7"]);
  });

  it("of the systems deletes the resources of the removed ones, including servers", async () => {
    const { backing, calls } = recordingBacking();
    const cloud = await openTestCloud({ backing });
    const { up } = stackOn(cloud, "local");
    await up();
    const counts = await up({ "slipway:systems": '["devx"]' });
    expect(counts.delete).toBeGreaterThan(20);
    expect(listApps(cloud).map(({ spec }) => spec.name)).toEqual(["devx-platform-local"]);
    expect(listClusters(cloud).map(({ name }) => name)).toEqual(["shared-postgres-local"]);
    expect(calls.filter((call) => call.startsWith("removeCluster"))).toHaveLength(1);
  });

  it("to an empty program deletes everything except retained firewalls", async () => {
    const cloud = await openTestCloud();
    const { up } = stackOn(cloud, "local");
    await up();
    await up({}, async () => {});
    expect([listClusters(cloud), listApps(cloud), listVpcs(cloud)]).toEqual([[], [], []]);
    expect(listProjects(cloud).map(({ name }) => name)).toEqual(["first-project"]);
  });

  it("to an empty program is rejected if clusters are protected, and changes nothing", async () => {
    const cloud = await openTestCloud();
    const { up } = stackOn(cloud, "prod");
    await up();
    const before = listClusters(cloud).length;
    await expect(up({}, async () => {})).rejects.toThrow(/postgres-cluster" is protected and no longer declared, so nothing was deleted/);
    expect(listClusters(cloud)).toHaveLength(before);
  });
});

describe("a resource in the cloud", () => {
  it("has the provider's field names mapped to the API's", async () => {
    const cloud = await openTestCloud();
    await stackOn(cloud, "local").up();
    const postgres = findClusterNamed(cloud, "shared-postgres-local")!;
    expect(readConfig(cloud, postgres.id)).toMatchObject({ backup_hour: 2, log_min_duration_statement: 500 });
    expect(postgres.maintenance).toMatchObject({ day: "sunday", hour: expect.stringContaining("04:00") });
    const valkey = findClusterNamed(cloud, "candlefish-single-valkey-local")!;
    expect(readConfig(cloud, valkey.id)).toMatchObject({ valkey_number_of_databases: 16, valkey_maxmemory_policy: "noeviction" });
    const { spec } = listApps(cloud).find((app) => app.spec.name === "fluxstudio-local")!;
    expect(spec.vpc?.id).toBe(listVpcs(cloud)[0]?.id);
    expect(spec.services?.[0]).toMatchObject({ http_port: 3001, health_check: { http_path: "/api/health" } });
    expect(spec.databases).toMatchObject([{ cluster_name: "shared-postgres-local", db_name: "fluxstudio", db_user: "fluxstudio_user" }]);
  });

  it("fails with the reason of the cloud", async () => {
    const cloud = await openTestCloud({
      backing: { ...recordOnly, deployApp: async () => ({ ok: false, component: "api", message: "it exited with 1" }) },
    });
    await expect(stackOn(cloud, "local").up()).rejects.toThrow(/App "\S+": its component api is not healthy: it exited with 1/);
  });

  it("fails if its server does not start", async () => {
    const cloud = await openTestCloud({ backing: { ...recordOnly, startCluster: () => Promise.reject(new Error("no disk")) } });
    await expect(stackOn(cloud, "local").up()).rejects.toThrow(/DatabaseCluster "\S+": its server does not start/);
  });
});

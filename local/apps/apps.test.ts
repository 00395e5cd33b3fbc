/** Placeholder services without databases. Those with databases are tested in local/platform. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BackedComponent } from "../cloud/backing.ts";
import { type AppBacking, openApps } from "./apps.ts";

const app = { id: "a1", name: "shop", suffix: "abcde", services: [{ name: "api", port: 3000 }] };
const api: BackedComponent = {
  name: "api",
  kind: "service",
  env: { GREETING: "hello" },
  healthPath: "/health",
  routes: ["/api", "/health"],
};

describe("the apps of a local cloud", () => {
  let state: string;
  let apps: AppBacking;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "slipway apps "));
    apps = openApps({
      state,
      report: () => {},
      // A busy machine may take seconds to start a service.
      healthTimeoutMs: 10_000,
    });
  });
  afterEach(async () => {
    await apps.close();
    rmSync(state, { recursive: true });
  });
  const pidOf = (name = "api") => apps.status()[0]?.components.find((component) => component.name === name)?.pid;

  it("answer at one address, by the longest prefix, for services and sites", async () => {
    const { url } = await apps.placeApp(app);
    expect(await (await fetch(url)).text()).toContain("shop is not deployed yet");
    const site: BackedComponent = { name: "web", kind: "static_site", env: {}, routes: ["/"] };
    expect(await apps.deployApp(app, [site, api])).toEqual({ ok: true });
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: "ok", connections: {} });
    expect(await (await fetch(`${url}/any/page`)).text()).toContain("<h1>shop: web</h1>");
    expect((await fetch(`${url}/api/unknown`)).status).toBe(404);
  });

  it("run with the variables of the spec and no others", async () => {
    await apps.deployApp(app, [api]);
    const environment = readFileSync(`/proc/${pidOf()}/environ`, "utf8").split("\0").filter(Boolean);
    expect(environment.map((line) => line.split("=")[0]).sort()).toEqual(["GREETING", "PATH", "PORT"]);
  });

  it("are not deployed if a component is not healthy, with its answer as the reason", async () => {
    // No process listens on port 1.
    const env = { DATABASE_URL: "postgresql://u:p@127.0.0.1:1/d", REDIS_URL: "rediss://default:p@127.0.0.1:1" };
    const { url } = await apps.placeApp(app);
    const deploying = apps.deployApp(app, [{ ...api, env }]);
    const refused = { DATABASE_URL: expect.stringContaining("ECONNREFUSED"), REDIS_URL: expect.stringContaining("ECONNREFUSED") };
    const outcome = await deploying;
    expect(outcome).toMatchObject({
      ok: false,
      component: "api",
      message: expect.stringMatching(/^\/health answered 503: .*ECONNREFUSED/),
    });
    // It keeps running, because the database may start later.
    const response = await fetch(`${url}/health`);
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { status: "degraded", database: { connected: false }, connections: refused },
    ]);
  });

  it("restart a killed component at the same address, and keep when and how it ended", async () => {
    await apps.deployApp(app, [api]);
    const { url } = await apps.placeApp(app);
    const before = pidOf()!;
    process.kill(before, "SIGKILL");
    await expect.poll(() => pidOf() !== undefined && pidOf() !== before).toBe(true);
    await expect.poll(async () => (await fetch(`${url}/health`)).status).toBe(200);
    const lines = (await apps.readLog(app.id, "api", "RUN_RESTARTED")).trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z the process was ended by SIGKILL$/);
    expect(lines.some((line) => line.endsWith(" ready"))).toBe(true);
    await apps.deployApp(app, [api]);
    expect((await apps.readLog(app.id, "api", "RUN_RESTARTED")).trimEnd().split("\n")).toEqual(lines);
  });

  it("answer every request while another version of them is deployed, first by the old processes and then by the new ones", async () => {
    await apps.deployApp(app, [api]);
    const { url, services } = await apps.placeApp(app);
    const before = pidOf()!;
    const port = apps.status()[0]!.components[0]!.port;
    let isDeployed = false;
    const statuses: number[] = [];
    const clients = [url, `http://127.0.0.1:${services.api!.port}`].map(async (address) => {
      while (!isDeployed) statuses.push((await fetch(`${address}/health`)).status);
      statuses.push((await fetch(`${address}/health`)).status);
    });
    for (let version = 1; version <= 5; version++)
      expect(await apps.deployApp(app, [{ ...api, env: { VERSION: String(version) } }])).toEqual({ ok: true });
    isDeployed = true;
    await Promise.all(clients);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(() => process.kill(before, 0)).toThrow("ESRCH");
    expect(readFileSync(`/proc/${pidOf()}/environ`, "utf8")).toContain("VERSION=5");
    expect(apps.status()[0]!.components[0]!.port).toBe(port);
  });

  it("keep answering as before if another version of them does not become healthy", async () => {
    await apps.deployApp(app, [api]);
    const { url } = await apps.placeApp(app);
    const before = pidOf()!;
    const broken = { ...api, env: { DATABASE_URL: "postgresql://u:p@127.0.0.1:1/d" } };
    expect(await apps.deployApp(app, [broken])).toMatchObject({ ok: false, component: "api", kept: true });
    expect(pidOf()).toBe(before);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("stop when the app is removed, and release their ports", async () => {
    await apps.deployApp(app, [api]);
    const pid = pidOf()!;
    await apps.removeApp(app.id);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(apps.status()).toEqual([]);
    expect(JSON.parse(readFileSync(join(state, "apps", "ports.json"), "utf8"))).toEqual({});
  });
});

/** The whole platform with its real servers, as `slipway local` runs it. Placeholder services stand for the products, which are not tested here. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { env } from "../../cli/local/env.ts";
import { reloadAllScripts } from "../../cli/local/scripts.ts";
import { localConnections, localStores } from "../../cli/shared/local-connections.ts";
import { recordingTerminal } from "../../cli/testing/slipway.ts";
import type { VerifyOptions } from "../../cli/verify/flags.ts";
import type { Report } from "../../cli/verify/report.ts";
import { verify } from "../../cli/verify/run.ts";
import { systems } from "../../systems/index.ts";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { processesIn, removeHome, temporaryHome } from "../servers/testing/servers.ts";
import { findDaemon, stopPlatform } from "./daemon/client.ts";
import { fetchStatus, type StartedPlatform, startPlatform } from "./start.ts";
import { isHealthy, type PlatformStatus } from "./status.ts";
import { type Workspace, workspaceAt } from "./workspace.ts";

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));

function temporaryWorkspace(): Workspace {
  return workspaceAt(CHECKOUT, temporaryHome());
}

describeUnless(NEEDS_PROC, "the local platform", () => {
  const workspace = temporaryWorkspace();
  const other = temporaryWorkspace();
  let first: StartedPlatform;

  beforeAll(async () => {
    first = await startPlatform(workspace);
  });
  afterAll(async () => {
    for (const one of [workspace, other]) {
      await stopPlatform(one);
      await removeHome(one.home);
    }
  });

  const status = async (): Promise<PlatformStatus> => fetchStatus(findDaemon(workspace)!);

  it("runs all three systems, with every service healthy over verified connections", () => {
    expect(first.realized.counts).toMatchObject({ update: 0, replace: 0, delete: 0, same: 0 });
    expect(first.status.servers.map(({ kind }) => kind).sort()).toEqual(["pgbouncer", "postgres", "valkey"]);
    const services = first.status.apps.flatMap(({ components }) => components.filter(({ kind }) => kind === "service"));
    expect(services.map(({ health }) => health)).toEqual(services.map(() => "ok"));
    expect(services.length).toBeGreaterThanOrEqual(5);
    expect(isHealthy(first.status)).toBe(true);
  });

  it.each(
    systems.flatMap(({ apps }) =>
      Object.values(apps).flatMap(({ name, components }) =>
        Object.entries(components).flatMap(([component, it]) =>
          it.kind === "service" && it.feature === undefined ? [[`${name} ${component}`, name, it.health] as const] : [],
        ),
      ),
    ),
  )("%s answers its health check, and states that it is a placeholder service", async (_, app, { path }) => {
    const { url } = (await status()).apps.find((one) => one.app === `${app}-local`)!;
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("slipway runs a placeholder service here");
  });

  describe("slipway verify", () => {
    const report = async (system: string, options: Partial<VerifyOptions> = {}) => {
      const terminal = recordingTerminal();
      const code = await verify({ system, json: true, ...options } as VerifyOptions, terminal, workspace);
      const [{ checks, checklist }] = JSON.parse(terminal.printed.join("\n")).reports as [Report];
      const evidence = (kind: string, subject = "") =>
        checks
          .filter((check) => check.kind === kind && check.subject.includes(subject))
          .map((check) => `${check.outcome}: ${check.evidence}`);
      return { code, checks, checklist, evidence };
    };

    it("sees FluxStudio active with every step, its pool's figures, 401 without a token, and the checks of the first day [F31] [F32] [F75] [F156]", async () => {
      const { code, evidence, checklist } = await report("fluxstudio");
      expect(code).toBe(0);
      expect(evidence("deployment")).toEqual([
        expect.stringMatching(/^passed: deployment [0-9a-f-]{36} of commit [0-9a-f]{12}: ACTIVE, (\d+) of \1 steps$/),
      ]);
      expect(evidence("health", "/api: GET /api/health")).toEqual([
        expect.stringMatching(/^passed: 200 in \d+ ms; database connected, totalCount \d+, idleCount \d+, waitingCount \d+$/),
      ]);
      expect(evidence("probes", "GET /api/projects")).toEqual([expect.stringMatching(/^passed: 401 in \d+ ms, without credentials$/)]);
      expect(checklist.map(({ item, outcome }) => `${outcome} ${item}`)).toEqual(
        expect.arrayContaining(["passed Monitor error logs", "passed Verify all features working", "unproved Check backup completion"]),
      );
    });

    it("measures FluxStudio's promised durations in its own schema, and fails for none of them [F41]", async () => {
      const { code, evidence } = await report("fluxstudio", { bench: true });
      expect(code).toBe(0);
      expect(evidence("targets")).toEqual(
        [10, 100, 200, 5, 200].map((most) => expect.stringMatching(new RegExp(` ms, the .+ of 20; promised: at most ${most} ms$`))),
      );
    });

    it("sees DevX Platform report its database, keep its status private, and list rows that were just added [D28] [D29] [D31] [D37]", async () => {
      const { code, evidence } = await report("devx");
      expect(code).toBe(0);
      expect(evidence("health")).toEqual([expect.stringMatching(/; database reports that the database answers$/)]);
      expect(evidence("probes", "GET /api/database/status")).toEqual([expect.stringMatching(/^passed: 401 in/)]);
      for (const path of ["/api/templates", "/api/templates/categories"])
        expect(evidence("canary", `GET ${path}`)).toContainEqual(
          expect.stringMatching(/^passed: a row that was just added to templates\.\w+ is in the answer$/),
        );
    });

    it("answers Candlefish's thirteen points in their order, in one report [C72]", async () => {
      await report("candlefish");
      const { code, checklist } = await report("candlefish", { bench: true });
      expect(code).toBe(0);
      expect(checklist.map(({ item, outcome }) => `${outcome} ${item}`)).toEqual([
        "passed Install required tools",
        "passed Run connection configuration script",
        "passed Deploy PostgreSQL with persistent volume",
        "passed Deploy Redis with persistent volume",
        "passed Initialize database schema and seed data",
        "passed Initialize Redis configuration",
        "passed Update RTPM API with new connection strings",
        "passed Test database connections",
        "unproved Set up monitoring",
        "unproved Configure automated backups",
        expect.stringMatching(/^(passed|unproved) Run performance tests$/),
        "passed Document connection details for team",
        "unproved Set up alerting and notifications",
      ]);
    });
  });

  it("changes nothing the second time, and reports it", async () => {
    const { realized } = await startPlatform(workspace);
    expect(realized.counts).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: first.realized.counts.create });
  });

  it("provides the database and stores of a system to migrate and keyspaces by default", async () => {
    const candlefish = systems.find(({ name }) => name === "candlefish")!;
    const { owner } = (await localConnections(candlefish, workspace))!;
    const client = new pg.Client({ connectionString: owner.url, ssl: { ca: owner.ca } });
    await client.connect();
    expect((await client.query("SELECT current_user AS user_name, current_database() AS database")).rows).toEqual([
      { user_name: candlefish.postgres.roles.owner, database: candlefish.postgres.database },
    ]);
    await client.end();

    const stores = await localStores(candlefish, workspace);
    expect([...stores.keys()].sort()).toEqual(Object.keys(candlefish.stores).sort());
    for (const { url, ca } of stores.values()) {
      const redis = new Redis(url, { tls: { ca }, lazyConnect: true });
      await redis.connect();
      const digest = String(await redis.hget("scripts:sha", "cleanup"));
      expect(digest).toMatch(/^[0-9a-f]{40}$/);
      // A restart flushes scripts too, and `local up` loads them again.
      await redis.script("FLUSH");
      expect(await redis.script("EXISTS", digest)).toEqual([0]);
      await reloadAllScripts(workspace);
      expect(await redis.script("EXISTS", digest)).toEqual([1]);
      redis.disconnect();
    }
    expect(await localStores(candlefish, { ...workspace, daemon: `${workspace.daemon}-elsewhere` })).toEqual(new Map());
  });

  it("prints variables with which psql, pg and ioredis connect to the same servers and verify their certificates", async () => {
    const { DATABASE_URL = "", NODE_EXTRA_CA_CERTS: ca = "" } = await variables("devx", "api");
    expect(DATABASE_URL).toMatch(/\?sslmode=verify-full&sslrootcert=\//);
    expect(
      await rows(DATABASE_URL, "SELECT current_user AS user_name, count(*)::int AS tables FROM pg_tables WHERE schemaname = 'devx'"),
    ).toEqual([{ user_name: "devx", tables: 6 }]);
    await expect(rows(DATABASE_URL.replace(/:[^:@]+@/, ":wrong@"), "SELECT 1")).rejects.toThrow("password authentication failed");
    await expect(rows(DATABASE_URL.replace(/\?.*/, "?sslmode=disable"), "SELECT 1")).rejects.toThrow(/no encryption/);

    const { REDIS_URL = "" } = await variables("candlefish", "paintbox");
    expect(REDIS_URL).toMatch(/^rediss:\/\//);
    const redis = new Redis(REDIS_URL, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await redis.connect();
    expect(await redis.dbsize()).toBeGreaterThan(0);
    redis.disconnect();
  });

  it("runs a second time in parallel, also after an interrupted run", async () => {
    const stop = new AbortController();
    const interrupted = startPlatform(other, {
      systems: ["devx"],
      signal: stop.signal,
      onEvent: ({ name, phase }) => phase === "done" && name.endsWith("-user-devx") && stop.abort(),
    });
    await expect(interrupted).rejects.toThrow("stopped on request");
    const { realized, status: second } = await startPlatform(other, { systems: ["devx"] });
    expect(realized.counts.same).toBeGreaterThan(0);
    expect(isHealthy(second)).toBe(true);
    const ports = (one: PlatformStatus) => [
      one.daemon!.api,
      ...one.servers.map(({ port }) => port),
      ...one.apps.flatMap(({ url, components }) => [url, ...components.flatMap(({ port }) => (port === undefined ? [] : [port]))]),
    ];
    const all = [...ports(second), ...ports(await status())];
    expect(new Set(all).size).toBe(all.length);

    await stopPlatform(other);
    expect(processesIn(other.home.state)).toEqual([]);
    expect(isHealthy(await status())).toBe(true);
  });

  it("reports services as degraded while their database is down, and recovers whichever process was killed", async () => {
    const before = await status();
    process.kill(before.servers.find(({ kind }) => kind === "postgres")!.pid!, "SIGKILL");
    await waitUntil(async () => !isHealthy(await status()));
    const degraded = await status();
    const health = degraded.apps.find(({ app }) => app === "devx-platform-local")!.components[0]!;
    expect(health).toMatchObject({
      pid: expect.any(Number),
      health: expect.stringContaining('503 {"status":"degraded","database":{"connected":false'),
    });

    expect(isHealthy((await startPlatform(workspace)).status)).toBe(true);

    process.kill(before.servers.find(({ kind }) => kind === "valkey")!.pid!, "SIGKILL");
    process.kill(degraded.daemon!.pid, "SIGKILL");
    await waitUntil(() => processesIn(workspace.home.state).every((line) => !line.includes("placeholder")));
    const { realized, status: after } = await startPlatform(workspace);
    expect(isHealthy(after)).toBe(true);
    expect(realized.counts).toMatchObject({ create: 0, replace: 0, delete: 0 });
    const tables = "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname IN ('devx', 'templates')";
    expect(await rows((await variables("devx", "api")).DATABASE_URL!, tables)).toEqual([{ n: 9 }]);
  });

  it("leaves no process when it is stopped, and keeps its data for the next start", async () => {
    const { NODE_EXTRA_CA_CERTS: ca = "", REDIS_URL = "" } = await variables("candlefish", "paintbox");
    const redis = new Redis(REDIS_URL, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await redis.connect();
    await redis.set("kept", "yes");
    redis.disconnect();
    expect(await stopPlatform(workspace)).toMatchObject({ daemon: true });
    expect(processesIn(workspace.home.state)).toEqual([]);

    expect(isHealthy((await startPlatform(workspace)).status)).toBe(true);
    const again = new Redis((await variables("candlefish", "paintbox")).REDIS_URL!, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await again.connect();
    expect(await again.get("kept")).toBe("yes");
    again.disconnect();
  });

  async function variables(system: string, service: string): Promise<Record<string, string>> {
    const terminal = recordingTerminal();
    expect(await env([system, service], { format: "json", cwd: workspace.checkout }, workspace, terminal)).toBe(0);
    return JSON.parse(terminal.printed.join("\n")) as Record<string, string>;
  }
});

async function rows(url: string, sql: string): Promise<object[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query(sql)).rows as object[];
  } finally {
    await client.end().catch(() => {});
  }
}

async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (await condition()) return;
  throw new Error("the condition was not met within 120 seconds");
}

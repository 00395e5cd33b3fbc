/** The whole platform with its real servers, as `slipway local` runs it. What the stand-ins cannot show is the products themselves. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { localConnections, localStores } from "../../cli/local-databases.ts";
import { env } from "../../cli/local-env.ts";
import { recallAll } from "../../cli/local-scripts.ts";
import { plainStyle, type Terminal } from "../../cli/terminal.ts";
import { systems } from "../../systems/index.ts";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { processesIn, removeHome, temporaryHome } from "../servers/testing.ts";
import { type Place, placeOf } from "./place.ts";
import { lineTo, takeDown } from "./reach.ts";
import { isHealthy, type PlatformStatus } from "./status.ts";
import { bringUp, statusBy, type Up } from "./up.ts";

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));

function temporaryPlace(): Place {
  return placeOf(CHECKOUT, temporaryHome());
}

describeUnless(NEEDS_PROC, "the local platform", () => {
  const place = temporaryPlace();
  const other = temporaryPlace();
  let first: Up;

  beforeAll(async () => {
    first = await bringUp(place);
  });
  afterAll(async () => {
    for (const one of [place, other]) {
      await takeDown(one);
      await removeHome(one.home);
    }
  });

  const status = async (): Promise<PlatformStatus> => statusBy(lineTo(place)!);

  it("stands with all three systems, every service healthy over verified connections", () => {
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
  )("%s answers its health check, and says that it is a stand-in", async (_, app, { path }) => {
    const { url } = (await status()).apps.find((one) => one.app === `${app}-local`)!;
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("slipway runs a stand-in here");
  });

  it("does nothing the second time, and says so", async () => {
    const { realized } = await bringUp(place);
    expect(realized.counts).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: first.realized.counts.create });
  });

  it("is where migrate and keyspaces find a system's database and stores when none is named", async () => {
    const candlefish = systems.find(({ name }) => name === "candlefish")!;
    const { owner } = (await localConnections(candlefish, place))!;
    const client = new pg.Client({ connectionString: owner.url, ssl: { ca: owner.ca } });
    await client.connect();
    expect((await client.query("SELECT current_user AS who, current_database() AS held")).rows).toEqual([
      { who: candlefish.postgres.roles.owner, held: candlefish.postgres.database },
    ]);
    await client.end();

    const stores = await localStores(candlefish, place);
    expect([...stores.keys()].sort()).toEqual(Object.keys(candlefish.stores).sort());
    for (const { url, ca } of stores.values()) {
      const redis = new Redis(url, { tls: { ca }, lazyConnect: true });
      await redis.connect();
      const digest = String(await redis.hget("scripts:sha", "cleanup"));
      expect(digest).toMatch(/^[0-9a-f]{40}$/);
      // As a restart does; `local up` loads them again after one.
      await redis.script("FLUSH");
      expect(await redis.script("EXISTS", digest)).toEqual([0]);
      await recallAll(place);
      expect(await redis.script("EXISTS", digest)).toEqual([1]);
      redis.disconnect();
    }
    expect(await localStores(candlefish, { ...place, daemon: `${place.daemon}-elsewhere` })).toEqual(new Map());
  });

  it("gives out variables that lead psql, pg and ioredis to the same servers, certificates checked", async () => {
    const { DATABASE_URL = "", NODE_EXTRA_CA_CERTS: ca = "" } = await variables("devx", "api");
    expect(DATABASE_URL).toMatch(/\?sslmode=verify-full&sslrootcert=\//);
    expect(
      await rows(DATABASE_URL, "SELECT current_user AS who, count(*)::int AS tables FROM pg_tables WHERE schemaname = 'devx'"),
    ).toEqual([{ who: "devx", tables: 6 }]);
    await expect(rows(DATABASE_URL.replace(/:[^:@]+@/, ":wrong@"), "SELECT 1")).rejects.toThrow("password authentication failed");
    await expect(rows(DATABASE_URL.replace(/\?.*/, "?sslmode=disable"), "SELECT 1")).rejects.toThrow(/no encryption/);

    const { REDIS_URL = "" } = await variables("candlefish", "paintbox");
    expect(REDIS_URL).toMatch(/^rediss:\/\//);
    const redis = new Redis(REDIS_URL, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await redis.connect();
    expect(await redis.dbsize()).toBeGreaterThan(0);
    redis.disconnect();
  });

  it("stands a second time beside itself, from a run that was stopped half way", async () => {
    const stop = new AbortController();
    const halfWay = bringUp(other, {
      systems: ["devx"],
      signal: stop.signal,
      onEvent: ({ name, phase }) => phase === "done" && name.endsWith("-user-devx") && stop.abort(),
    });
    await expect(halfWay).rejects.toThrow("stopped on request");
    const { realized, status: second } = await bringUp(other, { systems: ["devx"] });
    expect(realized.counts.same).toBeGreaterThan(0);
    expect(isHealthy(second)).toBe(true);
    const ports = (one: PlatformStatus) => [
      one.daemon!.api,
      ...one.servers.map(({ port }) => port),
      ...one.apps.flatMap(({ url, components }) => [url, ...components.flatMap(({ port }) => (port === undefined ? [] : [port]))]),
    ];
    const all = [...ports(second), ...ports(await status())];
    expect(new Set(all).size).toBe(all.length);

    await takeDown(other);
    expect(processesIn(other.home.state)).toEqual([]);
    expect(isHealthy(await status())).toBe(true);
  });

  it("shows a database that is gone as degraded and nothing as crashed, and comes back whatever was killed", async () => {
    const before = await status();
    process.kill(before.servers.find(({ kind }) => kind === "postgres")!.pid!, "SIGKILL");
    await until(async () => !isHealthy(await status()));
    const degraded = await status();
    const health = degraded.apps.find(({ app }) => app === "devx-platform-local")!.components[0]!;
    expect(health).toMatchObject({
      pid: expect.any(Number),
      health: expect.stringContaining('503 {"status":"degraded","database":{"connected":false'),
    });

    expect(isHealthy((await bringUp(place)).status)).toBe(true);

    process.kill(before.servers.find(({ kind }) => kind === "valkey")!.pid!, "SIGKILL");
    process.kill(degraded.daemon!.pid, "SIGKILL");
    await until(() => processesIn(place.home.state).every((line) => !line.includes("stand-in")));
    const { realized, status: after } = await bringUp(place);
    expect(isHealthy(after)).toBe(true);
    expect(realized.counts).toMatchObject({ create: 0, replace: 0, delete: 0 });
    const tables = "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname IN ('devx', 'templates')";
    expect(await rows((await variables("devx", "api")).DATABASE_URL!, tables)).toEqual([{ n: 9 }]);
  });

  it("leaves no process when it is taken down, and finds its data when it comes up again", async () => {
    const { NODE_EXTRA_CA_CERTS: ca = "", REDIS_URL = "" } = await variables("candlefish", "paintbox");
    const redis = new Redis(REDIS_URL, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await redis.connect();
    await redis.set("kept", "yes");
    redis.disconnect();
    expect(await takeDown(place)).toMatchObject({ daemon: true });
    expect(processesIn(place.home.state)).toEqual([]);

    expect(isHealthy((await bringUp(place)).status)).toBe(true);
    const again = new Redis((await variables("candlefish", "paintbox")).REDIS_URL!, { tls: { ca: readFileSync(ca) }, lazyConnect: true });
    await again.connect();
    expect(await again.get("kept")).toBe("yes");
    again.disconnect();
  });

  async function variables(system: string, service: string): Promise<Record<string, string>> {
    const lines: string[] = [];
    const terminal: Terminal = { print: (line) => lines.push(line), say: (line) => lines.push(line), columns: 80, style: plainStyle };
    expect(await env({ values: { format: "json" }, positionals: [system, service], place }, terminal)).toBe(0);
    return JSON.parse(lines.join("\n")) as Record<string, string>;
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

async function until(settled: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (await settled()) return;
  throw new Error("it never came to that");
}

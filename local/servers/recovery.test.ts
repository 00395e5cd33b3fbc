import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BackedCluster } from "../cloud/backing.ts";
import { openServers, type ServerBacking } from "./backing.ts";
import type { Home } from "./home.ts";
import { listServerStatus, stopServers } from "./status.ts";
import {
  postgresCluster,
  processesIn,
  query,
  queryAsSuperuser,
  removeHome,
  runCommand,
  temporaryHome,
  valkeyCluster,
} from "./testing/servers.ts";

const APP = { name: "app", password: "AVNS_app", replication: false };
const PG = postgresCluster("pg", {
  users: [APP],
  pools: [{ name: "pool", mode: "transaction", size: 2, database: "defaultdb", user: APP }],
});
const VALKEY = valkeyCluster("valkey");

let home: Home;
const opened: ServerBacking[] = [];
const open = (report?: (line: string) => void) => {
  const servers = openServers({ home, ...(report && { report }) });
  opened.push(servers);
  return servers;
};
beforeEach(() => {
  home = temporaryHome();
});
afterEach(async () => {
  for (const servers of opened.splice(0)) servers.leave();
  await removeHome(home);
});

const running = (kind: string, cluster?: string) =>
  listServerStatus(home.state).find((server) => server.kind === kind && (!cluster || server.cluster === cluster))?.running;
const kill = (kind: string) => process.kill(running(kind)!.pid, "SIGKILL");
const viaPool = { user: "app", password: "AVNS_app", database: "pool" };

describe("after kill -9 of", () => {
  it("the postmaster, the next change restarts it on the same port with all committed data", async () => {
    const servers = open();
    const before = await servers.startCluster(PG);
    await query(before, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
    // A backend that is busy when the postmaster dies: the new server has to wait until it exits.
    const busy = query(before, "SELECT count(*) FROM generate_series(1, 1e10)").catch((error: Error) => error.message);
    await expect
      .poll(() =>
        query(before, "SELECT FROM pg_stat_activity WHERE query LIKE '%1e10%' AND pid <> pg_backend_pid()").then((rows) => rows.length),
      )
      .toBe(1);
    kill("postgres");
    await expect.poll(() => running("postgres")).toBeUndefined();
    await servers.createDatabase("pg", "another");
    expect(await query(before, "SELECT count(*)::int AS n FROM t")).toEqual([{ n: 1000 }]);
    expect(
      await query(before, "SELECT count(*)::int AS n FROM t", { ...viaPool, port: before.poolPort }).catch((error: Error) => error.message),
    ).toMatch(/permission denied/);
    expect(await busy).toMatch(/terminat|reset/i);
  });

  it("one backend, Postgres recovers and keeps all committed data", async () => {
    const endpoint = await open().startCluster(PG);
    await query(endpoint, "CREATE TABLE t AS SELECT 1 AS n");
    const [row] = await queryAsSuperuser(home, endpoint, "pg", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    process.kill(row!.pid as number, "SIGKILL");
    await expect.poll(() => query(endpoint, "SELECT n FROM t").catch((error: Error) => error.message)).toEqual([{ n: 1 }]);
  });

  it("Valkey, the next start has every acknowledged key", async () => {
    const servers = open();
    const before = await servers.startCluster(VALKEY);
    for (let n = 0; n < 50; n++) await runCommand(before, ["SET", `key:${n}`, String(n)]);
    kill("valkey");
    await expect.poll(() => running("valkey")).toBeUndefined();
    const after = await servers.startCluster(VALKEY);
    expect(after.port).toBe(before.port);
    expect(await runCommand(after, ["DBSIZE"])).toBe(50);
  });

  it("PgBouncer, the next start restores the pools", async () => {
    const servers = open();
    const before = await servers.startCluster(PG);
    kill("pgbouncer");
    await expect.poll(() => running("pgbouncer")).toBeUndefined();
    const after = await servers.startCluster(PG);
    expect(after.poolPort).toBe(before.poolPort);
    expect(await query(after, "SELECT 1 AS one", { ...viaPool, port: after.poolPort })).toEqual([{ one: 1 }]);
  });

  it("slipway, the servers keep running and the next slipway process uses them", async () => {
    const child = inAnotherProcess(home, [PG, VALKEY], "process.stdout.write('up');");
    await child.waitForOutput("up");
    const before = listServerStatus(home.state);
    expect(before.map((server) => server.running !== undefined)).toEqual([true, true, true]);
    child.kill();
    await child.ended;

    const servers = open();
    const endpoint = await servers.startCluster(PG);
    const valkey = await servers.startCluster(VALKEY);
    expect(listServerStatus(home.state)).toEqual(before);
    expect(await query(endpoint, "SELECT 1 AS one", { ...viaPool, port: endpoint.poolPort })).toEqual([{ one: 1 }]);
    expect(await runCommand(valkey, ["PING"])).toBe("PONG");
  });

  it.for([40, 120, 200, 300, 450])(
    "slipway %i ms into its first start, the next start succeeds and no server runs twice",
    async (milliseconds) => {
      const child = inAnotherProcess(home, [PG, VALKEY], "process.stdout.write('up');");
      await child.waitForOutput("started");
      await sleep(milliseconds);
      child.kill();
      await child.ended;

      const servers = open();
      const endpoint = await servers.startCluster(PG);
      await servers.startCluster(VALKEY);
      expect(await query(endpoint, "SELECT 1 AS one", { ...viaPool, port: endpoint.poolPort })).toEqual([{ one: 1 }]);
      const ports = listServerStatus(home.state).map((server) => server.running?.port);
      expect(new Set(ports).size).toBe(3);
      await stopServers(home.state);
      // A port that is free again would prove less: another program may have taken it.
      if (process.platform === "linux") expect(processesIn(home.state)).toEqual([]);
    },
  );
});

describe("with other programs on the machine", () => {
  it("two checkouts have separate servers, and stopping one keeps the other running", async () => {
    const one = await open().startCluster(PG);
    const first = home;
    home = temporaryHome();
    const other = await open().startCluster(PG);
    try {
      expect(other.port).not.toBe(one.port);
      await query(one, "CREATE TABLE mine ()");
      await expect(query(other, "SELECT FROM mine")).rejects.toThrow("does not exist");
      await expect(query({ ...one, port: other.port }, "SELECT 1")).rejects.toThrow(/certificate/);
      await stopServers(first.state);
      expect(await query(other, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    } finally {
      await removeHome(first);
    }
  });

  it("a server whose port another process has taken starts on another port and reports it", async () => {
    const reported: string[] = [];
    const servers = open((line) => reported.push(line));
    const before = await servers.startCluster(PG);
    await stopServers(home.state);
    // Other programs may have used ports before the first start, which was reported too.
    reported.length = 0;
    const listeners = await Promise.all([before.port, before.poolPort].map(listen));
    try {
      const after = await servers.startCluster(PG);
      expect(after.port).not.toBe(before.port);
      // Another program can take the next port as well: then a second line reports that move.
      const moves = (server: string) => reported.filter((line) => line.includes(`, so ${server} listens on `));
      for (const [server, from, to] of [
        ["Postgres pg", before.port, after.port],
        ["PgBouncer of pg", before.poolPort, after.poolPort],
      ] as const) {
        expect(moves(server)[0]).toMatch(
          new RegExp(`^Port ${from} is in use by process ${process.pid} \\(.+\\), so ${server} listens on `),
        );
        expect(moves(server).at(-1)).toMatch(new RegExp(` listens on ${to}\\.$`));
      }
      expect(await query(after, "SELECT 1 AS one", { ...viaPool, port: after.poolPort })).toEqual([{ one: 1 }]);
    } finally {
      for (const listener of listeners) listener.close();
    }
  });

  it("a second slipway in the same folder is refused with the name of the first", () => {
    open();
    expect(() => open()).toThrow(/already open in this process/);
  });

  it("a cluster id cannot be a path", async () => {
    await expect(open().startCluster(postgresCluster("../../outside"))).rejects.toThrow('"../../outside" is not a valid cluster id');
  });
});

function listen(port: number) {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** Starts the clusters in another process, which then runs `after` and waits. */
function inAnotherProcess(home: Home, clusters: readonly BackedCluster[], after: string) {
  const program = `
    import { openServers } from ${JSON.stringify(new URL("./backing.ts", import.meta.url).href)};
    const servers = openServers({ home: ${JSON.stringify(home)} });
    process.stdout.write("started");
    for (const cluster of ${JSON.stringify(clusters)}) await servers.startCluster(cluster);
    ${after}
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  return {
    ended,
    kill: () => child.kill("SIGKILL"),
    waitForOutput: (word: string) => expect.poll(() => output, { interval: 5 }).toContain(word),
  };
}

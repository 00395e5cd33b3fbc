/**
 * Applies the same migration files with slipway, its peers and a minimal baseline: whole processes, alternating, each with a new database.
 * Counts the tables after each run, so that a tool cannot be faster by doing less.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { startProxy } from "../postdeploy/migrate/testing/proxy.ts";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { type Benchmark, type Comparison, type Runner, summarize, type Target } from "./benchmark.ts";
import { BASELINE, CONNECT, createTools, PEER_NAMES, SLIPWAY, type Tool } from "./migrate/tools.ts";

interface Scenario {
  readonly files: number;
  readonly runs: number;
  /** Delay of a proxy in each direction. */
  readonly delayMs: number;
  /** Keep the server's files in memory: disk time is equal for all tools and would hide the effect of the network. */
  readonly inMemory?: boolean;
  /** Measure a second run, which has nothing to do. */
  readonly again: boolean;
  readonly peers: readonly string[];
  targets(compareTools: readonly Runner[]): readonly Target[];
}

const allPeers = PEER_NAMES as readonly string[];
const requireFasterThan = (names: readonly string[], times = 1) =>
  names.map((comparedTo): Target => ({ runner: SLIPWAY, comparedTo, atMost: 1 / times }));
const selectPresent = (race: readonly Runner[], names: readonly string[]) =>
  names.filter((name) => race.some((runner) => runner.name === name));

export const loopback = bench("200 files on loopback", {
  files: 200,
  runs: 7,
  delayMs: 0,
  again: false,
  peers: [BASELINE, ...allPeers],
  targets: (race) => [
    { runner: SLIPWAY, comparedTo: BASELINE, atMost: 1.1 },
    ...requireFasterThan(
      selectPresent(
        race,
        allPeers.filter((name) => name !== "psql, one process"),
      ),
    ),
  ],
});

export const distant = bench("200 files over a network with 10 ms latency, server files in memory", {
  files: 200,
  runs: 3,
  delayMs: 5,
  inMemory: true,
  again: false,
  peers: [BASELINE, ...allPeers],
  targets: (race) => requireFasterThan(selectPresent(race, allPeers), 10),
});

export const nothing = bench("200 files, nothing to do", {
  files: 200,
  runs: 9,
  delayMs: 0,
  again: true,
  peers: [CONNECT, BASELINE, ...allPeers.filter((name) => !name.startsWith("psql"))],
  targets: () => [{ runner: SLIPWAY, comparedTo: CONNECT, atMost: 1.2 }],
});

export const many = bench("3000 files on loopback", {
  files: 3000,
  runs: 3,
  delayMs: 0,
  again: false,
  // node-pg-migrate uses one transaction for all files, which exceeds the lock limit (53200).
  peers: [BASELINE, "dbmate", "postgrator-cli", "graphile-migrate"],
  targets: () => [
    { runner: SLIPWAY, comparedTo: BASELINE, atMost: 1.1 },
    ...requireFasterThan(["dbmate", "postgrator-cli", "graphile-migrate"]),
  ],
});

function bench(about: string, course: Scenario): Benchmark {
  return { about: `migrations: ${about}, whole process, Postgres 17 with its own settings`, unit: "ms", run: () => race(course) };
}

async function race({ files, runs, delayMs, inMemory = false, again, peers, targets }: Scenario): Promise<Comparison> {
  const server = await startServer({ ...(inMemory ? {} : { parent: tmpdir() }), settings: { fsync: "on", max_wal_size: "1GB" } });
  const folders = mkdtempSync(path.join(tmpdir(), "slipway-bench-"));
  const proxy = delayMs > 0 ? await startProxy(server.port, { delayMs }) : undefined;
  try {
    const sql = Array.from({ length: files }, (_, n) => createMigration(n + 1));
    const running = createTools().filter(({ name }) => name === SLIPWAY || peers.includes(name));
    const folder = new Map(running.map((contender) => [contender.name, mkdtempSync(path.join(folders, "files-"))]));
    for (const contender of running) contender.prepare(folder.get(contender.name)!, sql);
    const samples = new Map(running.map(({ name }) => [name, [] as Sample[]]));
    for (let run = 0; run < runs; run++)
      for (const contender of running) {
        samples
          .get(contender.name)!
          .push(await runOnce(contender, server, proxy?.port ?? server.port, folder.get(contender.name)!, files, again));
      }
    const runners = running
      .map(({ name }) => summarizeRuns(name, samples.get(name)!))
      .sort((a, b) => summarize(a.samples).median - summarize(b.samples).median);
    return { runners, targets: targets(runners) };
  } finally {
    await proxy?.close();
    await server.stop();
    rmSync(folders, { recursive: true, force: true });
  }
}

interface Sample {
  readonly ms: number;
  /** Reported by Node processes only. */
  readonly processorMs?: number;
  readonly peakMiB?: number;
}

function summarizeRuns(name: string, samples: readonly Sample[]): Runner {
  const processor = samples.flatMap(({ processorMs }) => processorMs ?? []);
  const peaks = samples.flatMap(({ peakMiB }) => peakMiB ?? []);
  return {
    name,
    samples: samples.map(({ ms }) => ms),
    ...(processor.length === 0 ? {} : { processorMs: summarize(processor).median }),
    ...(peaks.length === 0 ? {} : { peakMiB: Math.max(...peaks) }),
  };
}

/** Creates a table of six columns with a primary key and two indexes. */
function createMigration(n: number): string {
  return `CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL, kind text, made timestamptz DEFAULT now(), total numeric(12, 2), data jsonb);
CREATE INDEX t${n}_name ON t${n} (name);
CREATE INDEX t${n}_made ON t${n} (made);`;
}

async function runOnce(contender: Tool, server: TestServer, port: number, folder: string, files: number, again: boolean): Promise<Sample> {
  const database = `race_${Math.random().toString(36).slice(2, 10)}`;
  await server.sql(`CREATE DATABASE ${database}`);
  await server.sql("CHECKPOINT");
  try {
    const url = new URL(`postgres://postgres@127.0.0.1:${port}/${database}`);
    const first = await measure(contender, folder, url);
    const counted = await countTables(server.url(database));
    if (contender.name !== CONNECT && counted !== files) throw new Error(`${contender.name} created ${counted} of ${files} tables`);
    return again ? await measure(contender, folder, url) : first;
  } finally {
    await server.sql(`DROP DATABASE ${database} WITH (FORCE)`);
  }
}

/** A Node process reports its resource usage through a pipe when it exits. */
const REPORT_USAGE = `--import=data:text/javascript,${encodeURIComponent(
  'import { writeSync } from "node:fs"; process.on("exit", () => { try { writeSync(3, JSON.stringify(process.resourceUsage())); } catch {} });',
)}`;

async function measure(contender: Tool, folder: string, url: URL): Promise<Sample> {
  const { argv, env = {}, cwd } = contender.command(folder, url);
  const start = performance.now();
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd,
    env: { ...process.env, NODE_OPTIONS: REPORT_USAGE, ...env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let errors = "";
  let usage = "";
  child.stderr!.on("data", (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  child.stdio[3]!.on("data", (chunk) => {
    usage += String(chunk);
  });
  const [code] = await once(child, "close");
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`${contender.name} failed:\n${errors}`);
  if (usage === "") return { ms };
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(usage) as NodeJS.ResourceUsage;
  return { ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
}

async function countTables(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_class WHERE relname ~ '^t\\d+$' AND relkind = 'r'");
  await client.end();
  return rows[0]!.n;
}

/**
 * The same files by slipway, by its peers and by the least that could do it: whole processes, a new database each time, in turns.
 * After each run the tables are counted: a tool that was fast because it did less is no winner.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { startProxy } from "../postdeploy/migrate/testing/proxy.ts";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { CONNECT, type Contender, contenders, FLOOR, PEER_NAMES, SLIPWAY } from "./migrate/runners.ts";
import { type Bench, figuresOf, type Race, type Runner, type Target } from "./race.ts";

interface Course {
  readonly files: number;
  readonly runs: number;
  /** Each way, through a proxy. */
  readonly delayMs: number;
  /** The server's files in memory: what a disk takes is the same for everybody, and more than the distance that is to be seen. */
  readonly inMemory?: boolean;
  /** Time a second run, with nothing to do. */
  readonly again: boolean;
  readonly peers: readonly string[];
  targets(race: readonly Runner[]): readonly Target[];
}

const everyPeer = PEER_NAMES as readonly string[];
const fasterThan = (names: readonly string[], times = 1) =>
  names.map((comparedTo): Target => ({ runner: SLIPWAY, comparedTo, atMost: 1 / times }));
const present = (race: readonly Runner[], names: readonly string[]) => names.filter((name) => race.some((runner) => runner.name === name));

export const loopback = bench("200 files on loopback", {
  files: 200,
  runs: 7,
  delayMs: 0,
  again: false,
  peers: [FLOOR, ...everyPeer],
  targets: (race) => [
    { runner: SLIPWAY, comparedTo: FLOOR, atMost: 1.1 },
    ...fasterThan(
      present(
        race,
        everyPeer.filter((name) => name !== "psql, one process"),
      ),
    ),
  ],
});

export const distant = bench("200 files over a network of 10 ms, the server's files in memory", {
  files: 200,
  runs: 3,
  delayMs: 5,
  inMemory: true,
  again: false,
  peers: [FLOOR, ...everyPeer],
  targets: (race) => fasterThan(present(race, everyPeer), 10),
});

export const nothing = bench("200 files, nothing to do", {
  files: 200,
  runs: 9,
  delayMs: 0,
  again: true,
  peers: [CONNECT, FLOOR, ...everyPeer.filter((name) => !name.startsWith("psql"))],
  targets: () => [{ runner: SLIPWAY, comparedTo: CONNECT, atMost: 1.2 }],
});

export const many = bench("3000 files on loopback", {
  files: 3000,
  runs: 3,
  delayMs: 0,
  again: false,
  // node-pg-migrate's one transaction for all of them runs out of locks (53200).
  peers: [FLOOR, "dbmate", "postgrator-cli", "graphile-migrate"],
  targets: () => [{ runner: SLIPWAY, comparedTo: FLOOR, atMost: 1.1 }, ...fasterThan(["dbmate", "postgrator-cli", "graphile-migrate"])],
});

function bench(about: string, course: Course): Bench {
  return { about: `migrations: ${about}, whole process, Postgres 17 with its own settings`, unit: "ms", run: () => race(course) };
}

async function race({ files, runs, delayMs, inMemory = false, again, peers, targets }: Course): Promise<Race> {
  const server = await startServer({ ...(inMemory ? {} : { parent: tmpdir() }), settings: { fsync: "on", max_wal_size: "1GB" } });
  const folders = mkdtempSync(path.join(tmpdir(), "slipway-bench-"));
  const proxy = delayMs > 0 ? await startProxy(server.port, { delayMs }) : undefined;
  try {
    const sql = Array.from({ length: files }, (_, n) => fileText(n + 1));
    const running = contenders().filter(({ name }) => name === SLIPWAY || peers.includes(name));
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
      .map(({ name }) => summed(name, samples.get(name)!))
      .sort((a, b) => figuresOf(a.samples).median - figuresOf(b.samples).median);
    return { runners, targets: targets(runners) };
  } finally {
    await proxy?.close();
    await server.stop();
    rmSync(folders, { recursive: true, force: true });
  }
}

interface Sample {
  readonly ms: number;
  /** What a process of Node tells of itself. */
  readonly processorMs?: number;
  readonly peakMiB?: number;
}

function summed(name: string, samples: readonly Sample[]): Runner {
  const processor = samples.flatMap(({ processorMs }) => processorMs ?? []);
  const peaks = samples.flatMap(({ peakMiB }) => peakMiB ?? []);
  return {
    name,
    samples: samples.map(({ ms }) => ms),
    ...(processor.length === 0 ? {} : { processorMs: figuresOf(processor).median }),
    ...(peaks.length === 0 ? {} : { peakMiB: Math.max(...peaks) }),
  };
}

/** A table of six columns with its key, and two indexes. */
function fileText(n: number): string {
  return `CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL, kind text, made timestamptz DEFAULT now(), total numeric(12, 2), data jsonb);
CREATE INDEX t${n}_name ON t${n} (name);
CREATE INDEX t${n}_made ON t${n} (made);`;
}

async function runOnce(
  contender: Contender,
  server: TestServer,
  port: number,
  folder: string,
  files: number,
  again: boolean,
): Promise<Sample> {
  const database = `race_${Math.random().toString(36).slice(2, 10)}`;
  await server.sql(`CREATE DATABASE ${database}`);
  await server.sql("CHECKPOINT");
  try {
    const url = new URL(`postgres://postgres@127.0.0.1:${port}/${database}`);
    const first = await timed(contender, folder, url);
    const counted = await tables(server.url(database));
    if (contender.name !== CONNECT && counted !== files) throw new Error(`${contender.name} made ${counted} of ${files} tables`);
    return again ? await timed(contender, folder, url) : first;
  } finally {
    await server.sql(`DROP DATABASE ${database} WITH (FORCE)`);
  }
}

/** A process of Node tells what it used at its end, on a pipe of its own. */
const TELL_USAGE = `--import=data:text/javascript,${encodeURIComponent(
  'import { writeSync } from "node:fs"; process.on("exit", () => { try { writeSync(3, JSON.stringify(process.resourceUsage())); } catch {} });',
)}`;

async function timed(contender: Contender, folder: string, url: URL): Promise<Sample> {
  const { argv, env = {}, cwd } = contender.command(folder, url);
  const start = performance.now();
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd,
    env: { ...process.env, NODE_OPTIONS: TELL_USAGE, ...env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let said = "";
  let told = "";
  child.stderr!.on("data", (chunk) => {
    said = (said + chunk).slice(-2000);
  });
  child.stdio[3]!.on("data", (chunk) => {
    told += String(chunk);
  });
  const [code] = await once(child, "close");
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`${contender.name} failed:\n${said}`);
  if (told === "") return { ms };
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(told) as NodeJS.ResourceUsage;
  return { ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
}

async function tables(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_class WHERE relname ~ '^t\\d+$' AND relkind = 'r'");
  await client.end();
  return rows[0]!.n;
}

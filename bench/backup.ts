/** Backups of a large database into an S3 store, compared with the pipeline that a user would write: pg_dump, zstd, age and rclone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSigningKey } from "../backup/signature.ts";
import { clients, createTestKeys } from "../backup/testing/fixture.ts";
import { addressOf, STORE_KEY, startSpaces } from "../backup/testing/spaces.ts";
import { BACKUP_VARIABLES } from "../catalog/backup-variables.ts";
import { findOnPath } from "../local/servers/packages/binaries.ts";
import { startServer } from "../postdeploy/migrate/testing/server.ts";
import type { Benchmark } from "./benchmark.ts";
import { compareRuns, runCommand, type Sample } from "./command.ts";

const ROWS = 5_000_000;
const RUNS = 3;
const BUCKET = "bench";

/** About a gigabyte: three tables with text, JSON and indexes. */
const DATA = `
  CREATE TABLE users (id bigserial PRIMARY KEY, email text UNIQUE, profile jsonb, created_at timestamptz DEFAULT now());
  CREATE TABLE orders (id bigserial PRIMARY KEY, user_id bigint REFERENCES users, total numeric, note text);
  CREATE TABLE events (id bigserial PRIMARY KEY, kind text, payload jsonb);
  INSERT INTO users (email, profile) SELECT md5(n::text) || '@example.com', jsonb_build_object('name', 'User ' || n, 'tags', ARRAY[md5((n * 3)::text), 'x']) FROM generate_series(1, ${ROWS / 5}) n;
  INSERT INTO orders (user_id, total, note) SELECT 1 + n % ${ROWS / 5}, n / 7.0, md5((n * 7)::text) || repeat(' word', n % 20) FROM generate_series(1, ${(ROWS * 2) / 5}) n;
  INSERT INTO events (kind, payload) SELECT 'kind' || n % 10, jsonb_build_object('n', n, 'hash', md5((n * 11)::text)) FROM generate_series(1, ${(ROWS * 2) / 5}) n;
  CREATE INDEX ON orders (user_id); CREATE INDEX ON events (kind); ANALYZE;`;

const CREATE = "slipway backup create";
const PIPELINE = "pg_dump | zstd | age | rclone";
const CHECKED_PIPELINE = "the same, and psql counts and hashes";
const RESTORE = "slipway backup restore";
const SERIAL = "slipway backup restore --jobs 1";
const REVERSED = "rclone | age | zstd | pg_restore";

export const bench: Benchmark = {
  about: `a database of ${ROWS.toLocaleString("en")} rows, Postgres 17, S3 store on this machine; slipway also counts, compares and signs`,
  unit: "ms",
  skip: () => {
    const missing = ["age", "zstd", "rclone"].filter((name) => findOnPath([name]) === undefined);
    return missing.length > 0 ? `${missing.join(", ")} are not installed` : undefined;
  },
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "slipway bench "));
    const server = await startServer({ major: 17 });
    const spaces = await startSpaces([BUCKET]);
    try {
      const { url } = await server.database("bench");
      await server.sql(DATA, "bench");
      const { identity, recipient } = await createTestKeys();
      const identityFile = join(folder, "key.txt");
      const store = addressOf(spaces.url, BUCKET);
      const rclone = rcloneEnvironment(spaces.url);
      writeFileSync(identityFile, `${identity}\n`, { mode: 0o600 });
      process.env[BACKUP_VARIABLES.recipients] = recipient;
      process.env[BACKUP_VARIABLES.storeKey] = STORE_KEY;
      process.env[BACKUP_VARIABLES.signingKey] = generateSigningKey().signingKey;
      const { program } = await clients(17);
      const command = (name: "pg_dump" | "pg_restore" | "psql") =>
        [program(name).file, ...program(name).args].map((part) => `'${part}'`).join(" ");
      const file = `s:${BUCKET}/dump.age`;
      const pipeline = `${command("pg_dump")} -Fc -Z0 -d '${url}' | zstd -q -3 | age -r ${recipient} | rclone rcat '${file}'`;
      const hashes = ["users", "orders", "events"].map((table) => `SELECT count(*), sum(hashtextextended(t::text, 0)) FROM ${table} t`);
      let restored = 0;
      const common = ["--system", "devx", "--store", store];
      const restore = async (...more: readonly string[]) => {
        const database = `restored_${++restored}`;
        const sample = await runCommand(
          "backup",
          "restore",
          ...common,
          "--url",
          url,
          "--into",
          database,
          "--identity",
          identityFile,
          ...more,
        );
        await server.sql(`DROP DATABASE ${database}`);
        return sample;
      };
      const runners = await compareRuns(
        {
          [CREATE]: () => runCommand("backup", "create", ...common, "--url", url),
          [PIPELINE]: () => shell(pipeline, rclone),
          [CHECKED_PIPELINE]: () => shell(`${command("psql")} -X -q -d '${url}' -c "${hashes.join(";")}" & ${pipeline} && wait $!`, rclone),
          [RESTORE]: () => restore(),
          [SERIAL]: () => restore("--jobs", "1"),
          [REVERSED]: async () => {
            const database = `restored_${++restored}`;
            await server.sql(`CREATE DATABASE ${database}`);
            const sample = await shell(
              `rclone cat '${file}' | age -d -i '${identityFile}' | zstd -q -d | ${command("pg_restore")} --exit-on-error -d '${server.url(database)}'`,
              rclone,
            );
            await server.sql(`DROP DATABASE ${database}`);
            return sample;
          },
        },
        RUNS,
      );
      return {
        runners,
        targets: [
          { runner: CREATE, comparedTo: PIPELINE, atMost: 1.15 },
          { runner: CREATE, comparedTo: CHECKED_PIPELINE, atMost: 1 },
          { runner: SERIAL, comparedTo: REVERSED, atMost: 1.15 },
          { runner: RESTORE, comparedTo: REVERSED, atMost: 1 },
        ],
      };
    } finally {
      await spaces.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A remote "s" that is configured by variables only. */
function rcloneEnvironment(endpoint: string): NodeJS.ProcessEnv {
  const [id, secret] = STORE_KEY.split(":");
  const settings = { TYPE: "s3", PROVIDER: "Other", ENDPOINT: endpoint, REGION: "nyc3", ACCESS_KEY_ID: id, SECRET_ACCESS_KEY: secret };
  const { AWS_CA_BUNDLE: _, ...env } = process.env;
  return {
    ...{ ...env, RCLONE_CONFIG: "/dev/null", RCLONE_LOG_LEVEL: "ERROR" },
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`RCLONE_CONFIG_S_${name}`, value])),
  };
}

async function shell(line: string, env: NodeJS.ProcessEnv): Promise<Sample> {
  const start = performance.now();
  const child = spawn("bash", ["-c", `set -o pipefail; ${line}`], { env, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${line} failed`);
  return { ms: performance.now() - start };
}

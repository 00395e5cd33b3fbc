import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { ServerError } from "../error.ts";
import { createFolder } from "../files.ts";
import type { Home } from "../home.ts";
import type { PostgresBinaries } from "../packages/binaries.ts";
import { run } from "../run.ts";

/**
 * The contents of a new cluster, as at DigitalOcean. Roles, attributes and grants are those in role dumps (`pg_dumpall --globals-only`) that
 * cluster owners published on GitHub: the administrator is not a superuser, no client can use the superuser `postgres`, and the database
 * `postgres` is called `_dodb`.
 *
 * An extension of DigitalOcean is missing here: it keeps a role with CREATEROLE from granting itself `pg_execute_server_program`, which Postgres 16
 * and later do themselves. Another one lets the owner of a database create pg_stat_statements; `trustStatistics` does the same.
 */
const initialSql = (major: number): Readonly<Record<"postgres" | "template1", readonly string[]>> => ({
  postgres: [
    "CREATE ROLE _doadmin_managed NOLOGIN",
    "GRANT pg_read_all_stats TO _doadmin_managed WITH ADMIN OPTION",
    "GRANT pg_signal_backend, pg_stat_scan_tables TO _doadmin_managed",
    ...(major >= 16 ? ["GRANT pg_create_subscription TO _doadmin_managed WITH ADMIN OPTION"] : []),
    "CREATE ROLE doadmin LOGIN CREATEROLE CREATEDB REPLICATION BYPASSRLS",
    "CREATE ROLE doadmin_group NOLOGIN",
    "GRANT _doadmin_managed TO doadmin, doadmin_group",
    "GRANT doadmin_group TO doadmin WITH ADMIN OPTION",
  ],
  template1: ["CREATE EXTENSION pg_stat_statements", "ALTER DATABASE postgres RENAME TO _dodb", "CREATE DATABASE defaultdb OWNER doadmin"],
});

/** slipway's settings, which postgresql.conf includes. */
export const SETTINGS_FILE = "slipway.conf";

/** Every system has this locale. DigitalOcean's en_US.UTF-8 sorts differently: upper and lower case next to each other. */
const LOCALE = process.platform === "linux" ? "C.UTF-8" : "C";

/** A data directory to copy for new clusters: a copy takes a tenth of the time that initdb takes. */
export async function ensurePostgresTemplate(binaries: PostgresBinaries, { cache, user }: Home): Promise<string> {
  const sql = initialSql(Number(binaries.major));
  const digest = createHash("sha256")
    .update(JSON.stringify([sql, LOCALE, SETTINGS_FILE]))
    .digest("hex")
    .slice(0, 8);
  const path = join(cache, "templates", `postgres-${binaries.version}-${digest}${user.uid === undefined ? "" : `-${user.kind}`}`);
  const template = inFlight.get(path) ?? createFolder(path, create, user.uid).finally(() => inFlight.delete(path));
  inFlight.set(path, template);
  return template;

  async function create(folder: string) {
    // No password: each copy gets its own before its first start.
    const options = ["--auth=reject", "--encoding=UTF8", `--locale=${LOCALE}`, "--no-sync", "--no-instructions"];
    await runPostgres([...user.prefix, binaries.initdb, "-D", folder, "-U", "postgres", ...options]);
    for (const [database, statements] of Object.entries(sql)) await runSingleUser(binaries, user.prefix, folder, database, statements);
    appendFileSync(join(folder, "postgresql.conf"), `\ninclude '${SETTINGS_FILE}'\n`);
  }
}

const inFlight = new Map<string, Promise<string>>();

/** Runs SQL as superuser in a data directory whose server is stopped. Opens no port. */
export function runSingleUser(
  binaries: PostgresBinaries,
  prefix: readonly string[],
  data: string,
  database: string,
  sql: readonly string[],
) {
  // -j: a statement ends at an empty line. A failed statement does not change the exit code, so runPostgres searches the output for errors.
  const argv = [...prefix, binaries.postgres, "--single", "-j", "-F", "-D", data, "-c", "log_checkpoints=off", database];
  return runPostgres(argv, sql.map((statement) => `${statement};\n\n`).join(""));
}

async function runPostgres(argv: readonly string[], input = ""): Promise<void> {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C" };
  const { code, stdout, stderr } = await run(argv, { env, input }).catch((error: Error) => {
    throw new ServerError(`${argv[0]} cannot be started: ${error.message}`, { cause: error });
  });
  const output = `${stdout}${stderr}`;
  if (code !== 0 || /\b(ERROR|FATAL|PANIC):/.test(output)) {
    throw new ServerError(`Creating a Postgres data directory failed.\n${output.trim().split("\n").slice(-8).join("\n")}`);
  }
}

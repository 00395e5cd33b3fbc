import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { ServerError } from "../error.ts";
import { createFolder } from "../files.ts";
import type { Home } from "../home.ts";
import type { PostgresBinaries } from "../packages/binaries.ts";
import { run } from "../run.ts";

/**
 * What a fresh cluster holds, as DigitalOcean's does. Its roles, attributes and grants are those of role dumps (`pg_dumpall --globals-only`)
 * that owners of clusters published on GitHub: the administrator is no superuser, `postgres` is one and is nobody's to use, and the first
 * database is called `_dodb`, where others have `postgres`.
 *
 * pg_stat_statements is there from the start, because DigitalOcean lets its administrator create it, by an extension that is not here. Nor is
 * the gatekeeper that keeps CREATEROLE from granting itself `pg_execute_server_program`, which Postgres itself forbids from 16 on.
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

/** Settings of ours come from a file beside the data, so that initdb's own file stays as it was. */
export const SETTINGS_FILE = "slipway.conf";

/** The collation that every system has; DigitalOcean's en_US.UTF-8 sorts letters of different case next to each other. */
const LOCALE = process.platform === "linux" ? "C.UTF-8" : "C";

/** A data directory to copy: making one anew takes half a second, a copy takes a tenth of that. */
export async function ensurePostgresTemplate(binaries: PostgresBinaries, { cache, user }: Home): Promise<string> {
  const sql = initialSql(Number(binaries.major));
  const made = createHash("sha256")
    .update(JSON.stringify([sql, LOCALE, SETTINGS_FILE]))
    .digest("hex")
    .slice(0, 8);
  const path = join(cache, "templates", `postgres-${binaries.version}-${made}${user.uid === undefined ? "" : `-${user.kind}`}`);
  const making = inFlight.get(path) ?? createFolder(path, make, user.uid).finally(() => inFlight.delete(path));
  inFlight.set(path, making);
  return making;

  async function make(folder: string) {
    // No password: each copy gets its own before it is first started.
    const options = ["--auth=reject", "--encoding=UTF8", `--locale=${LOCALE}`, "--no-sync", "--no-instructions"];
    await runPostgres([...user.prefix, binaries.initdb, "-D", folder, "-U", "postgres", ...options]);
    for (const [database, statements] of Object.entries(sql)) await runSingleUser(binaries, user.prefix, folder, database, statements);
    appendFileSync(join(folder, "postgresql.conf"), `\ninclude '${SETTINGS_FILE}'\n`);
  }
}

const inFlight = new Map<string, Promise<string>>();

/** Runs SQL in a data directory whose server does not run, as its superuser, without any network. */
export function runSingleUser(
  binaries: PostgresBinaries,
  prefix: readonly string[],
  data: string,
  database: string,
  sql: readonly string[],
) {
  // -j: a statement ends at an empty line. A failing one would only be printed, so whatever was printed as an error is one.
  const argv = [...prefix, binaries.postgres, "--single", "-j", "-F", "-D", data, "-c", "log_checkpoints=off", database];
  return runPostgres(argv, sql.map((statement) => `${statement};\n\n`).join(""));
}

async function runPostgres(argv: readonly string[], input = ""): Promise<void> {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C" };
  const { code, stdout, stderr } = await run(argv, { env, input }).catch((error: Error) => {
    throw new ServerError(`${argv[0]} cannot be run: ${error.message}`, { cause: error });
  });
  const output = `${stdout}${stderr}`;
  if (code !== 0 || /\b(ERROR|FATAL|PANIC):/.test(output)) {
    throw new ServerError(`A Postgres data directory could not be made.\n${output.trim().split("\n").slice(-8).join("\n")}`);
  }
}

/** The shadow database of `verify`, which exists for one run. */
import { Failure } from "../../connect/failure.ts";
import { identifier } from "../../connect/quote.ts";
import { open } from "../../connect/session.ts";
import { sqlstate } from "../../connect/sqlstate.ts";
import type { Connection } from "../../connect/target.ts";
import { connectionTo, dropStaleDatabases, nameTemporaryDatabase } from "../../connect/temporary-database.ts";

export interface ShadowOptions {
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  /** Roles that the files name. Missing ones are created, and dropped at the end. */
  readonly roles: readonly string[];
}

/** Longer than any `verify` takes. */
const STALE_MS = 6 * 3_600_000;
const PREFIX = "slipway_shadow";

/** @param server any database of a server on which the role can create databases. */
export async function withShadow<T>(
  server: Connection,
  { schemas, extensions, roles }: ShadowOptions,
  work: (shadow: Connection) => Promise<T>,
): Promise<T> {
  const name = nameTemporaryDatabase(PREFIX);
  const admin = await open(server, { application: "slipway shadow" });
  const created: string[] = [];
  try {
    await dropStaleDatabases(admin, PREFIX, STALE_MS);
    await admin.query(`CREATE DATABASE ${identifier(name)}`);
    for (const role of roles) {
      const [existing] = await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
      if (existing) continue;
      await admin.query(`CREATE ROLE ${identifier(role)} NOLOGIN`);
      created.push(role);
    }
    const shadow = connectionTo(server, name);
    const session = await open(shadow, { application: "slipway shadow" });
    try {
      for (const schema of schemas) await session.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`);
      for (const extension of extensions) await session.query(`CREATE EXTENSION IF NOT EXISTS ${identifier(extension)}`);
    } finally {
      await session.end();
    }
    return await work(shadow);
  } catch (error) {
    if (sqlstate(error) !== "42501") throw error;
    throw new Failure(
      "no-shadow",
      2,
      `verify needs a shadow database, and this role cannot create one (${(error as Error).message}). Name another server: --shadow postgres://user@localhost:5432/postgres`,
      { cause: error },
    );
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`).catch(() => {});
    for (const role of created) await admin.query(`DROP ROLE IF EXISTS ${identifier(role)}`).catch(() => {});
    await admin.end();
  }
}

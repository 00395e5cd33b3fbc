/** The shadow database of `verify`, which exists for one run. */
import { randomBytes } from "node:crypto";
import { Failure } from "../../connect/failure.ts";
import { identifier } from "../../connect/quote.ts";
import { open, type Session } from "../../connect/session.ts";
import { sqlstate } from "../../connect/sqlstate.ts";
import type { Connection } from "../../connect/target.ts";

export interface ShadowOptions {
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  /** Roles that the files name. Missing ones are created, and dropped at the end. */
  readonly roles: readonly string[];
}

/** Longer than any `verify` takes. */
const STALE_MS = 6 * 3_600_000;

/** @param server any database of a server on which the role can create databases. */
export async function withShadow<T>(
  server: Connection,
  { schemas, extensions, roles }: ShadowOptions,
  work: (shadow: Connection) => Promise<T>,
): Promise<T> {
  const name = `slipway_shadow_${Date.now().toString(36)}_${randomBytes(4).toString("hex")}`;
  const admin = await open(server, { application: "slipway shadow" });
  const created: string[] = [];
  try {
    await dropStaleShadows(admin);
    await admin.query(`CREATE DATABASE ${identifier(name)}`);
    for (const role of roles) {
      const [existing] = await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
      if (existing) continue;
      await admin.query(`CREATE ROLE ${identifier(role)} NOLOGIN`);
      created.push(role);
    }
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    const shadow = { ...server, url: url.href };
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

/** Drops the databases that killed runs left: those with our name pattern that are old and have no connections. */
async function dropStaleShadows(admin: Session): Promise<void> {
  const shadows = await admin.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database d WHERE datname ~ '^slipway_shadow_[0-9a-z]{8,9}_[0-9a-f]{8}$' AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
  );
  for (const { name } of shadows) {
    const createdAt = Number.parseInt(name.split("_")[2]!, 36);
    if (Date.now() - createdAt > STALE_MS) await admin.query(`DROP DATABASE IF EXISTS ${identifier(name)}`);
  }
}

/** A database that lives as long as one rehearsal. */
import { randomBytes } from "node:crypto";
import { Failure } from "../../connect/failure.ts";
import { identifier } from "../../connect/quote.ts";
import { open, type Session } from "../../connect/session.ts";
import { sqlstate } from "../../connect/sqlstate.ts";
import type { Connection } from "../../connect/target.ts";

export interface ShadowNeeds {
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  /** Roles that the files name; made where they are missing, and taken away again. */
  readonly roles: readonly string[];
}

/** No rehearsal takes that long. */
const LEFT_MS = 6 * 3_600_000;

/** @param server any database of a server on which databases may be made. */
export async function withShadow<T>(
  server: Connection,
  { schemas, extensions, roles }: ShadowNeeds,
  work: (shadow: Connection) => Promise<T>,
): Promise<T> {
  const name = `slipway_shadow_${Date.now().toString(36)}_${randomBytes(4).toString("hex")}`;
  const admin = await open(server, { application: "slipway shadow" });
  const made: string[] = [];
  try {
    await sweep(admin);
    await admin.query(`CREATE DATABASE ${identifier(name)}`);
    for (const role of roles) {
      const [there] = await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
      if (there) continue;
      await admin.query(`CREATE ROLE ${identifier(role)} NOLOGIN`);
      made.push(role);
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
      `A rehearsal needs a database of its own, and this role may not make one (${(error as Error).message}). Name another server: --shadow postgres://user@localhost:5432/postgres`,
      { cause: error },
    );
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`).catch(() => {});
    for (const role of made) await admin.query(`DROP ROLE IF EXISTS ${identifier(role)}`).catch(() => {});
    await admin.end();
  }
}

/** Databases that a killed rehearsal left: by our name and its time, old, and with nobody connected. */
async function sweep(admin: Session): Promise<void> {
  const left = await admin.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database d WHERE datname ~ '^slipway_shadow_[0-9a-z]{8,9}_[0-9a-f]{8}$' AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
  );
  for (const { name } of left) {
    const made = Number.parseInt(name.split("_")[2]!, 36);
    if (Date.now() - made > LEFT_MS) await admin.query(`DROP DATABASE IF EXISTS ${identifier(name)}`);
  }
}

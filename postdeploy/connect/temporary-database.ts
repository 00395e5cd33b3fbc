/** Databases that exist for one run: named with the time of their creation, so that a later run can drop those that a killed one left. */
import { randomBytes } from "node:crypto";
import { identifier } from "./quote.ts";
import type { Session } from "./session.ts";
import type { Connection } from "./target.ts";

/** @param prefix of this kind of database: lower-case letters and underscores */
export function nameTemporaryDatabase(prefix: string): string {
  return `${prefix}_${Date.now().toString(36)}_${randomBytes(4).toString("hex")}`;
}

/** Drops the databases with our name pattern that are old and have no connections. */
export async function dropStaleDatabases(admin: Session, prefix: string, staleMs: number): Promise<void> {
  const found = await admin.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database d WHERE datname ~ $1 AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
    [`^${prefix}_[0-9a-z]{8,9}_[0-9a-f]{8}$`],
  );
  for (const { name } of found) {
    const createdAt = Number.parseInt(name.slice(prefix.length + 1).split("_")[0]!, 36);
    if (Date.now() - createdAt > staleMs) await admin.query(`DROP DATABASE IF EXISTS ${identifier(name)}`);
  }
}

/** The same server and role, another database. */
export function connectionTo(server: Connection, database: string): Connection {
  const url = new URL(server.url);
  url.pathname = `/${encodeURIComponent(database)}`;
  return { ...server, url: url.href };
}

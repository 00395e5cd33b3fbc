/**
 * Rows that prove where data comes from and that it stays.
 *
 * One row in slipway's own schema is written at the end of each run and read by the next one: it has outlived every deployment in between. A row in a
 * table of the product is added for a request that lists the table, and removed. The table of canaries records it in the same transaction, and its writer
 * holds a lock; so whatever a killed run has left, the next run recognizes and removes.
 */
import { randomBytes } from "node:crypto";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { identifier } from "../../postdeploy/connect/quote.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import { LedgerTable } from "../../postdeploy/migrate/ledger/ledger.ts";
import type { Canary } from "../../systems/verification.ts";
import type { Check } from "./check.ts";

const PREFIX = "slipway-verify-";
const TABLE = `${new LedgerTable().schema}.canaries`;

/** Creates the table where this is the first run. @returns false where the schema of the ledger does not exist: nothing was ever migrated */
export async function openCanaries(session: Session): Promise<boolean> {
  const [found] = await session.query<{ has_schema: boolean; has_table: boolean }>(
    "SELECT to_regnamespace($1) IS NOT NULL AS has_schema, to_regclass($2) IS NOT NULL AS has_table",
    [new LedgerTable().schema, TABLE],
  );
  if (!found!.has_schema) return false;
  if (found!.has_table) return true;
  // Two first runs at the same time: the second one waits and finds the table.
  await session.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [TABLE]);
  await session.query(`CREATE TABLE IF NOT EXISTS ${TABLE} (
      name text PRIMARY KEY,
      relation text,
      written_at timestamptz NOT NULL DEFAULT now(),
      deployments text NOT NULL DEFAULT ''
    )`);
  await session.query("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [TABLE]);
  return true;
}

/** Reads the row of the run before, and writes the one for the next run. @param deployments The active ones, by app. */
export async function checkKept(session: Session, subject: string, deployments: string): Promise<Check> {
  const about = { kind: "canary", subject } as const;
  const name = `${PREFIX}kept`;
  const [before] = await session.query<{ written_at: Date; deployments: string }>(
    `SELECT written_at, deployments FROM ${TABLE} WHERE name = $1`,
    [name],
  );
  await session.query(
    `INSERT INTO ${TABLE} (name, deployments) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET written_at = now(), deployments = excluded.deployments`,
    [name, deployments],
  );
  if (before === undefined)
    return {
      ...about,
      outcome: "unproved",
      evidence: "a first row was written; the next run reads it",
      next: { text: "Verify again after the next deployment." },
    };
  const isOlder = before.deployments !== deployments;
  return {
    ...about,
    outcome: "passed",
    evidence: `the row of ${before.written_at.toISOString().slice(0, 19).replace("T", " ")} UTC is there${isOlder ? ", written before a deployment" : "; nothing was deployed since"}`,
  };
}

export interface AddedRows {
  /** The names of the rows, by table. */
  readonly names: ReadonlyMap<string, string>;
  /** Tables without a row, and why. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Adds a row to each table, and removes what an earlier run has left. */
export async function addRows(session: Session, canaries: readonly Canary[]): Promise<AddedRows> {
  const names = new Map<string, string>();
  const problems = new Map<string, string>();
  for (const canary of canaries) {
    await removeLeftRows(session, canary);
    const name = `${PREFIX}${randomBytes(8).toString("hex")}`;
    // Held until this session ends, however it ends.
    await session.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [name]);
    try {
      await insert(session, canary, name);
      names.set(canary.table, name);
    } catch (error) {
      await session.query("ROLLBACK");
      problems.set(canary.table, (error as Error).message);
    }
  }
  return { names, problems };
}

async function insert(session: Session, { table, key, values }: Canary, name: string): Promise<void> {
  const columns = [key, ...Object.keys(values)];
  const placeholders = columns.map((_, index) => `$${index + 1}`).join(", ");
  await session.query("BEGIN");
  await session.query(`INSERT INTO ${TABLE} (name, relation) VALUES ($1, $2)`, [name, table]);
  await session.query(`INSERT INTO ${quoted(table)} (${columns.map(identifier).join(", ")}) VALUES (${placeholders})`, [
    name,
    ...Object.values(values),
  ]);
  await session.query("COMMIT");
}

/** Those whose writer is gone. A row of another run that is still busy stays. */
async function removeLeftRows(session: Session, canary: Canary): Promise<void> {
  const left = await session.query<{ name: string }>(`SELECT name FROM ${TABLE} WHERE relation = $1 AND name <> $2`, [
    canary.table,
    `${PREFIX}kept`,
  ]);
  for (const { name } of left) {
    const [{ free } = { free: false }] = await session.query<{ free: boolean }>(
      "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS free",
      [name],
    );
    if (free) await removeRow(session, canary, name);
  }
}

export async function removeRows(session: Session, canaries: readonly Canary[], { names }: AddedRows): Promise<void> {
  for (const canary of canaries) {
    const name = names.get(canary.table);
    if (name !== undefined) await removeRow(session, canary, name);
  }
}

/** Only rows that slipway has named: the key is compared with the whole name. */
async function removeRow(session: Session, { table, key }: Canary, name: string): Promise<void> {
  if (!name.startsWith(PREFIX))
    throw new Failure("foreign-canary", 1, `${TABLE} contains the row "${name}", which slipway did not write. Delete it.`);
  await session.query("BEGIN");
  await session.query(`DELETE FROM ${quoted(table)} WHERE ${identifier(key)} = $1`, [name]);
  await session.query(`DELETE FROM ${TABLE} WHERE name = $1`, [name]);
  await session.query("COMMIT");
  await session.query("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [name]);
}

const quoted = (table: string): string => table.split(".").map(identifier).join(".");

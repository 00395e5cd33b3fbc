/**
 * The databases of a full rollback on the server, and their names. How far a rollback has come is in the comments of the databases: a comment stays with its
 * database when it gets another name, and changes in the same transaction.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { identifier, literal, printable } from "../../postdeploy/connect/quote.ts";
import { open, type Session } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { Pool } from "./pools.ts";

/** What a comment says. Pools that are led away from the database for the switch are in it until they are led back. */
export type Mark =
  /** Of the database in use: a rollback to this backup has begun. */
  | { readonly kind: "begun"; readonly backup: string; readonly at: string; readonly pools?: readonly Pool[] | undefined }
  /** Of the database in use: it was restored from this backup. */
  | {
      readonly kind: "restored";
      readonly backup: string;
      readonly at: string;
      readonly kept: string;
      readonly verified: boolean;
      readonly pools?: readonly Pool[] | undefined;
    }
  /** Of the old database: it was in use until then. */
  | { readonly kind: "kept"; readonly backup: string; readonly at: string };

const PREFIX = "slipway rollback: ";

export interface FoundDatabase {
  readonly name: string;
  readonly mark: Mark | undefined;
}

export async function listDatabases(session: Session): Promise<readonly FoundDatabase[]> {
  const rows = await session.query<{ name: string; comment: string | null }>(
    "SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE NOT datistemplate ORDER BY datname",
  );
  return rows.map(({ name, comment }) => ({ name, mark: parseMark(comment ?? "") }));
}

function parseMark(comment: string): Mark | undefined {
  const [line = ""] = comment.split("\n");
  if (!line.startsWith(PREFIX)) return undefined;
  try {
    return JSON.parse(line.slice(PREFIX.length)) as Mark;
  } catch {
    return undefined;
  }
}

const commentSql = (database: string, mark: Mark): string =>
  `COMMENT ON DATABASE ${identifier(database)} IS ${literal(`${PREFIX}${JSON.stringify(mark)}`)}`;

export async function setMark(session: Session, database: string, mark: Mark): Promise<void> {
  await session.query(commentSql(database, mark));
}

/** "shop_rollback_20261202t070516z_1c18eed0", and a shorter beginning where that is too long. */
export const nameRestored = (database: string, backup: string): string =>
  nameWith(database, `_rollback_${backup.toLowerCase().replace("-", "_")}`);

/** "shop_before_20261202t081501z" */
export const nameKept = (database: string, at: Date): string =>
  nameWith(
    database,
    `_before_${at
      .toISOString()
      .replace(/[-:]|\.\d+/g, "")
      .toLowerCase()}`,
  );

const MOST_BYTES = 63;

function nameWith(database: string, suffix: string): string {
  let beginning = database;
  while (Buffer.byteLength(beginning + suffix) > MOST_BYTES) beginning = beginning.slice(0, -1);
  return beginning + suffix;
}

export interface Switch {
  /** The name that the apps use. */
  readonly database: string;
  readonly restored: string;
  readonly kept: string;
  readonly backup: string;
  readonly at: Date;
  readonly pools: readonly Pool[];
}

const ATTEMPTS = 6;
const TERMINATE_EVERY_MS = 50;
/** Other sessions use the database. */
const IN_USE = "55006";

/**
 * Both renames and both comments in one transaction: whatever ends this process, the server has the names of before or those of after. A rename waits five
 * seconds for sessions of the database to end, and lets no new one begin. Meanwhile a second session ends them.
 *
 * @returns for how long no session could connect, at most, in milliseconds
 */
export async function switchDatabases(admin: Connection, { database, restored, kept, backup, at, pools }: Switch): Promise<number> {
  const [session, terminator] = await Promise.all([
    open(admin, { application: "slipway rollback switch", settings: { lock_timeout: "30s" } }),
    open(admin, { application: "slipway rollback switch" }),
  ]);
  try {
    const time = at.toISOString();
    for (let attempt = 1; ; attempt++) {
      const start = performance.now();
      const controller = new AbortController();
      const ending = endSessions(terminator, [database, restored], controller.signal);
      const { error } = await session.send(
        [
          "BEGIN",
          `ALTER DATABASE ${identifier(database)} RENAME TO ${identifier(kept)}`,
          `ALTER DATABASE ${identifier(restored)} RENAME TO ${identifier(database)}`,
          commentSql(kept, { kind: "kept", backup, at: time }),
          commentSql(database, { kind: "restored", backup, at: time, kept, verified: false, pools }),
          "COMMIT",
        ].join(";\n"),
      );
      controller.abort();
      await ending;
      if (error === undefined) return performance.now() - start;
      if (session.transaction !== "I") await session.send("ROLLBACK");
      const { code } = error as Error & { code?: string };
      if (code !== IN_USE) throw switchFailure(error, database);
      if (attempt === ATTEMPTS) throw await inUseFailure(terminator, database);
    }
  } finally {
    await Promise.all([session.end(), terminator.end()]);
  }
}

async function endSessions(session: Session, databases: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // One by one: a session of a superuser, which cannot be ended, must not protect the others.
    const found = await session.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE datname = ANY ($1) AND pid <> pg_backend_pid()",
      [databases],
    );
    for (const { pid } of found) await session.query("SELECT pg_terminate_backend($1)", [pid]).catch(() => {});
    await sleep(TERMINATE_EVERY_MS);
  }
}

const switchFailure = (error: Error, database: string): Failure =>
  new Failure(
    "switch",
    1,
    `The databases were not switched, and ${database} is in use as before: ${error.message}. Connect as the administrator who owns the database, at DigitalOcean doadmin, and run the same command again.`,
    { cause: error },
  );

async function inUseFailure(session: Session, database: string): Promise<Failure> {
  const found = await session.query<{ pid: number; user: string | null; application: string }>(
    "SELECT pid, usename AS user, application_name AS application FROM pg_stat_activity WHERE datname = $1",
    [database],
  );
  const sessions = found.map(({ pid, user, application }) => `${pid} (${printable(user ?? "")}, ${printable(application)})`);
  return new Failure(
    "in-use",
    1,
    `The databases were not switched, and ${database} is in use as before: these sessions cannot be ended by this role: ${sessions.join(", ") || "none is left now"}. End them, and run the same command again.`,
  );
}

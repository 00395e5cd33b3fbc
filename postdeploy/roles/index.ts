/** Grants the roles of a system their privileges in its database, in one transaction. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../connect/failure.ts";
import { printable } from "../connect/quote.ts";
import { type Session, withSession } from "../connect/session.ts";
import { type DatabaseError, sqlstate } from "../connect/sqlstate.ts";
import { readCurrentState } from "./current-state.ts";
import { planRoles, type RolesPlan } from "./plan.ts";
import type { RolesOptions } from "./privileges.ts";

export type { RolesPlan } from "./plan.ts";
export type { RoleKind, RolesOptions } from "./privileges.ts";

/** The advisory lock key that serializes the runs of this step. */
const LOCK = 0x726f6c65;
const LOCK_WAIT_MS = 60_000;
const LEDGER_SCHEMA = "slipway";

/** How often a run is attempted that conflicts with another one. */
const ATTEMPTS = 8;

/** The statements that `applyRoles` would run now. Changes nothing and waits for no other run. */
export function rolesPlan(options: RolesOptions, { connectTimeoutMs }: { readonly connectTimeoutMs?: number } = {}): Promise<RolesPlan> {
  return withRolesSession(options, connectTimeoutMs, (session) =>
    inTransaction(session, "BEGIN READ ONLY", () => planFor(session, options)),
  );
}

/** Atomic. @returns what was done; an empty list at the second call. */
export function applyRoles(
  options: RolesOptions,
  { lockWaitMs = LOCK_WAIT_MS }: { readonly lockWaitMs?: number } = {},
): Promise<RolesPlan> {
  return withRolesSession(options, undefined, async (session) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(session, "BEGIN", async () => {
          const foreign = await acquireLock(session, lockWaitMs);
          const plan = await planFor(session, options);
          for (const statement of plan.statements) {
            const { error } = await session.send(statement);
            if (error !== undefined) throw statementFailure(error, statement, options);
          }
          return { ...plan, notices: [...plan.notices, ...foreign] };
        });
      } catch (error) {
        if (attempt >= ATTEMPTS || !isConflict((error as Error).cause ?? error)) throw error;
        await sleep(50 * attempt * (1 + Math.random()));
      }
    }
  });
}

async function withRolesSession<T>(
  options: RolesOptions,
  connectTimeoutMs: number | undefined,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const sessionOptions = {
    application: `slipway roles ${options.database}`,
    settings: { lock_timeout: "10s" },
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  };
  return await withSession(options.connection, sessionOptions, async (session) => {
    if (session.target.database !== options.database)
      throw new Failure(
        "wrong-database",
        2,
        `The connection is to database "${session.target.database}", but the roles are for "${options.database}".`,
      );
    return await work(session);
  });
}

async function inTransaction<T>(session: Session, begin: string, work: () => Promise<T>): Promise<T> {
  await session.query(begin);
  try {
    const result = await work();
    await session.query("COMMIT");
    return result;
  } catch (error) {
    await session.send("ROLLBACK");
    throw error;
  }
}

/**
 * Waits until no other run of this step holds the lock. Every login can take an advisory lock, so a session that cannot be such a run is not waited for. No
 * run depends on the lock: each is one transaction that leads to the same state, and one that conflicts with another is attempted again.
 *
 * @returns a notice for each other session that holds the lock
 */
async function acquireLock(session: Session, waitMs: number): Promise<string[]> {
  for (const until = Date.now() + waitMs; ; ) {
    const [lock] = await session.query<{ held: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS held", [LOCK]);
    if (lock!.held) return [];
    const holders = await session.query<Holder>(HOLDERS, [LOCK]);
    if (holders.length > 0 && holders.every(({ runs }) => !runs)) return holders.map(describeForeign);
    const [holder] = holders.filter(({ runs }) => runs);
    if (Date.now() >= until)
      throw new Failure(
        "locked",
        75,
        `Another run of the roles step is not finished after ${waitMs / 1000} s: pid ${holder?.pid ?? "unknown"} (${printable(holder?.application ?? "")}). Nothing was changed. Run again when it has finished.`,
      );
    await sleep(50 + Math.random() * 100);
  }
}

interface Holder extends Record<string, unknown> {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  /** Whether the session can be a run of this step. */
  readonly runs: boolean;
}

const HOLDERS = `
  SELECT l.pid, coalesce(s.usename, '') AS user, coalesce(s.application_name, '') AS application,
         coalesce(r.rolsuper OR r.rolcreaterole OR r.rolname = current_user, false) AS runs
    FROM pg_locks l LEFT JOIN pg_stat_activity s ON s.pid = l.pid LEFT JOIN pg_roles r ON r.oid = s.usesysid
   WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1 AND l.objsubid = 1
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const describeForeign = ({ pid, user, application }: Holder): string =>
  `A session that is no run of slipway holds the lock of this step, which did not wait for it: pid ${pid} (${printable(application) || "no application name"}, ${printable(user)}). ` +
  `To end it: SELECT pg_terminate_backend(${pid});`;

/** Another transaction changed the same object at the same time. Both lead to the same state. */
function isConflict(error: unknown): boolean {
  const state = sqlstate(error) ?? "";
  return CONFLICTS.has(state) || (state === "XX000" && (error as Error).message.startsWith("tuple concurrently"));
}

/** Serialization, deadlock, and an object that another transaction has just created. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01", "23505", "42P06", "42P07", "42710"]);

async function planFor(session: Session, options: RolesOptions): Promise<RolesPlan> {
  return planRoles(options, LEDGER_SCHEMA, await readCurrentState(session, options, LEDGER_SCHEMA));
}

function statementFailure(error: DatabaseError, statement: string, { connection }: RolesOptions): Failure {
  const user = new URL(connection.url).username;
  const hint = statement.startsWith("CREATE EXTENSION")
    ? "If DigitalOcean does not support the extension, remove it from the system definition."
    : error.code === "42501"
      ? `${user} lacks the privilege. Run the step as doadmin, which must be a member of the roles of the system.`
      : "Nothing was changed.";
  return new Failure("roles", 1, `${error.message}\n  in: ${statement}\n  ${hint}`, { cause: error });
}

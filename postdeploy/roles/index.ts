/** Grants the roles of a system their privileges in its database, in one transaction. */
import { Failure } from "../connect/failure.ts";
import { open, type Session } from "../connect/session.ts";
import { readCurrentState } from "./current-state.ts";
import { planRoles, type RolesPlan } from "./plan.ts";
import type { RolesOptions } from "./privileges.ts";

export type { RolesPlan } from "./plan.ts";
export type { RoleKind, RolesOptions } from "./privileges.ts";

/** The advisory lock key that serializes the runs of this step. */
const LOCK = 0x726f6c65;
const LEDGER_SCHEMA = "slipway";

/** The statements that `applyRoles` would run now. */
export function rolesPlan(options: RolesOptions): Promise<RolesPlan> {
  return inTransaction(options, (session) => planFor(session, options));
}

/** Atomic. @returns what was done; an empty list at the second call. */
export function applyRoles(options: RolesOptions): Promise<RolesPlan> {
  return inTransaction(options, async (session) => {
    const plan = await planFor(session, options);
    for (const statement of plan.statements) {
      const { error } = await session.send(statement);
      if (error !== undefined) throw statementFailure(error, statement, options);
    }
    return plan;
  });
}

async function inTransaction<T>(options: RolesOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(options.connection, { application: `slipway roles ${options.database}`, settings: { lock_timeout: "10s" } });
  try {
    if (session.target.database !== options.database)
      throw new Failure(
        "wrong-database",
        2,
        `The connection is to database "${session.target.database}", but the roles are for "${options.database}".`,
      );
    await session.query("BEGIN");
    await session.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    const result = await work(session);
    await session.query("COMMIT");
    return result;
  } finally {
    await session.end();
  }
}

async function planFor(session: Session, options: RolesOptions): Promise<RolesPlan> {
  const ledger = options.ledgerSchema ?? LEDGER_SCHEMA;
  return planRoles(options, ledger, await readCurrentState(session, options, ledger));
}

function statementFailure(error: Error & { code?: string }, statement: string, { connection }: RolesOptions): Failure {
  const user = new URL(connection.url).username;
  const hint =
    statement.startsWith("CREATE EXTENSION") && error.code !== undefined
      ? "If DigitalOcean does not support the extension, remove it from the system definition."
      : error.code === "42501"
        ? `${user} lacks the privilege. Run the step as doadmin, which must be a member of the roles of the system.`
        : "Nothing was changed.";
  return new Failure("roles", 1, `${error.message}\n  in: ${statement}\n  ${hint}`, { cause: error });
}

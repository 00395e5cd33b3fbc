/** Roles of one system in its database: planned as statements, applied in one transaction. */
import { Failure } from "../connect/failure.ts";
import { open, type Session } from "../connect/session.ts";
import { planRoles, type RolesPlan } from "./plan.ts";
import { readPresent } from "./present.ts";
import type { RolesOptions } from "./wanted.ts";

export type { RolesPlan } from "./plan.ts";
export type { RoleKind, RolesOptions } from "./wanted.ts";

/** "role" and "s" in one number; every run of this step on a cluster takes its turn. */
const LOCK = 0x726f6c65;
const LEDGER_SCHEMA = "slipway";

/** What an `applyRoles` would do now. */
export function rolesPlan(options: RolesOptions): Promise<RolesPlan> {
  return within(options, (session) => planned(session, options));
}

/** All of it or nothing. @returns what was done; an empty list the second time. */
export function applyRoles(options: RolesOptions): Promise<RolesPlan> {
  return within(options, async (session) => {
    const plan = await planned(session, options);
    for (const statement of plan.statements) {
      const { error } = await session.send(statement);
      if (error !== undefined) throw explained(error, statement, options);
    }
    return plan;
  });
}

async function within<T>(options: RolesOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(options.connection, { application: `slipway roles ${options.database}`, settings: { lock_timeout: "10s" } });
  try {
    if (session.target.database !== options.database)
      throw new Failure(
        "wrong-database",
        2,
        `The connection leads to database "${session.target.database}", the roles are those of "${options.database}".`,
      );
    await session.query("BEGIN");
    // Ends with the transaction, so a killed run holds nothing.
    await session.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    const result = await work(session);
    await session.query("COMMIT");
    return result;
  } finally {
    await session.end();
  }
}

async function planned(session: Session, options: RolesOptions): Promise<RolesPlan> {
  const ledger = options.ledgerSchema ?? LEDGER_SCHEMA;
  return planRoles(options, ledger, await readPresent(session, options, ledger));
}

function explained(error: Error & { code?: string }, statement: string, { connection }: RolesOptions): Failure {
  const user = new URL(connection.url).username;
  const hint =
    statement.startsWith("CREATE EXTENSION") && error.code !== undefined
      ? "DigitalOcean's list of extensions is the one that counts; take it out of the system's definition if it is not on it."
      : error.code === "42501"
        ? `${user} may not do this. The step runs as doadmin, which must be a member of the system's roles.`
        : "Nothing was changed.";
  return new Failure("roles", 1, `${error.message}\n  in: ${statement}\n  ${hint}`, { cause: error });
}

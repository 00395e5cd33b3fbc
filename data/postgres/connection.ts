/** The connection of an import, a comparison or an export. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import { run } from "./staging.ts";

/** A long statement is expected, and a row that a policy hides is an error instead of a row that is missing. */
export const SETTINGS = {
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  lock_timeout: "10s",
  row_security: "off",
  search_path: "pg_catalog",
  timezone: "UTC",
  datestyle: "ISO",
  intervalstyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
} as const;

/** "slip", and "data": two numbers, so that no program that locks one number meets them. */
const LOCK = "1936484720, 1684108385";

/** Held until the transaction ends. @throws Failure if another import holds it */
export async function takeLock(session: Session): Promise<void> {
  const [row] = await run(session, `SELECT pg_try_advisory_xact_lock(${LOCK}) AS held`);
  if (row?.held === "t") return;
  const [holder] = await run(
    session,
    `SELECT a.pid, to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS') AS since FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = (${LOCK})`,
  );
  throw new Failure(
    "locked",
    75,
    `Another import of this database is running${holder === undefined ? "" : ` (pid ${holder.pid}, since ${holder.since} UTC)`}. Wait for it, then run the same command again.`,
  );
}

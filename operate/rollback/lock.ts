/** One rollback of a system at a time. The lock is that of a session, so it ends with the process that holds it. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { printable } from "../../postdeploy/connect/quote.ts";
import { open } from "../../postdeploy/connect/session.ts";
import type { RollbackSubject } from "./subject.ts";

/** With the hash of the system's name, the key of an advisory lock in the administrator's database. */
const LOCK = 0x726f6c62;

/** @throws {Failure} with exit code 75 while another rollback of this system runs */
export async function withLock<T>({ admin, system }: RollbackSubject, work: () => Promise<T>): Promise<T> {
  if (admin === undefined) return await work();
  const session = await open(admin, { application: `slipway rollback ${system.name}` });
  try {
    const [lock] = await session.query<{ held: boolean }>("SELECT pg_try_advisory_lock($1, hashtext($2)) AS held", [LOCK, system.name]);
    if (!lock!.held) {
      const [holder] = await session.query<{ pid: number; application: string }>(
        `SELECT l.pid, coalesce(a.application_name, '') AS application FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
          WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = hashtext($2)::bigint & 4294967295
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [LOCK, system.name],
      );
      throw new Failure(
        "locked",
        75,
        `Another rollback of ${system.name} is running: pid ${holder?.pid ?? "unknown"} (${printable(holder?.application ?? "")}). Nothing was changed. Run again when it has ended; to end it as the administrator: SELECT pg_terminate_backend(${holder?.pid ?? "pid"});`,
      );
    }
    return await work();
  } finally {
    await session.end();
  }
}

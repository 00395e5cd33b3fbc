import type { Session } from "../../postdeploy/connect/session.ts";
import { sqlstate } from "../../postdeploy/connect/sqlstate.ts";

/**
 * The cluster, its timeline and the database. A fork of a cluster has the same identifier, and a timeline of its own, because it was recovered to a
 * point in time. A failover begins one as well.
 *
 * @returns undefined where the provider took the right to these functions from everyone
 */
export async function readOrigin(session: Session): Promise<string | undefined> {
  try {
    const [row] = await session.query<{ origin: string }>(
      `SELECT concat_ws('/', system_identifier, timeline_id, (SELECT oid FROM pg_database WHERE datname = current_database())) AS origin
         FROM pg_control_system(), pg_control_checkpoint()`,
    );
    return row!.origin;
  } catch (error) {
    if (sqlstate(error) === "42501") return undefined;
    throw error;
  }
}

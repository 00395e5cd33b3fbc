/** The sessions of a user in the whole cluster, and their end. */
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../../postdeploy/connect/quote.ts";
import { type Session, withSession } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { RotateError } from "./error.ts";

export interface UserSession {
  readonly pid: number;
  readonly application: string;
  readonly address: string;
  readonly state: string;
  /** Since its last statement began or ended. */
  readonly quietSeconds: number;
}

export interface DrainOptions {
  /** A session without a statement for so long serves no request, because all apps log in as the other user: it is ended. */
  readonly idleSeconds: number;
  /** How long sessions with statements are waited for. */
  readonly timeoutSeconds: number;
  /** Whether sessions that are left then are ended too. */
  readonly endsSessions: boolean;
  readonly report: (line: string) => void;
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

const SESSION = { application: "slipway rotate" };
const POLL_MS = 250;
const REPORT_EVERY_MS = 15_000;
/** How many sessions a message names. */
const LISTED = 5;

export async function countSessions(administrator: Connection, users: readonly string[]): Promise<ReadonlyMap<string, number>> {
  return await withSession(administrator, SESSION, async (session) => {
    const rows = await session.query<{ user: string; count: number }>(
      "SELECT usename::text AS user, count(*)::int AS count FROM pg_stat_activity WHERE usename = ANY ($1) GROUP BY 1",
      [users],
    );
    return new Map(users.map((user) => [user, Number(rows.find((row) => row.user === user)?.count ?? 0)]));
  });
}

/** Resolves when the user has no session. @throws {RotateError} which names the sessions that are left */
export async function drainSessions(administrator: Connection, user: string, options: DrainOptions): Promise<{ readonly ended: number }> {
  const { idleSeconds, timeoutSeconds, endsSessions, report, pause = sleep } = options;
  return await withSession(administrator, SESSION, async (session) => {
    let ended = 0;
    let reported = Date.now();
    for (const until = Date.now() + timeoutSeconds * 1000; ; await pause(POLL_MS)) {
      const left = await listSessions(session, user);
      if (left.length === 0) return { ended };
      const isLate = Date.now() >= until;
      const toEnd = left.filter(({ state, quietSeconds }) => (state === "idle" && quietSeconds >= idleSeconds) || (isLate && endsSessions));
      for (const { pid } of toEnd) ended += await endSession(session, pid, user);
      if (toEnd.length > 0) continue;
      if (isLate) throw leftError(user, left);
      if (Date.now() - reported < REPORT_EVERY_MS) continue;
      reported = Date.now();
      report(`Wait for ${describe(left)} of ${user}`);
    }
  });
}

async function listSessions(session: Session, user: string): Promise<readonly UserSession[]> {
  const rows = await session.query<Record<keyof UserSession, unknown>>(
    `SELECT pid, coalesce(application_name, '') AS application, coalesce(host(client_addr), 'a socket') AS address, coalesce(state, '') AS state,
            extract(epoch FROM clock_timestamp() - coalesce(state_change, backend_start))::float8 AS "quietSeconds"
       FROM pg_stat_activity WHERE usename = $1 ORDER BY pid`,
    [user],
  );
  return rows.map(({ pid, application, address, state, quietSeconds }) => ({
    pid: Number(pid),
    ...{ application: String(application), address: String(address), state: String(state), quietSeconds: Number(quietSeconds) },
  }));
}

async function endSession(session: Session, pid: number, user: string): Promise<number> {
  const rows = await session.query<{ ended: boolean }>(
    "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE pid = $1 AND usename = $2",
    [pid, user],
  );
  return rows.some(({ ended }) => ended) ? 1 : 0;
}

function leftError(user: string, left: readonly UserSession[]): RotateError {
  const listed = left
    .slice(0, LISTED)
    .map(
      ({ pid, application, address, state, quietSeconds }) =>
        `\n  pid ${pid}  ${printable(application) || "no application name"}  from ${address}  ${state}, last statement ${Math.round(quietSeconds)} s ago`,
    );
  const more = left.length > LISTED ? `\n  and ${left.length - LISTED} more` : "";
  return new RotateError(
    `${user} still has ${describe(left)}, so its password was not replaced:${listed.join("")}${more}\n` +
      "No app of the account logs in as this user. Find out what does, and move it to the other user. Then run the same command again, or with --end-sessions to end these sessions.",
  );
}

const describe = ({ length }: readonly unknown[]): string => (length === 1 ? "1 session" : `${length} sessions`);

/**
 * A second connection that observes a long-running statement: which sessions block it, how far an index build is, and whether the server still
 * answers. It is opened only after the statement has run for a while, so that short runs do not pay for it.
 */
import type { Session } from "../../connect/session.ts";
import type { Blocker } from "./progress.ts";

export interface MonitorOptions {
  open(): Promise<Session>;
  readonly session: Session;
  readonly afterMs: number;
  /** How long the monitor may fail to reach the server before the observed connection counts as lost. */
  readonly maxSilenceMs: number;
  onBlocked(by: readonly Blocker[]): void;
  onIndexBuild(phase: string, done: number, total: number): void;
  /** Called at each check, with the monitor's connection. */
  onCheck(connection: Session): Promise<void>;
}

export interface Monitor {
  /** The blocking sessions at the last check. */
  readonly blockers: readonly Blocker[];
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 1000;

export function startMonitor(options: MonitorOptions): Monitor {
  let blockers: readonly Blocker[] = [];
  let stopped = false;
  let connection: Session | undefined;
  let wake = () => {};
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const ended = (async () => {
    await pause(options.afterMs);
    let silentSince: number | undefined;
    let idleSince: string | undefined;
    while (!stopped) {
      try {
        connection ??= await options.open();
        const activity = await readActivity(connection, options.session.pid);
        silentSince = undefined;
        if (stopped) break;
        // If the server stays idle while we wait for its reply, a message between the two was lost, and no other error will follow.
        if (activity === undefined || (activity.idleSince !== undefined && activity.idleSince === idleSince)) options.session.destroy();
        idleSince = activity?.idleSince;
        if (activity?.index) options.onIndexBuild(activity.index.phase, activity.index.done, activity.index.total);
        if (activity && activity.blockers.length > 0) {
          const changed = activity.blockers.map(({ pid }) => pid).join() !== blockers.map(({ pid }) => pid).join();
          blockers = activity.blockers;
          if (changed) options.onBlocked(blockers);
        }
        await options.onCheck(connection);
      } catch {
        await connection?.end();
        connection = undefined;
        silentSince ??= Date.now();
        if (Date.now() - silentSince > options.maxSilenceMs) options.session.destroy();
      }
      if (!stopped) await pause(CHECK_EVERY_MS);
    }
    await connection?.end();
  })();

  return {
    get blockers() {
      return blockers;
    },
    async stop() {
      stopped = true;
      wake();
      await ended;
    },
  };
}

interface Activity {
  readonly blockers: readonly Blocker[];
  readonly index?: { readonly phase: string; readonly done: number; readonly total: number };
  /** Since when the server has been waiting for our next message. */
  readonly idleSince?: string;
}

async function readActivity(connection: Session, pid: number): Promise<Activity | undefined> {
  const [backend] = await connection.query<{ state: string | null; idle_since: string }>(
    "SELECT state, state_change::text AS idle_since FROM pg_stat_activity WHERE pid = $1",
    [pid],
  );
  if (backend === undefined) return undefined;
  const blockers = await connection.query<Blocker & Record<string, unknown>>(`${BLOCKER} WHERE pid = ANY (pg_blocking_pids($1))`, [pid]);
  const [index] = await connection.query<{ phase: string; done: string; total: string }>(
    "SELECT phase, greatest(blocks_done, tuples_done) AS done, greatest(blocks_total, tuples_total) AS total FROM pg_stat_progress_create_index WHERE pid = $1",
    [pid],
  );
  return {
    blockers,
    ...(index ? { index: { phase: index.phase, done: Number(index.done), total: Number(index.total) } } : {}),
    ...(backend.state?.startsWith("idle") ? { idleSince: backend.idle_since } : {}),
  };
}

const BLOCKER = `SELECT pid, coalesce(application_name, '') AS application, coalesce(usename, '') AS "user", coalesce(state, '') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS seconds, left(coalesce(query, ''), 120) AS query FROM pg_stat_activity`;

/** The sessions that hold a lock on these tables: for a lock timeout that expired before the monitor started. */
export async function findLockHolders(session: Session, tables: readonly string[]): Promise<readonly Blocker[]> {
  return await session.query<Blocker & Record<string, unknown>>(
    `${BLOCKER} WHERE pid <> pg_backend_pid() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'relation' AND granted AND relation = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) AS name))`,
    [tables],
  );
}

/**
 * A second pair of eyes, while a statement takes long: who stands in its way, how far an index is, and whether the server still knows us.
 *
 * It is opened only when a message has had no end for a while, so a quick run never pays for it.
 */
import type { Session } from "../../connect/session.ts";
import type { Blocker } from "./progress.ts";

export interface WatchOptions {
  open(): Promise<Session>;
  readonly session: Session;
  readonly afterMs: number;
  /** How long the watcher itself may fail before the line is called dead. */
  readonly patienceMs: number;
  blocked(by: readonly Blocker[]): void;
  index(phase: string, done: number, total: number): void;
  /** Asked each time, with the watcher's own connection. */
  peek(eyes: Session): Promise<void>;
}

export interface Watch {
  /** Whom it last saw in the way. */
  readonly blockers: readonly Blocker[];
  stop(): Promise<void>;
}

const EVERY_MS = 1000;

export function watch(options: WatchOptions): Watch {
  let blockers: readonly Blocker[] = [];
  let stopped = false;
  let eyes: Session | undefined;
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
        eyes ??= await options.open();
        const seen = await look(eyes, options.session.pid);
        silentSince = undefined;
        if (stopped) break;
        // The server waits for us while we wait for it: what passed between us is lost, and nobody else will say so.
        if (seen === undefined || (seen.idle !== undefined && seen.idle === idleSince)) options.session.destroy();
        idleSince = seen?.idle;
        if (seen?.index) options.index(seen.index.phase, seen.index.done, seen.index.total);
        if (seen && seen.blockers.length > 0) {
          const news = seen.blockers.map(({ pid }) => pid).join() !== blockers.map(({ pid }) => pid).join();
          blockers = seen.blockers;
          if (news) options.blocked(blockers);
        }
        await options.peek(eyes);
      } catch {
        await eyes?.end();
        eyes = undefined;
        silentSince ??= Date.now();
        if (Date.now() - silentSince > options.patienceMs) options.session.destroy();
      }
      if (!stopped) await pause(EVERY_MS);
    }
    await eyes?.end();
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

interface Seen {
  readonly blockers: readonly Blocker[];
  readonly index?: { readonly phase: string; readonly done: number; readonly total: number };
  /** Since when the server has been waiting for our next word. */
  readonly idle?: string;
}

async function look(eyes: Session, pid: number): Promise<Seen | undefined> {
  const [self] = await eyes.query<{ state: string | null; idle_since: string }>(
    "SELECT state, state_change::text AS idle_since FROM pg_stat_activity WHERE pid = $1",
    [pid],
  );
  if (self === undefined) return undefined;
  const blockers = await eyes.query<Blocker & Record<string, unknown>>(`${BLOCKER} WHERE pid = ANY (pg_blocking_pids($1))`, [pid]);
  const [index] = await eyes.query<{ phase: string; done: string; total: string }>(
    "SELECT phase, greatest(blocks_done, tuples_done) AS done, greatest(blocks_total, tuples_total) AS total FROM pg_stat_progress_create_index WHERE pid = $1",
    [pid],
  );
  return {
    blockers,
    ...(index ? { index: { phase: index.phase, done: Number(index.done), total: Number(index.total) } } : {}),
    ...(self.state?.startsWith("idle") ? { idle: self.idle_since } : {}),
  };
}

const BLOCKER = `SELECT pid, coalesce(application_name, '') AS application, coalesce(usename, '') AS "user", coalesce(state, '') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS seconds, left(coalesce(query, ''), 120) AS query FROM pg_stat_activity`;

/** Who holds a lock on these tables: asked after a wait that was too short to be watched. */
export async function holdersOf(session: Session, tables: readonly string[]): Promise<readonly Blocker[]> {
  return await session.query<Blocker & Record<string, unknown>>(
    `${BLOCKER} WHERE pid <> pg_backend_pid() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'relation' AND granted AND relation = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) AS name))`,
    [tables],
  );
}

/** What sessions do at this moment: transactions, locks, connections, replication, slow statements. */
import { literal, printable } from "../../../postdeploy/connect/quote.ts";
import { type Finding, formatBytes, formatCount, formatPercent, formatSeconds } from "../finding.ts";
import type { Check, CheckResult, Examiner } from "./subject.ts";

export const activityChecks: readonly Check[] = [
  { name: "transactions", run: findOldTransactions },
  { name: "locks", isServerWide: true, run: findBlocked },
  { name: "connections", run: examineConnections },
  { name: "replication slots", isServerWide: true, run: findSlots },
  { name: "replication", isServerWide: true, run: findReplicationLag },
  { name: "slow statements", run: findSlowStatements },
  { name: "archiving", isServerWide: true, run: findArchiveFailure },
];

interface SessionRow extends Record<string, unknown> {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly seconds: number;
  readonly idle: number;
  readonly query: string;
}

const SESSION = `a.pid, coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application, coalesce(a.state, '') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 AS seconds,
  coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0)::float8 AS idle, left(coalesce(a.query, ''), 120) AS query`;

/** Literals may be passwords or personal data. The text is the beginning of a statement, so the last literal may have no end. */
export const describeQuery = (query: string): string =>
  printable(query.replace(/\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g, "'…'").replace(/'(?:[^']|'')*(?:'|$)/g, "'…'"));

/** "pid 4711 (api, shop)" */
const describeSession = ({ pid, user, application }: Pick<SessionRow, "pid" | "user" | "application">): string =>
  `pid ${pid} (${printable(application) || "no application name"}, ${printable(user)})`;

async function findOldTransactions({ session, thresholds }: Examiner): Promise<Finding[]> {
  const found = await session.query<SessionRow>(
    `SELECT ${SESSION} FROM pg_stat_activity a WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
        AND a.datname = current_database() ORDER BY a.xact_start`,
  );
  return found.flatMap((row): Finding[] => {
    const { pid, state, seconds, idle, query } = row;
    if (state.startsWith("idle in transaction"))
      return idle < thresholds.idleTransactionSeconds
        ? []
        : [
            {
              id: "transaction-idle",
              severity: "warning",
              subject: describeSession(row),
              evidence: `Idle in a transaction for ${formatSeconds(idle)}, since: ${describeQuery(query)}. It keeps its locks, and dead rows of all tables stay.`,
              next: {
                text: "End the session. Then find out why the application does not commit.",
                sql: [`SELECT pg_terminate_backend(${pid})`],
              },
            },
          ];
    return seconds < thresholds.transactionSeconds
      ? []
      : [
          {
            id: "transaction-long",
            severity: "warning",
            subject: describeSession(row),
            evidence: `Its transaction runs for ${formatSeconds(seconds)}, now with: ${describeQuery(query)}. Until it ends, dead rows of all tables stay.`,
            next: { text: "If nothing waits for its result, cancel it.", sql: [`SELECT pg_cancel_backend(${pid})`] },
          },
        ];
  });
}

interface BlockedRow extends Record<string, unknown> {
  readonly holder: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly seconds: number;
  readonly query: string;
  readonly waiting: number;
  readonly longest: number;
  readonly relations: readonly string[];
  readonly first: string;
}

/** The holder at the head of each queue: ending one in the middle frees nothing. */
async function findBlocked({ session, thresholds: { blockedSeconds } }: Examiner): Promise<Finding[]> {
  const found = await session.query<BlockedRow>(
    `WITH RECURSIVE waiting AS (
       SELECT a.pid, unnest(pg_blocking_pids(a.pid)) AS holder, extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS seconds, left(a.query, 120) AS query
         FROM pg_stat_activity a WHERE a.wait_event_type = 'Lock'),
     chain AS (SELECT pid, holder, seconds, query FROM waiting
        UNION SELECT c.pid, w.holder, c.seconds, c.query FROM chain c JOIN waiting w ON w.pid = c.holder)
     SELECT c.holder, coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application, coalesce(a.state, 'prepared') AS state,
            coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 AS seconds, left(coalesce(a.query, ''), 120) AS query,
            count(DISTINCT c.pid)::int AS waiting, max(c.seconds) AS longest, (array_agg(c.query ORDER BY c.seconds DESC))[1] AS first,
            array(SELECT DISTINCT l.relation::regclass::text FROM pg_locks l WHERE l.pid = ANY (array_agg(c.pid)) AND NOT l.granted AND l.relation IS NOT NULL
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS relations
       FROM chain c LEFT JOIN pg_stat_activity a ON a.pid = c.holder
      WHERE NOT EXISTS (SELECT FROM waiting w WHERE w.pid = c.holder)
      GROUP BY c.holder, a.usename, a.application_name, a.state, a.xact_start, a.query ORDER BY waiting DESC`,
  );
  return found
    .filter(({ longest }) => longest >= blockedSeconds)
    .map(({ holder, user, application, state, seconds, query, waiting, longest, relations, first }) => ({
      id: "lock-blocks-others",
      severity: "error",
      subject: holder === 0 ? "a prepared transaction" : describeSession({ pid: holder, user, application }),
      evidence: `${waiting === 1 ? "1 session waits" : `${waiting} sessions wait`} for its locks${relations.length > 0 ? ` on ${relations.join(", ")}` : ""}, the longest for ${formatSeconds(longest)} (${describeQuery(first)}). The holder is ${state}, its transaction ${formatSeconds(seconds)} old: ${describeQuery(query)}`,
      next:
        holder === 0
          ? {
              text: "A prepared transaction has no session: roll it back by its name (ROLLBACK PREPARED). This lists the names, the oldest first:",
              sql: ["SELECT gid, owner, prepared FROM pg_prepared_xacts ORDER BY prepared"],
            }
          : {
              text: "If its transaction may be lost, end the session that holds the locks.",
              sql: [`SELECT pg_terminate_backend(${holder})`],
            },
    }));
}

interface ConnectionRow extends Record<string, unknown> {
  readonly user: string;
  readonly application: string;
  readonly total: number;
  readonly idle: number;
}

async function examineConnections({ session, subject, thresholds, serverWide }: Examiner): Promise<CheckResult> {
  const rows = await session.query<ConnectionRow>(
    `SELECT coalesce(usename, '') AS user, coalesce(application_name, '') AS application, count(*)::int AS total, (count(*) FILTER (WHERE state = 'idle'))::int AS idle
       FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`,
  );
  const [limits] = await session.query<{ usable: number; max: number }>(
    `SELECT current_setting('max_connections')::int AS max, current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable`,
  );
  const { usable } = limits!;
  const used = sum(rows.map(({ total }) => total));
  const runtime = subject.declared?.roles.runtime;
  const ofRuntime = sum(rows.filter(({ user }) => user === runtime).map(({ total }) => total));
  const { budget } = subject;
  const findings: Finding[] = [];
  const [most] = rows;
  if (serverWide && most !== undefined && used / usable >= thresholds.connectionShare)
    findings.push({
      id: "connections-near-limit",
      severity: used / usable >= 0.95 ? "error" : "warning",
      subject: "connections",
      evidence: `${used} of ${usable} connections are in use (${formatPercent(used / usable)}); most by ${printable(most.user)} (${printable(most.application) || "no application name"}): ${most.total}, of which ${most.idle} are idle.`,
      next: {
        text: "End the idle ones; then reduce the pool of that application, or resize the cluster.",
        sql: [endIdle(most.user)],
      },
    });
  if (budget !== undefined && runtime !== undefined && ofRuntime > budget.runtime)
    findings.push({
      id: "connections-over-budget",
      severity: "warning",
      subject: `role ${runtime}`,
      evidence: `It has ${ofRuntime} connections, and the settings of the stack allocate ${budget.runtime}: a client ignores its pool size, or leaks connections.`,
      next: { text: "End its idle connections, and see which client opened them (application_name).", sql: [endIdle(runtime)] },
    });
  const facts = [
    {
      name: "connections",
      value: `${used} of ${usable}${budget === undefined ? "" : `; ${runtime} ${ofRuntime} of ${budget.runtime} in the budget`}`,
      figures: [
        { name: "connections", value: used },
        { name: "connections_limit", value: usable },
        ...(budget === undefined || runtime === undefined
          ? []
          : [
              { name: "role_connections", value: ofRuntime, labels: { role: runtime } },
              { name: "role_connections_budget", value: budget.runtime, labels: { role: runtime } },
            ]),
      ],
    },
    ...Object.entries(budget?.pools ?? {}).map(([pool, size]) => ({ name: "pool", value: `${pool}: ${size} connections` })),
  ];
  return { findings, facts };
}

const endIdle = (user: string): string =>
  `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = ${literal(user)} AND state = 'idle' AND pid <> pg_backend_pid()`;

const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);

interface SlotRow extends Record<string, unknown> {
  readonly name: string;
  readonly kind: string;
  readonly active: boolean;
  readonly status: string | null;
  readonly bytes: number | null;
}

/** An unused slot keeps the log until the disk is full. */
async function findSlots({ session, server, thresholds: { slotBytes } }: Examiner): Promise<Finding[]> {
  const found = await session.query<SlotRow>(
    `SELECT slot_name AS name, slot_type AS kind, active, wal_status AS status,
            pg_wal_lsn_diff(${server.inRecovery ? "pg_last_wal_replay_lsn()" : "pg_current_wal_lsn()"}, restart_lsn)::float8 AS bytes
       FROM pg_replication_slots WHERE NOT temporary ORDER BY 1`,
  );
  return found.flatMap(({ name, kind, active, status, bytes }): Finding[] => {
    const drop = {
      text: "If no replica or subscriber comes back to it, drop it.",
      sql: [`SELECT pg_drop_replication_slot(${literal(name)})`],
    };
    const subject = `replication slot ${name}`;
    if (status === "lost")
      return [
        {
          id: "slot-lost",
          severity: "error",
          subject,
          evidence: `The server has removed the log that this ${kind} slot needs: its reader cannot continue, and needs a new copy.`,
          next: { ...drop, text: "Drop it, and set its reader up again." },
        },
      ];
    if (bytes !== null && bytes >= slotBytes)
      return [
        {
          id: "slot-retains-log",
          severity: "error",
          subject,
          evidence: `This ${kind} slot keeps ${formatBytes(bytes)} of log on the disk, and is ${active ? "read too slowly" : "not read"}. When the disk is full, the database refuses writes.`,
          next: active ? { ...drop, text: "Find out why its reader is slow; or end the reader and drop the slot." } : drop,
        },
      ];
    if (!active)
      return [
        {
          id: "slot-inactive",
          severity: "warning",
          subject,
          evidence: `No reader is connected to this ${kind} slot, which keeps ${formatBytes(bytes ?? 0)} of log on the disk, and more with each write.`,
          next: drop,
        },
      ];
    return [];
  });
}

async function findReplicationLag({ session, server, thresholds: { lagBytes } }: Examiner): Promise<CheckResult> {
  if (server.inRecovery) return await examineStandby({ session, lagBytes });
  const standbys = await session.query<{ name: string; address: string; state: string; bytes: number | null; seconds: number | null }>(
    `SELECT application_name AS name, coalesce(host(client_addr), 'local') AS address, coalesce(state, '') AS state,
            pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS bytes, extract(epoch FROM replay_lag)::float8 AS seconds
       FROM pg_stat_replication WHERE state <> 'backup' ORDER BY 1`,
  );
  return {
    facts: standbys.map(({ name, address, bytes }) => ({
      name: "standby",
      value: `${printable(name)} at ${address}, ${formatBytes(bytes ?? 0)} behind`,
      figures: [{ name: "standby_lag_bytes", value: bytes ?? 0, labels: { standby: name } }],
    })),
    findings: standbys
      .filter(({ bytes }) => bytes !== null && bytes >= lagBytes)
      .map(({ name, address, bytes, seconds }) => ({
        id: "replication-lag",
        severity: "warning",
        subject: `standby ${printable(name)}`,
        evidence: `The standby at ${address} is ${formatBytes(bytes ?? 0)}${seconds === null ? "" : ` and ${formatSeconds(seconds)}`} behind: reads from it are old, and a failover loses that much.`,
        next: {
          text: "On the standby, see whether replay is paused or waits for a query. If it is paused, continue it there.",
          command: 'psql "$STANDBY_URL" -c "SELECT pg_wal_replay_resume()"',
        },
      })),
  };
}

async function examineStandby({ session, lagBytes }: Pick<Examiner, "session"> & { readonly lagBytes: number }): Promise<CheckResult> {
  const [state] = await session.query<{ paused: boolean; bytes: number; seconds: number | null }>(
    `SELECT pg_is_wal_replay_paused() AS paused, coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::float8 AS bytes,
            extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS seconds`,
  );
  const { paused, bytes, seconds } = state!;
  return {
    facts: [
      {
        name: "replay",
        value: `${formatBytes(bytes)} behind; last change ${seconds === null ? "none yet" : `${formatSeconds(seconds)} ago`}`,
      },
    ],
    findings:
      paused || bytes >= lagBytes
        ? [
            {
              id: "replay-behind",
              severity: "warning",
              subject: "this standby",
              evidence: paused
                ? `Replay is paused, ${formatBytes(bytes)} behind what was received.`
                : `Replay is ${formatBytes(bytes)} behind what was received.`,
              next: { text: paused ? "Continue it." : "See which query holds it.", sql: ["SELECT pg_wal_replay_resume()"] },
            },
          ]
        : [],
  };
}

interface StatementRow extends Record<string, unknown> {
  readonly id: string;
  readonly role: string;
  readonly calls: number;
  readonly mean: number;
  readonly total: number;
  readonly query: string;
}

/** Statements of other roles are visible to members of pg_read_all_stats only. */
async function findSlowStatements({ session, subject, thresholds, server }: Examiner): Promise<CheckResult> {
  const [extension] = await session.query<{ schema: string; loaded: boolean }>(
    `SELECT quote_ident(n.nspname) AS schema, current_setting('pg_stat_statements.max', true) IS NOT NULL AS loaded
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined)
    return { unchecked: ["slow statements: the extension pg_stat_statements is not installed in this database"] };
  if (!extension.loaded) return { unchecked: ["slow statements: the server does not load pg_stat_statements (shared_preload_libraries)"] };
  const slow = subject.declared?.slowStatementMs ?? thresholds.slowStatementMs;
  const found = await session.query<StatementRow>(
    `SELECT s.queryid::text AS id, coalesce(r.rolname, '') AS role, s.calls::float8 AS calls, s.mean_exec_time AS mean, s.total_exec_time AS total,
            left(regexp_replace(s.query, '\\s+', ' ', 'g'), 160) AS query
       FROM ${extension.schema}.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid
      WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.mean_exec_time >= $1 AND s.calls >= $2 AND s.queryid IS NOT NULL
        AND s.query ~* '^\\s*(/\\*.*\\*/\\s*)?(select|insert|update|delete|merge|with|values|call)' ORDER BY s.total_exec_time DESC LIMIT 10`,
    [slow, thresholds.slowStatementCalls],
  );
  const reset = (id: string) => `SELECT ${extension.schema}.pg_stat_statements_reset(0, 0, ${id})`;
  return {
    findings: found.map(({ id, role, calls, mean, total, query }) => ({
      id: "statement-slow",
      severity: "warning",
      subject: `statement ${id} of ${printable(role) || "another role"}`,
      evidence: `${formatCount(calls)} calls, ${formatSeconds(mean / 1000)} each (limit ${slow} ms), ${formatSeconds(total / 1000)} in all: ${describeQuery(query)}`,
      next: {
        text: `Look at its plan${server.major >= 16 ? ", with EXPLAIN (GENERIC_PLAN)" : ""} and add what it lacks. Then forget the old figures.`,
        sql: [reset(id)],
      },
    })),
  };
}

async function findArchiveFailure({ session }: Examiner): Promise<Finding[]> {
  const [archiver] = await session.query<{ failed: number; file: string; seconds: number }>(
    `SELECT failed_count::float8 AS failed, coalesce(last_failed_wal, '') AS file, extract(epoch FROM now() - last_failed_time)::float8 AS seconds
       FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > coalesce(last_archived_time, '-infinity')`,
  );
  if (archiver === undefined) return [];
  return [
    {
      id: "archive-fails",
      severity: "error",
      subject: "log archive",
      evidence: `${formatCount(archiver.failed)} attempts failed, the last ${formatSeconds(archiver.seconds)} ago (${printable(archiver.file)}): point-in-time restore ends there, and the log fills the disk.`,
      next: {
        text: "Correct archive_command and see the server's log. DigitalOcean operates the archive itself: there, ask its support.",
        sql: ["SHOW archive_command"],
      },
    },
  ];
}

/** Examines one database: connects, reads the facts, and runs every check. */
import { identifier, printable } from "../../../postdeploy/connect/quote.ts";
import { open, type Session } from "../../../postdeploy/connect/session.ts";
import { isLost } from "../../../postdeploy/connect/sqlstate.ts";
import { nameOf, targetOf } from "../../../postdeploy/connect/target.ts";
import { certificateFinding, clockFinding, describeOffset, expiryFigure, formatDate } from "../clock.ts";
import { type Examination, type Fact, type Finding, formatBytes, formatSeconds, type Thresholds } from "../finding.ts";
import { activityChecks } from "./activity.ts";
import { connectionFinding, reasonUnchecked } from "./connection.ts";
import { credentialChecks } from "./credentials.ts";
import { declaredChecks } from "./declared.ts";
import { indexChecks } from "./indexes.ts";
import { securityChecks } from "./security.ts";
import { storageChecks } from "./storage.ts";
import type { Check, DatabaseSubject, Examiner, ServerState } from "./subject.ts";

export interface ExamineOptions {
  readonly thresholds: Thresholds;
  readonly all: boolean;
  /** @default true */
  readonly serverWide?: boolean | undefined;
  /** @default Date.now */
  readonly now?: (() => number) | undefined;
  /** @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
}

const CHECKS: readonly Check[] = [
  ...activityChecks,
  ...indexChecks,
  ...storageChecks,
  ...securityChecks,
  ...declaredChecks,
  ...credentialChecks,
];

/** Checks that write nothing must not wait for others, nor make them wait. */
const SETTINGS = { statement_timeout: "15s", lock_timeout: "2s", idle_in_transaction_session_timeout: "60s" };

export async function examineDatabase(
  subject: DatabaseSubject,
  { thresholds, all, serverWide = true, now = Date.now, connectTimeoutMs = 5000 }: ExamineOptions,
): Promise<Examination> {
  const at = nameOf(targetOf(subject.connection));
  let session: Session;
  try {
    session = await open(subject.connection, { application: "slipway doctor", settings: SETTINGS, connectTimeoutMs });
  } catch (error) {
    return { name: subject.name, at, facts: [], findings: [connectionFinding(error, subject.connection)], unchecked: [] };
  }
  try {
    const { facts, findings, server } = await readServer(session, thresholds, now, serverWide);
    const schemas = await readSchemas(session, subject);
    const examiner: Examiner = { session, subject, server, schemas, thresholds, all, serverWide, now };
    const examination = { name: subject.name, at, facts: [...facts], findings: [...findings], unchecked: [] as string[] };
    if (!server.seesAllSessions) examination.unchecked.push(`sessions of other roles: ${server.user} is not a member of pg_read_all_stats`);
    for (const check of CHECKS.filter(({ isServerWide }) => serverWide || !isServerWide)) await runCheck(check, examiner, examination);
    return examination;
  } finally {
    await session.end();
  }
}

interface Draft {
  readonly facts: Fact[];
  readonly findings: Finding[];
  readonly unchecked: string[];
}

async function runCheck({ name, run }: Check, examiner: Examiner, draft: Draft): Promise<void> {
  try {
    const result = await run(examiner);
    const {
      findings = [],
      facts = [],
      unchecked = [],
    } = Array.isArray(result) ? { findings: result as readonly Finding[] } : (result as Exclude<typeof result, readonly Finding[]>);
    draft.findings.push(...findings);
    draft.facts.push(...facts);
    draft.unchecked.push(...unchecked);
  } catch (error) {
    const reason = reasonUnchecked(error);
    if (reason === undefined && !isLost(error)) throw error;
    draft.unchecked.push(`${name}: ${reason ?? `the connection was lost (${(error as Error).message})`}`);
  }
}

async function readSchemas(session: Session, { declared }: DatabaseSubject): Promise<readonly string[]> {
  if (declared !== undefined) return declared.schemas;
  const rows = await session.query<{ schema: string }>(
    "SELECT nspname::text AS schema FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1",
  );
  return rows.map(({ schema }) => schema);
}

interface ServerRow extends Record<string, unknown> {
  readonly version: string;
  readonly major: number;
  readonly time: string;
  readonly ms: number;
  readonly up: number;
  readonly user: string;
  readonly super: boolean;
  readonly manages: boolean;
  readonly all: boolean;
  readonly database: string;
  readonly recovery: boolean;
  readonly readonly: boolean;
  readonly tls: string | null;
  readonly cipher: string | null;
  readonly bytes: number;
  readonly memory: string;
  readonly hits: number | null;
}

const SERVER = `
  SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS time, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms,
         extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS up, current_user::text AS user, r.rolsuper AS super,
         r.rolsuper OR r.rolcreaterole AS manages, r.rolsuper OR pg_has_role('pg_read_all_stats', 'USAGE') AS all, current_database()::text AS database,
         pg_is_in_recovery() AS recovery, current_setting('default_transaction_read_only')::bool AS readonly, s.version AS tls, s.cipher,
         pg_database_size(current_database())::float8 AS bytes,
         format('shared_buffers %s, work_mem %s, effective_cache_size %s', current_setting('shared_buffers'), current_setting('work_mem'), current_setting('effective_cache_size')) AS memory,
         (d.blks_hit::float8 / nullif(d.blks_hit + d.blks_read, 0)) AS hits
    FROM pg_roles r LEFT JOIN pg_stat_ssl s ON s.pid = pg_backend_pid() AND s.ssl LEFT JOIN pg_stat_database d ON d.datname = current_database()
   WHERE r.rolname = current_user`;

async function readServer(session: Session, thresholds: Thresholds, now: () => number, serverWide: boolean) {
  const [sent, [row], received] = [now(), await session.query<ServerRow>(SERVER), now()];
  const { version, major, time, ms, up, user, tls, cipher, database, bytes, memory, hits, recovery } = row!;
  // The server read its clock between the two times; half of the round trip is the error.
  const [offset, error] = [ms - (sent + received) / 2, (received - sent) / 2];
  const certificate = session.certificateEnd;
  const findings: Finding[] = [
    ...(serverWide ? clockFinding(offset, error, thresholds) : []),
    ...readOnlyFindings(row!, await readOnlySources(session, row!)),
    ...(serverWide ? certificateFinding(certificate, thresholds, now(), "SELECT pg_reload_conf()") : []),
  ];
  const facts: Fact[] = [
    {
      name: "server",
      value: `Postgres ${version}, up ${formatSeconds(up)}${recovery ? ", a standby" : ""}`,
      figures: [{ name: "uptime_seconds", value: up }],
    },
    {
      name: "time",
      value: `${time} UTC, ${describeOffset(offset, error)}`,
      figures: [{ name: "clock_offset_seconds", value: offset / 1000 }],
    },
    {
      name: "TLS",
      value:
        tls === null
          ? "none (this machine only)"
          : `${tls}, ${cipher}${certificate === undefined ? "" : `, certificate until ${formatDate(certificate)}`}`,
      ...expiryFigure(certificate),
    },
    {
      name: "user",
      value: `${printable(user)}, database ${printable(database)} (${formatBytes(bytes)})`,
      figures: [{ name: "database_bytes", value: bytes }],
    },
    {
      name: "memory",
      value: `${memory}${hits === null ? "" : `; ${Math.round(hits * 1000) / 10} % of pages from memory`}`,
      ...(hits !== null && { figures: [{ name: "cache_hit_ratio", value: hits }] }),
    },
  ];
  const server: ServerState = {
    major,
    user,
    isSuperuser: row!.super,
    managesRoles: row!.manages,
    seesAllSessions: row!.all,
    inRecovery: recovery,
  };
  return { facts, findings, server };
}

interface ReadOnlySource extends Record<string, unknown> {
  readonly role: string | null;
  readonly database: string | null;
}

async function readOnlySources(session: Session, { recovery, readonly }: ServerRow): Promise<readonly ReadOnlySource[]> {
  if (recovery || !readonly) return [];
  return await session.query<ReadOnlySource>(
    `SELECT r.rolname::text AS role, d.datname::text AS database FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
      WHERE (s.setrole = 0 OR r.rolname = current_user) AND (s.setdatabase = 0 OR d.datname = current_database())
        AND EXISTS (SELECT FROM unnest(s.setconfig) c WHERE c IN ('default_transaction_read_only=on', 'default_transaction_read_only=true', 'default_transaction_read_only=1', 'default_transaction_read_only=yes'))`,
  );
}

/** A standby refuses writes by its nature; a primary where a setting says so, which a managed service sets when the disk is full. */
function readOnlyFindings({ recovery, readonly, database, user }: ServerRow, sources: readonly ReadOnlySource[]): Finding[] {
  if (recovery)
    return [
      {
        id: "server-read-only",
        severity: "error",
        subject: "server",
        evidence: "It is a standby, and refuses writes.",
        next: { text: "Use the address of the primary. If the primary is lost, promote this one.", sql: ["SELECT pg_promote()"] },
      },
    ];
  if (!readonly) return [];
  const sql = sources.map(({ role, database: of }) =>
    role === null
      ? `ALTER DATABASE ${identifier(of ?? database)} RESET default_transaction_read_only`
      : `ALTER ROLE ${identifier(role)}${of === null ? "" : ` IN DATABASE ${identifier(of)}`} RESET default_transaction_read_only`,
  );
  return [
    {
      id: "server-read-only",
      severity: "error",
      subject: "server",
      evidence: `default_transaction_read_only is on for ${user} in ${database}: transactions cannot write.`,
      next:
        sql.length > 0
          ? {
              text: "Remove the setting, in a session that may write. It applies to new connections.",
              sql: ["SET default_transaction_read_only = off", ...sql],
            }
          : {
              text: "The server's configuration sets it. DigitalOcean does so when the disk is full: resize it (doctl databases resize), then it is removed. On another server:",
              sql: ["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"],
            },
    },
  ];
}

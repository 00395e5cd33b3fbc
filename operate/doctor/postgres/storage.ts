/** Tables, sequences and the transaction counter: what grows until it stops the database. */
import { identifier, literal } from "../../../postdeploy/connect/quote.ts";
import { type Finding, formatBytes, formatCount, formatPercent, formatSeconds } from "../finding.ts";
import { NOT_OF_EXTENSION } from "./catalog.ts";
import type { Check, Examiner } from "./subject.ts";

export const storageChecks: readonly Check[] = [
  { name: "dead rows", run: findDeadRows },
  { name: "bloat", run: findBloat },
  { name: "statistics", run: findStaleStatistics },
  { name: "autovacuum", run: findDisabledAutovacuum },
  { name: "transaction ids", isServerWide: true, run: findWraparound },
  { name: "sequences", run: findSequences },
  { name: "unlogged tables", run: findUnloggedTables },
  { name: "extensions", run: findOutdatedExtensions },
  { name: "collation version", run: findCollationMismatch },
  { name: "column types", run: findColumnTypes },
  { name: "damaged pages", isServerWide: true, run: findDamagedPages },
];

const NAME = `format('%I.%I', n.nspname, t.relname)`;

async function findDeadRows({ session, schemas, thresholds: { deadRows, deadShare } }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; dead: number; share: number; vacuumed: number | null }>(
    `SELECT ${NAME} AS "table", s.n_dead_tup::float8 AS dead, s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0)::float8 AS share,
            extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::float8 AS vacuumed
       FROM pg_stat_user_tables s JOIN pg_class t ON t.oid = s.relid JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = ANY ($1) AND s.n_dead_tup >= $2 ORDER BY s.n_dead_tup DESC`,
    [schemas, deadRows],
  );
  return found
    .filter(({ share }) => share >= deadShare)
    .map(({ table, dead, share, vacuumed }) => ({
      id: "table-dead-rows",
      severity: "warning",
      subject: `table ${table}`,
      evidence: `${formatCount(dead)} dead rows, ${formatPercent(share)} of the table; last vacuumed ${vacuumed === null ? "never" : `${formatSeconds(vacuumed)} ago`}. Scans read them too.`,
      next: {
        text: "Remove them. If they come back, an old transaction or a replication slot holds them, or autovacuum is too slow for the table.",
        sql: [`VACUUM (ANALYZE) ${table}`],
      },
    }));
}

/**
 * An estimate from the statistics of the columns: the pages that the rows need against those that the table has. It is off by the alignment of columns,
 * so only tables with much waste are reported.
 */
async function findBloat({ session, schemas, thresholds: { bloatBytes, bloatShare } }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; bytes: number; wasted: number }>(
    `WITH widths AS (
       SELECT schemaname, tablename, sum((1 - null_frac) * avg_width) + 8 * max((null_frac > 0)::int) AS width FROM pg_stats WHERE NOT inherited GROUP BY 1, 2)
     SELECT ${NAME} AS "table", t.relpages::float8 * bs AS bytes,
            (t.relpages - ceil(t.reltuples * (width + 24 + 4 + 4) / (bs - 24) * 100 / coalesce(fill.factor, 100))) * bs AS wasted
       FROM widths w JOIN pg_namespace n ON n.nspname = w.schemaname JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = w.tablename,
            LATERAL (SELECT current_setting('block_size')::float8) AS b(bs),
            LATERAL (SELECT max(option_value::float8) FROM pg_options_to_table(t.reloptions) WHERE option_name = 'fillfactor') AS fill(factor)
      WHERE t.relkind = 'r' AND n.nspname = ANY ($1) AND t.relpages > 0 AND t.reltuples >= 0 ORDER BY 3 DESC`,
    [schemas],
  );
  return found
    .filter(({ bytes, wasted }) => wasted >= bloatBytes && wasted / bytes >= bloatShare)
    .map(({ table, bytes, wasted }) => ({
      id: "table-bloat",
      severity: "warning",
      subject: `table ${table}`,
      evidence: `About ${formatBytes(wasted)} of ${formatBytes(bytes)} (${formatPercent(wasted / bytes)}) hold no rows, estimated from its statistics. Vacuum reuses this space, and does not return it.`,
      next: {
        text: "If it will not fill up again, rewrite the table in a maintenance window: nothing reads or writes it meanwhile.",
        sql: [`VACUUM (FULL, ANALYZE) ${table}`],
      },
    }));
}

async function findStaleStatistics({ session, schemas, thresholds: { unanalyzedRows } }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; changed: number; rows: number; analyzed: number | null }>(
    `SELECT ${NAME} AS "table", s.n_mod_since_analyze::float8 AS changed, s.n_live_tup::float8 AS rows,
            extract(epoch FROM now() - greatest(s.last_analyze, s.last_autoanalyze))::float8 AS analyzed
       FROM pg_stat_user_tables s JOIN pg_class t ON t.oid = s.relid JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = ANY ($1) AND s.n_mod_since_analyze >= greatest($2, s.n_live_tup / 2) ORDER BY s.n_mod_since_analyze DESC`,
    [schemas, unanalyzedRows],
  );
  return found.map(({ table, changed, rows, analyzed }) => ({
    id: "table-statistics-old",
    severity: "warning",
    subject: `table ${table}`,
    evidence: `${formatCount(changed)} of ${formatCount(rows)} rows changed since its statistics were collected (${analyzed === null ? "never" : `${formatSeconds(analyzed)} ago`}): the planner chooses by old figures.`,
    next: { text: "Collect them.", sql: [`ANALYZE ${table}`] },
  }));
}

async function findDisabledAutovacuum({ session, schemas }: Examiner): Promise<Finding[]> {
  const settings = await session.query<{ name: string; role: string | null; source: string }>(
    "SELECT name, source FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off'",
  );
  const tables = await session.query<{ table: string }>(
    `SELECT ${NAME} AS "table" FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace, pg_options_to_table(t.reloptions) o
      WHERE t.relkind IN ('r', 'm') AND n.nspname = ANY ($1) AND o.option_name = 'autovacuum_enabled' AND NOT o.option_value::bool ORDER BY 1`,
    [schemas],
  );
  return [
    ...settings.map(
      ({ name }): Finding => ({
        id: "autovacuum-off",
        severity: "error",
        subject: `setting ${name}`,
        evidence: `${name} is off: dead rows stay, statistics grow old, and the transaction ids run out.`,
        next: {
          text: "Turn it on. DigitalOcean does not offer this setting: there, ask its support.",
          sql: [`ALTER SYSTEM RESET ${name}`, "SELECT pg_reload_conf()"],
        },
      }),
    ),
    ...tables.map(
      ({ table }): Finding => ({
        id: "table-autovacuum-off",
        severity: "warning",
        subject: `table ${table}`,
        evidence: "Its storage parameter autovacuum_enabled is false: its dead rows stay, and its statistics grow old.",
        next: { text: "Remove the parameter.", sql: [`ALTER TABLE ${table} RESET (autovacuum_enabled)`] },
      }),
    ),
  ];
}

/** At 2,147,483,648 less a reserve of 3 million, Postgres refuses writes. */
const LAST_XID = 2 ** 31 - 3_000_000;

async function findWraparound({ session, thresholds: { xidAge, preparedSeconds } }: Examiner): Promise<Finding[]> {
  const databases = await session.query<{ database: string; age: number; multi: number }>(
    `SELECT datname AS database, age(datfrozenxid)::float8 AS age, mxid_age(datminmxid)::float8 AS multi FROM pg_database
      WHERE datallowconn AND greatest(age(datfrozenxid), mxid_age(datminmxid)) >= $1 ORDER BY 2 DESC`,
    [xidAge],
  );
  const prepared = await session.query<{ gid: string; owner: string; database: string; seconds: number }>(
    `SELECT gid, owner::text, database::text, extract(epoch FROM now() - prepared)::float8 AS seconds FROM pg_prepared_xacts
      WHERE prepared <= now() - make_interval(secs => $1) ORDER BY prepared`,
    [preparedSeconds],
  );
  return [
    ...databases.map(({ database, age, multi }): Finding => {
      const most = Math.max(age, multi);
      return {
        id: "wraparound",
        severity: most >= 1_500_000_000 ? "error" : "warning",
        subject: `database ${database}`,
        evidence: `Its oldest ${age >= multi ? "transaction id" : "multixact id"} is ${formatCount(most)} old, ${formatPercent(most / LAST_XID)} of what Postgres can count. At 100 % it refuses writes.`,
        next: {
          text: `End old transactions, and drop replication slots and prepared transactions that hold it; then freeze the tables${database === "" ? "" : ` of ${database}`}.`,
          sql: ["VACUUM (FREEZE)"],
        },
      };
    }),
    ...prepared.map(
      ({ gid, owner, database, seconds }): Finding => ({
        id: "prepared-transaction",
        severity: "error",
        subject: `prepared transaction ${gid}`,
        evidence: `${owner} prepared it in ${database} ${formatSeconds(seconds)} ago. It keeps its locks and all later dead rows until it ends, also over restarts.`,
        next: { text: "If its coordinator has lost it, roll it back.", sql: [`ROLLBACK PREPARED ${literal(gid)}`] },
      }),
    ),
  ];
}

interface SequenceRow extends Record<string, unknown> {
  readonly sequence: string;
  readonly type: string;
  readonly last: number;
  readonly max: number;
  readonly table: string | null;
  readonly column: string | null;
  readonly columnType: string | null;
}

const MOST: Readonly<Record<string, number>> = { smallint: 2 ** 15 - 1, integer: 2 ** 31 - 1 };

/** A bigint sequence that feeds an integer column ends with the column. */
async function findSequences({ session, schemas, thresholds: { sequenceShare } }: Examiner): Promise<Finding[]> {
  const found = await session.query<SequenceRow>(
    `SELECT format('%I.%I', s.schemaname, s.sequencename) AS sequence, s.data_type::text AS type, s.last_value::float8 AS last, s.max_value::float8 AS max,
            c.table, c.column, c.type AS "columnType"
       FROM pg_sequences s JOIN pg_class q ON q.oid = format('%I.%I', s.schemaname, s.sequencename)::regclass LEFT JOIN LATERAL (
         SELECT format('%I.%I', n.nspname, t.relname) AS "table", quote_ident(a.attname) AS "column", format_type(a.atttypid, NULL) AS type
           FROM (SELECT d.refobjid AS relid, d.refobjsubid AS attnum FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = q.oid AND d.deptype IN ('a', 'i')
                  UNION SELECT f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid WHERE d.classid = 'pg_attrdef'::regclass AND d.refobjid = q.oid) p
           JOIN pg_class t ON t.oid = p.relid JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.attnum
          ORDER BY a.atttypid = 'int8'::regtype LIMIT 1) c ON true
      WHERE s.schemaname = ANY ($1) AND NOT s.cycle AND s.increment_by > 0 AND s.last_value IS NOT NULL AND ${NOT_OF_EXTENSION("q")} ORDER BY 1`,
    [schemas],
  );
  const nearEnd = found.flatMap(({ sequence, type, last, max, table, column, columnType }): Finding[] => {
    const most = Math.min(max, MOST[columnType ?? ""] ?? Number.POSITIVE_INFINITY);
    if (last / most < sequenceShare) return [];
    const limit = most < max ? `The ${columnType} column ${table}.${column} that it feeds` : `The ${type} sequence`;
    const widen = table !== null && column !== null && MOST[columnType ?? ""] !== undefined;
    return [
      {
        id: "sequence-near-end",
        severity: last / most >= 0.95 ? "error" : "warning",
        subject: `sequence ${sequence}`,
        evidence: `${limit} ends at ${formatCount(most)}, and is at ${formatCount(last)} (${formatPercent(last / most)}). At its end, inserts fail.`,
        next: {
          text: widen
            ? "Change the type in a migration. It rewrites the table under an exclusive lock: for a large one, add a new column and swap the two."
            : "Let it count further.",
          sql: [
            ...(widen ? [`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE bigint`] : []),
            ...(type !== "bigint"
              ? [`ALTER SEQUENCE ${sequence} AS bigint`]
              : most < max
                ? []
                : [`ALTER SEQUENCE ${sequence} NO MAXVALUE`]),
          ],
        },
      },
    ];
  });
  return [...nearEnd, ...(await findSequencesBehind(session, found))];
}

/** An import with ids of its own does not advance the sequence: the next insert takes an id that exists. */
async function findSequencesBehind(session: Examiner["session"], sequences: readonly SequenceRow[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { sequence, table, column, last } of sequences) {
    if (table === null || column === null) continue;
    // Only where an index answers it at once, and the role may read it.
    const [indexed] = await session.query<{ readable: boolean }>(
      `SELECT has_column_privilege($1::regclass, a.attnum, 'SELECT') AS readable FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indkey[0] = a.attnum
          JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
        WHERE a.attrelid = $1::regclass AND quote_ident(a.attname) = $2 AND i.indisvalid AND i.indpred IS NULL LIMIT 1`,
      [table, column],
    );
    if (!indexed?.readable) continue;
    const [row] = await session.query<{ highest: number | null }>(`SELECT max(${column})::float8 AS highest FROM ${table}`);
    const highest = row?.highest ?? null;
    if (highest === null || highest <= last) continue;
    findings.push({
      id: "sequence-behind",
      severity: "error",
      subject: `sequence ${sequence}`,
      evidence: `It is at ${formatCount(last)}, and ${table}.${column} is at ${formatCount(highest)}: the next inserts fail with duplicate keys.`,
      next: {
        text: "Advance it to the highest id.",
        sql: [`SELECT setval('${sequence.replaceAll("'", "''")}', (SELECT max(${column}) FROM ${table}))`],
      },
    });
  }
  return findings;
}

async function findUnloggedTables({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string }>(
    `SELECT ${NAME} AS "table" FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE t.relkind = 'r' AND t.relpersistence = 'u' AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("t")} ORDER BY 1`,
    [schemas],
  );
  return found.map(({ table }) => ({
    id: "table-unlogged",
    severity: "warning",
    subject: `table ${table}`,
    evidence: "It is UNLOGGED: a crash or a failover empties it, and replicas and backups do not have its rows.",
    next: {
      text: "If its rows matter, log it. This rewrites the table under an exclusive lock.",
      sql: [`ALTER TABLE ${table} SET LOGGED`],
    },
  }));
}

async function findOutdatedExtensions({ session }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ name: string; installed: string; available: string }>(
    `SELECT a.name, a.installed_version AS installed, a.default_version AS available FROM pg_available_extensions a
        JOIN pg_available_extension_versions v ON v.name = a.name AND v.installed
      WHERE a.installed_version <> a.default_version ORDER BY 1`,
  );
  return found.map(({ name, installed, available }) => ({
    id: "extension-outdated",
    severity: "warning",
    subject: `extension ${name}`,
    evidence: `Version ${installed} is installed, and the server has ${available}: functions of the old version may lack fixes.`,
    next: { text: "Update it.", sql: [`ALTER EXTENSION ${identifier(name)} UPDATE`] },
  }));
}

/** After an upgrade of the operating system, text may sort differently, and indexes on text then miss rows. */
async function findCollationMismatch({ session }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ database: string; was: string; is: string }>(
    `SELECT datname AS database, datcollversion AS was, pg_database_collation_actual_version(oid) AS is FROM pg_database
      WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)`,
  );
  return found.map(({ database, was, is }) => ({
    id: "collation-version",
    severity: "error",
    subject: `database ${database}`,
    evidence: `Its indexes were built with version ${was} of the collation, and the server now has ${is}: indexes on text may miss rows and accept duplicates.`,
    next: {
      text: "Build the indexes again, then record the version.",
      sql: [`REINDEX (CONCURRENTLY) DATABASE ${identifier(database)}`, `ALTER DATABASE ${identifier(database)} REFRESH COLLATION VERSION`],
    },
  }));
}

/** pg_upgrade refuses these types, because their values are numbers of the catalog, which the new server assigns again. */
async function findColumnTypes({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; column: string; type: string }>(
    `SELECT ${NAME} AS "table", quote_ident(a.attname) AS "column", y.typname AS type
       FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_type y ON y.oid = a.atttypid
      WHERE t.relkind IN ('r', 'p', 'm') AND n.nspname = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped AND y.typnamespace = 'pg_catalog'::regnamespace
        AND y.typname IN ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure') ORDER BY 1, 2`,
    [schemas],
  );
  return found.map(({ table, column, type }) => ({
    id: "column-type-blocks-upgrade",
    severity: "warning",
    subject: `column ${table}.${column}`,
    evidence: `Its type is ${type}: an upgrade of the cluster to another major version fails.`,
    next: { text: "Store the name as text.", sql: [`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE text`] },
  }));
}

async function findDamagedPages({ session }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ database: string; failures: number; seconds: number | null }>(
    `SELECT coalesce(datname, 'shared objects') AS database, checksum_failures::float8 AS failures,
            extract(epoch FROM now() - checksum_last_failure)::float8 AS seconds
       FROM pg_stat_database WHERE checksum_failures > 0 ORDER BY 1`,
  );
  return found.map(({ database, failures, seconds }) => ({
    id: "page-damaged",
    severity: "error",
    subject: `database ${database}`,
    evidence: `${formatCount(failures)} pages failed their checksum, the last ${formatSeconds(seconds ?? 0)} ago: the disk or the memory of the server is damaged.`,
    next: { text: "Restore a backup into a new cluster, and compare.", command: "slipway backup restore --help" },
  }));
}

/** Indexes and constraints that are invalid, missing, unused or superfluous. */
import { identifier } from "../../../postdeploy/connect/quote.ts";
import { findBrokenIndexes } from "../../../postdeploy/migrate/schema/indexes.ts";
import { type Finding, formatBytes, formatCount } from "../finding.ts";
import { NOT_OF_EXTENSION } from "./catalog.ts";
import type { Check, Examiner } from "./subject.ts";

export const indexChecks: readonly Check[] = [
  { name: "invalid indexes", run: findInvalidIndexes },
  { name: "indexes of foreign keys", run: findMissingIndexes },
  { name: "unused indexes", run: findUnusedIndexes },
  { name: "duplicate indexes", run: findDuplicateIndexes },
  { name: "redundant indexes", run: findRedundantIndexes },
  { name: "constraints", run: findConstraints },
  { name: "primary keys", run: findTablesWithoutKey },
  { name: "disabled triggers", run: findDisabledTriggers },
];

async function findInvalidIndexes({ session, schemas }: Examiner): Promise<Finding[]> {
  const broken = await findBrokenIndexes(session);
  return broken
    .filter(({ schema }) => schemas.includes(schema) || schema === "pg_toast")
    .map(({ schema, name, table }) => {
      const index = `${identifier(schema)}.${identifier(name)}`;
      // REINDEX CONCURRENTLY leaves these; the index that they were to replace is intact.
      const isCopy = /_cc(new|old)\d*$/.test(name);
      return {
        id: "index-invalid",
        severity: "error",
        subject: `index ${schema}.${name}`,
        evidence: `An interrupted CONCURRENTLY left it invalid: queries on ${table} do not use it, and each write maintains it. A unique one does not enforce uniqueness.`,
        next: isCopy
          ? { text: "Drop the unfinished copy.", sql: [`DROP INDEX CONCURRENTLY ${index}`] }
          : { text: "Build it again. If it is unique, remove duplicate rows first.", sql: [`REINDEX INDEX CONCURRENTLY ${index}`] },
      };
    });
}

/** The columns of an index that are compared first. */
const LEADING = "(i.indkey::int2[])[0:cardinality(k.conkey) - 1]";

interface ForeignKey extends Record<string, unknown> {
  readonly table: string;
  readonly name: string;
  readonly parent: string;
  readonly columns: string;
  readonly rows: number;
  /** An index has the columns first, in another order. */
  readonly reordered: boolean;
}

async function findMissingIndexes({ session, schemas, thresholds, all }: Examiner): Promise<Finding[]> {
  const found = await session.query<ForeignKey>(
    `WITH usable AS (
       SELECT i.indrelid, k.oid AS key, ${LEADING} = k.conkey AS same
         FROM pg_constraint k JOIN pg_index i ON i.indrelid = k.conrelid JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
        WHERE k.contype = 'f' AND i.indisvalid AND m.amname IN ('btree', 'hash') AND ${LEADING} @> k.conkey AND ${LEADING} <@ k.conkey
          AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = (
                SELECT format('(%I IS NOT NULL)', a.attname) FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1])))
     SELECT format('%I.%I', n.nspname, t.relname) AS "table", k.conname AS name, k.confrelid::regclass::text AS parent,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY p.at) FROM unnest(k.conkey) WITH ORDINALITY p(attnum, at)
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.attnum) AS columns,
            greatest(t.reltuples, s.n_live_tup, 0)::float8 AS rows,
            EXISTS (SELECT FROM usable u WHERE u.key = k.oid) AS reordered
       FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
            LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid
      WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("t")}
        AND NOT EXISTS (SELECT FROM usable u WHERE u.key = k.oid AND u.same)
      ORDER BY 1, 2`,
    [schemas],
  );
  return found
    .filter(({ rows, reordered }) => (reordered ? all : rows >= thresholds.foreignKeyRows))
    .map(({ table, name, parent, columns, rows, reordered }) => ({
      id: "foreign-key-without-index",
      severity: reordered || rows < 1000 ? "info" : "warning",
      subject: `foreign key ${name} of ${table}`,
      evidence: reordered
        ? `An index begins with its columns (${columns}) in another order: a lookup by all of them can use it.`
        : `No index begins with ${columns}: each delete in ${parent} reads all of about ${formatCount(rows)} rows of ${table}.`,
      next: {
        text: "Create the index, in a migration of its own.",
        sql: [`CREATE INDEX CONCURRENTLY ON ${table} (${columns})`],
      },
    }));
}

interface IndexRow extends Record<string, unknown> {
  readonly index: string;
  readonly table: string;
  readonly bytes: number;
}

async function findUnusedIndexes({ session, schemas, thresholds, all }: Examiner): Promise<Finding[]> {
  const found = await session.query<IndexRow & { readonly reads: number; readonly since: string | null }>(
    `SELECT format('%I.%I', s.schemaname, s.indexrelname) AS index, format('%I.%I', s.schemaname, s.relname) AS "table",
            c.relpages::float8 * current_setting('block_size')::float8 AS bytes, (t.seq_scan + coalesce(t.idx_scan, 0))::float8 AS reads,
            (SELECT to_char(coalesce(d.stats_reset, pg_postmaster_start_time()) AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM pg_stat_database d
              WHERE d.datname = current_database()) AS since
       FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid JOIN pg_class c ON c.oid = s.indexrelid
            JOIN pg_stat_user_tables t ON t.relid = s.relid
      WHERE s.idx_scan = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion AND s.schemaname = ANY ($1) AND ${NOT_OF_EXTENSION("c", "s.relid")}
        AND ($2 OR NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid AND k.contype = 'f' AND ${LEADING} = k.conkey))
      ORDER BY c.relpages DESC, 1`,
    [schemas, all],
  );
  return found
    .filter(({ bytes, reads }) => bytes >= thresholds.unusedIndexBytes && reads >= thresholds.unusedIndexReads)
    .map(({ index, table, bytes, reads, since }) => ({
      id: "index-unused",
      severity: bytes >= 1024 * 1024 ? "warning" : "info",
      subject: `index ${index}`,
      evidence: `${table} was read ${formatCount(reads)} times since ${since}, never through this index of ${formatBytes(bytes)}. Each write maintains it.`,
      next: { text: "If no replica and no monthly job needs it, drop it.", sql: [`DROP INDEX CONCURRENTLY ${index}`] },
    }));
}

async function findDuplicateIndexes({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; indexes: string[]; bytes: number }>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS "table", array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY k.oid IS NULL, c.oid) AS indexes,
            (max(c.relpages)::float8 * (count(*) - 1) * current_setting('block_size')::float8) AS bytes
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
            LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
      WHERE n.nspname = ANY ($1) AND t.relkind IN ('r', 'm', 'p') AND i.indisvalid AND ${NOT_OF_EXTENSION("t")}
        AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
      GROUP BY n.nspname, t.relname, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text, i.indisunique,
            coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), coalesce(pg_get_expr(i.indpred, i.indrelid), ''), i.indnkeyatts
     HAVING count(*) > 1 ORDER BY 1, 2`,
    [schemas],
  );
  return found.map(({ table, indexes: [kept, ...others], bytes }) => ({
    id: "index-duplicate",
    severity: "warning",
    subject: `indexes of ${table}`,
    evidence: `${others.join(", ")} ${others.length === 1 ? "is" : "are"} the same as ${kept} (${formatBytes(bytes)} more). Each write maintains all of them.`,
    next: { text: "Keep one of them.", sql: others.map((index) => `DROP INDEX CONCURRENTLY ${index}`) },
  }));
}

async function findRedundantIndexes({ session, schemas, thresholds }: Examiner): Promise<Finding[]> {
  const found = await session.query<IndexRow & { readonly other: string }>(
    `SELECT DISTINCT ON (c.oid) format('%I.%I', n.nspname, c.relname) AS index, format('%I.%I', n.nspname, t.relname) AS "table",
            format('%I.%I', n.nspname, oc.relname) AS other, c.relpages::float8 * current_setting('block_size')::float8 AS bytes
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
            JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
            JOIN pg_index o ON o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND o.indisvalid JOIN pg_class oc ON oc.oid = o.indexrelid AND oc.relam = c.relam
      WHERE n.nspname = ANY ($1) AND t.relkind IN ('r', 'm') AND i.indisvalid AND NOT i.indisunique AND i.indexprs IS NULL AND o.indexprs IS NULL
        AND coalesce(pg_get_expr(i.indpred, i.indrelid), '') = coalesce(pg_get_expr(o.indpred, o.indrelid), '')
        AND i.indnatts = i.indnkeyatts AND (o.indnkeyatts > i.indnkeyatts OR o.indnkeyatts = i.indnkeyatts AND o.indisunique)
        AND (o.indkey::int2[])[0:i.indnkeyatts - 1] = (i.indkey::int2[])[0:i.indnkeyatts - 1]
        AND (o.indclass::oid[])[0:i.indnkeyatts - 1] = (i.indclass::oid[])[0:i.indnkeyatts - 1]
        AND (o.indcollation::oid[])[0:i.indnkeyatts - 1] = (i.indcollation::oid[])[0:i.indnkeyatts - 1]
        AND (o.indoption::int2[])[0:i.indnkeyatts - 1] = (i.indoption::int2[])[0:i.indnkeyatts - 1]
        AND ${NOT_OF_EXTENSION("t")}
      ORDER BY c.oid, o.indnkeyatts, oc.oid`,
    [schemas],
  );
  return found
    .filter(({ bytes }) => bytes >= thresholds.unusedIndexBytes)
    .map(({ index, table, other, bytes }) => ({
      id: "index-redundant",
      severity: "info",
      subject: `index ${index}`,
      evidence: `${other} begins with the same columns of ${table}, so it serves the same queries. This one has ${formatBytes(bytes)}.`,
      next: { text: "If queries are as fast without it, drop it.", sql: [`DROP INDEX CONCURRENTLY ${index}`] },
    }));
}

interface ConstraintRow extends Record<string, unknown> {
  readonly table: string;
  readonly name: string;
  readonly kind: string;
  readonly validated: boolean;
  /** From Postgres 18 on, a constraint may be declared without effect. */
  readonly enforced: boolean;
  readonly duplicateOf: string | null;
}

/** NOT VALID is a step of an expand-and-contract change that was not completed. */
async function findConstraints({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<ConstraintRow>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS "table", quote_ident(k.conname) AS name, k.contype::text AS kind,
            coalesce((to_jsonb(k) ->> 'conenforced')::bool, true) AS enforced, k.convalidated AS validated,
            CASE WHEN k.contype = 'f' THEN (SELECT min(quote_ident(o.conname)) FROM pg_constraint o WHERE o.contype = 'f' AND o.conrelid = k.conrelid
                AND o.confrelid = k.confrelid AND o.conkey = k.conkey AND o.confkey = k.confkey AND o.oid < k.oid) END AS "duplicateOf"
       FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = ANY ($1) AND k.contype IN ('c', 'f', 'n') AND k.conparentid = 0 AND ${NOT_OF_EXTENSION("t")}
        AND (NOT k.convalidated OR k.contype = 'f') ORDER BY 1, 2`,
    [schemas],
  );
  const kinds: Readonly<Record<string, string>> = { c: "check", f: "foreign key", n: "not-null constraint" };
  return found.flatMap(({ table, name, kind, enforced, validated, duplicateOf }): Finding[] => {
    const subject = `${kinds[kind]} ${name} of ${table}`;
    return [
      ...(validated || !enforced
        ? []
        : [
            {
              id: "constraint-unvalidated",
              severity: "warning" as const,
              subject,
              evidence: "It is NOT VALID: new rows satisfy it, and rows that were there before it may not.",
              next: {
                text: "Correct the rows that violate it, then validate it. Reads and writes continue meanwhile.",
                sql: [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`],
              },
            },
          ]),
      ...(enforced
        ? []
        : [
            {
              id: "constraint-not-enforced",
              severity: "warning" as const,
              subject,
              evidence: "It is NOT ENFORCED: Postgres accepts rows that violate it.",
              next: {
                text: kind === "f" ? "Enforce it." : "Postgres cannot enforce a check later: replace it with an enforced one.",
                sql:
                  kind === "f"
                    ? [`ALTER TABLE ${table} ALTER CONSTRAINT ${name} ENFORCED`]
                    : [`ALTER TABLE ${table} DROP CONSTRAINT ${name}`],
              },
            },
          ]),
      ...(duplicateOf === null
        ? []
        : [
            {
              id: "foreign-key-duplicate",
              severity: "warning" as const,
              subject,
              evidence: `${duplicateOf} is the same constraint. Each write is checked twice.`,
              next: { text: "Drop one of them.", sql: [`ALTER TABLE ${table} DROP CONSTRAINT ${name}`] },
            },
          ]),
    ];
  });
}

async function findTablesWithoutKey({ session, schemas, all }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; rows: number }>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS "table", greatest(t.reltuples, s.n_live_tup, 0)::float8 AS rows
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid
      WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("t")}
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND (i.indisprimary OR i.indisreplident AND NOT $2)) ORDER BY 1`,
    [schemas, all],
  );
  return found.map(({ table, rows }) => ({
    id: "table-without-primary-key",
    severity: "warning",
    subject: `table ${table}`,
    evidence: `It has no primary key (about ${formatCount(rows)} rows): logical replication and online migration cannot update or delete its rows.`,
    next: {
      text: "Declare a key; or, where no column identifies a row, add one.",
      sql: [`ALTER TABLE ${table} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`],
    },
  }));
}

/** A restore of data alone disables them, and one that was interrupted leaves them so. Those of foreign keys are triggers, too. */
async function findDisabledTriggers({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; names: string[]; internal: boolean }>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS "table", array_agg(quote_ident(g.tgname) ORDER BY g.tgname) AS names, bool_or(g.tgisinternal) AS internal
       FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE g.tgenabled = 'D' AND n.nspname = ANY ($1) GROUP BY 1 ORDER BY 1`,
    [schemas],
  );
  return found.map(({ table, names, internal }) => ({
    id: "trigger-disabled",
    severity: "error",
    subject: `triggers of ${table}`,
    evidence: internal
      ? "Triggers of foreign keys are disabled: Postgres does not enforce these foreign keys."
      : `Disabled: ${names.join(", ")}.`,
    next: {
      text: "Enable them.",
      sql: internal ? [`ALTER TABLE ${table} ENABLE TRIGGER ALL`] : names.map((name) => `ALTER TABLE ${table} ENABLE TRIGGER ${name}`),
    },
  }));
}

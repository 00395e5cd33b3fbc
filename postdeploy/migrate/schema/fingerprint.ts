/**
 * Reads the definition of every schema object in one query, to compare two databases and to detect changes made by hand.
 *
 * It covers objects that the owner of the ledger owns, and all objects in its schemas. It ignores objects of other applications, the order of
 * columns, statistics, members of extensions, and the NOT NULL constraints that newer servers name.
 */
import { literal } from "../../connect/quote.ts";
import type { Row, Session } from "../../connect/session.ts";
import type { LedgerTable } from "../ledger/ledger.ts";

export interface SchemaObject {
  /** "column", "index", "policy"… */
  readonly kind: string;
  /** "shop.orders.number" */
  readonly name: string;
  readonly definition: string;
}

/** Kinds that the roles step manages. They are no part of the fingerprint, because migration files do not determine them. */
const UNFINGERPRINTED = ["owner", "grants", "extension", "schema"];
const UNFINGERPRINTED_SQL = `(${UNFINGERPRINTED.map(literal).join(", ")})`;

export async function readObjects(session: Session, table: LedgerTable): Promise<readonly SchemaObject[]> {
  const [rows] = await queryCatalog(
    session,
    `WITH ${objects(table)} SELECT kind, name, definition FROM objects ORDER BY kind COLLATE "C", name COLLATE "C"`,
  );
  return rows.map((row) => ({ kind: row.kind!, name: row.name!, definition: row.definition! }));
}

/** Of every application in the database, within the transaction of the session. Its search path must be empty or pg_catalog. */
export async function readAllObjects(session: Session): Promise<readonly SchemaObject[]> {
  return await session.query<SchemaObject & Record<string, unknown>>(
    `WITH ${objects(undefined)} SELECT kind, name, coalesce(definition, '') AS definition FROM objects ORDER BY kind COLLATE "C", name COLLATE "C"`,
  );
}

export async function fingerprint(session: Session, table: LedgerTable): Promise<string> {
  const [[row]] = await queryCatalog(session, `WITH ${objects(table)} SELECT ${hashSql(listSql("NOT IN"))} AS fingerprint FROM objects`);
  return row!.fingerprint!;
}

/**
 * Records the current schema and its fingerprint in the ledger, under the last applied file. The server computes it, so that no object is transferred.
 * @param after a statement to run in the same message, after the commit.
 */
export async function recordFingerprint(
  session: Session,
  table: LedgerTable,
  file: string,
  after = "",
): Promise<{ fingerprint: string; after: readonly Row[] }> {
  const { schema } = table;
  const [[row], afterRows] = await queryCatalog(
    session,
    `WITH ${objects(table)},
      current AS MATERIALIZED (SELECT ${listSql("NOT IN")} AS fingerprinted, ${listSql("IN")} AS rest FROM objects),
      event AS (INSERT INTO ${schema}.events (kind, file, fingerprint) SELECT 'measured', ${literal(file)}, ${hashSql("fingerprinted")} FROM current RETURNING id, fingerprint),
      inserted AS (INSERT INTO ${schema}.schema_objects SELECT id, fingerprinted || rest FROM event, current),
      deleted AS (DELETE FROM ${schema}.schema_objects)
    SELECT fingerprint FROM event`,
    after,
  );
  return { fingerprint: row!.fingerprint!, after: afterRows };
}

export interface Difference {
  readonly kind: string;
  readonly name: string;
  /** Absent if the object is new. */
  readonly was?: string;
  /** Absent if the object was dropped. */
  readonly is?: string;
}

/** The differences since the last run. Undefined if no run has recorded a fingerprint. */
export async function findDrift(session: Session, table: LedgerTable): Promise<readonly Difference[] | undefined> {
  const [rows] = await queryCatalog(
    session,
    `WITH ${objects(table)},
      recorded AS (SELECT o.key, o.value FROM (SELECT objects FROM ${table.schema}.schema_objects ORDER BY event DESC LIMIT 1) s, jsonb_each_text(s.objects) o),
      any_recorded AS (SELECT EXISTS (SELECT FROM ${table.schema}.schema_objects) AS any),
      joined AS (SELECT coalesce(r.key, o.kind || ' ' || o.name) AS key, r.value AS was, o.definition AS is_ FROM recorded r FULL JOIN objects o ON o.kind || ' ' || o.name = r.key)
    SELECT any_recorded.any, key, was, is_ FROM any_recorded LEFT JOIN joined ON was IS DISTINCT FROM is_ AND key NOT LIKE 'grants %' ORDER BY key COLLATE "C"`,
  );
  if (rows[0]?.any !== "t") return undefined;
  return rows
    .filter((row) => row.key !== null)
    .map(({ key, was, is_ }) => {
      const [kind = "", ...name] = key!.split(" ");
      return { kind, name: name.join(" "), ...(was == null ? {} : { was }), ...(is_ == null ? {} : { is: is_ }) };
    });
}

export function compareObjects(was: readonly SchemaObject[], is: readonly SchemaObject[]): Difference[] {
  const byKey = (list: readonly SchemaObject[]) =>
    new Map(list.filter(({ kind }) => !UNFINGERPRINTED.includes(kind)).map((object) => [`${object.kind} ${object.name}`, object]));
  const [before, after] = [byKey(was), byKey(is)];
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key) => {
    const [a, b] = [before.get(key), after.get(key)];
    if (a?.definition === b?.definition) return [];
    const { kind, name } = (a ?? b)!;
    return [{ kind, name, ...(a ? { was: a.definition } : {}), ...(b ? { is: b.definition } : {}) }];
  });
}

/** With an empty search path every name is qualified. JIT compilation of this query would take longer than running it. */
async function queryCatalog(session: Session, sql: string, after = ""): Promise<[rows: readonly Row[], after: readonly Row[]]> {
  const { replies, error } = await session.send(
    `BEGIN; SET LOCAL search_path = ''; SET LOCAL statement_timeout = 0; SET LOCAL jit = off; ${sql}; COMMIT; ${after}`,
  );
  if (error === undefined) return [replies[4]!.rows, replies[6]?.rows ?? []];
  await session.send("ROLLBACK");
  throw error;
}

/** As jsonb, whose key order does not depend on the collation of the database. */
const listSql = (operator: "IN" | "NOT IN") =>
  `coalesce(jsonb_object_agg(kind || ' ' || name, definition) FILTER (WHERE kind ${operator} ${UNFINGERPRINTED_SQL}), '{}')`;
const hashSql = (list: string) => `encode(sha256(convert_to(${list}::text, 'UTF8')), 'hex')`;

/**
 * The CTEs up to `objects(kind, name, definition)`.
 * @param ledger undefined: every object, of all owners
 */
function objects(ledger: LedgerTable | undefined): string {
  const dotted = (...parts: string[]) => parts.map((part) => `quote_ident(${part})`).join(" || '.' || ");
  const schema = ledger?.schema ?? "";
  const me = ledger
    ? `coalesce((SELECT relowner FROM pg_class WHERE oid = to_regclass(${literal(`${schema}.events`)})), current_user::regrole::oid)`
    : "NULL::oid";
  return `me AS MATERIALIZED (SELECT ${me} AS role),
  owners AS MATERIALIZED (SELECT r.oid, r.rolname::text AS name, ${ledger ? "pg_has_role(me.role, r.oid, 'USAGE')" : "true"} AS ours FROM pg_roles r, me),
  spaces AS MATERIALIZED (SELECT n.oid, n.nspname::text AS name, n.nspacl AS acl, o.ours, o.name AS owner FROM pg_namespace n JOIN owners o ON o.oid = n.nspowner
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', ${literal(schema)})),
  of_extensions AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
  relations AS MATERIALIZED (SELECT c.*, ${dotted("s.name", "c.relname")} AS name, o.name AS owner FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace JOIN owners o ON o.oid = c.relowner
    WHERE (s.ours OR o.ours) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND (c.oid) NOT IN (SELECT objid FROM of_extensions WHERE classid = 'pg_class'::regclass)),
  tables AS (SELECT * FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'f')),
  routines AS MATERIALIZED (SELECT p.*, ${dotted("s.name", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, o.name AS owner FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace JOIN owners o ON o.oid = p.proowner
    WHERE (s.ours OR o.ours) AND p.oid NOT IN (SELECT objid FROM of_extensions WHERE classid = 'pg_proc'::regclass)),
  types AS MATERIALIZED (SELECT t.*, ${dotted("s.name", "t.typname")} AS name, o.name AS owner FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace JOIN owners o ON o.oid = t.typowner
    WHERE (s.ours OR o.ours) AND (t.typtype IN ('e', 'd', 'r') OR t.typrelid IN (SELECT oid FROM relations WHERE relkind = 'c')) AND t.oid NOT IN (SELECT objid FROM of_extensions WHERE classid = 'pg_type'::regclass)),
  objects (kind, name, definition) AS (
    SELECT 'schema', quote_ident(name), '' FROM spaces WHERE ours
    UNION ALL SELECT 'relation', name, concat_ws(' ', relkind, relpersistence, CASE WHEN relrowsecurity THEN 'rls' END, CASE WHEN relforcerowsecurity THEN 'forced' END, 'replica ' || relreplident::text,
      (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(reloptions) option), pg_get_expr(relpartbound, oid), CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END,
      (SELECT 'of ' || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = relations.oid),
      CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END) FROM relations WHERE relkind <> 'c'
    UNION ALL SELECT 'column', t.name || '.' || quote_ident(a.attname), concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
      (SELECT CASE WHEN a.attgenerated <> '' THEN 'generated ' ELSE 'default ' END || pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum),
      nullif('identity ' || a.attidentity::text, 'identity '), (SELECT 'collate ' || quote_ident(l.collname) FROM pg_collation l JOIN pg_type y ON y.oid = a.atttypid WHERE l.oid = a.attcollation AND a.attcollation <> y.typcollation))
      FROM relations t JOIN pg_attribute a ON a.attrelid = t.oid WHERE t.relkind IN ('r', 'p', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'constraint', t.name || '.' || quote_ident(c.conname), pg_get_constraintdef(c.oid) FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE c.contype <> 'n'
    UNION ALL SELECT 'index', quote_ident(n.nspname) || '.' || quote_ident(i.relname), pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END || CASE WHEN x.indisclustered THEN ' CLUSTERED' ELSE '' END
      FROM tables t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
    UNION ALL SELECT 'trigger', t.name || '.' || quote_ident(g.tgname), pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
    UNION ALL SELECT 'policy', t.name || '.' || quote_ident(p.polname), concat_ws(' ', p.polcmd, CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
      (SELECT 'to ' || string_agg(CASE WHEN r = 0 THEN 'public' WHEN r = me.role THEN 'owner' ELSE r::regrole::text END, ', ' ORDER BY r::regrole::text) FROM unnest(p.polroles) r),
      'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid)) FROM me, tables t JOIN pg_policy p ON p.polrelid = t.oid
    UNION ALL SELECT 'rule', t.name || '.' || quote_ident(r.rulename), pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text FROM tables t JOIN pg_rewrite r ON r.ev_class = t.oid WHERE r.rulename <> '_RETURN'
    UNION ALL SELECT 'statistics', ${dotted("n.nspname", "x.stxname")}, pg_get_statisticsobjdef(x.oid) FROM tables t JOIN pg_statistic_ext x ON x.stxrelid = t.oid JOIN pg_namespace n ON n.oid = x.stxnamespace
    UNION ALL SELECT 'sequence', t.name, concat_ws(' ', format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax, CASE WHEN q.seqcycle THEN 'cycle' END,
      (SELECT 'of ' || d.refobjid::regclass::text || '.' || quote_ident(a.attname) FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1))
      FROM relations t JOIN pg_sequence q ON q.seqrelid = t.oid
    UNION ALL SELECT 'function', name, CASE WHEN prokind = 'a' THEN 'aggregate ' || pg_get_function_result(oid) ELSE pg_get_functiondef(oid) END FROM routines
    UNION ALL SELECT 'type', name, CASE typtype
      WHEN 'e' THEN 'enum ' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = types.oid)
      WHEN 'd' THEN concat_ws(' ', 'domain', format_type(typbasetype, typtypmod), CASE WHEN typnotnull THEN 'not null' END, 'default ' || typdefault,
        (SELECT string_agg(quote_ident(conname) || ' ' || pg_get_constraintdef(c.oid), ', ' ORDER BY conname) FROM pg_constraint c WHERE c.contypid = types.oid AND c.contype <> 'n'))
      WHEN 'r' THEN 'range ' || (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = types.oid) ELSE 'composite' END FROM types
    UNION ALL SELECT 'extension', quote_ident(e.extname), 'in ' || quote_ident(s.name) FROM pg_extension e JOIN spaces s ON s.oid = e.extnamespace JOIN owners o ON o.oid = e.extowner WHERE o.ours OR s.ours
    UNION ALL SELECT 'publication', quote_ident(p.pubname), concat_ws(' ', CASE WHEN p.puballtables THEN 'all tables' END, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
      (SELECT string_agg(prrelid::regclass::text, ', ' ORDER BY prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = p.oid)) FROM pg_publication p JOIN owners o ON o.oid = p.pubowner WHERE o.ours
    UNION ALL SELECT 'event-trigger', quote_ident(t.evtname), concat_ws(' ', t.evtevent, t.evtenabled, t.evtfoid::regproc::text, array_to_string(t.evttags, ',')) FROM pg_event_trigger t JOIN owners o ON o.oid = t.evtowner WHERE o.ours
    UNION ALL SELECT 'comment', CASE WHEN d.objsubid = 0 THEN t.name ELSE t.name || '.' || (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = t.oid AND attnum = d.objsubid) END, d.description
      FROM relations t JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_class'::regclass
    UNION ALL SELECT 'comment', name, description FROM routines JOIN pg_description ON objoid = routines.oid AND classoid = 'pg_proc'::regclass
    UNION ALL SELECT 'owner', name, owner FROM relations UNION ALL SELECT 'owner', name, owner FROM routines UNION ALL SELECT 'owner', 'schema ' || quote_ident(name), owner FROM spaces WHERE ours
    UNION ALL SELECT 'grants', name, (SELECT string_agg(item::text, ', ' ORDER BY item::text) FROM unnest(relacl) item) FROM relations WHERE relacl IS NOT NULL
    UNION ALL SELECT 'grants', name, (SELECT string_agg(item::text, ', ' ORDER BY item::text) FROM unnest(proacl) item) FROM routines WHERE proacl IS NOT NULL
    UNION ALL SELECT 'grants', 'schema ' || quote_ident(name), (SELECT string_agg(item::text, ', ' ORDER BY item::text) FROM unnest(acl) item) FROM spaces WHERE ours AND acl IS NOT NULL
  )`;
}

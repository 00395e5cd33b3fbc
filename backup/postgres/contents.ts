/** Reads what a database contains: the part of a manifest that a restore is compared with. */
import { createHash } from "node:crypto";
import { identifier } from "../../postdeploy/connect/quote.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import { readAllObjects } from "../../postdeploy/migrate/schema/fingerprint.ts";
import type { PostgresContents } from "../manifest.ts";

/** Values as text must not depend on who reads them. */
export const READER_SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmloption: "content",
  search_path: "pg_catalog",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  // Reading each table once is not worth compiling a query.
  jit: "off",
} as const;

/** Objects with a lower one came with the server, and pg_dump leaves them out: PL/pgSQL, and pg_stat_statements where the provider adds it. */
const FIRST_NORMAL_OID = 16384;

export type Identification = Pick<
  PostgresContents,
  "database" | "server" | "encoding" | "collate" | "ctype" | "provider" | "locale" | "extensions" | "roles"
>;

/** Postgres 14 has collations of the C library only, and no column for it. */
export async function readIdentification(session: Session): Promise<Identification> {
  const [row] = await session.query<Record<string, string | null>>(
    `SELECT current_database() AS database, current_setting('server_version_num') AS number, current_setting('server_version') AS version,
            pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype, coalesce(to_jsonb(d)->>'datlocprovider', 'c') AS provider,
            to_jsonb(d)->>CASE WHEN to_jsonb(d) ? 'datlocale' THEN 'datlocale' ELSE 'daticulocale' END AS locale
       FROM pg_database d WHERE datname = current_database()`,
  );
  const { database, version, encoding, collate, ctype, provider, locale } = row!;
  return {
    database: database!,
    server: { major: Math.floor(Number(row!.number) / 10_000), version: version!.split(" ")[0]! },
    ...{ encoding: encoding!, collate: collate!, ctype: ctype!, provider: provider!, locale: locale ?? null },
    extensions: await session.query(
      `SELECT extname AS name, extversion AS version, nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
        WHERE e.oid >= ${FIRST_NORMAL_OID} ORDER BY 1`,
    ),
    roles: await session.query(ROLES),
  };
}

/** Roles that own something in the database, or that a grant or a policy names, and the roles that these are members of. */
const ROLES = `
  WITH RECURSIVE used AS (
    SELECT DISTINCT refobjid AS oid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
       AND (dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) OR (dbid = 0 AND objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
    UNION SELECT roleid FROM pg_auth_members m JOIN used ON used.oid = m.member)
  SELECT rolname AS name,
         array_remove(ARRAY[CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes,
         ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1) AS "memberOf"
    FROM pg_roles r JOIN used ON used.oid = r.oid WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1`;

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Tables whose rows a dump contains. A partitioned table has its rows in its partitions, a materialized view is filled again. */
export async function listTables(session: Session): Promise<TableName[]> {
  return await session.query<{ schema: string; name: string }>(
    `SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
      ORDER BY pg_table_size(c.oid) DESC, 1, 2`,
  );
}

type TableContents = PostgresContents["tables"][number];

/** Types of which a record of columns has a hash that differs wherever their text differs. */
const HASHED_AS_RECORD = new Set(["bool", "bytea", "date", "oid", "time", "timestamp", "timestamptz"]);

/**
 * The hashes of Postgres' own types, which are the same on every version, because partitions are chosen by them. One of a value as it is stored takes a
 * quarter of the time of one of its text, and half of that of a record. Those of numeric and float ignore what their text shows, such as 1.00 and 1.0.
 * So the seed of a numeric has its scale, which special values do not have, and its sign, which the hash leaves out.
 */
const HASHES: Readonly<Record<string, (column: string, seed: number) => string>> = {
  int2: (column, seed) => `hashint2extended(${column}, ${seed})`,
  int4: (column, seed) => `hashint4extended(${column}, ${seed})`,
  int8: (column, seed) => `hashint8extended(${column}, ${seed})`,
  jsonb: (column, seed) => `jsonb_hash_extended(${column}, ${seed})`,
  numeric: (column, seed) => {
    const [positive, negative] = [seed * 2 ** 16, seed * 2 ** 16 + 2 ** 15];
    const exact = `hash_numeric_extended(${column}, scale(${column}) + CASE WHEN ${column} < 0 THEN ${negative} ELSE ${positive} END)`;
    return `CASE WHEN scale(${column}) IS NULL THEN ${hashText(column, seed)} ELSE ${exact} END`;
  },
  // The order of a locale may take two texts for equal, and may change.
  text: (column, seed) => `hashtextextended(${column} COLLATE "C", ${seed})`,
  uuid: (column, seed) => `uuid_hash_extended(${column}, ${seed})`,
  varchar: (column, seed) => `hashtextextended(${column} COLLATE "C", ${seed})`,
};

/** Every other type is written as text by its output function. A cast would run a function of the database's owner. */
const hashText = (column: string, seed: number): string => `hashtextextended(format('%L', ${column}) COLLATE "C", ${seed})`;

/**
 * The hash of a row, by schema and table: of each column with a seed of its own, so that values that changed places make a difference. Generated columns
 * and large values are part of it.
 */
async function readRowHashes(session: Session): Promise<ReadonlyMap<string, string>> {
  const columns = await session.query<{ schema: string; table: string; name: string; type: string | null }>(
    `SELECT nspname AS schema, relname AS table, attname AS name, CASE WHEN typnamespace = 'pg_catalog'::regnamespace THEN typname END AS type
       FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_type t ON t.oid = atttypid
      WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum`,
  );
  const byTable = new Map<string, { column: string; type: string }[]>();
  for (const { schema, table, name, type } of columns) {
    const key = keyOf({ schema, name: table });
    byTable.set(key, [...(byTable.get(key) ?? []), { column: `t.${identifier(name)}`, type: type ?? "" }]);
  }
  return new Map([...byTable].map(([key, all]) => [key, hashRow(all)]));
}

function hashRow(columns: readonly { readonly column: string; readonly type: string }[]): string {
  const record = columns.filter(({ type }) => HASHED_AS_RECORD.has(type)).map(({ column }) => column);
  const hashes = columns.flatMap(({ column, type }, index) => {
    if (HASHED_AS_RECORD.has(type)) return [];
    // NULL has the hash that no other value is likely to have.
    return Object.hasOwn(HASHES, type) ? `coalesce(${HASHES[type]!(column, index)}, ${index})` : hashText(column, index);
  });
  return `hashint8extended(${combine([...hashes, ...(record.length === 0 ? [] : [`hash_record_extended(ROW(${record.join(", ")}), 0)`])])}, 0)`;
}

/** In halves: Postgres refuses an expression that nests as deep as a table has columns. */
function combine(hashes: readonly string[]): string {
  if (hashes.length <= 1) return hashes[0] ?? "0";
  const middle = hashes.length >> 1;
  return `(${combine(hashes.slice(0, middle))} # ${combine(hashes.slice(middle))})`;
}

const keyOf = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

/** The number of rows, and the sum of their hashes of 64 bits, which does not depend on their order. */
async function readTable(session: Session, { schema, name }: TableName, rowHash: string): Promise<TableContents> {
  const table = `${identifier(schema)}.${identifier(name)}`;
  const [row] = await session.query<{ rows: string; checksum: string }>(
    `SELECT count(*)::text AS rows, coalesce(sum(${rowHash}), 0)::text AS checksum FROM ONLY ${table} t`,
  );
  return { name: `${schema}.${name}`, rows: Number(row!.rows), checksum: row!.checksum };
}

export async function readSequences(session: Session): Promise<PostgresContents["sequences"]> {
  const names = await session.query<{ schema: string; name: string; increment: string }>(
    `SELECT nspname AS schema, relname AS name, seqincrement::text AS increment FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname !~ '^pg_' AND relpersistence <> 't' ORDER BY 1, 2`,
  );
  const sequences = [];
  for (const { schema, name, increment } of names) {
    const [row] = await session.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${identifier(schema)}.${identifier(name)}`,
    );
    sequences.push({ name: `${schema}.${name}`, increment, ...row! });
  }
  return sequences;
}

/** In pieces of a megabyte: a large object can have four terabytes. */
export async function readLargeObjects(session: Session): Promise<PostgresContents["largeObjects"]> {
  const [row] = await session.query<{ count: number; checksum: string }>(
    `WITH RECURSIVE pieces (oid, piece, bytes) AS (
       SELECT oid, 0::bigint, lo_get(oid, 0, 1048576) FROM pg_largeobject_metadata
       UNION ALL SELECT oid, piece + 1, lo_get(oid, (piece + 1) * 1048576, 1048576) FROM pieces WHERE length(bytes) = 1048576)
     SELECT count(DISTINCT oid)::int AS count, coalesce(sum(hashtextextended(concat_ws(' ', oid, piece, md5(bytes)), 0)), 0)::text AS checksum FROM pieces`,
  );
  return row!;
}

export async function readSchema(session: Session): Promise<Pick<PostgresContents, "schema" | "fingerprint">> {
  const schema = [...(await readAllObjects(session))];
  return { schema, fingerprint: createHash("sha256").update(JSON.stringify(schema)).digest("hex") };
}

/** The largest tables first: a session that is done with its table takes the next one. */
export async function readTables(sessions: readonly Session[], names: readonly TableName[]): Promise<TableContents[]> {
  const rowHashes = await readRowHashes(sessions[0]!);
  const waiting = [...names];
  const tables: TableContents[] = [];
  const readNext = async (session: Session): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      tables.push(await readTable(session, name, rowHashes.get(keyOf(name)) ?? hashRow([])));
  };
  await Promise.all(sessions.map(readNext));
  return sortByName(tables);
}

/** Everything of a database that no other session writes to. Tables are read over connections of their own, at the same time as the rest. */
export async function readContents(session: Session, tableSessions: readonly Session[]): Promise<Omit<PostgresContents, "client">> {
  const names = await listTables(session);
  const [rest, tables] = await Promise.all([readCatalogs(session), readTables(tableSessions, names)]);
  return { ...rest, tables };
}

async function readCatalogs(session: Session): Promise<Omit<PostgresContents, "client" | "tables">> {
  return {
    ...(await readIdentification(session)),
    ...(await readSchema(session)),
    sequences: await readSequences(session),
    largeObjects: await readLargeObjects(session),
  };
}

const sortByName = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
  [...list].sort((one, other) => (one.name < other.name ? -1 : 1));

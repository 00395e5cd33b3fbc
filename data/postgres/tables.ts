/** Reads the tables of a mapping from the catalog, and compares them with it before any row is read. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import type { DataMapping, Entity, Field, FieldType } from "../../systems/data/mapping.ts";

export interface Column {
  readonly name: string;
  /** Without a length or precision. */
  readonly type: string;
  /** The number in varchar(n) and char(n). */
  readonly maxLength: number | undefined;
  /** Of numeric(p, s): digits before and after the decimal point. */
  readonly digits: readonly [number, number] | undefined;
  /** The digits of a second in timestamptz(p). */
  readonly secondDigits: number | undefined;
  readonly notNull: boolean;
  /** A default, an identity or an expression fills it. */
  readonly isFilled: boolean;
  readonly isGenerated: boolean;
  readonly isAlwaysIdentity: boolean;
  /** "public.users_id_seq" */
  readonly sequence: string | null;
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** "public.users" */
  readonly table: string;
  readonly referenced: readonly string[];
}

export interface UniqueIndex {
  readonly name: string;
  /** Expressions over the columns, without the name of the table. */
  readonly parts: readonly string[];
  readonly columns: readonly string[];
  readonly predicate: string | null;
}

export interface Check {
  readonly name: string;
  readonly expression: string;
  readonly columns: readonly string[];
}

export interface Table {
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly foreignKeys: readonly ForeignKey[];
  readonly uniqueIndexes: readonly UniqueIndex[];
  readonly checks: readonly Check[];
}

const READ = `
SELECT n.nspname || '.' || c.relname AS name,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, NULL), 'modifier', a.atttypmod, 'notNull', a.attnotnull,
      'isFilled', a.atthasdef OR a.attidentity <> '', 'isGenerated', a.attgenerated <> '', 'isAlwaysIdentity', a.attidentity = 'a',
      'sequence', pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)) ORDER BY a.attnum), '[]')
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'name', k.conname, 'table', rn.nspname || '.' || r.relname,
      'columns', (SELECT jsonb_agg(a.attname ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
      'referenced', (SELECT jsonb_agg(a.attname ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u(attnum, n)
                       JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)) ORDER BY k.conname), '[]')
     FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE k.conrelid = c.oid AND k.contype = 'f') AS foreign_keys,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'name', k.conname, 'expression', pg_get_expr(k.conbin, k.conrelid),
      'columns', (SELECT coalesce(jsonb_agg(a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)))
      ORDER BY k.conname), '[]')
     FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'name', x.relname, 'predicate', pg_get_expr(i.indpred, i.indrelid),
      'parts', (SELECT jsonb_agg(pg_get_indexdef(i.indexrelid, part, true) ORDER BY part) FROM generate_series(1, i.indnkeyatts) part),
      'columns', (SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]') FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey) OR a.attnum IN (
                     SELECT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)))) ORDER BY x.relname), '[]')
     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid) AS unique_indexes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = ANY ($1)`;

interface ColumnRow extends Omit<Column, "maxLength" | "digits" | "secondDigits"> {
  readonly modifier: number;
}

interface TableRow extends Record<string, unknown> {
  readonly name: string;
  readonly columns: readonly ColumnRow[];
  readonly foreign_keys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  readonly unique_indexes: readonly UniqueIndex[];
}

/** The tables of the mapping's entities, by name. @throws Failure with everything in which mapping and database do not fit */
export async function readTables(session: Session, mapping: DataMapping): Promise<ReadonlyMap<string, Table>> {
  const named = [...mapping.entities.map(({ table }) => table), ...Object.keys(mapping.otherTables ?? {})];
  const schemas = [...new Set(named.map((table) => table.split(".")[0]!))];
  const rows = await session.query<TableRow>(READ, [schemas]);
  const tables = new Map(rows.map((row) => [row.name, parseTable(row)]));
  const problems = [
    ...mapping.entities.flatMap((entity, index) => compare(entity, index, mapping, tables)),
    ...[...tables.keys()]
      .filter((name) => !named.includes(name))
      .map((name) => `${name}: no entity fills it, and otherTables does not name it`),
  ];
  if (problems.length > 0)
    throw new Failure(
      "mapping",
      1,
      [
        "The mapping does not fit the tables of the database, so nothing was read:",
        ...problems.map((problem) => `  ${problem}`),
        "Apply pending migrations first; else correct the mapping in systems/data.",
      ].join("\n"),
    );
  return tables;
}

function parseTable({ name, columns, foreign_keys, checks, unique_indexes }: TableRow): Table {
  return {
    name,
    columns: new Map(columns.map((column) => [column.name, { ...column, ...parseModifier(column) }])),
    foreignKeys: foreign_keys,
    uniqueIndexes: unique_indexes,
    checks,
  };
}

/** As the types encode it: a length has four bytes added, numeric's precision is in the upper two bytes. */
function parseModifier({ type, modifier }: ColumnRow): Pick<Column, "maxLength" | "digits" | "secondDigits"> {
  const isSet = modifier >= 0;
  const scale = (modifier - 4) & 0x7ff;
  return {
    maxLength: isSet && /^character/.test(type) ? modifier - 4 : undefined,
    digits: isSet && type === "numeric" ? [((modifier - 4) >> 16) - scale, scale] : undefined,
    secondDigits: isSet && /^time/.test(type) ? modifier : undefined,
  };
}

/** The types of columns that hold exactly the values of a field. */
const TYPES: Readonly<Record<FieldType, RegExp>> = {
  text: /^(text|character varying|.*\bcitext)$/,
  uuid: /^uuid$/,
  integer: /^(integer|bigint)$/,
  bigint: /^bigint$/,
  numeric: /^numeric$/,
  boolean: /^boolean$/,
  date: /^date$/,
  timestamptz: /^timestamp with time zone$/,
  json: /^jsonb?$/,
  hex: /^bytea$/,
};

function compare(entity: Entity, index: number, mapping: DataMapping, tables: ReadonlyMap<string, Table>): string[] {
  const table = tables.get(entity.table);
  if (table === undefined) return [`${entity.table}: there is no such table`];
  const fields = fieldsOf(entity, mapping);
  const later = new Set(mapping.entities.slice(index + 1).map(({ table }) => table));
  return [
    ...fields.flatMap(([column, field]) => compareColumn(entity.table, table.columns.get(column), column, field)),
    ...[...table.columns.values()].flatMap((column) => compareOther(entity, column, fields)),
    ...(isUnique(table, entity.key)
      ? []
      : [`${entity.table}: no unique index has exactly the columns of the key, ${entity.key.join(", ")}`]),
    ...table.foreignKeys
      .filter((key) => later.has(key.table))
      .map((key) => `${entity.table}: ${key.name} refers to ${key.table}, so the entity of that table comes first`),
    ...table.foreignKeys
      .filter((key) => key.table === entity.table && !key.columns.every((column) => entity.selfReferences?.includes(column)))
      .map((key) => `${entity.table}: ${key.name} refers to the same table, so selfReferences names ${key.columns.join(", ")}`),
  ];
}

/** All columns that the rows of an entity fill, with their fields. */
export function fieldsOf({ from, fields }: Entity, { entities }: DataMapping): readonly (readonly [column: string, Field])[] {
  const own = Object.values(fields).map((field) => [field.column, field] as const);
  if (!("entity" in from)) return own;
  const outer = entities.find(({ name }) => name === from.entity)!;
  return [...Object.entries(from.parent).map(([column, name]) => [column, { ...outer.fields[name]!, column }] as const), ...own];
}

function compareColumn(table: string, column: Column | undefined, name: string, field: Field): string[] {
  if (column === undefined) return [`${table}.${name}: there is no such column`];
  const { type, digits, secondDigits } = column;
  if (!TYPES[field.type].test(type)) return [`${table}.${name}: the column is ${type}, and the field is ${field.type}`];
  if (column.isGenerated) return [`${table}.${name}: the database computes the column`];
  if (secondDigits !== undefined && secondDigits < 6)
    return [`${table}.${name}: the column would round to ${secondDigits} digits of a second`];
  const [before, after] = field.digits ?? [500, 500];
  if (digits !== undefined && (before > digits[0] || after > digits[1]))
    return [
      `${table}.${name}: the column has ${digits[0]} digits before and ${digits[1]} after the decimal point, and the field ${before} and ${after}`,
    ];
  return [];
}

/** A column that no field fills would be lost with an export. */
function compareOther({ table, otherColumns }: Entity, column: Column, fields: readonly (readonly [string, Field])[]): string[] {
  if (column.isGenerated || fields.some(([name]) => name === column.name)) return [];
  if (!Object.hasOwn(otherColumns ?? {}, column.name))
    return [`${table}.${column.name}: no field fills it, and otherColumns does not name it`];
  return column.notNull && !column.isFilled ? [`${table}.${column.name}: no field fills it, and it has no default`] : [];
}

export const isUnique = ({ uniqueIndexes }: Table, key: readonly string[]): boolean =>
  uniqueIndexes.some(
    ({ parts, predicate }) => predicate === null && parts.length === key.length && key.every((column) => parts.includes(column)),
  );

/** 'public.users' as quoted identifiers. Names in a mapping are lower-case and have no quotes. */
export const quoted = (name: string): string =>
  name
    .split(".")
    .map((part) => `"${part}"`)
    .join(".");

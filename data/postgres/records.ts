/** The SQL that writes rows as records of JSON, in the layout that an import reads, byte for byte the same for the same rows. */
import { literal } from "../../postdeploy/connect/quote.ts";
import type { DataMapping, Entity, Field, FileSource, NestedSource } from "../../systems/data/mapping.ts";
import { quoted } from "./tables.ts";

/** Entities with a file of their own. */
export type FileEntity = Entity & { readonly from: FileSource };
type NestedEntity = Entity & { readonly from: NestedSource };

export const isFileEntity = (entity: Entity): entity is FileEntity => "file" in entity.from;
const isNestedIn =
  (name: string) =>
  (entity: Entity): entity is NestedEntity =>
    "entity" in entity.from && entity.from.entity === name;

/** Selects one text per record, in the order of the key. */
export function selectRecords(entity: FileEntity, { entities }: DataMapping): string {
  const nested = entities.filter(isNestedIn(entity.name));
  const members = [
    ...Object.entries(entity.fields).map(([name, field]) => member(name, jsonOrNull(field, "o"))),
    ...nested.map(({ from }, index) => member(from.field, `coalesce(l${index}.list, '[]')`)),
  ];
  const joins = nested.map((one, index) => {
    const parents = Object.entries(one.from.parent);
    const on = parents.map(([, name], at) => `l${index}."#${at}" = o.${quoted(entity.fields[name]!.column)}`);
    return ` LEFT JOIN (${selectLists(one)}) l${index} ON ${on.join(" AND ")}`;
  });
  return `SELECT ${object(members)} AS record FROM ${quoted(entity.table)} o${joins.join("")} ORDER BY ${orderOf(entity, "o")}`;
}

/** The list of each record, by the columns that identify the record. */
function selectLists(entity: NestedEntity): string {
  const parents = Object.keys(entity.from.parent).map((column) => `n.${quoted(column)}`);
  const members = Object.entries(entity.fields).map(([name, field]) => member(name, jsonOrNull(field, "n")));
  return `SELECT ${parents.map((column, at) => `${column} AS "#${at}"`).join(", ")},
     '[' || string_agg(${object(members)}, ',' ORDER BY ${orderOf(entity, "n")}) || ']' AS list
   FROM ${quoted(entity.table)} n GROUP BY ${parents.join(", ")}`;
}

const member = (name: string, value: string): string => `${literal(`${JSON.stringify(name)}:`)} || ${value}`;
const object = (members: readonly string[]): string => `'{' || ${members.join(` || ',' || `)} || '}'`;

/** The collation of a column may depend on the server. */
export const orderOf = ({ key, fields }: Entity, alias: string): string =>
  key
    .map((column) => {
      const isText = Object.values(fields).some((field) => field.column === column && field.type === "text");
      return `${alias}.${quoted(column)}${isText ? '::text COLLATE "C"' : ""}`;
    })
    .join(", ");

/** JSON of a column. */
function jsonOrNull({ column, type }: Field, alias: string): string {
  const name = `${alias}.${quoted(column)}`;
  return `coalesce(${jsonOf(name, type)}, 'null')`;
}

function jsonOf(name: string, type: Field["type"]): string {
  switch (type) {
    case "integer":
    case "bigint":
    case "numeric":
    case "boolean":
    case "json":
      return `${name}::text`;
    case "hex":
      return `to_json(encode(${name}, 'hex'))::text`;
    case "timestamptz": {
      const time = `${name} AT TIME ZONE 'UTC'`;
      // As JSON.stringify writes a Date, unless that would lose digits.
      const digits = `CASE WHEN extract(microseconds FROM ${name})::int % 1000 = 0 THEN 'MS' ELSE 'US' END`;
      return `to_json(to_char(${time}, 'YYYY-MM-DD"T"HH24:MI:SS.' || ${digits} || '"Z"'))::text`;
    }
    default:
      return `to_json(${name}::text)::text`;
  }
}

/** Draws the tables of a database: as a mermaid diagram, which GitHub draws in a page, and as an SVG file. */
import { html, label, visible } from "../escape.ts";
import { drawDiagram, MOST_BOXES } from "./svg.ts";

export interface SchemaTable {
  readonly schema: string;
  readonly name: string;
  readonly partitioned: boolean;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly notNull: boolean;
    readonly primaryKey: boolean;
    readonly unique: boolean;
  }[];
  /** Foreign keys. */
  readonly references: readonly {
    readonly columns: readonly string[];
    readonly to: { readonly schema: string; readonly name: string };
    readonly required: boolean;
    readonly unique: boolean;
  }[];
}

type Column = SchemaTable["columns"][number];
type Reference = SchemaTable["references"][number];
type TableName = Pick<SchemaTable, "schema" | "name">;

const keyOf = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

/** "devx.users"; without the schema where all tables are in one. */
function titles(tables: readonly SchemaTable[]): ReadonlyMap<string, string> {
  const isQualified = new Set(tables.map(({ schema }) => schema)).size > 1;
  return new Map(tables.map((table) => [keyOf(table), isQualified ? `${table.schema}.${table.name}` : table.name]));
}

function keysOf(column: Column, { references }: SchemaTable): string[] {
  const isForeign = references.some(({ columns }) => columns.includes(column.name));
  return [...(column.primaryKey ? ["PK"] : []), ...(isForeign ? ["FK"] : []), ...(column.unique && !column.primaryKey ? ["UK"] : [])];
}

const SHORT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^character varying/, "varchar"],
  [/^timestamp(\(\d+\))? with time zone/, "timestamptz$1"],
  [/^timestamp(\(\d+\))? without time zone/, "timestamp$1"],
  [/^time(\(\d+\))? with time zone/, "timetz$1"],
  [/^time(\(\d+\))? without time zone/, "time$1"],
  [/^double precision/, "float8"],
];

function shortType(type: string): string {
  const [pattern, short] = SHORT_TYPES.find(([candidate]) => candidate.test(type)) ?? [];
  return pattern === undefined ? type : type.replace(pattern, short!);
}

// ── Mermaid ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Words of erDiagram's grammar, of which one as an id is a syntax error. Checked with mermaid 11. */
const RESERVED = [
  ...["erdiagram", "direction", "subgraph", "end", "style", "class", "classdef", "title", "acctitle", "accdescr"],
  ...["to", "one", "many", "only", "zero", "optionally", "u", "md"],
];
const RESERVED_COLUMNS = ["PK", "FK", "UK"];

/** A diagram without a fence. An empty text if there is no table. */
export function mermaidSchema(tables: readonly SchemaTable[]): string {
  if (tables.length === 0) return "";
  const names = titles(tables);
  const ids = uniqueIds([...names]);
  const entities = tables.flatMap((table) => {
    const [id, title] = [ids.get(keyOf(table))!, names.get(keyOf(table))!];
    const shown = table.partitioned ? `${title} (partitioned)` : title;
    return [
      `  ${id}${shown === id ? "" : `["${label(shown)}"]`} {`,
      ...table.columns.map((column) => `    ${attribute(column, keysOf(column, table))}`),
      "  }",
    ];
  });
  const relations = tables.flatMap((table) =>
    table.references.flatMap((reference) => {
      const to = ids.get(keyOf(reference.to));
      return to === undefined
        ? []
        : [`  ${to} ${cardinality(reference)} ${ids.get(keyOf(table))} : "${label(reference.columns.join(", "))}"`];
    }),
  );
  return ["erDiagram", ...entities, ...relations].join("\n");
}

/** Mermaid accepts letters, digits and underscores in an id. Two names that become the same id are numbered. */
function uniqueIds(names: readonly (readonly [key: string, title: string])[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    names.map(([key, title]) => {
      const word = wordOf(title);
      const plain = RESERVED.includes(word.toLowerCase()) ? `${word}_` : word;
      let id = plain;
      for (let number = 2; taken.has(id.toLowerCase()); number++) id = `${plain}_${number}`;
      taken.add(id.toLowerCase());
      return [key, id];
    }),
  );
}

function wordOf(text: string): string {
  const word = text.replace(/\W/g, "_");
  return /^[A-Za-z]/.test(word) ? word : `t_${word}`;
}

/** A name that mermaid does not accept is written as a comment too. */
function attribute({ name, type }: Column, keys: readonly string[]): string {
  const [typeWord, nameWord] = [attributeWord(shortType(type)), attributeWord(name)];
  return [typeWord, nameWord, ...(keys.length > 0 ? [keys.join(", ")] : []), ...(nameWord === name ? [] : [`"${label(name)}"`])].join(" ");
}

/** numeric(10,2) has a comma, which no attribute may have. */
function attributeWord(text: string): string {
  const word = text.replace(/\(\d+,-?\d+\)/, "").replace(/[^A-Za-z0-9_()[\]-]/g, "_");
  if (RESERVED_COLUMNS.includes(word)) return `${word}_`;
  return /^[A-Za-z_]/.test(word) ? word : `_${word}`;
}

/** A row refers to one row or none; each row is referred to by any number of rows, or by one at most. */
function cardinality({ required, unique }: Reference): string {
  return `${required ? "||" : "|o"}--${unique ? "o|" : "o{"}`;
}

// ── SVG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const STYLE = `text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#3d444d}.name{font-size:13px;font-weight:600;fill:#1b1f24}rect{fill:#f3f4f2;stroke:#818b96}path{fill:none;stroke:#818b96;stroke-width:1.25}polygon{fill:#818b96}@media(prefers-color-scheme:dark){text{fill:#c3c9d0}.name{fill:#e6e8eb}rect{fill:#23272b;stroke:#7b858f}path{stroke:#7b858f}polygon{fill:#7b858f}}`;

/** A file of its own. An empty text if there is nothing to draw, or too much. */
export async function svgSchema(tables: readonly SchemaTable[], title: string): Promise<string> {
  if (tables.length > MOST_BOXES) return "";
  const names = titles(tables);
  const boxes = tables.map((table) => ({
    id: keyOf(table),
    ...(table.partitioned && { caption: "partitioned" }),
    name: visible(names.get(keyOf(table))!),
    lines: table.columns.map((column) => [column.name, shortType(column.type), ...keysOf(column, table)].join(" ")),
  }));
  const edges = tables.flatMap((table) => table.references.map(({ to }) => ({ from: keyOf(table), to: keyOf(to) })));
  const drawing = await drawDiagram(boxes, edges, title);
  const head = `<title>${html(title)}</title><style>${STYLE}</style>`;
  return drawing === "" ? "" : `${drawing.replace(/^<svg ([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg" $1>${head}`)}\n`;
}

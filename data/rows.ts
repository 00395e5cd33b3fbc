/** Turns the records of an entity into lines of COPY's text format. A row that is not exactly what the mapping declares is rejected with its place. */
import { printable } from "../postdeploy/connect/quote.ts";
import type { DataMapping, Entity, Field } from "../systems/data/mapping.ts";
import { type Convert, createConverter, missingText, ValueProblem } from "./convert.ts";
import type { Flaw } from "./json/parser.ts";
import type { RawRecord } from "./json/records.ts";
import { describeType, JsonArray, JsonObject, type JsonValue } from "./json/value.ts";
import type { Rejection } from "./rejections.ts";

export interface EntityRows {
  readonly entity: Entity;
  /** Columns of a line, in order. */
  readonly columns: readonly string[];
  /** Rows that were read, rejected ones included. */
  readonly read: number;
  /** How often a declared rule changed a value: "role: "designer" stored as "member"". */
  readonly changes: ReadonlyMap<string, number>;
  /** @returns the lines of the record's rows. A line has no place and no newline. */
  rowsOf(record: RawRecord, file: string): readonly Row[];
}

export interface Row {
  readonly line: string;
  /** The index in the list inside of the record; -1 for the record itself. */
  readonly item: number;
}

interface Cell {
  readonly name: string;
  readonly field: Field;
  readonly convert: Convert;
  readonly missing: string | undefined;
}

type Reject = (problems: readonly Rejection[]) => void;

/** Of the fields of a record that hold the lists of other entities. */
const nestedFields = ({ entities }: DataMapping, name: string): string[] =>
  entities.flatMap(({ from }) => ("entity" in from && from.entity === name ? [from.field] : []));

export function entityRows(mapping: DataMapping, entity: Entity, reject: Reject): EntityRows {
  const changes = new Map<string, number>();
  const createCells = (fields: readonly (readonly [string, Field])[]): Cell[] =>
    fields.map(([name, field]) => ({
      name,
      field,
      convert: createConverter(field, (rule) => {
        const change = `${name}: ${rule}`;
        changes.set(change, (changes.get(change) ?? 0) + 1);
      }),
      missing: missingText(field),
    }));
  const cells = createCells(Object.entries(entity.fields));
  const { from } = entity;
  const outer = "entity" in from ? mapping.entities.find(({ name }) => name === from.entity)! : undefined;
  const parents =
    "entity" in from ? createCells(Object.entries(from.parent).map(([column, name]) => [name, { ...outer!.fields[name]!, column }])) : [];
  const reader = new RecordReader(entity, cells, new Set([...Object.keys(entity.ignored ?? {}), ...nestedFields(mapping, entity.name)]));
  const columns = [...parents, ...cells].map(({ field }) => field.column);
  const keys = entity.key.map((column) => columns.indexOf(column));
  const lists = nestedFields(mapping, entity.name);
  let read = 0;

  return {
    ...{ entity, columns, changes },
    get read() {
      return read;
    },
    rowsOf: "entity" in from ? (record, file) => itemRows(record, file, from.field) : recordRows,
  };

  function recordRows(record: RawRecord, file: string): readonly Row[] {
    read++;
    const problems: Problem[] = [];
    for (const { path, problem, isNul } of record.flaws)
      if (!isUnder(path, lists) && !(isNul && entity.fields[path]?.removeNul)) problems.push({ path, problem });
    const texts = reader.read(record.value, problems);
    return problems.length === 0 ? [{ line: texts.join("\t"), item: -1 }] : refuse({ record, file, item: -1, texts, problems });
  }

  function itemRows(record: RawRecord, file: string, field: string): readonly Row[] {
    const { value } = record;
    // The entity of the record reports that it is no object.
    const list = value instanceof JsonObject ? value.values[value.keys.indexOf(field)] : undefined;
    if (list === undefined || list === null) return [];
    if (!(list instanceof JsonArray)) {
      read++;
      return refuse({
        record,
        file,
        item: -1,
        texts: [],
        problems: [{ path: field, problem: `it is ${describeType(list)}, and not an array` }],
      });
    }
    const above: Problem[] = [];
    const parentTexts = parents.map((cell) => readCell(cell, find(value as JsonObject, cell.name), above));
    return list.items.flatMap((item, index) => {
      read++;
      const problems = above.map(({ path, problem }) => ({ path: "", problem: `${path} of the record around it: ${problem}` }));
      const prefix = `${field}[${index}]`;
      for (const flaw of record.flaws) collectFlaw(flaw, prefix, problems);
      const texts = [...parentTexts, ...reader.read(item, problems)];
      return problems.length === 0 ? [{ line: texts.join("\t"), item: index }] : refuse({ record, file, item: index, texts, problems });
    });
  }

  function collectFlaw({ path, problem, isNul }: Flaw, prefix: string, problems: Problem[]): void {
    if (path !== prefix && !path.startsWith(`${prefix}.`) && !path.startsWith(`${prefix}[`)) return;
    const inner = path.slice(prefix.length).replace(/^\./, "");
    if (!(isNul && entity.fields[inner]?.removeNul)) problems.push({ path: inner, problem });
  }

  function refuse({ record, file, item, texts, problems }: Refused): readonly Row[] {
    const values = keys.map((index) => texts[index]);
    const key = values.every((text) => text !== undefined) ? values.join(" ") : undefined;
    const prefix = "entity" in from && item !== -1 ? `${from.field}[${item}]` : "";
    reject(
      problems.map(({ path, problem }) => ({
        ...{ entity: entity.name, file, record: record.index, problem },
        path: prefix === "" || path === "" ? prefix + path : `${prefix}.${path}`,
        ...(key === undefined ? {} : { key }),
      })),
    );
    return [];
  }
}

interface Problem {
  readonly path: string;
  readonly problem: string;
}

interface Refused {
  readonly record: RawRecord;
  readonly file: string;
  readonly item: number;
  readonly texts: readonly (string | undefined)[];
  readonly problems: readonly Problem[];
}

const isUnder = (path: string, fields: readonly string[]): boolean =>
  fields.some((field) => path.startsWith(`${field}[`) || path.startsWith(`${field}.`));

const find = (object: JsonObject, name: string): JsonValue | undefined => object.values[object.keys.indexOf(name)];

function readCell({ name, convert, missing }: Cell, value: JsonValue | undefined, problems: Problem[]): string | undefined {
  if (value === undefined) {
    if (missing === undefined) problems.push({ path: name, problem: "the record does not have it" });
    return missing;
  }
  try {
    return convert(value);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    problems.push({ path: name, problem: error.problem });
    return undefined;
  }
}

const LEFT = -1;
const UNKNOWN = -2;

/** Records of one file mostly have the same keys in the same order, so it looks up only a key that is not where the last record had it. */
class RecordReader {
  readonly #entity: Entity;
  readonly #cells: readonly Cell[];
  readonly #indexes: ReadonlyMap<string, number>;
  /** The keys of the last record, and for each the index of its cell, LEFT or UNKNOWN. */
  #keys: readonly string[] = [];
  readonly #order: number[] = [];
  /** Fields that are ignored, or hold the rows of another entity. */
  readonly #left: ReadonlySet<string>;

  constructor(entity: Entity, cells: readonly Cell[], left: ReadonlySet<string>) {
    this.#entity = entity;
    this.#cells = cells;
    this.#indexes = new Map(cells.map(({ name }, index) => [name, index]));
    this.#left = left;
  }

  read(value: JsonValue, problems: Problem[]): (string | undefined)[] {
    const texts = new Array<string | undefined>(this.#cells.length).fill(undefined);
    if (!(value instanceof JsonObject)) {
      problems.push({ path: "", problem: `it is ${describeType(value)}, and not an object` });
      return texts;
    }
    const { keys, values } = value;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at]!;
      if (this.#keys[at] !== key) this.#order[at] = this.#indexes.get(key) ?? (this.#left.has(key) ? LEFT : UNKNOWN);
      const index = this.#order[at]!;
      // A key that is there twice is a flaw of the record.
      if (index >= 0) texts[index] = readCell(this.#cells[index]!, values[at], problems);
      else if (index === UNKNOWN)
        problems.push({ path: printable(key), problem: `the mapping of ${this.#entity.name} does not name this field` });
    }
    this.#keys = keys;
    for (let index = 0; index < texts.length; index++) {
      const cell = this.#cells[index]!;
      if (texts[index] === undefined && !keys.includes(cell.name)) texts[index] = readCell(cell, undefined, problems);
    }
    return texts;
  }
}

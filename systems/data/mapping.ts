/**
 * How a product's JSON files become rows of its tables, as plain data. `slipway data` imports, compares and exports with it.
 *
 * Every file, every field and every entity is listed: what is not imported is listed with the reason.
 */
export interface DataMapping {
  /** In the order of the foreign keys: an entity comes after those that it refers to. */
  readonly entities: readonly Entity[];
  /** Files of the source that are not imported, by name, with the reason. */
  readonly ignoredFiles?: Readonly<Record<string, string>>;
  /** Tables that no file fills, by name, with the reason. */
  readonly otherTables?: Readonly<Record<string, string>>;
}

export interface Entity {
  /** For reports: "users". */
  readonly name: string;
  /** With its schema: "public.users". */
  readonly table: string;
  readonly from: FileSource | NestedSource;
  /** The columns that identify a row in both stores. */
  readonly key: readonly [string, ...string[]];
  /** By the name of the field in the JSON record. */
  readonly fields: Readonly<Record<string, Field>>;
  /** Fields that are not imported, with the reason. */
  readonly ignored?: Readonly<Record<string, string>>;
  /** Columns that no field fills, with the reason: a default or a trigger fills them. An export leaves them out. */
  readonly otherColumns?: Readonly<Record<string, string>>;
  /** If the database already has a row with this key and other values. */
  readonly conflict: Conflict;
  /** Columns that refer to rows of the same table. They are checked once all rows are written, and a circle of them is refused. */
  readonly selfReferences?: readonly string[];
}

/**
 * keep     the row of the database stays
 * replace  the row of the source is written
 * fail     nothing is imported
 */
export type Conflict = "keep" | "replace" | "fail";

/** `users.json` or `users.ndjson`, or a folder `users` with one file per record, where `file` is "users". */
export interface FileSource {
  readonly file: string;
}

/** An array of objects in each record of another entity. */
export interface NestedSource {
  readonly entity: string;
  /** The field that has the array. A record without it has no rows. */
  readonly field: string;
  /** Columns that are filled from the record around the array: column to field. */
  readonly parent: Readonly<Record<string, string>>;
}

export interface Field {
  readonly column: string;
  readonly type: FieldType;
  /** null is a value of this field. @default it is refused */
  readonly nullable?: true;
  /** A record may lack this field, and then has this value. @default a record without it is refused */
  readonly missing?: null | string | number | boolean | { readonly json: string };
  /** "" means null. It needs `nullable`. */
  readonly emptyIsNull?: true;
  /** The words of the file and the words of the table. Any other word is refused. */
  readonly values?: Readonly<Record<string, string>>;
  /** For uuid: upper-case letters are accepted and stored in lower case. */
  readonly foldCase?: true;
  /** For timestamptz: a time without an offset is in UTC. @default it is refused */
  readonly zone?: "UTC";
  /** For text: U+0000, which Postgres cannot store, is removed. @default the row is refused */
  readonly removeNul?: true;
  /** For numeric: digits before and after the decimal point. */
  readonly digits?: readonly [before: number, after: number];
}

export type FieldType = "text" | "uuid" | "integer" | "bigint" | "numeric" | "boolean" | "date" | "timestamptz" | "json" | "hex";

export const FIELD_TYPES: readonly FieldType[] = [
  "text",
  "uuid",
  "integer",
  "bigint",
  "numeric",
  "boolean",
  "date",
  "timestamptz",
  "json",
  "hex",
];

/** Shorthands for mappings. */
export const field = {
  text: (column: string, more: FieldOptions = {}): Field => ({ column, type: "text", ...more }),
  uuid: (column: string, more: FieldOptions = {}): Field => ({ column, type: "uuid", ...more }),
  integer: (column: string, more: FieldOptions = {}): Field => ({ column, type: "integer", ...more }),
  bigint: (column: string, more: FieldOptions = {}): Field => ({ column, type: "bigint", ...more }),
  numeric: (column: string, before: number, after: number, more: FieldOptions = {}): Field => ({
    ...{ column, type: "numeric", digits: [before, after] },
    ...more,
  }),
  boolean: (column: string, more: FieldOptions = {}): Field => ({ column, type: "boolean", ...more }),
  date: (column: string, more: FieldOptions = {}): Field => ({ column, type: "date", ...more }),
  timestamp: (column: string, more: FieldOptions = {}): Field => ({ column, type: "timestamptz", ...more }),
  json: (column: string, more: FieldOptions = {}): Field => ({ column, type: "json", ...more }),
  hex: (column: string, more: FieldOptions = {}): Field => ({ column, type: "hex", ...more }),
};

type FieldOptions = Omit<Field, "column" | "type" | "digits">;

/** A field that a record may lack or have as null. */
export const optional = { nullable: true, missing: null } as const;

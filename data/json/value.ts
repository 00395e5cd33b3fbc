/** JSON values that keep what JavaScript's own lose: the text of numbers, the order of keys, keys such as __proto__. */

export type JsonValue = string | boolean | null | JsonNumber | JsonArray | JsonObject;

/** A number as it is written: 9007199254740993 and 1.10 stay what they are. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export class JsonArray {
  readonly items: readonly JsonValue[];
  /** As it is written in the source. */
  readonly text: string;
  constructor(items: readonly JsonValue[], text: string) {
    this.items = items;
    this.text = text;
  }
}

export class JsonObject {
  readonly keys: readonly string[];
  readonly values: readonly JsonValue[];
  /** As it is written in the source. */
  readonly text: string;
  constructor(keys: readonly string[], values: readonly JsonValue[], text: string) {
    this.keys = keys;
    this.values = values;
    this.text = text;
  }
}

/** The type of a value, for messages. */
export function describeType(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a boolean";
  if (value instanceof JsonNumber) return "a number";
  return value instanceof JsonArray ? "an array" : "an object";
}

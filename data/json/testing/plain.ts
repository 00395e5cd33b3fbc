import { JsonArray, JsonNumber, JsonObject, type JsonValue } from "../value.ts";

/** As JSON.parse gives it, where that loses nothing. */
export function toPlain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof JsonArray) return value.items.map(toPlain);
  if (value instanceof JsonObject) return Object.fromEntries(value.keys.map((key, index) => [key, toPlain(value.values[index]!)]));
  return value;
}

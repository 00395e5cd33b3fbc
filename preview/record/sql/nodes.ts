/** Walks a parse tree of a statement. */

/** Every field below a value, outer ones first: `["FuncCall", {…}]`. */
export function* fieldsBelow(value: unknown): Generator<readonly [name: string, value: unknown]> {
  if (Array.isArray(value)) for (const one of value) yield* fieldsBelow(one);
  else if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value)) {
      yield [name, inner];
      yield* fieldsBelow(inner);
    }
}

/** Whether a node of the kind is in the value: "ColumnRef". */
export function mentions(value: unknown, kind: string): boolean {
  for (const [name] of fieldsBelow(value)) if (name === kind) return true;
  return false;
}

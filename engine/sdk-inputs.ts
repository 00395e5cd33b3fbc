/**
 * A resource's inputs on their way to the engine. The SDK makes three promises of every text in them, and seven more of every property to learn
 * what it depends on. Within a session what is plain is taken as it is: most inputs are, and they depend on nothing.
 */

type Inputs = Readonly<Record<string, unknown>>;
type Serialized = [values: Record<string, unknown>, needs: Map<string, Set<unknown>>];
type Serialize = (label: string, inputs: Inputs, options?: object) => Promise<Serialized>;
type UrnsOf = (resources: ReadonlySet<unknown>, exclude: ReadonlySet<unknown>) => Promise<Set<string>>;

/** @param instead Puts the second of two functions in the place of the first, for as long as a session asks. */
export function installInputs(
  requireOfSdk: (id: string) => unknown,
  instead: <A extends readonly unknown[], R>(real: (...args: A) => R, ours: (...args: A) => R) => (...args: A) => R,
): void {
  const rpc = requireOfSdk("@pulumi/pulumi/runtime/rpc.js") as { serializeResourceProperties: Serialize };
  const realSerialize = rpc.serializeResourceProperties;
  rpc.serializeResourceProperties = instead(realSerialize, async (label, inputs, options): Promise<Serialized> => {
    const plain = new Map(Object.keys(inputs).map((key) => [key, copyOf(inputs[key])] as const));
    const others = Object.fromEntries([...plain].filter(([, copy]) => copy === NOT_PLAIN).map(([key]) => [key, inputs[key]]));
    const [values, needs]: Serialized = Object.keys(others).length === 0 ? [{}, new Map()] : await realSerialize(label, others, options);
    for (const [key, copy] of plain) {
      if (copy === NOT_PLAIN || copy === undefined || key === "id" || key === "urn") continue;
      values[key] = copy;
      needs.set(key, new Set());
    }
    return [values, needs];
  });

  const dependencies = requireOfSdk("@pulumi/pulumi/runtime/dependsOn.js") as { getAllTransitivelyReferencedResourceURNs: UrnsOf };
  const realUrnsOf = dependencies.getAllTransitivelyReferencedResourceURNs;
  dependencies.getAllTransitivelyReferencedResourceURNs = instead(realUrnsOf, (resources, exclude) =>
    resources.size === 0 ? Promise.resolve(new Set()) : realUrnsOf(resources, exclude),
  );
}

const NOT_PLAIN = Symbol("not plain");

/** As the SDK copies: a list's holes are null, and a field without a value is none. */
function copyOf(value: unknown): unknown {
  if (value === undefined || value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (typeof value !== "object") return NOT_PLAIN;
  if (Array.isArray(value)) {
    const items = value.map(copyOf);
    return items.includes(NOT_PLAIN) ? NOT_PLAIN : items.map((item) => item ?? null);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return NOT_PLAIN;
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const item = copyOf(inner);
    // The SDK asks such an object what it is by fields of these names.
    if (item === NOT_PLAIN || key.startsWith("__")) return NOT_PLAIN;
    if (item !== undefined) copy[key] = item;
  }
  return copy;
}

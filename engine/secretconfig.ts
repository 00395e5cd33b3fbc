import { isStandIn } from "./standin.ts";

/**
 * The texts that are secret in a stack's config, by key and, inside of objects, by path: "slipway:google.clientSecret".
 * Pulumi calls a whole object secret when one of its values is; where that value is a stand-in, its neighbours are known to be plain.
 */
export function secretsIn(config: Readonly<Record<string, string>>, secretKeys: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    secretKeys.flatMap((key) => {
      const text = config[key] ?? "";
      const texts = [...textsWithin(parsed(text), key)];
      const standIns = texts.filter(([, value]) => isStandIn(value));
      if (standIns.length > 0) return standIns;
      return texts.length > 0 ? texts : [[key, text] as const];
    }),
  );
}

function* textsWithin(value: unknown, at: string): Generator<readonly [string, string]> {
  if (typeof value === "string") yield [at, value];
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* textsWithin(item, `${at}[${index}]`);
  else if (value !== null && typeof value === "object")
    for (const [key, item] of Object.entries(value)) yield* textsWithin(item, `${at}.${key}`);
}

/** undefined for what is no JSON object or list. */
function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { parsed, textsOf } from "./secrettexts.ts";
import { isStandIn } from "./standin.ts";

/**
 * The texts that are secret in a stack's config, by key and, inside of objects, by path: "slipway:google.clientSecret".
 * Pulumi calls a whole object secret when one of its values is; where that value is a stand-in, its neighbours are known to be plain.
 */
export function secretsIn(config: Config, secretKeys: readonly string[]): Config {
  return Object.fromEntries(
    secretKeys.flatMap((key) => {
      const texts = [...textsWithin(parsed(config[key] ?? ""), key)];
      const standIns = texts.filter(([, value]) => isStandIn(value));
      if (standIns.length > 0) return standIns;
      return texts.length > 0 ? texts : [[key, config[key] ?? ""] as const];
    }),
  );
}

/** By what they would be known again elsewhere. */
export function secretConfigTexts(config: Config, secretKeys: readonly string[]): readonly string[] {
  return secretKeys.flatMap((key) => {
    const texts = Object.values(secretsIn(config, [key]));
    return texts.some(isStandIn) ? texts : textsOf(config[key] ?? "");
  });
}

type Config = Readonly<Record<string, string>>;

function* textsWithin(value: unknown, at: string): Generator<readonly [string, string]> {
  if (typeof value === "string") yield [at, value];
  else if (typeof value === "number") yield [at, String(value)];
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* textsWithin(item, `${at}[${index}]`);
  else if (value !== null && typeof value === "object")
    for (const [key, item] of Object.entries(value)) yield* textsWithin(item, `${at}.${key}`);
}

/** The texts to search for when a secret must appear nowhere else. */

import { isPlaceholder } from "./placeholder.ts";
import { Asset, Secret } from "./plan.ts";
import { MIN_SUBSTRING_LENGTH } from "./secret-search.ts";

/** The texts of a value that is secret as a whole: one of the program, or one of a Plan. */
export function secretTextsOf(value: unknown): readonly string[] {
  if (value instanceof Secret) return secretTextsOf(value.value);
  if (value instanceof Asset) return value.text === undefined ? [] : [value.text];
  if (typeof value === "string") return [value, ...textsWithin(parsedJson(value))];
  return typeof value === "number" || typeof value === "bigint" ? [String(value)] : textsWithin(value);
}

/** The input with a dynamic provider's program text. The SDK marks it as secret when its closure captured a secret. */
export const CODE = "__provider";

/** The texts of every marked secret inside a value. */
export function markedSecretTexts(value: unknown): readonly string[] {
  const found: string[] = [];
  collect(value, found);
  return found;
}

function collect(value: unknown, found: string[]): void {
  if (value instanceof Secret) found.push(...secretTextsOf(value.value));
  else if (Array.isArray(value)) for (const item of value) collect(item, found);
  else if (isRecord(value)) for (const key in value) if (key !== CODE) collect(value[key], found);
}

/**
 * Often an object is secret because of one of its values. The others, such as a port or a region, are masked in place, and searched for
 * elsewhere only when they are long enough to be secrets.
 */
function textsWithin(value: unknown, ancestors: readonly unknown[] = []): readonly string[] {
  if (value === null || ancestors.includes(value)) return [];
  const path = [...ancestors, value];
  if (Array.isArray(value)) return value.flatMap((item) => textsOfEntry(item, path));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => [...(FIELD_NAME.test(key) ? [] : ifLong(key)), ...textsOfEntry(item, path)]);
}

function textsOfEntry(value: unknown, ancestors: readonly unknown[]): readonly string[] {
  if (value instanceof Secret) return secretTextsOf(value.value);
  if (typeof value === "string") return [...ifLong(value), ...textsWithin(parsedJson(value), ancestors)];
  return typeof value === "number" || typeof value === "bigint" ? ifLong(String(value)) : textsWithin(value, ancestors);
}

function ifLong(text: string): readonly string[] {
  return text.length < MIN_SUBSTRING_LENGTH ? [] : [text];
}

/** Field names reveal nothing: client_secret, clientSecret, oauth2. Any other key may hold personal data. */
const FIELD_NAME = /^[A-Za-z]+\d{0,3}(?:[_.\-/: ][A-Za-z]+\d{0,3})*$/;

/** undefined when the text is not a JSON object or list. */
export function parsedJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** true for plain objects; false for marks such as `Secret`, and for resources. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

type Config = Readonly<Record<string, string>>;

/**
 * The secret texts of a stack's config by key, and inside objects by path: "slipway:google.clientSecret". Pulumi marks a whole object as
 * secret when one of its values is; when that value is a placeholder, the file shows that its neighbours are plain.
 */
export function secretConfigByPath(config: Config, secretKeys: readonly string[]): Config {
  return Object.fromEntries(
    secretKeys.flatMap((key) => {
      const texts = [...textsByPath(parsedJson(config[key] ?? ""), key)];
      const placeholders = texts.filter(([, value]) => isPlaceholder(value));
      if (placeholders.length > 0) return placeholders;
      return texts.length > 0 ? texts : [[key, config[key] ?? ""] as const];
    }),
  );
}

/** The texts to search for of every secret config value. */
export function secretConfigTexts(config: Config, secretKeys: readonly string[]): readonly string[] {
  return secretKeys.flatMap((key) => {
    const texts = Object.values(secretConfigByPath(config, [key]));
    return texts.some(isPlaceholder) ? texts : secretTextsOf(config[key] ?? "");
  });
}

function* textsByPath(value: unknown, path: string): Generator<readonly [string, string]> {
  if (typeof value === "string") yield [path, value];
  else if (typeof value === "number") yield [path, String(value)];
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* textsByPath(item, `${path}[${index}]`);
  else if (value !== null && typeof value === "object")
    for (const [key, item] of Object.entries(value)) yield* textsByPath(item, `${path}.${key}`);
}

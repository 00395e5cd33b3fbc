/** The texts by which something secret would be known again elsewhere. */
import { SHORT } from "./forms.ts";
import { Asset, Secret } from "./plan.ts";

/** Of a value that is secret as a whole: the program's own, or one of a Plan. */
export function textsOf(value: unknown): readonly string[] {
  if (value instanceof Secret) return textsOf(value.value);
  if (value instanceof Asset) return value.text === undefined ? [] : [value.text];
  if (typeof value === "string") return [value, ...within(parsed(value))];
  return typeof value === "number" || typeof value === "bigint" ? [String(value)] : within(value);
}

/** Where the SDK puts the program text of a dynamic provider, secret as soon as its closure captured something that is. */
export const CODE = "__provider";

/** Of whatever is marked inside of a value. */
export function secretTextsIn(value: unknown): readonly string[] {
  const found: string[] = [];
  gather(value, found);
  return found;
}

function gather(value: unknown, found: string[]): void {
  if (value instanceof Secret) found.push(...textsOf(value.value));
  else if (Array.isArray(value)) for (const item of value) gather(item, found);
  else if (isRecord(value)) for (const key in value) if (key !== CODE) gather(value[key], found);
}

/**
 * An object is often secret on account of one of its values: the others, a port or a region, are hidden where they stand, and looked for
 * elsewhere only when they are long enough to be secrets.
 */
function within(value: unknown, above: readonly unknown[] = []): readonly string[] {
  if (value === null || above.includes(value)) return [];
  const deeper = [...above, value];
  if (Array.isArray(value)) return value.flatMap((item) => inner(item, deeper));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => [...(NAME.test(key) ? [] : long(key)), ...inner(item, deeper)]);
}

function inner(value: unknown, above: readonly unknown[]): readonly string[] {
  if (value instanceof Secret) return textsOf(value.value);
  if (typeof value === "string") return [...long(value), ...within(parsed(value), above)];
  return typeof value === "number" || typeof value === "bigint" ? long(String(value)) : within(value, above);
}

function long(text: string): readonly string[] {
  return text.length < SHORT ? [] : [text];
}

/** What a field is called says nothing: client_secret, clientSecret, oauth2. Anything else may be somebody's. */
const NAME = /^[A-Za-z]+\d{0,3}(?:[_.\-/: ][A-Za-z]+\d{0,3})*$/;

/** undefined for what is no JSON object or list. */
export function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A mark is no record, and neither is a resource. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

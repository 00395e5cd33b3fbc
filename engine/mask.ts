/** A plan as it may be shown to anybody: no secret in it, and the same bytes for the same plan. */
import { createHash } from "node:crypto";
import { compare, layers } from "./order.ts";
import { Asset, type Message, type Plan, type PlannedResource, Reference, Secret, Unknown, type Value } from "./plan.ts";

export const SECRET = "[secret]";
export const UNKNOWN = "[unknown]";

export type Masked = null | boolean | number | string | readonly Masked[] | { readonly [key: string]: Masked };

export interface MaskedPlan extends Omit<Plan, "resources" | "outputs" | "secretConfig"> {
  readonly resources: readonly MaskedResource[];
  readonly outputs: MaskedValues;
}

export interface MaskedResource extends Omit<PlannedResource, "inputs" | "outputs"> {
  readonly inputs: MaskedValues;
  readonly outputs?: MaskedValues;
}

export type MaskedValues = Readonly<Record<string, Masked>>;

/**
 * Secrets give way to "[secret]", and so does every text that repeats one of them, be it a message, a name or an unmarked input.
 * Resources stand in the order of their layers, whatever the timing of the run.
 */
export function mask(plan: Plan): MaskedPlan {
  const scrub = scrubber([
    ...Object.values(plan.secretConfig),
    ...plan.resources.flatMap((resource) => [...secretTexts(resource.inputs), ...secretTexts(resource.outputs ?? {})]),
    ...secretTexts(plan.outputs),
  ]);
  const { secretConfig: _, ...shown } = plan;
  return scrubAll({
    ...shown,
    resources: layers(plan.resources)
      .flat()
      .map((resource) => ({
        ...resource,
        inputs: maskValues(resource.inputs),
        ...(resource.outputs && { outputs: maskValues(resource.outputs) }),
      })),
    outputs: maskValues(plan.outputs),
    messages: [...plan.messages].sort(byText),
  }) as MaskedPlan;

  function scrubAll(value: unknown): unknown {
    if (typeof value === "string") return scrub(value);
    if (Array.isArray(value)) return value.map(scrubAll);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [scrub(key), scrubAll(inner)]));
  }
}

/** Keys sorted, two spaces, a newline at the end. */
export function stableJson(value: unknown): string {
  return `${JSON.stringify(value, (_, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner), 2)}\n`;
}

export function maskValues(values: Readonly<Record<string, Value>>): MaskedValues {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, key === "__provider" ? maskCode(value) : maskValue(value)]));
}

export function maskValue(value: Value): Masked {
  if (value instanceof Secret) return SECRET;
  if (value instanceof Unknown) return UNKNOWN;
  if (value instanceof Reference) return { reference: value.urn };
  if (value instanceof Asset) return `[${value.kind} ${value.hash.slice(0, 12)}]`;
  if (Array.isArray(value)) return value.map(maskValue);
  if (value !== null && typeof value === "object") return maskValues(value as Readonly<Record<string, Value>>);
  return value as Masked;
}

/** A dynamic provider's program text is long and may hold what its closure captured: its hash tells whether it changed. */
function maskCode(value: Value): Masked {
  const text = value instanceof Secret ? value.value : value;
  return typeof text === "string" ? `[code ${createHash("sha256").update(text).digest("hex").slice(0, 12)}]` : maskValue(value);
}

/** Shorter texts are in too many innocent words. */
const SHORTEST = 6;

/** Replaces every repetition of the given texts, also where it is quoted, part of an address, or in base64. */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), Buffer.from(secret).toString("base64")]);
  if (forms.length === 0) return (text) => text;
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length || compare(a, b));
  const pattern = new RegExp(longestFirst.map(escapeRegExp).join("|"), "g");
  return (text) => text.replace(pattern, SECRET);
}

// RegExp.escape comes with Node 24.
function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function secretTexts(values: Readonly<Record<string, Value>>): readonly string[] {
  return Object.values(values).flatMap((value) => textsWithin(value, false));
}

function textsWithin(value: Value, secret: boolean): readonly string[] {
  if (value instanceof Secret) return textsWithin(value.value, true);
  if (typeof value === "string") return secret ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => textsWithin(item, secret));
  return isRecord(value) ? Object.values(value).flatMap((item) => textsWithin(item as Value, secret)) : [];
}

/** A mark is no record. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

function sorted(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)));
}

function byText(a: Message, b: Message): number {
  return compare(a.text, b.text) || compare(a.urn ?? "", b.urn ?? "");
}

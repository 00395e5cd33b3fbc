/** A plan that can be published: without secrets, and with the same bytes for the same plan. */
import { createHash } from "node:crypto";
import { compare, layers } from "./order.ts";
import { Asset, type Message, type Plan, type PlannedResource, Reference, Secret, Unknown, type Value } from "./plan.ts";
import { scrubber } from "./scrub.ts";
import { SECRET } from "./secret-patterns.ts";
import { CODE, isRecord, markedSecretTexts } from "./secret-texts.ts";

export { SECRET } from "./secret-patterns.ts";
export const UNKNOWN = "[unknown]";

export type Masked = null | boolean | number | string | readonly Masked[] | { readonly [key: string]: Masked };

export interface MaskedPlan extends Omit<Plan, "resources" | "outputs" | "secretConfig" | "secrets"> {
  readonly resources: readonly MaskedResource[];
  readonly outputs: MaskedValues;
}

export interface MaskedResource extends Omit<PlannedResource, "inputs" | "outputs"> {
  readonly inputs: MaskedValues;
  readonly outputs?: MaskedValues;
}

export type MaskedValues = Readonly<Record<string, Masked>>;

/**
 * Replaces secrets with "[secret]", also where another text repeats one: a message, a name, an unmarked input.
 * Resources are sorted by layer, so that their order does not depend on timing.
 */
export function mask(plan: Plan): MaskedPlan {
  const { secretConfig: _, secrets, ...rest } = plan;
  const scrub = scrubber([...secrets, ...plan.resources.flatMap(marked), ...markedSecretTexts(plan.outputs)]).text;
  const shown = {
    ...rest,
    resources: layers(plan.resources)
      .flat()
      .map((resource) => ({
        ...resource,
        inputs: maskValues(resource.inputs, scrub),
        ...(resource.outputs && { outputs: maskValues(resource.outputs) }),
      })),
    outputs: maskValues(plan.outputs),
    messages: [...plan.messages].sort(byText),
  };
  return scrubbed(shown, scrub) as MaskedPlan;
}

function marked({ inputs, outputs = {} }: PlannedResource): readonly string[] {
  return [...markedSecretTexts(inputs), ...markedSecretTexts(outputs)];
}

/** Searches all texts at once. */
function scrubbed(shown: unknown, scrub: Scrub): unknown {
  const texts = new Set<string>();
  addTexts(shown, texts);
  const whole = [...texts].join(SEPARATOR);
  const masked = scrub(whole);
  if (masked === whole) return shown;
  const each = masked.split(SEPARATOR);
  const found = new Map([...texts].map((text, index) => [text, each[index] ?? ""]));
  // A private key without an end masks everything that follows, so that the texts no longer match one by one.
  return scrubbedWithin(shown, each.length === texts.size ? (text) => found.get(text) ?? scrub(text) : scrub);
}

/** Separates texts; no secret contains it. */
const SEPARATOR = " \0 ";

function addTexts(value: unknown, texts: Set<string>): void {
  if (typeof value === "string") texts.add(value);
  else if (typeof value === "number") texts.add(String(value));
  else if (Array.isArray(value)) for (const item of value) addTexts(item, texts);
  else if (value !== null && typeof value === "object") {
    for (const key in value) {
      texts.add(key);
      addTexts((value as Record<string, unknown>)[key], texts);
    }
  }
}

type Scrub = (text: string) => string;

function scrubbedWithin(value: unknown, scrub: Scrub): unknown {
  if (value === SECRET || value === UNKNOWN) return value;
  if (typeof value === "string") return scrub(value);
  if (typeof value === "number") return scrub(String(value)) === String(value) ? value : SECRET;
  if (Array.isArray(value)) return value.map((item) => scrubbedWithin(item, scrub));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [scrub(key), scrubbedWithin(inner, scrub)]));
}

/** Keys sorted, two spaces, a newline at the end. */
export function stableJson(value: unknown): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}

/** @param scrub What it takes out of a text stays out of the text's hash, from which a short secret could be guessed. */
export function maskValues(values: Readonly<Record<string, Value>>, scrub?: Scrub): MaskedValues {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, key === CODE ? maskCode(value, scrub) : maskValue(value, scrub)]),
  );
}

export function maskValue(value: Value, scrub?: Scrub): Masked {
  if (value instanceof Secret) return SECRET;
  if (value instanceof Unknown) return UNKNOWN;
  if (value instanceof Reference) return { reference: value.urn };
  if (value instanceof Asset) return `[${value.kind} ${(value.text === undefined ? value.hash : hashOf(value.text, scrub)).slice(0, 12)}]`;
  if (Array.isArray(value)) return value.map((item) => maskValue(item, scrub));
  if (value !== null && typeof value === "object") return maskValues(value as Readonly<Record<string, Value>>, scrub);
  return value as Masked;
}

/** A dynamic provider's program text is long and contains what its closure captured: its hash shows whether it changed. */
function maskCode(value: Value, scrub?: Scrub): Masked {
  const text = value instanceof Secret ? value.value : value;
  return typeof text === "string" ? `[code ${hashOf(text, scrub).slice(0, 12)}]` : maskValue(value, scrub);
}

function hashOf(text: string, scrub: Scrub = (it) => it): string {
  return createHash("sha256").update(scrub(text)).digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort(compare)
      .map((key) => [key, sorted(value[key])]),
  );
}

function byText(a: Message, b: Message): number {
  return compare(a.text, b.text) || compare(a.urn ?? "", b.urn ?? "");
}

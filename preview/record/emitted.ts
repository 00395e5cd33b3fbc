/**
 * A recorded plan on its way out of the process that ran the program: values that are secret stay behind, and only their fingerprints leave.
 *
 * A fingerprint is keyed with a random key of this one preview, which both sides are given: equal secrets have equal fingerprints in it, and
 * outside of it nobody can try guesses against one.
 */
import { createHash, createHmac } from "node:crypto";
import { Asset, type Message, type Plan, type PlannedResource, Reference, Secret, Unknown, type Value } from "../../engine/plan.ts";
import { replaceSecrets, secretFinder } from "../../engine/secret-search.ts";
import { SYMBOL } from "./symbols.ts";

/** Outputs of resources and stand-ins of settings, the engine's and the program's own: the parts of a secret that may be told. */
const ORIGINS = new RegExp(`${SYMBOL.source}|placeholder-[a-z0-9-]{1,60}-[0-9a-f]{32}|placeholder:[a-z-]+:[A-Za-z0-9]+`, "g");

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface EmittedResource extends Omit<PlannedResource, "inputs" | "outputs"> {
  readonly inputs: Json;
  readonly outputs?: Json;
}

export interface EmittedPlan {
  readonly project: string;
  readonly stack: string;
  readonly resources: readonly EmittedResource[];
  readonly outputs: Json;
  readonly placeholders: readonly string[];
  readonly messages: readonly Message[];
}

/** What one side says: of each stack its plan, or why there is none. */
export type Emission = readonly ({ readonly stack: string } & ({ readonly plan: EmittedPlan } | { readonly failure: string }))[];

export function emit(plan: Plan, key: Buffer): EmittedPlan {
  const find = secretFinder(secretTexts(plan));
  const scrub = (text: string): string => replaceSecrets(text, find(text), "[secret]");
  const { project, stack, resources, outputs, placeholders, messages } = plan;
  return {
    project,
    stack,
    resources: resources.map(({ inputs, outputs: told, ...resource }) => ({
      ...resource,
      inputs: record(inputs),
      ...(told && { outputs: record(told) }),
    })),
    outputs: record(outputs),
    placeholders,
    messages: messages.map(({ severity, text, urn }) => ({ severity, text: scrub(text), ...(urn !== undefined && { urn }) })),
  };

  function record(values: Readonly<Record<string, Value>>): Json {
    // A key with a dollar sign gets a second one: no object of the program can be mistaken for a mark.
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name.startsWith("$") ? `$${name}` : name,
        name === "__provider" ? codeOf(value) : encoded(value),
      ]),
    );
  }

  function encoded(value: Value): Json {
    if (value instanceof Secret) return { $secret: fingerprint(value.value, key) };
    if (value instanceof Unknown) return { $unknown: true };
    if (value instanceof Reference) return { $reference: value.urn };
    if (value instanceof Asset) return { $asset: { kind: value.kind, hash: value.hash } };
    if (typeof value === "string") return scrub(value);
    if (Array.isArray(value)) return value.map(encoded);
    if (value !== null && typeof value === "object") return record(value as Readonly<Record<string, Value>>);
    return value as Json;
  }
}

export interface Fingerprint {
  /** Of everything in it but the origins. */
  readonly print: string;
  /** Symbols and stand-ins, in their order. */
  readonly of: readonly string[];
}

function fingerprint(value: Value, key: Buffer): { [name: string]: Json } {
  const of: string[] = [];
  const text = (JSON.stringify(bare(value)) ?? "null").replace(ORIGINS, (origin) => {
    of.push(origin);
    return "\0";
  });
  return { print: createHmac("sha256", key).update(text).digest("hex").slice(0, 32), of };
}

/** Without the classes of its marks, keys in order. */
function bare(value: Value): unknown {
  if (value instanceof Secret) return bare(value.value);
  if (value instanceof Unknown) return { unknown: true };
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, bare(inner as Value)]),
  );
}

/** A dynamic provider's program text is long and may hold what its closure captured. */
function codeOf(value: Value): Json {
  const text = value instanceof Secret ? value.value : value;
  return `code ${createHash("sha256").update(String(text)).digest("hex").slice(0, 12)}`;
}

/** What is struck out wherever it stands; what is made of origins only may be read. */
function secretTexts({ secrets }: Plan): readonly string[] {
  return secrets.filter((text) => !new RegExp(ORIGINS.source).test(text));
}

/**
 * Serializes a recorded plan for the process of the preview: fingerprints replace secret values.
 *
 * The key of the fingerprints is random for each preview, and the same on both sides: equal secrets have equal fingerprints, and without the key
 * a fingerprint cannot be attacked by guessing.
 */
import { createHash, createHmac } from "node:crypto";
import { Asset, type Message, type Plan, type PlannedResource, Reference, Secret, Unknown, type Value } from "../../engine/plan.ts";
import { replaceSecrets, secretFinder } from "../../engine/secret-search.ts";
import type { DescribedProject } from "./project.ts";
import { SYMBOL } from "./symbols.ts";
import { type Transport, transportOf } from "./transport.ts";

/** Symbols of resource outputs and placeholders of settings: the parts of a secret that are not secret. */
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

/** What a side sends first, before it runs code of the program. A commit can have no project, or one that cannot be read. */
export type Description = { readonly project: DescribedProject } | { readonly unreadable: string } | { readonly absent: true };

/** What it sends then: for each stack its plan, or the failure. */
export type Emission = readonly ({ readonly stack: string } & ({ readonly plan: EmittedPlan } | { readonly failure: string }))[];

export function emit(plan: Plan, key: Buffer): EmittedPlan {
  const find = secretFinder(secretTexts(plan));
  const scrub = (text: string): string => replaceSecrets(text, find(text), "[secret]");
  const { project, stack, resources, outputs, placeholders, messages } = plan;
  return {
    project,
    stack,
    resources: resources.map(({ inputs, outputs: registered, ...resource }) => ({
      ...resource,
      inputs: record(inputs),
      ...(registered && { outputs: record(registered) }),
    })),
    outputs: record(outputs),
    placeholders,
    messages: messages.map(({ severity, text, urn }) => ({ severity, text: scrub(text), ...(urn !== undefined && { urn }) })),
  };

  function record(values: Readonly<Record<string, Value>>): Json {
    // A key with a dollar sign gets a second one, so that an object of the program cannot look like a mark.
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
  /** Of the value without its origins. */
  readonly print: string;
  /** The symbols and placeholders in the value, in order. */
  readonly of: readonly string[];
  /** If it is an address: whether connections to it are encrypted and verified. */
  readonly transport?: Transport;
}

function fingerprint(value: Value, key: Buffer): { [name: string]: Json } {
  const of: string[] = [];
  const text = (JSON.stringify(bare(value)) ?? "null").replace(ORIGINS, (origin) => {
    of.push(origin);
    return "\0";
  });
  const transport = typeof value === "string" ? transportOf("", value) : undefined;
  const print = createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
  return { print, of, ...(transport && { transport: { ...transport } }) };
}

/** As plain JSON without secret marks, keys sorted. */
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

/** The code of a dynamic provider is long, and can contain captured values. */
function codeOf(value: Value): Json {
  const text = value instanceof Secret ? value.value : value;
  return `code ${createHash("sha256").update(String(text)).digest("hex").slice(0, 12)}`;
}

/** Texts to mask. A text that consists of origins is not secret. */
function secretTexts({ secrets }: Plan): readonly string[] {
  return secrets.filter((text) => !new RegExp(ORIGINS.source).test(text));
}

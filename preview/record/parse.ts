/**
 * Parses the output of a side's process. That process ran an untrusted program: its output can be false, huge, deeply nested, or have a key
 * called `__proto__`.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Asset, type Plan, Reference, Secret, Unknown, type Value } from "../../engine/plan.ts";
import type { Description, Fingerprint } from "./emitted.ts";

const text = z.string().max(20_000);
const urn = z.string().max(2_000);
const texts = z.array(urn).max(10_000);
/** Longer messages are cut. */
const message = z.string().transform((whole) => whole.slice(0, 4_000));

const options = z.strictObject({
  protect: z.boolean().optional(),
  retainOnDelete: z.boolean().optional(),
  deletedWith: urn.optional(),
  deleteBeforeReplace: z.boolean().optional(),
  ignoreChanges: texts.optional(),
  replaceOnChanges: texts.optional(),
  additionalSecretOutputs: texts.optional(),
  aliases: texts.optional(),
  customTimeouts: z.strictObject({ create: text.optional(), update: text.optional(), delete: text.optional() }).optional(),
  importId: text.optional(),
  provider: urn.optional(),
  version: text.optional(),
});

const resource = z.strictObject({
  urn,
  type: urn,
  name: urn,
  parent: urn.optional(),
  custom: z.boolean(),
  read: z.boolean(),
  id: text.optional(),
  inputs: z.unknown(),
  dependencies: texts,
  propertyDependencies: z.record(z.string().max(500), texts),
  options,
  source: z.strictObject({ file: z.string().max(500), line: z.int().positive() }).optional(),
  outputs: z.unknown().optional(),
});

const plan = z.strictObject({
  project: text,
  stack: text,
  resources: z.array(resource).max(20_000),
  outputs: z.unknown(),
  placeholders: texts,
  messages: z.array(z.strictObject({ severity: z.enum(["info", "warning", "error"]), text: message, urn: urn.optional() })).max(1_000),
});

const emission = z.array(z.union([z.strictObject({ stack: text, plan }), z.strictObject({ stack: text, failure: message })])).max(100);

const hashes = z.record(z.string().max(500), z.string().max(64));
const description = z.union([
  z.strictObject({ project: z.strictObject({ name: text, stacks: z.record(z.string().max(500), hashes) }) }),
  z.strictObject({ unreadable: message }),
  z.strictObject({ absent: z.literal(true) }),
]);

export type Recorded = { readonly plan: Plan } | { readonly failure: string };

/** @param line the first that the process sent: no code of the program ran before. @throws {UnreadableEmission} */
export function parseDescription(line: string): Description {
  const { data } = description.safeParse(jsonOf(line));
  if (data === undefined) throw new UnreadableEmission("its project was not described");
  return data;
}

/** @param sent the lines after the description. @throws {UnreadableEmission} */
export function parseEmission(sent: string, stacks: readonly string[]): ReadonlyMap<string, Recorded> {
  const parsed = emission.safeParse(jsonOf(sent));
  if (!parsed.success) throw new UnreadableEmission("its output is not a plan");
  const recorded = new Map(
    parsed.data.map((one): [string, Recorded] => [one.stack, "plan" in one ? { plan: planOf(one.plan) } : { failure: one.failure }]),
  );
  for (const stack of stacks) if (!recorded.has(stack)) throw new UnreadableEmission(`its output has no plan of ${stack}`);
  return recorded;
}

/** The message continues a sentence about the program. */
export class UnreadableEmission extends Error {}

function jsonOf(sent: string): unknown {
  try {
    return JSON.parse(sent);
  } catch {
    throw new UnreadableEmission("its output is not JSON");
  }
}

function planOf({ resources, outputs, ...rest }: z.infer<typeof plan>): Plan {
  return {
    ...rest,
    resources: resources.map(({ inputs, outputs: registered, ...one }) => ({
      ...one,
      inputs: recordOf(inputs, 0),
      ...(registered === undefined ? {} : { outputs: recordOf(registered, 0) }),
    })),
    outputs: recordOf(outputs, 0),
    secretConfig: {},
    secrets: [],
  } as unknown as Plan;
}

/** Longer texts are compared by hash. */
const LONGEST = 20_000;

function abridged(text: string): string {
  return `${text.slice(0, 200)}… (${text.length} characters, sha256 ${createHash("sha256").update(text).digest("hex").slice(0, 12)})`;
}

const DEEPEST = 64;

function recordOf(json: unknown, depth: number): Record<string, Value> {
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw new UnreadableEmission("its output is not a plan");
  // `fromEntries` defines properties, so `__proto__` is a key like any other.
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key.startsWith("$$") ? key.slice(1) : key, marked(value, depth + 1)]),
  );
}

const transport = z.strictObject({
  security: z.enum(["plain", "encrypted", "verified"]),
  text: z.string().max(80),
  isSwitch: z.boolean(),
});
const secret = z.strictObject({
  print: z.string().max(64),
  of: z.array(z.string().max(300)).max(1_000),
  transport: transport.optional(),
});
const asset = z.strictObject({ kind: z.enum(["asset", "archive"]), hash: z.string().max(64) });

function marked(json: unknown, depth: number): Value {
  if (depth > DEEPEST) throw new UnreadableEmission(`its values are nested more than ${DEEPEST} levels deep`);
  if (Array.isArray(json)) return json.map((item) => marked(item, depth + 1));
  if (typeof json === "string" && json.length > LONGEST) return abridged(json);
  if (json === null || typeof json !== "object") return json as Value;
  const [[key, inner] = ["", undefined], ...more] = Object.entries(json);
  if (!key.startsWith("$") || key.startsWith("$$") || more.length > 0) return recordOf(json, depth);
  const mark = markOf(key, inner);
  if (mark === undefined) throw new UnreadableEmission("its output has a value of an unknown kind");
  return mark;
}

function markOf(key: string, inner: unknown): Value | undefined {
  switch (key) {
    case "$secret":
      return secret.safeParse(inner).success ? new Secret(inner as Value) : undefined;
    case "$unknown":
      return new Unknown();
    case "$reference":
      return typeof inner === "string" ? new Reference(inner) : undefined;
    case "$asset": {
      const { success, data } = asset.safeParse(inner);
      return success ? new Asset(data.kind, data.hash) : undefined;
    }
    default:
      return undefined;
  }
}

/** A secret in a parsed plan contains a fingerprint in place of its value. */
export function fingerprintOf({ value }: Secret): Fingerprint {
  return value as unknown as Fingerprint;
}

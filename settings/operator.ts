/**
 * What only an operator knows: OAuth client secrets and the like, typed once into the stack's config. Secrets must be encrypted there, and their
 * values never come through here further than this check; `operatorSecret` in read.ts hands them to the components.
 */
import type { System } from "../systems/definition.ts";
import { NAMESPACE, type Problems } from "./problems.ts";
import type { SystemSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

export interface OperatorKey {
  readonly system: string;
  /** As the definition calls it: googleClientSecret. */
  readonly name: string;
  /** As the config calls it, below the namespace: shopGoogleClientSecret. */
  readonly key: string;
  readonly secret: boolean;
  readonly purpose: string;
  readonly feature: string | undefined;
}

export interface RawConfig {
  readonly project: string;
  readonly stack: string;
  /** By whole key: "slipway:region". What is no plain text is JSON. */
  readonly values: Readonly<Record<string, string>>;
  /** Whole keys of what is encrypted, wholly or in part. */
  readonly secretKeys: ReadonlySet<string>;
  /** Whether Pulumi's engine runs the program, which then may create things. */
  readonly underEngine?: boolean;
}

/** A system's own object among the settings: brand-portal has brandPortal. */
export function configName(system: string): string {
  return system.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function operatorKeys(system: System): OperatorKey[] {
  const secrets = Object.entries(system.secrets).flatMap(([name, secret]) =>
    secret.origin === "operator" ? [operatorKey(system, name, true, secret)] : [],
  );
  const settings = Object.entries(system.settings ?? {}).map(([name, setting]) => operatorKey(system, name, false, setting));
  return [...secrets, ...settings];
}

function operatorKey(
  system: System,
  name: string,
  secret: boolean,
  { purpose, feature }: { purpose: string; feature?: string },
): OperatorKey {
  const key = configName(`${system.name}-${name}`);
  return { system: system.name, name, key, secret, purpose, feature };
}

/** Values that stand in documents, examples and nowhere else by accident. */
const KNOWN =
  /^(\[?redacted\]?|<.*>|x+|\*+|change[-_ ]?(me|this|it)|replace[-_ ]?me|your[-_ ].*|todo|tbd|none|null|undefined|secret|test|example|dummy|foobar?|postgres|admin|letmein|qwerty.*|p[a@]ssw[o0]rd.*|123456.*)$/i;
const SHORTEST = 8;

/** Refused whether or not a feature needs the value today: a secret in plain text is out, and a guessable one is as good as out. */
export function checkOperatorKeys(keys: readonly OperatorKey[], raw: RawConfig, problems: Problems): void {
  for (const { key, secret } of keys) {
    const whole = `${NAMESPACE}:${key}`;
    const value = raw.values[whole];
    if (value === undefined) continue;
    const encrypted = raw.secretKeys.has(whole);
    if (secret && !encrypted) {
      problems.add({
        at: [key],
        problem:
          "it is a secret and stands in the stack's file in plain text. Treat that value as burnt, have a new one made, and give it encrypted.",
        allowed: "an encrypted value",
        fix: [{ set: [key], secret: true }],
      });
    } else if (secret && isWeak(value)) {
      problems.add({
        at: [key],
        problem: "what stands there is a placeholder or can be guessed.",
        allowed: `the value that its issuer shows, ${SHORTEST} characters or more`,
        fix: [{ set: [key], secret: true }],
      });
    } else if (/\p{Surrogate}/u.test(value)) {
      problems.add({
        at: [key],
        problem: "it holds half of a character (a lone surrogate, U+D800 to U+DFFF), which no app can read.",
        allowed: "whole characters, as its issuer shows them",
        fix: [secret ? { set: [key], secret: true } : { set: [key], to: "<value>" }],
      });
    } else if (!secret && encrypted) {
      problems.add({
        at: [key],
        problem: "it is encrypted, but anybody may read it, and it will stand in plain text in the app's spec.",
        allowed: "a plain value",
        fix: [{ remove: [key] }, { set: [key], to: "<value>" }],
      });
    }
  }
}

function isWeak(value: string): boolean {
  return value.trim().length < SHORTEST || KNOWN.test(value.trim()) || new Set(value).size < 3;
}

/** Keys without a value although this stack needs one: problems, or stand-ins where a plan was requested to make do. */
export function missingKeys({ requested, systems, problems }: Stack, raw: RawConfig): OperatorKey[] {
  const standIns = requested.stack.placeholders ?? false;
  if (standIns && raw.underEngine === true) {
    problems.add({
      at: ["placeholders"],
      given: true,
      problem: "stand-ins are for a plan: what Pulumi creates would be given the words placeholder:… as a secret",
      allowed: "nothing here; `slipway plan --placeholders` sets it for one plan",
      fix: [{ remove: ["placeholders"] }],
    });
  }
  const needed = systems.flatMap(({ system, features }) => neededKeys(system, features));
  const missing = needed.filter(({ key }) => raw.values[`${NAMESPACE}:${key}`] === undefined);
  if (standIns) return missing;
  for (const { key, secret, purpose, feature } of missing) {
    problems.add({
      at: [key],
      problem: `it is missing (${purpose})`,
      allowed: `${secret ? "an encrypted value" : "a value"}${feature === undefined ? "" : `, or the feature ${feature} off`}`,
      fix: [secret ? { set: [key], secret: true } : { set: [key], to: "<value>" }],
    });
  }
  return [];
}

function neededKeys(system: System, features: ReadonlySet<string>): OperatorKey[] {
  return operatorKeys(system).filter(({ feature }) => feature === undefined || features.has(feature));
}

/** Secrets by the key where they stand, plain values as they are. */
export function withOperatorKeys(
  system: Omit<SystemSettings, "operatorSecrets" | "operatorSettings">,
  { values }: RawConfig,
): SystemSettings {
  const keys = neededKeys(system.system, system.features);
  return {
    ...system,
    operatorSecrets: Object.fromEntries(keys.filter(({ secret }) => secret).map(({ name, key }) => [name, `${NAMESPACE}:${key}`])),
    operatorSettings: Object.fromEntries(
      keys.filter(({ secret }) => !secret).map(({ name, key }) => [name, values[`${NAMESPACE}:${key}`] ?? placeholder(key)]),
    ),
  };
}

/** What stands in for a value that is not there yet. */
export function placeholder(key: string): string {
  return `placeholder:${NAMESPACE}:${key}`;
}

/**
 * Values that only an operator knows, such as OAuth client secrets, set once in the stack's config. Secrets must be encrypted there. Their values are
 * checked here and not returned; `operatorSecret` in read.ts gives them to the components.
 */
import type { System } from "../systems/definition.ts";
import { NAMESPACE, type Problems } from "./problems.ts";
import type { SystemSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

export interface OperatorKey {
  /** The key in the config, without the namespace: shopGoogleClientSecret. */
  readonly key: string;
  readonly secret: boolean;
  readonly purpose: string;
  readonly feature: string | undefined;
}

interface SystemKey extends OperatorKey {
  /** The name in the definition: googleClientSecret. */
  readonly name: string;
}

export interface RawConfig {
  readonly project: string;
  readonly stack: string;
  /** By whole key: "slipway:region". Objects and lists are JSON. */
  readonly values: Readonly<Record<string, string>>;
  /** Whole keys of values that are encrypted, wholly or in part. */
  readonly secretKeys: ReadonlySet<string>;
  /** Whether Pulumi's engine runs the program, which then can create resources. @default false: the program is recorded */
  readonly underEngine?: boolean;
}

/** One key signs the backups of every system. */
export const SIGNING_KEY: OperatorKey = {
  key: "backupSigningKey",
  secret: true,
  purpose: "signs backups, so that those of another program are refused; `slipway backup keys` creates it",
  feature: undefined,
};

/** The key of a system's settings: brandPortal for brand-portal. */
export function configName(system: string): string {
  return system.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function allOperatorKeys(systems: readonly System[]): OperatorKey[] {
  return [...systems.flatMap(operatorKeys), SIGNING_KEY];
}

export function operatorKeys(system: System): SystemKey[] {
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
): SystemKey {
  return { name, key: configName(`${system.name}-${name}`), secret, purpose, feature };
}

/** Values of documents and examples. */
const KNOWN =
  /^(\[?redacted\]?|<.*>|x+|\*+|change[-_ ]?(me|this|it)|replace[-_ ]?me|your[-_ ].*|todo|tbd|none|null|undefined|secret|test|example|dummy|foobar?|postgres|admin|letmein|qwerty.*|p[a@]ssw[o0]rd.*|123456.*)$/i;
const SHORTEST = 8;

/** Checked whether or not a feature needs the value: a secret in plain text is compromised, and a guessable one is as good as that. */
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
          "it is a secret, and the stack's file contains it in plain text. Treat that value as compromised: get a new one from its issuer, and set it encrypted.",
        allowed: "an encrypted value",
        fix: [{ set: [key], secret: true }],
      });
    } else if (secret && isWeak(value)) {
      problems.add({
        at: [key],
        problem: "its value is a placeholder or can be guessed.",
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
        problem: "it is encrypted, but it is public, and the app's spec will contain it in plain text.",
        allowed: "a plain value",
        fix: [{ remove: [key] }, { set: [key], to: "<value>" }],
      });
    }
  }
}

function isWeak(value: string): boolean {
  return value.trim().length < SHORTEST || KNOWN.test(value.trim()) || new Set(value).size < 3;
}

/** Keys that this stack needs and that have no value: problems, or placeholders where a plan allows them. */
export function missingKeys({ requested, systems, problems }: Stack, raw: RawConfig): OperatorKey[] {
  const usesPlaceholders = requested.stack.placeholders ?? false;
  if (usesPlaceholders && raw.underEngine === true) {
    problems.add({
      at: ["placeholders"],
      given: true,
      problem: "placeholders are for a plan: Pulumi would create resources with the text placeholder:… as a secret",
      allowed: "nothing here; `slipway plan --placeholders` sets it for one plan",
      fix: [{ remove: ["placeholders"] }],
    });
  }
  const makesBackups = (requested.stack.backups?.recipients ?? []).length > 0;
  const needed = [...systems.flatMap(({ system, features }) => neededKeys(system, features)), ...(makesBackups ? [SIGNING_KEY] : [])];
  const missing = needed.filter(({ key }) => raw.values[`${NAMESPACE}:${key}`] === undefined);
  if (usesPlaceholders) return missing;
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

function neededKeys(system: System, features: ReadonlySet<string>): SystemKey[] {
  return operatorKeys(system).filter(({ feature }) => feature === undefined || features.has(feature));
}

/** Adds the keys of secrets and the values of settings. */
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

/** The placeholder for a missing value. */
export function placeholder(key: string): string {
  return `placeholder:${NAMESPACE}:${key}`;
}

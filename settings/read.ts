/** Reads Pulumi's config. parse.ts does not import Pulumi. */
import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { checkSystems, DefinitionError } from "../systems/check.ts";
import type { System } from "../systems/definition.ts";
import { placeholder, SIGNING_KEY } from "./operator.ts";
import { parseSettings } from "./parse.ts";
import { NAMESPACE, SettingsError } from "./problems.ts";
import type { Settings } from "./settings.ts";

/**
 * Reads the stack's config once, and logs its notices.
 *
 * @throws {pulumi.RunError} Pulumi prints it without a stack trace.
 */
export function readSettings(systems: readonly System[]): Settings {
  const settings = parsed(systems);
  for (const key of settings.placeholders) pulumi.log.warn(`missing: ${key}`);
  for (const notice of settings.notices) pulumi.log.info(notice);
  return settings;
}

function parsed(systems: readonly System[]): Settings {
  const values = pulumi.runtime.allConfig();
  const secretKeys = new Set(Object.keys(values).filter(isSecret));
  try {
    return parseSettings(
      { project: pulumi.getProject(), stack: pulumi.getStack(), values, secretKeys, underEngine: isUnderEngine() },
      systems,
    );
  } catch (error) {
    if (error instanceof SettingsError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Valid definitions. A mistake in a definition is reported like a mistake in a setting. */
export function checkDefinitions(systems: readonly System[]): readonly System[] {
  try {
    return checkSystems(systems);
  } catch (error) {
    if (error instanceof DefinitionError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** An operator's secret, marked as secret. A plan with placeholders gets a placeholder if the config has no value yet. */
export function operatorSecret(settings: Settings, system: string, name: string): pulumi.Output<string> {
  const key = settings.systems.find((candidate) => candidate.system.name === system)?.operatorSecrets[name];
  if (key === undefined)
    throw new pulumi.RunError(
      `${system} has no operator secret "${name}" in this stack: its feature is off, or its definition does not declare it.`,
    );
  return configSecret(settings, key.slice(NAMESPACE.length + 1));
}

/** The key that signs the backups of the stack. */
export const signingKeyOf = (settings: Settings): pulumi.Output<string> => configSecret(settings, SIGNING_KEY.key);

function configSecret(settings: Settings, bare: string): pulumi.Output<string> {
  const key = `${NAMESPACE}:${bare}`;
  return settings.placeholders.includes(key) ? pulumi.secret(placeholder(bare)) : new pulumi.Config(NAMESPACE).requireSecret(bare);
}

/** The SDK exports it without a type. */
function isSecret(key: string): boolean {
  return (pulumi.runtime as unknown as { isConfigSecret(key: string): boolean }).isConfigSecret(key);
}

/** A recorded program has a listener, but no engine at an address that could create anything. */
export function isUnderEngine(): boolean {
  const store = (state as unknown as { getStore(): { settings: { options: { engineAddr?: string } } } }).getStore();
  return Boolean(store.settings.options.engineAddr);
}

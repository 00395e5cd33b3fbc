/** Every name that a definition uses is declared, and every declaration is used. */

import { printable } from "../../catalog/problem.ts";
import type { Env, System } from "../definition.ts";
import { oneOf } from "../definition-error.ts";
import { components, type Rule, variables } from "./rule.ts";

type Kind = "store" | "keyspace" | "bucket" | "secret" | "setting" | "feature" | "pool";

/** Where each kind is declared. */
const HOMES = {
  store: "stores",
  keyspace: "keyspaces",
  bucket: "buckets",
  secret: "secrets",
  setting: "settings",
  feature: "features",
  pool: "postgres.pools",
} as const satisfies Record<Kind, string>;

interface Reference {
  readonly kind: Kind;
  readonly name: string;
  readonly path: string;
}

export const declared: Rule = (system, report) => {
  for (const { kind, name, path } of references(system)) {
    const names = Object.keys(declarations(system, kind));
    if (names.includes(name)) continue;
    report({
      path,
      given: printable(name),
      problem: `no ${kind} of this name is declared`,
      allowed: oneOf(names),
      fix: `Declare the ${kind} "${name}" under ${HOMES[kind]}, or name one that is there.`,
    });
  }
};

/** A declaration without a reader is a spelling error somewhere else, or costs money for nothing. */
export const used: Rule = (system, report) => {
  const named = references(system);
  for (const kind of Object.keys(HOMES) as Kind[]) {
    for (const name of Object.keys(declarations(system, kind))) {
      if (named.some((reference) => reference.kind === kind && reference.name === name)) continue;
      report({
        path: `${HOMES[kind]}.${name}`,
        problem: "it is declared, and nothing reads it",
        allowed: `a ${kind} that another part of the definition names`,
        fix: `Remove the ${kind} "${name}", or name it where it is needed.`,
      });
    }
  }
};

/** What exists only where a feature is on is read only there. */
export const underItsFeature: Rule = (system, report) => {
  for (const { key, value, component, path } of variables(system)) {
    const feature = featureOfSource(system, value);
    if (feature === undefined || value.feature === feature || component.feature === feature) continue;
    report({
      path,
      problem: `it is read always, and what it reads exists only where the feature "${feature}" is on`,
      allowed: "a variable of the same feature",
      fix: `Write ${key}: env.where("${feature}", …), or put the whole component under the feature.`,
    });
  }
};

function featureOfSource({ stores, keyspaces, buckets, secrets, settings }: System, value: Env): string | undefined {
  switch (value.from) {
    case "store": {
      const store = "store" in value ? value.store : keyspaces[value.keyspace]?.store;
      return store === undefined ? undefined : stores[store]?.feature;
    }
    case "bucket":
      return buckets?.[value.bucket]?.feature;
    case "secret": {
      const secret = secrets[value.secret];
      return secret?.origin === "operator" ? secret.feature : undefined;
    }
    case "setting":
      return settings?.[value.setting]?.feature;
    default:
      return undefined;
  }
}

function declarations(system: System, kind: Kind): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "store":
      return system.stores;
    case "keyspace":
      return system.keyspaces;
    case "bucket":
      return system.buckets ?? {};
    case "secret":
      return system.secrets;
    case "setting":
      return system.settings ?? {};
    case "feature":
      return system.features;
    case "pool":
      return system.postgres.pools;
  }
}

function references(system: System): Reference[] {
  const found: Reference[] = [];
  const add = (kind: Kind, name: string | undefined, path: string) => {
    if (name !== undefined) found.push({ kind, name, path });
  };

  for (const [name, store] of Object.entries(system.stores)) add("feature", store.feature, `stores.${name}.feature`);
  for (const [name, keyspace] of Object.entries(system.keyspaces)) add("store", keyspace.store, `keyspaces.${name}.store`);
  for (const [name, bucket] of Object.entries(system.buckets ?? {})) add("feature", bucket.feature, `buckets.${name}.feature`);
  for (const [name, secret] of Object.entries(system.secrets))
    if (secret.origin === "operator") add("feature", secret.feature, `secrets.${name}.feature`);
  for (const [name, setting] of Object.entries(system.settings ?? {})) add("feature", setting.feature, `settings.${name}.feature`);
  for (const { component, path } of components(system)) add("feature", component.feature, `${path}.feature`);

  for (const { value, path } of variables(system)) {
    add("feature", value.feature, `${path}.feature`);
    if (value.from === "database") add("pool", value.pool, `${path}.pool`);
    if (value.from === "bucket") add("bucket", value.bucket, `${path}.bucket`);
    if (value.from === "secret") add("secret", value.secret, `${path}.secret`);
    if (value.from === "setting") add("setting", value.setting, `${path}.setting`);
    if (value.from === "store" && "store" in value) add("store", value.store, `${path}.store`);
    if (value.from === "store" && "keyspace" in value) add("keyspace", value.keyspace, `${path}.keyspace`);
  }

  add("secret", system.alerts.slack?.webhook, "alerts.slack.webhook");
  return found;
}

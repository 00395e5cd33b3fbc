/** The variables of a component, each as one short line. */
import type { Component, Env, System } from "../definition.ts";

export function componentOf(system: System, name: string): Component {
  const found = Object.values(system.apps).flatMap(({ components }) => Object.entries(components));
  const [, component] = found.find(([key]) => key === name) ?? [];
  if (component === undefined) throw new Error(`${system.title} has no component "${name}".`);
  return component;
}

/** "database url", "secret jwtSecret", "plain 30000"; where they are not the usual, also the scope and the feature. */
export function reads(system: System, name: string): Record<string, string> {
  const { env } = componentOf(system, name);
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, line(value)]));
}

function line(value: Env): string {
  const when = [...(value.scope === "RUN_TIME" ? [] : [value.scope]), ...(value.feature === undefined ? [] : [`where ${value.feature}`])];
  return [origin(value), ...when].join(", ");
}

function origin(value: Env): string {
  switch (value.from) {
    case "plain":
      return `plain ${value.value}`;
    case "database":
      return [
        "database",
        value.part,
        value.pool && `through ${value.pool}`,
        value.driver && `for ${value.driver}`,
        value.replica && "of a replica",
      ]
        .filter(Boolean)
        .join(" ");
    case "store":
      return "store" in value ? `store ${value.store} ${value.part}` : `keyspace ${value.keyspace} ${value.part}`;
    case "bucket":
      return `bucket ${value.bucket} ${value.part}`;
    case "caFile":
      return "file of certificates";
    case "secret":
      return `secret ${value.secret}`;
    case "setting":
      return `setting ${value.setting}`;
    case "phase":
      return `phase ${value.flag}`;
    case "budget":
      return `budget ${value.wish}, ${value.least} at least${value.overflow ? `, ${value.overflow} more` : ""}`;
    case "app":
      return `app ${value.part}`;
  }
}

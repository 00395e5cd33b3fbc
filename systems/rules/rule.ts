/** What a rule is, and the two walks that most of them take. */
import type { Component, Env, System } from "../definition.ts";
import type { Mistake } from "../mistake.ts";

export type Report = (mistake: Omit<Mistake, "system">) => void;
/** Looks at a definition whose shape is right, and reports what is wrong all the same. */
export type Rule = (system: System, report: Report) => void;

export interface PlacedComponent {
  readonly app: string;
  readonly name: string;
  readonly component: Component;
  readonly path: string;
}

export function components(system: System): PlacedComponent[] {
  return Object.entries(system.apps).flatMap(([app, { components }]) =>
    Object.entries(components).map(([name, component]) => ({ app, name, component, path: `apps.${app}.components.${name}` })),
  );
}

export interface PlacedVariable {
  readonly key: string;
  readonly value: Env;
  readonly component: Component;
  readonly path: string;
}

export function variables(system: System): PlacedVariable[] {
  return components(system).flatMap(({ component, path }) =>
    Object.entries(component.env).map(([key, value]) => ({ key, value, component, path: `${path}.env.${key}` })),
  );
}

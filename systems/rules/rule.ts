/** The type of a rule, and the components and variables of a system with their paths. */

import type { Problem } from "../../catalog/problem.ts";
import type { Component, Env, System } from "../definition.ts";

/** The path of the problem begins below the system. */
export type Report = (problem: Problem) => void;
/** Checks a definition whose shape is valid. */
export type Rule = (system: System, report: Report) => void;

/** "shop: apps.web.name" */
export function pathOf(system: string, path: string): string {
  return `${system}: ${path}`;
}

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

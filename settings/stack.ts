/** The input of the parsers: the requested values, the selected systems, and the collectors of problems and notices. */
import type { DatabaseRegion } from "../catalog/regions.ts";
import type { System } from "../systems/definition.ts";
import type { Defaults } from "./defaults.ts";
import type { Problems } from "./problems.ts";
import type { Requested, RequestedSystem } from "./schema.ts";
import type { Environment } from "./settings.ts";

export interface Stack {
  readonly requested: Requested;
  readonly environment: Environment;
  readonly defaults: Defaults;
  readonly suffix: string;
  readonly region: DatabaseRegion;
  readonly systems: readonly SelectedSystem[];
  /** YYYY-MM-DD. */
  readonly today: string;
  readonly problems: Problems;
  readonly notices: string[];
}

/** A system of this stack. */
export interface SelectedSystem {
  readonly system: System;
  /** Its object among the settings: slipway:<key>. */
  readonly key: string;
  readonly requested: RequestedSystem;
  readonly region: DatabaseRegion;
  readonly features: ReadonlySet<string>;
}

/** JSON has no undefined values, only the types of the schema have: spreading it over defaults keeps those. */
export function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return value as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

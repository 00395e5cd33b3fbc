/** What the parts of a stack's settings are worked out from: who is on it, where, and where problems and notices go. */
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

/** A system that this stack holds. */
export interface SelectedSystem {
  readonly system: System;
  /** Its object among the settings: slipway:<key>. */
  readonly key: string;
  readonly requested: RequestedSystem;
  readonly region: DatabaseRegion;
  readonly features: ReadonlySet<string>;
}

/** Without the keys that hold nothing, so that spreading it over defaults leaves those alone. */
export function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** What the parts of a stack's settings are worked out from: who is on it, where, and where mistakes and notices go. */
import type { DatabaseRegion } from "../catalog/regions.ts";
import type { System } from "../systems/definition.ts";
import type { Defaults } from "./defaults.ts";
import type { Mistakes } from "./mistakes.ts";
import type { Asked, AskedSystem } from "./schema.ts";
import type { Environment } from "./settings.ts";

export interface Stack {
  readonly asked: Asked;
  readonly environment: Environment;
  readonly defaults: Defaults;
  readonly suffix: string;
  readonly region: DatabaseRegion;
  readonly systems: readonly Picked[];
  /** YYYY-MM-DD. */
  readonly today: string;
  readonly mistakes: Mistakes;
  readonly notices: string[];
}

/** A system that this stack holds. */
export interface Picked {
  readonly system: System;
  /** Its object among the settings: slipway:<key>. */
  readonly key: string;
  readonly asked: AskedSystem;
  readonly region: DatabaseRegion;
  readonly features: ReadonlySet<string>;
}

/** Without the keys that hold nothing, so that spreading it over defaults leaves those alone. */
export function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

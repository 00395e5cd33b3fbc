/** What one round of a watch saw. It is a line of the journal, so it is JSON and contains no secret. */
import type { Problem } from "../alerts/alert.ts";

export interface Observation {
  /** ISO time at which the round began. */
  readonly at: string;
  readonly summary: Readonly<Record<Aspect, string>>;
  readonly problems: readonly Problem[];
  /** Rows by table: "fluxstudio public.users". */
  readonly rows: Readonly<Record<string, number>>;
}

/** What the documents ask for in each round. */
export const ASPECTS = ["process", "errors", "validation", "counts", "health"] as const;
export type Aspect = (typeof ASPECTS)[number];

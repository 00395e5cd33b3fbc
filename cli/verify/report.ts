/** The report of one system, as --json prints it. */
import type { Check } from "../../operate/verify/check.ts";
import type { ItemAnswer } from "../../operate/verify/checklist.ts";

export interface Report {
  readonly system: string;
  readonly title: string;
  readonly at: string;
  readonly checks: readonly Check[];
  readonly checklist: readonly ItemAnswer[];
}

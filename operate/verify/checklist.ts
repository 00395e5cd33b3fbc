/** Answers a product's own checklist from the checks. */
import type { System } from "../../systems/definition.ts";
import { type Check, type Outcome, worstOf } from "./check.ts";

export interface ItemAnswer {
  readonly item: string;
  readonly outcome: Outcome;
  /** Why, where it is not passed. */
  readonly because: string;
}

export function answerChecklist({ checklist = [] }: System, checks: readonly Check[]): readonly ItemAnswer[] {
  return checklist.map(({ item, checks: kinds }) => {
    if (kinds.length === 0) return { item, outcome: "skipped", because: "a person has to do it" };
    const found = checks.filter(({ kind }) => kinds.includes(kind));
    const outcome = worstOf(found);
    const reasons = found.filter((check) => check.outcome === outcome).map(({ subject, evidence }) => `${subject}: ${evidence}`);
    return { item, outcome, because: outcome === "passed" ? "" : (reasons[0] ?? "nothing shows it") };
  });
}

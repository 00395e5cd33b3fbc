/** What every report calls things, so that the comment and the page say the same. */
import type { CostChange, Restart, Review, Risk, Shown, StackReview } from "./review.ts";
import { RISKS } from "./review.ts";

export const VERDICTS: Readonly<Record<Risk, string>> = {
  danger: "Danger",
  care: "Care",
  routine: "Routine",
  none: "Nothing changes",
};

/** By the side that could not be planned. */
export const FAILURES = {
  base: "The base cannot be planned, so there is nothing to compare with.",
  head: "The program fails at head.",
} as const;

type Change = StackReview["resources"][number]["change"];

/** In the order in which a reader wants to know. */
export const CHANGE_WORDS: readonly (readonly [Change, string])[] = [
  ["replace", "replaced"],
  ["delete", "deleted"],
  ["create", "created"],
  ["update", "updated"],
  ["redeploy", "redeployed"],
  ["import", "imported"],
];

/** `digitalocean:index/databaseCluster:DatabaseCluster` is a DatabaseCluster. */
export const kindOf = (type: string): string => type.slice(type.lastIndexOf(":") + 1);

/** What a resource is called, by which its URN ends. */
export const nameOf = (urn: string): string => urn.slice(urn.lastIndexOf(":") + 1);

/** What is lost and what is worst comes first; otherwise in the order of the program. */
export function byRisk<T extends { readonly risk: Risk }>(all: readonly T[]): T[] {
  return all.toSorted((one, other) => RISKS.indexOf(one.risk) - RISKS.indexOf(other.risk));
}

/** Reading and staying the same is no change. */
export const changed = ({ resources }: StackReview) => resources.filter(({ change }) => change !== "same" && change !== "read");

/** What no deploy takes back. Some replacements lose nothing, and are no more than an update then. */
export const isLoss = ({ change, risk }: { readonly change: Change; readonly risk: Risk }): boolean =>
  (change === "replace" || change === "delete") && (risk === "danger" || risk === "care");

export const counted = (count: number, noun: string, several = `${noun}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? noun : several}`;

/** How many resources of each change, none left out that is there. */
export function counts(stack: StackReview): { readonly word: string; readonly count: number; readonly lossy: boolean }[] {
  return CHANGE_WORDS.flatMap(([change, word]) => {
    const those = changed(stack).filter((resource) => resource.change === change);
    return those.length === 0 ? [] : [{ word, count: those.length, lossy: those.some(isLoss) }];
  });
}

export function shownWords(shown: Shown): string {
  switch (shown.kind) {
    case "plain":
      return shown.text;
    case "secret":
      return "(secret)";
    case "unknown":
      return "(known after the deploy)";
    case "absent":
      return "(not set)";
  }
}

export const dollars = (amount: number): string => amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const difference = (before: number, after: number): string => `${after < before ? "−" : "+"}${dollars(Math.abs(after - before))}`;

/** Absent on one side is nothing to pay there; no price is told as that. */
export const priced = (amount: number | null): string => (amount === null ? "unpriced" : dollars(amount));

export const costs = ({ before, after }: CostChange): boolean => Math.round(before * 100) !== Math.round(after * 100);

export const restartWords: Readonly<Record<Restart["kind"], string>> = { restart: "restarts", job: "runs again", build: "is built again" };

export const shortCommit = (commit: string): string => commit.slice(0, 12);

/** Nothing that anybody has to look at, also not that it could not be compared. */
export const isQuiet = (review: Review): boolean => review.risk === "none" && review.stacks.every((stack) => isStackQuiet(stack));

export const isStackQuiet = (stack: StackReview): boolean =>
  stack.failure === undefined &&
  stack.risk === "none" &&
  changed(stack).length === 0 &&
  [stack.migrations, stack.keyspaces, stack.secrets, stack.firewalls, stack.restarts, stack.reasons].every(({ length }) => length === 0);

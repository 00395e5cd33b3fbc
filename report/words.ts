/** The words that Markdown and HTML reports share. */
import type { CostChange, Restart, Review, Risk, Shown, StackReview } from "./review.ts";
import { RISKS } from "./review.ts";

export const VERDICTS: Readonly<Record<Risk, string>> = {
  danger: "Danger",
  care: "Care",
  routine: "Routine",
  none: "No changes",
};

/** By the side that failed. */
export const FAILURES = {
  base: "The program fails at base, so there is nothing to compare with.",
  head: "The program fails at head.",
} as const;

type Change = StackReview["resources"][number]["change"];

/** Most important first. */
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

/** The name of a resource, from its URN. */
export const nameOf = (urn: string): string => urn.slice(urn.lastIndexOf(":") + 1);

/** Worst first; otherwise in the order of the program. */
export function byRisk<T extends { readonly risk: Risk }>(all: readonly T[]): T[] {
  return all.toSorted((one, other) => RISKS.indexOf(one.risk) - RISKS.indexOf(other.risk));
}

/** Without resources that are only read or stay the same. */
export const changed = ({ resources }: StackReview) => resources.filter(({ change }) => change !== "same" && change !== "read");

/** Changes that no later deployment reverts. A routine replacement loses nothing. */
export const isLoss = ({ change, risk }: { readonly change: Change; readonly risk: Risk }): boolean =>
  (change === "replace" || change === "delete") && (risk === "danger" || risk === "care");

export const counted = (count: number, noun: string, several = `${noun}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? noun : several}`;

/** How many resources have each kind of change. */
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
      return "(known after the deployment)";
    case "absent":
      return "(not set)";
  }
}

export const dollars = (amount: number): string => amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Per month, after the change. */
export const monthly = ({ after, isMinimum }: CostChange): string => (isMinimum ? `unknown (at least ${dollars(after)})` : dollars(after));

export const difference = (before: number, after: number): string => `${after < before ? "−" : "+"}${dollars(Math.abs(after - before))}`;

export const priced = (amount: number | null): string => (amount === null ? "unpriced" : dollars(amount));

export const costs = ({ before, after }: CostChange): boolean => Math.round(before * 100) !== Math.round(after * 100);

export const restartWords: Readonly<Record<Restart["kind"], string>> = { restart: "restarts", job: "runs again", build: "is built again" };

export const shortCommit = (commit: string): string => commit.slice(0, 12);

/** No changes, and no failure to compare. */
export const isQuiet = (review: Review): boolean => review.risk === "none" && review.stacks.every((stack) => isStackQuiet(stack));

export const isStackQuiet = (stack: StackReview): boolean =>
  stack.failure === undefined &&
  stack.risk === "none" &&
  changed(stack).length === 0 &&
  [stack.migrations, stack.keyspaces, stack.secrets, stack.firewalls, stack.restarts, stack.reasons].every(({ length }) => length === 0);

/** Whether both values are versions of a secret, see components/readable.ts. */
export function isSecretChange({
  before = "",
  after = "",
}: {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}): boolean {
  return [before, after].every((text) => /^secret(, version \d+)?$/.test(text));
}

/** What repairs a stack, step by step, as commands of Pulumi's CLI. None of them deletes anything in the account. */
import { quoteWord } from "../../catalog/shell.ts";
import { nameOf, typeOf } from "../../engine/urn.ts";
import type { Comparison } from "./comparison.ts";
import { TYPES } from "./kinds.ts";

export interface Step {
  readonly kind: "cancel" | "clear" | "refresh" | "import" | "up";
  /** Why, in a sentence. */
  readonly purpose: string;
  /** The arguments of `pulumi`. */
  readonly args: readonly string[];
}

export interface StepOptions {
  readonly stack: string;
  /** The URN of the stack itself: a refresh of it reads nothing of the account. */
  readonly stackUrn: string;
  /** Where the import file is. */
  readonly file: string;
}

/** Reads nothing of the account, and fails where the stack is locked. */
export const lockProbe = ({ stack, stackUrn }: Pick<StepOptions, "stack" | "stackUrn">): readonly string[] => [
  ...["refresh", "-s", stack, "--yes", "--skip-preview", "--target", stackUrn],
];

export function stepsOf(comparison: Comparison, { stack, stackUrn, file }: StepOptions): readonly Step[] {
  const { toImport, gone, recreated, changed, incomplete, pending, users } = comparison;
  const s = ["-s", stack];
  const now = ["--yes", "--skip-preview"];
  // What `up` would replace after a refresh keeps its entry in the state; the operator decides.
  const stale = [...gone, ...recreated, ...incomplete, ...changed.filter(({ replaces }) => !replaces)].map(({ urn }) => urn);
  const isNeeded = stale.length + toImport.length + pending.length > 0;
  const isUser = (urn: string) => typeOf(urn) === TYPES.user;
  const hasUsers = users.length > 0 || stale.some(isUser);
  const targets = [...new Set(stale.filter((urn) => !isUser(urn)).map(wildcard)), ...(hasUsers ? [`**${TYPES.user}::*`] : [])];
  return [
    ...when(isNeeded, "cancel", "Only if Pulumi reports that the stack is locked, and no other `up` is running", ["cancel", ...s, "--yes"]),
    ...when(pending.length > 0, "clear", "Drop the operations that the interrupted run never finished", [
      ...["refresh", ...s, ...now, "--clear-pending-creates", "--target", stackUrn],
    ]),
    ...when(targets.length > 0, "refresh", refreshPurpose(stale.length > 0, hasUsers), [
      ...["refresh", ...s, ...now, ...targets.flatMap((target) => ["--target", target])],
    ]),
    ...when(toImport.length > 0, "import", "Add to the state what exists in the account", [
      ...["import", ...s, ...now, "--file", file, "--generate-code=false", ...protection(toImport)],
    ]),
    ...when(isNeeded || targets.length > 0, "up", "Deploy the rest. Its preview must replace nothing at DigitalOcean", ["up", ...s]),
  ];
}

function when(condition: boolean, kind: Step["kind"], purpose: string, args: readonly string[]): readonly Step[] {
  return condition ? [{ kind, purpose, args }] : [];
}

/**
 * An import protects, so an `up` that planned to replace an imported resource would stop; the same `up` then sets what the program says. Where the
 * program protects nothing of it, a `pulumi destroy` in place of this `up` must work as well.
 */
const protection = (toImport: Comparison["toImport"]): readonly string[] =>
  toImport.some(({ protect }) => protect) ? [] : ["--protect=false"];

function refreshPurpose(isStale: boolean, hasUsers: boolean): string {
  const stale = "Read again what is gone, differs or is incomplete";
  const users = "the passwords of database users, which slipway does not compare";
  if (!isStale) return `Read again ${users}`;
  return hasUsers ? `${stale}, and ${users}` : stale;
}

/** A URN is longer than a line; type and name are enough. */
const wildcard = (urn: string): string => `**${typeOf(urn)}::${nameOf(urn)}`;

/** As a shell reads it. The arguments may end with the project's folder. */
export const commandLine = (args: readonly string[]): string => ["pulumi", ...args].map(quoteWord).join(" ");

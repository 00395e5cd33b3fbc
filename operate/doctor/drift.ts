/** Where the account differs from the state of a stack, as findings. */
import { nameOf, typeOf } from "../../engine/urn.ts";
import { type Comparison, describeSubject, type Subject } from "../recover/comparison.ts";
import { type Examination, type Finding, formatCount, type NextStep, type Severity } from "./finding.ts";

export interface DriftSubject {
  /** "shop on stack prod" */
  readonly name: string;
  readonly comparison: Comparison;
  /** What a printed command needs: "-s prod --cwd ../shop". */
  readonly flags: string;
}

export function examineDrift({ name, comparison, flags }: DriftSubject): Examination {
  const { toImport, unimportable, conflicting, duplicates, gone, recreated, changed, incomplete, pending, notes, users } = comparison;
  const recover: NextStep = { text: "See what can be repaired, and repair it.", command: `slipway recover ${flags}` };
  const compare: NextStep = {
    text: "Decide which is right: put it into the program and its settings, or let the next deployment restore what they say.",
    command: `slipway drift ${flags}`,
  };
  const findings = [
    ...toImport.map((one) => finding("not-in-state", "warning", one, "It is in the account, and not in the state.", recover)),
    ...unimportable.map((one) =>
      finding(
        "not-in-state",
        "warning",
        one,
        "It is in the account, and cannot be imported into the state.",
        removal(one.command, recover),
      ),
    ),
    ...duplicates.map((one) =>
      finding("duplicate", "warning", one, "It is in the account twice, and once in the state.", removal(one.command, recover)),
    ),
    ...conflicting.map((one) =>
      finding(
        "conflict",
        "error",
        one,
        `It is in the account, and not as the program declares it: ${one.properties
          .map(({ property, account, program }) => `${property} is ${show(account)} instead of ${program}`)
          .join(", ")}.`,
        { text: "Rename one of the two.", command: `slipway drift ${flags}` },
      ),
    ),
    ...gone.map((one) =>
      finding(
        "gone",
        "error",
        one,
        `It is in the state, and no longer in the account.${one.isDeclared ? " The next deployment creates it again, empty." : ""}`,
        { text: "Find out who deleted it, before the next deployment.", command: `slipway drift ${flags}` },
      ),
    ),
    ...recreated.map((one) =>
      finding("recreated", "error", one, `It was created again outside of the stack: ${one.account} instead of ${one.state}.`, recover),
    ),
    ...changed.map((one) =>
      finding(
        "changed",
        "warning",
        one,
        `It was changed outside of the stack: ${one.properties
          .map(({ property, account, state }) => `${property} is ${show(account)} instead of ${show(state)}`)
          .join(", ")}.${one.replaces ? " The next deployment would replace it after a refresh." : ""}`,
        compare,
      ),
    ),
    ...incomplete.map((one) => finding("incomplete", "warning", one, "The run that created it ended in an error.", recover)),
    ...pending.map(({ urn, operation }) =>
      finding(
        "unfinished",
        "warning",
        { urn, type: typeOf(urn), name: nameOf(urn) },
        `An interrupted run never finished ${operation} it.`,
        recover,
      ),
    ),
  ];
  return {
    name,
    at: "the account",
    facts: [
      { name: "resources", value: findings.length === 0 ? "as in the state" : `${formatCount(findings.length)} differ from the state` },
    ],
    findings,
    unchecked: [
      ...notes,
      ...(users.length === 0 ? [] : ["passwords of users: only `pulumi refresh` compares them"]),
      "variables of apps and recipients of alerts",
    ],
  };
}

/** @param reason why the comparison could not be made */
export const unreadableDrift = (name: string, reason: string): Examination => ({
  name,
  at: "the account",
  facts: [],
  findings: [],
  unchecked: [`the account against the state: ${reason}`],
});

const finding = (kind: string, severity: Severity, subject: Subject, evidence: string, next: NextStep): Finding => ({
  id: `drift-${kind}`,
  severity,
  subject: describeSubject(subject),
  evidence,
  next,
});

/** @param command which deletes the one that is too many; absent where it may be another stack's */
const removal = (command: string | undefined, otherwise: NextStep): NextStep =>
  command === undefined ? otherwise : { text: "Delete it, if no one else uses it.", command };

const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

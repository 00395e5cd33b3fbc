/** What an `up` prints about the verification of a system. */
import type { System } from "../../systems/definition.ts";
import type { Check } from "./check.ts";

export interface VerifiedDeployment {
  readonly system: Pick<System, "name" | "title">;
  readonly stack: string;
  readonly checks: readonly Check[];
}

/** "DevX Platform: 12 checks passed, 2 unproved. devx-platform: deployment 4b… of commit 5b…: ACTIVE, 6 of 6 steps" */
export function summarize({ system, checks }: VerifiedDeployment): string {
  const count = (outcome: Check["outcome"]) => checks.filter((check) => check.outcome === outcome).length;
  const unproved = count("unproved");
  const counts = `${system.title}: ${count("passed")} checks passed${unproved === 0 ? "" : `, ${unproved} unproved`}.`;
  return [counts, ...deploymentsOf(checks)].join("\n  ");
}

const deploymentsOf = (checks: readonly Check[]): readonly string[] =>
  checks.filter(({ kind }) => kind === "deployment").map(({ subject, evidence }) => `${subject}: ${evidence}`);

/** The checks that failed, each with what to do, and how to go on: the apps are deployed already. */
export function describeResult({ system, stack, checks }: VerifiedDeployment): string {
  const failed = checks.filter(({ outcome }) => outcome === "failed");
  const count = failed.length === 1 ? "1 check" : `${failed.length} checks`;
  const hasEnded = failed.every(({ kind }) => kind !== "deployment");
  return [
    `${count} of ${system.title} failed after the deployment.${hasEnded ? " The new version is deployed and serves." : ""}`,
    ...failed.flatMap(formatFailed),
    ...deploymentsOf(checks.filter(({ outcome }) => outcome !== "failed")).map((line) => `  ${line}`),
    "Correct the cause and run pulumi up: it verifies again, also if nothing else changes.",
    `To return to the version before: npx slipway rollback plan --system ${system.name} --stack ${stack}`,
    `To let failed checks warn only: pulumi config set slipway:verify warn -s ${stack}`,
  ].join("\n");
}

function formatFailed({ kind, subject, evidence, log = [], next }: Check): readonly string[] {
  return [
    `  ${kind} ${subject}: ${evidence}`,
    ...log.map((line) => `    | ${line}`),
    ...(next === undefined ? [] : [`    Next: ${next.text}${next.command === undefined ? "" : ` ${withNpx(next.command)}`}`]),
  ];
}

const withNpx = (command: string): string => (command.startsWith("slipway ") ? `npx ${command}` : command);

/** The verdict of a stack's review: its risk and the reasons, worst first. */
import { nameOf, shortType } from "../engine/urn.ts";
import { RISKS, type StackReview, worst } from "../report/review.ts";

type Changes = Omit<StackReview, "risk" | "reasons">;
type Reason = StackReview["reasons"][number];

export function verdict(review: Changes): StackReview {
  const reasons = distinct(reasonsFor(review)).sort((one, other) => RISKS.indexOf(one.risk) - RISKS.indexOf(other.risk));
  return { ...review, risk: worst(reasons.map(({ risk }) => risk)), reasons };
}

/** Routine changes are summed up in one line of counts. */
function reasonsFor(review: Changes): Reason[] {
  const all = [...failures(review), ...resources(review), ...files(review), ...wiring(review), ...engineReasons(review)];
  const serious = all.filter(({ risk }) => risk === "danger" || risk === "care");
  const counts = routine(review);
  return counts === "" ? serious : [...serious, { risk: "routine", text: counts }];
}

function* failures({ failure, messages, missing = [] }: Changes): Generator<Reason> {
  for (const { setting, command } of missing)
    yield { risk: "danger", text: `Setting ${setting} is missing in this stack, so it cannot be deployed. Set it: ${command}` };
  if (failure)
    yield {
      risk: "danger",
      text: `The program fails at ${failure.side}, so the effect of this change is unknown: ${firstLines(failure.message)}`,
    };
  for (const { severity, text } of messages) {
    if (severity === "error") yield { risk: "danger", text: `Message of the program: ${firstLine(text)}` };
    if (severity === "warning") yield { risk: "care", text: `Message of the program: ${firstLine(text)}` };
  }
}

const VERBS: Readonly<Record<string, string>> = {
  create: "is created",
  update: "is updated in place",
  replace: "is replaced",
  delete: "is destroyed",
  redeploy: "is redeployed",
  import: "is imported",
};

function* resources({ resources: all }: Changes): Generator<Reason> {
  for (const { change, type, name, risk, note } of all) {
    if (!(change in VERBS)) continue;
    // The note of a replacement begins with it, and says why.
    const what = change === "replace" && note?.startsWith("replaced ") ? `is ${note}` : `${VERBS[change]}${note ? `: ${note}` : ""}`;
    yield { risk, text: `${shortType(type)} ${name} ${what}` };
  }
}

function* files({ migrations, keyspaces }: Changes): Generator<Reason> {
  for (const { system, file, risk, note } of migrations) yield { risk, text: `${system} ${file}${note ? `: ${note}` : ""}` };
  for (const { system, keyspace, kind, name, change, detail, risk } of keyspaces) {
    const what = kind === "keyspace" ? `keyspace ${keyspace}${name === keyspace ? "" : `, ${name}`}` : `${kind} ${name} of ${keyspace}`;
    yield { risk, text: `${system} ${what} is ${change}${detail ? `: ${detail}` : ""}` };
  }
}

function* wiring({ secrets, firewalls }: Changes): Generator<Reason> {
  for (const { secret, change, before, after, risk, note } of secrets)
    yield { risk, text: `Secret ${secret}: ${change}${transition(before, after)}${note ? `; ${note}` : ""}` };
  for (const { cluster, change, rule, risk, note } of firewalls) {
    yield { risk, text: `Firewall of ${cluster}: ${FIREWALL[change]} ${rule}${note ? ` (${note})` : ""}` };
  }
}

const FIREWALL = { opened: "open to", closed: "closed to", added: "new, open to", removed: "removed, with" } as const;

function transition(before: string | undefined, after: string | undefined): string {
  if (before !== undefined && after !== undefined) return `, ${before} to ${after}`;
  return before !== undefined || after !== undefined ? `, ${before ?? after}` : "";
}

function* engineReasons({ engine }: Changes): Generator<Reason> {
  for (const { urn, ours, engines, meaning, risk } of engine?.contradictions ?? []) {
    yield { risk, text: `${nameOf(urn)}: the programs show ${ours}, Pulumi plans ${engines}: ${meaning}` };
  }
  for (const { policy, level, message } of engine?.policies ?? []) {
    yield { risk: level === "mandatory" ? "danger" : "care", text: `Policy ${policy}: ${firstLine(message)}` };
  }
}

function routine({ resources: all, migrations, keyspaces, secrets, cost }: Changes): string {
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const { change } of all) if (change in COUNTED) count(COUNTED[change]!);
  for (const _ of migrations) count("migration");
  for (const _ of keyspaces) count("keyspace change");
  for (const _ of secrets) count("secret change");
  const parts = [...counts].map(([what, times]) => `${times} ${times === 1 ? what : plural(what)}`);
  if (cost.before !== cost.after) parts.push(`${cost.before} to ${cost.after} USD a month`);
  return parts.join(", ");
}

const COUNTED: Readonly<Record<string, string>> = {
  create: "new resource",
  update: "update in place",
  replace: "replacement",
  delete: "deletion",
  redeploy: "redeployed app",
  import: "adopted resource",
};

function plural(what: string): string {
  if (what.startsWith("update")) return what.replace("update", "updates");
  return `${what}s`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.slice(0, 500);
}

/** Two lines, because the first is often only a count. */
function firstLines(text: string): string {
  const [first = "", second = ""] = text.split("\n").filter((line) => line.trim() !== "");
  return `${first} ${second}`.trim().slice(0, 500);
}

function distinct(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((reason) => [reason.text, reason])).values()];
}

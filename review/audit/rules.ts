/** What an audit looks for, each by its id: how bad it is, what it means and what to do. `docs/audit.md` has a line for every one. */
import type { Severity } from "../finding.ts";

export interface Rule {
  readonly severity: Severity;
  /** A short name, for lists. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  readonly fix: string;
}

export const RULES = {
  "secret-in-output": {
    severity: "critical",
    title: "Secret in a stack output",
    why: "A stack output without its mark is plain text in the state, in `pulumi stack output` and in every log that prints it.",
    fix: "Leave it out, or wrap it: pulumi.secret(value).",
  },
  "secret-in-state": {
    severity: "critical",
    title: "Secret without its mark",
    why: "A value that lost its mark is plain text in the state and in every preview.",
    fix: "Keep it an Output from its origin on: requireSecret, apply, interpolate. Never unsecret, never a plain string.",
  },
  "secret-in-component-output": {
    severity: "high",
    title: "Secret in a component's outputs",
    why: "What a component registers without a mark is plain text in the state.",
    fix: "Wrap it where it is registered: pulumi.secret(value).",
  },
  "secret-in-name": {
    severity: "critical",
    title: "Secret in a name",
    why: "Names and keys are in URNs, in previews, in the control panel and in every log; no mark hides them.",
    fix: "Name the thing by what it is for.",
  },
  "secret-in-tag": {
    severity: "high",
    title: "Secret in a tag",
    why: "Tags are shown to everybody in the account, also where Pulumi keeps them encrypted.",
    fix: "Take it out of the tags.",
  },
  "secret-in-plain-field": {
    severity: "high",
    title: "Secret in a field that DigitalOcean shows",
    why: "Pulumi's mark protects the state only: this field is plain text in the control panel and in the API.",
    fix: "Give it to a variable of type SECRET, or to nobody.",
  },
  "secret-in-log": {
    severity: "high",
    title: "Secret in a log",
    why: "What a program logs or prints is kept by whoever runs it. Pulumi masks secrets of its config there and no others.",
    fix: "Log its name, never its value.",
  },
  "secret-in-error": {
    severity: "high",
    title: "Secret in an error",
    why: "The text of an error ends up in a terminal, a job's log and a comment.",
    fix: "Say which value is wrong and by which rule, and leave the value out.",
  },
  "secret-in-file": {
    severity: "high",
    title: "Secret in a file",
    why: "A file that a program leaves behind is readable after it, and easily committed.",
    fix: "Hand the value over in memory; write nothing.",
  },
  "secret-on-command-line": {
    severity: "high",
    title: "Secret on a command line",
    why: "Every process of the machine can read another's arguments, and App Platform shows its commands.",
    fix: "Pass it as a variable of the process.",
  },
  "secret-sent": {
    severity: "critical",
    title: "Secret sent over the network",
    why: "A program that declares infrastructure has nobody to send a secret to but Pulumi.",
    fix: "Take the request out; give the value to a resource.",
  },
  "secret-shown": {
    severity: "critical",
    title: "Secret in what a review shows",
    why: "A plan is shown to everybody who reads the pull request.",
    fix: "This is a fault of slipway, or of a program that writes a secret in an unusual form: report it, without the value.",
  },
  "secret-derived": {
    severity: "low",
    title: "Something computed from a secret is shown",
    why: "A hash, a length or a few letters of a secret help to guess it, the more so the shorter it is.",
    fix: "Mark the result as a secret, or compute a keyed hash with a key that is one.",
  },
  "secret-literal": {
    severity: "high",
    title: "Secret written in the program",
    why: "Marking it does not help: the value is in the repository, and in all its history.",
    fix: "Treat it as burnt, have a new one made, and read it with requireSecret.",
  },
  "secret-unread": {
    severity: "low",
    title: "Secret that nobody reads",
    why: "A secret that nothing needs can only be lost.",
    fix: "Take it out of the config and of the definition, or wire it to what needs it.",
  },
  "secret-old": {
    severity: "medium",
    title: "Secret not rotated for too long",
    why: "The older a secret, the more people, machines and backups have seen it.",
    fix: "Move the date: pulumi config set slipway:rotated <today>.",
  },
  "env-build-time": {
    severity: "high",
    title: "Secret in a build",
    why: "A value of the build scope is in the build's log and in what the build makes, which browsers download.",
    fix: "Give the variable the scope RUN_TIME. Left out, it is RUN_AND_BUILD_TIME.",
  },
  "env-general-type": {
    severity: "high",
    title: "Secret variable of type GENERAL",
    why: "App Platform shows a GENERAL variable in the control panel and the API. Left out, the type is GENERAL.",
    fix: "Give the variable the type SECRET.",
  },
  "reader-without-need": {
    severity: "high",
    title: "Reader without need",
    why: "A component gets a secret that its definition does not ask for; whoever breaks into it has that secret, too.",
    fix: "Take the variable out, or declare it in the system's definition.",
  },
  "reader-unserved": {
    severity: "medium",
    title: "Reader without its secret",
    why: "A definition says that a component reads a secret, and the program does not give it that secret.",
    fix: "Wire the variable, or take it out of the system's definition.",
  },
  unsecret: {
    severity: "high",
    title: "A mark is taken off",
    why: "After `unsecret` nothing protects the value: not in the state, not in a preview, not in a log.",
    fix: "Work with the value inside `apply`, where it stays marked.",
  },
  "config-require": {
    severity: "high",
    title: "Secret read as a plain value",
    why: "`require` and `get` hand out a secret setting as a plain string, without a warning.",
    fix: "Use requireSecret, getSecret or requireSecretObject.",
  },
  "firewall-open": {
    severity: "critical",
    title: "Database open to the world",
    why: "Without a firewall, or with such a source in it, anyone on the internet can try passwords.",
    fix: "Name the addresses that must connect, and nobody else.",
  },
  "data-unprotected": {
    severity: "high",
    title: "Data without protection",
    why: "In production one careless change replaces or deletes this, and all that it holds.",
    fix: "Set `protect: true` on it: slipway:protect is true in production.",
  },
  "tls-not-verified": {
    severity: "high",
    title: "Connection that verifies nobody",
    why: "TLS without a check of the certificate and the name hands the password to whoever stands in between.",
    fix: "Use sslmode=verify-full with the cluster's CA, and rediss://.",
  },
  "role-too-strong": {
    severity: "high",
    title: "Role with too many rights",
    why: "Whoever gets its password may do all of this.",
    fix: "Grant what the product uses, to the role that uses it.",
  },
  "readonly-writes": {
    severity: "high",
    title: "Read-only role that writes",
    why: "It is given to people and tools because it can break nothing.",
    fix: "Grant it SELECT and no more.",
  },
  "app-uses-admin": {
    severity: "high",
    title: "App that connects as the administrator",
    why: "A break-in at the app is one at the whole cluster.",
    fix: "Give the app's database a user of its own: dbUser.",
  },
  "secret-in-stack-file": {
    severity: "critical",
    title: "Secret in plain text in a stack's file",
    why: "The file is committed, and so is the value.",
    fix: "Treat it as burnt, have a new one made, and set it with pulumi config set --secret.",
  },
  "token-in-repository": {
    severity: "critical",
    title: "Token or login in a tracked file",
    why: "Whoever can read the repository, or ever could, has it.",
    fix: "Treat it as burnt and have a new one made; then take it out of the file.",
  },
  "state-plaintext": {
    severity: "critical",
    title: "Secret in plain text in the state",
    why: "The state's own file holds it without encryption.",
    fix: "Mark it in the program, run `pulumi up`, and have a new value made: the old one is in the state's history.",
  },
  "state-shown": {
    severity: "critical",
    title: "State exported with its secrets",
    why: "`pulumi stack export --show-secrets` writes every secret in plain text.",
    fix: "Delete this file and export without --show-secrets.",
  },
  "event-plaintext": {
    severity: "critical",
    title: "Secret in an engine event",
    why: "Event logs are artifacts of jobs, and kept.",
    fix: "Mark it in the program; delete the log; have a new value made.",
  },
  "suppression-invalid": {
    severity: "high",
    title: "Suppression without reason or after its end",
    why: "A finding that is hidden for ever, or for no reason, is a finding that nobody decided on.",
    fix: "Mend what it hides, or write a reason and a new date.",
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof RULES;

export function ruleOf(id: string): Rule {
  return RULES[id as RuleId];
}

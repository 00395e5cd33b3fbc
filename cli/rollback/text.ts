/** Plans and results of `slipway rollback` as text. */

import { describeReturn, type FullPlan, type FullResult } from "../../operate/rollback/full.ts";
import { describeChanges, describeDeployment } from "../../operate/rollback/history.ts";
import type { QuickPlan, QuickResult } from "../../operate/rollback/quick.ts";
import type { StepReport, TimedStep } from "../../operate/rollback/stopwatch.ts";
import type { RollbackSubject } from "../../operate/rollback/subject.ts";
import type { Check } from "../../operate/verify/check.ts";
import { visible } from "../../report/escape.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";

/** What the products' documents promise. */
const PROMISED_MINUTES = { quick: 15, full: 60 } as const;

export function formatStep(event: Parameters<StepReport>[0]): string {
  return event.kind === "started" ? `${event.name} …` : `${event.name}: ${visible(event.result)}, in ${formatSeconds(event.seconds)}`;
}

const formatSeconds = (seconds: number): string => (seconds < 120 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`);

function formatAge(seconds: number): string {
  const units = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ] as const;
  const [name, size] = units.find(([, length]) => seconds >= 2 * length) ?? units[3];
  const count = Math.max(0, Math.round(seconds / size));
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

const INDENT = "    ";
const paragraph = (text: string, { columns }: Layout, indent = INDENT): string[] =>
  wrap(visible(text), columns - indent.length).map((line) => `${indent}${line}`);
/** Commands stay on one line, where they can be copied. */
const refusalsOf = (refusals: readonly string[], layout: Layout): string[] =>
  refusals.flatMap((reason) => [`  ${layout.style.bad("refused")}`, ...paragraph(reason, layout)]);

export function formatQuickPlan(plan: QuickPlan, { system }: RollbackSubject, layout: Layout): string {
  const { style } = layout;
  const { apps, migrations, reverted, revertsFirst, losses, refusals } = plan;
  const lines = [
    `${style.bold(`Quick: ${system.title}`)}  the deployment before, with the data of today; promised in ${PROMISED_MINUTES.quick} minutes`,
  ];
  for (const { app, target, isPinned, reason, notices } of apps) {
    lines.push(`  ${app.name}`);
    if (app.active !== undefined) lines.push(...paragraph(`active: ${describeDeployment(app.active)}`, layout));
    if (target === undefined) lines.push(...paragraph(reason ?? "", layout));
    else {
      lines.push(...paragraph(`${isPinned ? "is being rolled back" : "returns"} to: ${describeDeployment(target)}`, layout));
      const changes = app.active === undefined ? [] : describeChanges(app.active, target);
      if (changes.length > 0) lines.push(...paragraph(`its spec: ${changes.join(", ")}`, layout));
    }
    for (const notice of notices) lines.push(...paragraph(notice, layout));
  }
  if (plan.since !== undefined) {
    lines.push(`  migrations since ${plan.since.toISOString()}${migrations.applied.length === 0 ? ": none" : ""}`);
    for (const { file, at, compatible, breaks, back } of migrations.applied) {
      const way = back === true ? "has a down migration" : back;
      const works =
        compatible === undefined
          ? `the older version may not work with ${breaks.join("; ")}`
          : `the older version works with it: ${compatible}`;
      lines.push(...paragraph(`${file}, applied ${at.toISOString()}: ${works}; ${way}`, layout));
    }
  }
  for (const { text } of losses) lines.push(...paragraph(`--migrate-down loses ${text}`, layout));
  if (refusals.length > 0) return [...lines, ...refusalsOf(refusals, layout)].join("\n");
  const revert = reverted.length === 0 ? [] : [`revert ${reverted.join(", ")}`];
  const steps = [
    "look again at what is there",
    ...(revertsFirst ? revert : []),
    "App Platform deploys the earlier version, and pins the app to it",
    "wait until it is active; until then the other one answers",
    ...(revertsFirst ? [] : revert),
    "verify health, probes and rows",
  ];
  return [...lines, "  steps", ...steps.flatMap((step, index) => paragraph(`${index + 1}. ${step}`, layout))].join("\n");
}

export function formatFullPlan(plan: FullPlan, { system }: RollbackSubject, layout: Layout): string {
  const { backup, lostSeconds, missing, stage, restored, refusals } = plan;
  const name = system.postgres.database;
  const lines = [
    `${layout.style.bold(`Full: ${system.title}`)}  the data of a backup, in a new database; promised in ${PROMISED_MINUTES.full} minutes`,
  ];
  if (backup !== undefined)
    lines.push(
      ...paragraph(`backup ${backup.id} of ${backup.startedAt.toISOString()}`, layout),
      ...paragraph(`what was written in the last ${formatAge(lostSeconds!)} goes out of use, and stays in the old database`, layout),
    );
  if (missing.length > 0) lines.push(...paragraph(`the backup lacks ${missing.join(", ")}`, layout));
  if (stage !== "new") lines.push(...paragraph("an earlier run was interrupted: this continues it", layout));
  if (refusals.length > 0) return [...lines, ...refusalsOf(refusals, layout)].join("\n");
  const steps = [
    "look again at what is there",
    "back up the current state, read every byte of it again, and hold that backup",
    `restore the backup into ${restored}, and compare every row`,
    "give roles their privileges and settings in it",
    `switch: end the sessions of ${name}, and exchange the names in one transaction; the old database is kept as ${name}_before_<time>`,
    "verify health, probes and rows",
  ];
  return [...lines, "  steps", ...steps.flatMap((step, index) => paragraph(`${index + 1}. ${step}`, layout))].join("\n");
}

function formatTimes(steps: readonly TimedStep[], seconds: number, way: keyof typeof PROMISED_MINUTES, { style }: Layout): string[] {
  const width = Math.max(...steps.map(({ name }) => name.length));
  const total = `${"total".padEnd(width)}  ${formatSeconds(seconds)}; promised: ${PROMISED_MINUTES[way]} minutes`;
  const isInTime = seconds <= PROMISED_MINUTES[way] * 60;
  return [
    ...steps.map(({ name, seconds: took }) => `  ${name.padEnd(width)}  ${formatSeconds(took)}`),
    `  ${isInTime ? style.good(total) : style.bad(total)}`,
  ];
}

const formatFailed = (checks: readonly Check[], layout: Layout): string[] =>
  checks
    .filter(({ outcome }) => outcome === "failed")
    .flatMap(({ subject, evidence }) => [`  ${layout.style.bad("FAILED")}  ${visible(subject)}`, ...paragraph(evidence, layout)]);

export function formatQuickResult({ apps, steps, seconds, checks }: QuickResult, { flags }: RollbackSubject, layout: Layout): string {
  return [
    ...apps.map(({ name, deployment, returnedTo }) => `${name} runs deployment ${deployment}, which repeats ${returnedTo}`),
    ...formatTimes(steps, seconds, "quick", layout),
    ...formatFailed(checks, layout),
    "The app is pinned: nothing else is deployed until you keep this version, or return to the newer one:",
    `  slipway rollback commit ${flags}`,
    `  slipway rollback revert ${flags}`,
  ].join("\n");
}

export function formatFullResult(result: FullResult, { system }: RollbackSubject, layout: Layout): string {
  const { backup, kept, steps, seconds, differences, checks } = result;
  const name = system.postgres.database;
  const tables = differences.map(({ table, before, now }) => `  ${visible(table)}: ${before} rows there, ${now} here`);
  return [
    `${name} has the data of backup ${backup}`,
    ...formatTimes(steps, seconds, "full", layout),
    ...formatFailed(checks, layout),
    `The old database is kept as ${kept}. What was written since the backup is there.`,
    ...(tables.length === 0
      ? ["No table differed in its number of rows when it was backed up."]
      : ["When it was backed up, it had:", ...tables]),
    "To go back to it, stop the apps, and as the administrator, connected to another database:",
    ...describeReturn(result, name).map((statement) => `  ${statement}`),
    "To remove it when you are sure:",
    `  DROP DATABASE "${kept}";`,
  ].join("\n");
}

export function quickPlanToJson({ apps, since, migrations, ...plan }: QuickPlan) {
  return {
    ...plan,
    since: since?.toISOString() ?? null,
    apps: apps.map(({ app, target, isPinned, reason, notices }) => ({
      ...{ name: app.name, active: app.active?.id ?? null, returnsTo: target?.id ?? null, isPinned, reason: reason ?? null, notices },
    })),
    migrations: migrations.applied.map(({ at, compatible, ...migration }) => ({
      ...{ ...migration, at: at.toISOString(), compatible: compatible ?? null },
    })),
  };
}

export function fullPlanToJson({ backup, ...plan }: FullPlan) {
  return { ...plan, backup: backup === undefined ? null : { id: backup.id, startedAt: backup.startedAt.toISOString() } };
}

/** The quick rollback: App Platform runs an earlier deployment again, with the data of today. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { down } from "../../postdeploy/migrate/index.ts";
import type { Check } from "../verify/check.ts";
import { verifyPatiently } from "../verify/patience.ts";
import { requestRollback, waitUntilActive } from "./deploy.ts";
import { type AppHistory, describeDeployment, type HistoryOptions, readHistories, schemaTimeOf } from "./history.ts";
import { type ActualLoss, type LaterMigrations, readLaterMigrations } from "./migrations.ts";
import { type StepReport, startStopwatch, type TimedStep } from "./stopwatch.ts";
import type { RollbackSubject } from "./subject.ts";

export interface QuickOptions extends HistoryOptions {
  /** Also revert the migrations that were applied since. @default they stay */
  readonly migrateDown: boolean;
  /** What may be lost, by name. */
  readonly acceptedLosses: readonly string[];
}

export interface QuickPlan {
  readonly apps: readonly AppHistory[];
  /** Since the earliest of the deployments that the apps return to; undefined where none is known. */
  readonly since: Date | undefined;
  readonly migrations: LaterMigrations;
  /** The files that are reverted, newest first. */
  readonly reverted: readonly string[];
  /** Whether they are reverted before the older version runs: it does not work with them. */
  readonly revertsFirst: boolean;
  readonly losses: readonly ActualLoss[];
  /** Why it is not carried out. */
  readonly refusals: readonly string[];
}

export async function planQuick(subject: RollbackSubject, options: QuickOptions): Promise<QuickPlan> {
  const { database, system, folders, flags } = subject;
  const { migrateDown, acceptedLosses } = options;
  const apps = await readHistories(subject, options);
  const targets = apps.flatMap(({ target }) => target ?? []);
  const times = targets.map(schemaTimeOf);
  const refusals: string[] = [];
  if (targets.length === 0) refusals.push(...apps.map(({ app, reason }) => `${app.name}: ${reason}`));
  const unknown = targets.find((_, index) => times[index] === undefined);
  if (unknown !== undefined)
    refusals.push(`The API does not say when deployment ${unknown.id} was created, so the migrations since then are not known.`);
  const since = times.length === 0 || unknown !== undefined ? undefined : new Date(Math.min(...times.map((time) => time!.getTime())));
  const migrations: LaterMigrations =
    since === undefined || database === undefined
      ? { applied: [], reverted: [] }
      : await readLaterMigrations({ system, connection: database.owner, folder: folders.migrations }, since);
  for (const file of migrations.reverted)
    refusals.push(
      `${file} was applied when that deployment was made, and was reverted since. Apply it first: slipway migrate up --system ${system.name}`,
    );
  const applied = migrations.applied;
  const isIncompatible = applied.some(({ compatible }) => compatible === undefined);
  for (const { file, compatible, breaks, back } of applied) {
    const what = `${file}: the older version may not work with ${breaks.join("; ")}`;
    if (migrateDown && back !== true) refusals.push(`${file} cannot be reverted: ${back}. Without --migrate-down it stays.`);
    if (migrateDown || compatible !== undefined) continue;
    const declare = 'If the older version works with it, write "-- slipway: compatible <reason>" at the top of the file';
    refusals.push(
      back === true
        ? `${what}. To revert it first, add --migrate-down. ${declare}.`
        : `${what}, and ${back}. ${declare}; otherwise use the full way: slipway rollback full ${flags}`,
    );
  }
  const losses = migrateDown ? applied.flatMap((migration) => migration.losses) : [];
  const notAccepted = losses.filter(({ name }) => !acceptedLosses.includes(name));
  if (notAccepted.length > 0)
    refusals.push(
      `--migrate-down would lose ${notAccepted.map(({ text }) => text).join(", ")}. To accept that: --accept-data-loss ${losses.map(({ name }) => name).join(",")}`,
    );
  return {
    ...{ apps, since, migrations, losses, refusals },
    reverted: migrateDown ? applied.map(({ file }) => file).reverse() : [],
    revertsFirst: isIncompatible,
  };
}

export interface CarryOut {
  readonly waitMs: number;
  /** How long a check of the services that fails is repeated. @default as after a deployment */
  readonly patienceMs?: number;
  readonly report: StepReport;
}

export interface QuickResult {
  readonly steps: readonly TimedStep[];
  readonly seconds: number;
  readonly apps: readonly { readonly name: string; readonly deployment: string; readonly returnedTo: string }[];
  readonly checks: readonly Check[];
}

/** Looks at what is there before each step, so that it can be run again after it was killed at any of them. */
export async function quick(
  subject: RollbackSubject,
  options: QuickOptions,
  { waitMs, patienceMs, report }: CarryOut,
): Promise<QuickResult> {
  const watch = startStopwatch(report);
  const plan = await watch.step("look", async () => {
    const found = await planQuick(subject, options);
    refuse("quick", found.refusals, subject);
    return [
      found,
      `${found.apps
        .filter(({ target }) => target)
        .map(({ app, target }) => `${app.name} returns to ${describeDeployment(target!)}`)
        .join("; ")}`,
    ];
  });
  const apps = plan.apps.filter(({ target }) => target !== undefined);
  const revert = async () => {
    if (plan.reverted.length === 0) return;
    await watch.step("revert migrations", async () => [undefined, await revertMigrations(subject, plan.reverted)]);
  };
  if (plan.revertsFirst) await revert();
  await watch.step("deploy", async () => {
    const lines: string[] = [];
    for (const history of apps) lines.push(await requestRollback(subject, history));
    return [undefined, lines.join("; ")];
  });
  const deployments = await watch.step("wait", async () => {
    const ids = await Promise.all(apps.map(({ app }) => waitUntilActive(subject, app.id, waitMs)));
    return [ids, ids.map((id, index) => `deployment ${id} of ${apps[index]!.app.name} is active`).join("; ")];
  });
  // The older version does not use what the files have added, and the version from before this step may.
  if (!plan.revertsFirst) await revert();
  const checks = await watch.step("verify", () => verifyServices(subject, patienceMs));
  return {
    ...{ steps: watch.steps, seconds: watch.seconds(), checks },
    apps: apps.map(({ app, target }, index) => ({ name: app.name, deployment: deployments[index]!, returnedTo: target!.id })),
  };
}

async function revertMigrations({ system, database, folders }: RollbackSubject, files: readonly string[]): Promise<string> {
  const { schemas, roles } = system.postgres;
  const { reverted } = await down({
    ...{ folder: folders.migrations, connection: database!.owner, system: system.name, owner: roles.owner, schemas },
    steps: files.length,
  });
  return `reverted ${reverted.join(", ")}`;
}

export function refuse(way: string, refusals: readonly string[], { system }: RollbackSubject): void {
  if (refusals.length === 0) return;
  throw new Failure(
    "refused",
    1,
    [`The ${way} rollback of ${system.name} is refused, and nothing was changed:`, ...refusals.map((reason) => `  - ${reason}`)].join("\n"),
  );
}

/** Whether the services answer, and from this database. What only the newer definition declares is not looked at. */
const VERIFIED = ["health", "probes", "canary"];

export async function verifyServices(subject: RollbackSubject, patienceMs?: number): Promise<readonly [readonly Check[], string]> {
  // A pool that led elsewhere during the switch needs a moment until it admits clients again.
  const all = await verifyPatiently({ ...subject, readBackups: async () => [] }, { waitMs: 0, bench: false }, { patienceMs });
  const checks = all.filter(({ kind }) => VERIFIED.includes(kind));
  const count = (outcome: Check["outcome"]) => checks.filter((check) => check.outcome === outcome).length;
  return [checks, `${count("passed")} checks passed, ${count("failed")} failed, ${count("unproved")} unproved`];
}

/** The full rollback: the data of a backup, in a new database that gets the name of the old one. */
import { withSession } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import { up } from "../../postdeploy/migrate/index.ts";
import { foldEvents } from "../../postdeploy/migrate/ledger/history.ts";
import { LedgerTable, readLedger } from "../../postdeploy/migrate/ledger/ledger.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import type { Check } from "../verify/check.ts";
import { listDatabases, type Mark, nameKept, nameRestored, type Switch, setMark, switchDatabases } from "./databases.ts";
import { type AppHistory, readHistories, schemaTimeOf } from "./history.ts";
import { timeOf } from "./migrations.ts";
import { leadAway, leadBack, listPools, type Pool } from "./pools.ts";
import { refuse, verifyServices } from "./quick.ts";
import { type StepReport, startStopwatch, type TimedStep } from "./stopwatch.ts";
import type { BackupFacts, BackupSource, RollbackSubject } from "./subject.ts";

export interface FullOptions {
  /** The id of the backup. @default the newest usable one, or that of a rollback that was interrupted */
  readonly backup: string | undefined;
  /** Apply what the backup lacks before the switch. */
  readonly migrateUp: boolean;
}

export interface FullPlan {
  readonly backup: BackupFacts | undefined;
  /** Since the backup: what full takes out of use. */
  readonly lostSeconds: number | undefined;
  /** Migrations that the backup lacks. */
  readonly missing: readonly string[];
  /** How far an interrupted rollback has come. */
  readonly stage: "new" | "begun" | "restored" | "switched";
  readonly restored: string | undefined;
  /** The old database, where they are switched already. */
  readonly kept: string | undefined;
  /** That an interrupted rollback has led away from the database. */
  readonly pools: readonly Pool[];
  readonly refusals: readonly string[];
}

/** With it, the backup of the state before a rollback is held, and never restored by default. */
export const holdReason = (backup: string): string => `the state before the rollback to ${backup}`;
const isStateBefore = ({ hold }: BackupFacts): boolean => hold?.startsWith("the state before the rollback to ") ?? false;

export async function planFull(subject: RollbackSubject, { backup: wanted, migrateUp }: FullOptions): Promise<FullPlan> {
  const { admin, database, system, backups, flags } = subject;
  const nothing = {
    backup: undefined,
    lostSeconds: undefined,
    missing: [],
    stage: "new",
    restored: undefined,
    kept: undefined,
    pools: [],
  } as const;
  if (admin === undefined || database === undefined)
    return { ...nothing, refusals: [`${subject.account} has no database of ${system.name}.`] };
  if (typeof backups === "string") return { ...nothing, refusals: [backups] };
  const found = await withSession(admin, SESSION, listDatabases);
  const name = system.postgres.database;
  const mark = found.find((one) => one.name === name)?.mark;
  // Another backup than the one of the interrupted rollback begins a new one: nothing was switched yet.
  const interrupted = mark !== undefined && isInterrupted(mark) && (wanted === undefined || wanted === mark.backup) ? mark : undefined;
  const { backup, refusal } = await chooseBackup(backups, wanted ?? interrupted?.backup);
  if (backup === undefined) return { ...nothing, refusals: [refusal!] };
  const restored = nameRestored(name, backup.id);
  const isRestored = found.some((one) => one.name === restored);
  const stage = interrupted?.kind === "restored" ? "switched" : interrupted === undefined ? "new" : isRestored ? "restored" : "begun";
  const refusals = [...(refusal === undefined || stage === "switched" || stage === "restored" ? [] : [refusal])];
  if (stage === "new" && isRestored)
    refusals.push(`Database ${restored} exists. If it is left from an earlier rollback, drop it first: DROP DATABASE "${restored}";`);
  const missing = stage === "switched" ? [] : await findMissing(subject, database.owner, backup.startedAt);
  const needed = migrateUp ? [] : missing.filter(({ isNeeded }) => isNeeded).map(({ file }) => file);
  if (needed.length > 0)
    refusals.push(
      `The version that runs needs ${needed.join(", ")}, which the backup of ${backup.startedAt.toISOString()} lacks. Return to the version before first: slipway rollback quick ${flags} --yes. Or apply them to the restored data: --migrate-up`,
    );
  return {
    ...{ backup, stage, refusals, restored, missing: missing.map(({ file }) => file) },
    lostSeconds: (Date.now() - backup.startedAt.getTime()) / 1000,
    kept: interrupted?.kind === "restored" ? interrupted.kept : undefined,
    pools: mark !== undefined && mark.kind !== "kept" ? (mark.pools ?? []) : [],
  };
}

const isInterrupted = (mark: Mark): boolean => mark.kind === "begun" || (mark.kind === "restored" && !mark.verified);

const SESSION = { application: "slipway rollback" };

async function chooseBackup(
  source: BackupSource,
  wanted: string | undefined,
): Promise<{ readonly backup?: BackupFacts; readonly refusal?: string }> {
  const all = await source.list();
  if (wanted !== undefined) {
    const backup = all.find(({ id }) => id === wanted);
    if (backup === undefined)
      return { refusal: `There is no backup ${wanted} of this database in ${source.place}. To see them: slipway backup list` };
    return backup.problem === undefined ? { backup } : { backup, refusal: `Backup ${wanted} cannot be used: it ${backup.problem}.` };
  }
  const backup = all.find((one) => one.problem === undefined && !isStateBefore(one));
  if (backup !== undefined) return { backup };
  const [newest] = all;
  return {
    refusal:
      newest === undefined
        ? `There is no backup of this database in ${source.place}. Make one while the data is good: slipway backup create`
        : `No backup of this database in ${source.place} can be used: the newest, ${newest.id}, ${newest.problem ?? `is ${newest.hold}`}. Verify it: slipway backup verify ${newest.id}. Or name one: --backup <id>`,
  };
}

interface Missing {
  readonly file: string;
  /** Whether a version that runs was deployed with it. */
  readonly isNeeded: boolean;
}

async function findMissing(subject: RollbackSubject, connection: Connection, since: Date): Promise<readonly Missing[]> {
  const ledger = await withSession(connection, SESSION, (session) => readLedger(session, new LedgerTable(), subject.system.name));
  const later = [...foldEvents(ledger?.events ?? []).values()].filter(
    (entry) => entry.state === "applied" && timeOf(entry) > since && !entry.file.endsWith(".down.sql"),
  );
  if (later.length === 0) return [];
  const running = (await readHistories(subject)).map(runningSince);
  return later.map((entry) => ({ file: entry.file, isNeeded: running.some((time) => time === undefined || timeOf(entry) <= time) }));
}

/** Until when a migration belongs to the version that runs: after a rollback, that of the earlier deployment. */
function runningSince({ app, isPinned, target, newest }: AppHistory): Date | undefined {
  if (app.active === undefined) return new Date(0);
  if (isPinned) return target === undefined ? undefined : schemaTimeOf(target);
  return newest?.id === app.active.id && newest.cloned_from !== undefined ? schemaTimeOf(newest) : schemaTimeOf(app.active);
}

export interface FullResult {
  readonly steps: readonly TimedStep[];
  readonly seconds: number;
  readonly backup: string;
  /** The old database. */
  readonly kept: string;
  /** For how long no session could connect, at most; undefined where an earlier run has switched. */
  readonly switchMs: number | undefined;
  /** Tables whose number of rows differs: in the old database, and in the restored one. */
  readonly differences: readonly { readonly table: string; readonly before: number; readonly now: number }[];
  readonly checks: readonly Check[];
}

/** Looks at what is there before each step, so that it can be run again after it was killed at any of them. */
export async function full(
  subject: RollbackSubject,
  options: FullOptions,
  { report }: { readonly report: StepReport },
): Promise<FullResult> {
  const watch = startStopwatch(report);
  const { system } = subject;
  const name = system.postgres.database;
  const plan = await watch.step("look", async () => {
    const found = await planFull(subject, options);
    refuse("full", found.refusals, subject);
    const { backup, stage } = found;
    return [
      found,
      `backup ${backup!.id} of ${backup!.startedAt.toISOString()}${stage === "new" ? "" : `; an earlier run had ${STAGES[stage]}`}`,
    ];
  });
  const [admin, source, backup, restored] = [subject.admin!, subject.backups as BackupSource, plan.backup!, plan.restored!];
  let before: BackupFacts | undefined;
  let kept = plan.kept;
  let switchMs: number | undefined;
  if (plan.stage !== "switched") {
    await withSession(admin, SESSION, (session) =>
      setMark(session, name, { kind: "begun", backup: backup.id, at: new Date().toISOString(), pools: plan.pools }),
    );
    before = await watch.step("back up", async () => {
      const earlier = plan.stage === "new" ? undefined : await findStateBefore(source, backup);
      if (earlier !== undefined) return [earlier, `an earlier run has backed up the current state: ${earlier.id}`];
      const made = await source.create(holdReason(backup.id));
      return [made, `the current state is in backup ${made.id}, which is held`];
    });
    await watch.step("restore", async () => {
      if (plan.stage === "restored") return [undefined, `${restored} was restored and compared by an earlier run`];
      const { tables, rows } = await source.restore(backup.id, restored);
      return [undefined, `${rows} rows in ${tables} tables of ${restored}, each compared with the backup`];
    });
    await watch.step("prepare", async () => [
      undefined,
      await prepare(subject, connectionTo(admin, restored), { restored, migrateUp: options.migrateUp }),
    ]);
    const at = new Date();
    kept = nameKept(name, at);
    switchMs = await watch.step("switch", async () => {
      const pools = plan.pools.length > 0 ? plan.pools : await listPools(subject.api, subject.database!.cluster, name);
      const milliseconds = await switchWithPools(subject, { database: name, restored, kept: kept!, backup: backup.id, at, pools });
      return [
        milliseconds,
        `${restored} is ${name} now, and the old database is ${kept}; no session could connect for ${Math.round(milliseconds)} ms`,
      ];
    });
  } else if (plan.pools.length > 0) await leadBack(subject, plan.pools);
  const checks = await watch.step("verify", () => verifyServices(subject));
  await withSession(admin, SESSION, async (session) => {
    const { mark } = (await listDatabases(session)).find((one) => one.name === name)!;
    if (mark?.kind === "restored") await setMark(session, name, { ...mark, verified: true, pools: undefined });
  });
  const held = before ?? (await findStateBefore(source, backup));
  return {
    ...{ steps: watch.steps, seconds: watch.seconds(), backup: backup.id, kept: kept!, switchMs, checks },
    differences: compareRows(held, backup),
  };
}

/** @returns for how long no session could connect, at most, in milliseconds */
async function switchWithPools(subject: RollbackSubject, change: Switch): Promise<number> {
  const { pools, database, backup, at } = change;
  const admin = subject.admin!;
  if (pools.length === 0) return await switchDatabases(admin, change);
  const start = performance.now();
  await withSession(admin, SESSION, (session) => setMark(session, database, { kind: "begun", backup, at: at.toISOString(), pools }));
  try {
    await leadAway(subject, pools);
    await switchDatabases(admin, change);
  } finally {
    // Also where the databases were not switched: the apps use the old one again.
    await leadBack(subject, pools);
  }
  return performance.now() - start;
}

const findStateBefore = async (source: BackupSource, { id }: BackupFacts): Promise<BackupFacts | undefined> =>
  (await source.list()).find(({ hold, problem }) => hold === holdReason(id) && problem === undefined);

const STAGES = { begun: "begun", restored: "restored and compared it", switched: "switched the databases" } as const;

/** What a dump does not contain: privileges on the database, and settings of roles in it. All of it is done before the apps use it. */
async function prepare(
  { system, database, folders }: RollbackSubject,
  connection: Connection,
  { restored, migrateUp }: { readonly restored: string; readonly migrateUp: boolean },
): Promise<string> {
  const { schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
  const { statements } = await applyRoles({ connection, database: restored, ...{ schemas, extensions, roles, statementTimeoutSeconds } });
  const granted = `${statements.length} statements of the roles step`;
  if (!migrateUp) return granted;
  const owner = connectionTo(database!.owner, restored);
  const { applied } = await up({ folder: folders.migrations, connection: owner, system: system.name, owner: roles.owner, schemas });
  return `${granted}; migrations: ${applied.length === 0 ? "none was missing" : applied.map(({ file }) => file).join(", ")}`;
}

/** In the old database as it was backed up last, and in the restored one. */
function compareRows(before: BackupFacts | undefined, now: BackupFacts): FullResult["differences"] {
  if (before === undefined) return [];
  const tables = [...new Set([...before.tables.keys(), ...now.tables.keys()])].sort();
  return tables
    .map((table) => ({ table, before: before.tables.get(table) ?? 0, now: now.tables.get(table) ?? 0 }))
    .filter((one) => one.before !== one.now);
}

/** The statements that go back to the old database. */
export const describeReturn = ({ kept, backup }: Pick<FullResult, "kept" | "backup">, database: string): readonly string[] => [
  `ALTER DATABASE "${database}" RENAME TO "${nameRestored(database, backup)}";`,
  `ALTER DATABASE "${kept}" RENAME TO "${database}";`,
];

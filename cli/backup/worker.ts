/** `slipway backup worker`: makes backups when they are due, verifies and prunes, until it is stopped. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Source } from "../../backup/create.ts";
import { createVerified } from "../../backup/ensure.ts";
import { findNewestFiles, formatStored, pruneJsonFiles } from "../../backup/json-inventory.ts";
import { type DataSet, formatDataSet } from "../../backup/names.ts";
import { prune } from "../../backup/prune.ts";
import { findNewest, formatBackup } from "../../backup/repository.ts";
import type { RetentionPolicy } from "../../backup/retention.ts";
import { isDue, type Schedule } from "../../backup/schedule.ts";
import type { SigningKey } from "../../backup/signature.ts";
import { DEFAULT_DAILY_HOUR } from "../../catalog/backup-worker.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { exportToCopies } from "../data/export-to-copies.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import { type BackupEnvironment, openEnvironment } from "./environment.ts";
import type { WorkerOptions } from "./flags.ts";
import { readPolicies } from "./policy.ts";
import { type ExportSource, findExportSources, findSources, JSON_EXPORT, type NamedSource } from "./sources.ts";
import { formatCreated, formatStoredExport, formatVerified } from "./text.ts";

const CHECK_MS = 60_000;
/** After a failure. The next attempt may find the server or the store again. */
const RETRY_MS = 10 * 60_000;
const LOCKED = 75;
/** After a signal, for the running backup to end and to release its lease. Docker kills a container ten seconds after SIGTERM. */
const STOP_MS = 5_000;

/** @returns the exit code: with --once that of its work, which a signal leaves undone; else 0 when a signal ends it */
export async function work(options: WorkerOptions, terminal: Terminal): Promise<number> {
  const environment = await openEnvironment(options);
  // Bad input ends it at once, not at the first slot.
  const recipients = environment.recipients(options.recipient);
  const signingKey = environment.signingKey();
  const schedule: Schedule = {
    dailyAtHour: options.daily ?? DEFAULT_DAILY_HOUR,
    ...(options.hourly === undefined ? {} : { hourlyAtMinute: options.hourly }),
  };
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  const { keepDaily: daily, keepWeekly: weekly, keepMonthly: monthly, keepYearly: yearly } = options;
  const policyOf = await readPolicies({ counts: { daily, weekly, monthly, yearly }, keyspaceDays: options.keepKeyspaces });
  const context: Context = { environment, recipients, signingKey, schedule, policyOf, terminal, stop: stop.signal };
  // A system without a mapping is bad input, too.
  if (options.jsonExport) await findExportSources(options);
  const failedAt = new Map<string, number>();
  for (;;) {
    const jobs = await findJobs(options, context);
    let isDone = true;
    for (const job of jobs) {
      if (Date.now() - (failedAt.get(job.name) ?? 0) < RETRY_MS) continue;
      // What does not end in time is a backup without a manifest: there is none, however the process ends.
      const succeeded = await Promise.race([job.run(), waitAfter(stop.signal).then(() => false)]);
      if (succeeded) failedAt.delete(job.name);
      else failedAt.set(job.name, Date.now());
      isDone &&= succeeded;
      if (stop.signal.aborted) return options.once && !(isDone && job === jobs.at(-1)) ? FAILED : DONE;
    }
    if (options.once) return isDone ? DONE : FAILED;
    await sleep(CHECK_MS, undefined, { signal: stop.signal }).catch(() => {});
    if (stop.signal.aborted) return DONE;
  }
}

interface Job {
  /** "shop/postgres" */
  readonly name: string;
  /** Makes what is due. @returns false if it failed, which is printed */
  run(): Promise<boolean>;
}

/** The backups come first: a database whose rows have no form as JSON is backed up all the same. */
async function findJobs(options: WorkerOptions, context: Context): Promise<readonly Job[]> {
  const sources = await findSources(options, context.environment.home);
  const exports = options.jsonExport ? await findExportSources(options) : [];
  return [
    ...sources.map((source) => ({ name: formatDataSet(source.set), run: () => makeIfDue(source, context) })),
    ...exports.map((source) => ({ name: `${source.system.name}/${JSON_EXPORT}`, run: () => exportIfDue(source, context) })),
  ];
}

/** Resolves some seconds after the signal. */
async function waitAfter(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, "abort");
  await sleep(STOP_MS, undefined, { ref: false });
}

interface Context {
  readonly environment: BackupEnvironment;
  readonly recipients: readonly string[];
  readonly signingKey: SigningKey;
  readonly schedule: Schedule;
  readonly policyOf: (set: DataSet) => RetentionPolicy;
  readonly terminal: Terminal;
  readonly stop: AbortSignal;
}

async function makeIfDue(
  { set, open }: NamedSource,
  { environment, recipients, signingKey, schedule, policyOf, terminal, stop }: Context,
): Promise<boolean> {
  const { repository, tool } = environment;
  return await reportFailures(terminal, async () => {
    const isStillDue = async () => {
      const newest = (await findNewest(repository, set))?.startedAt;
      return isDue(schedule, newest === undefined ? undefined : new Date(newest), new Date());
    };
    if (!(await isStillDue())) return true;
    const start = performance.now();
    const openSource = async () => {
      // Under the lease: another worker may have made it meanwhile.
      if (await isStillDue()) return stopWith(stop, await open());
      throw new Failure("made-meanwhile", LOCKED, "Another worker has just made this backup.");
    };
    const { created, verified } = await createVerified({ repository, set, openSource, recipients, signingKey, tool }, (made) =>
      terminal.print(formatCreated(made, (performance.now() - start) / 1000)),
    );
    terminal.print(formatVerified([verified], [], terminal));
    const pruned = await prune({ repository, set, policyOf });
    for (const removed of pruned.removed) terminal.print(`Removed ${formatBackup(removed)}`);
    return created.missing.length === 0 && verified.copies.every(({ problem }) => problem === undefined);
  });
}

/** Once a day, also where backups are made every hour. */
async function exportIfDue({ system: { name: system }, mapping, connection }: ExportSource, context: Context): Promise<boolean> {
  const { environment, recipients, signingKey, schedule, policyOf, terminal } = context;
  const { repository } = environment;
  const set = { system, kind: JSON_EXPORT } as const;
  return await reportFailures(terminal, async () => {
    const { dailyAtHour = DEFAULT_DAILY_HOUR } = schedule;
    const isStillDue = async () => {
      const newest = await findNewestFiles(repository, set);
      return isDue({ dailyAtHour }, newest && new Date(newest.manifest.at), new Date());
    };
    if (!(await isStillDue())) return true;
    // Under the lease: another worker may have made it meanwhile.
    const made = await exportToCopies({ system, mapping, connection, repository, recipients, signingKey, isWanted: isStillDue });
    if (made === undefined) return true;
    terminal.print(formatStoredExport(made, repository.copies));
    const removed = await pruneJsonFiles({ repository, set, policy: policyOf({ system, part: JSON_EXPORT }) });
    for (const one of removed) terminal.print(`Removed ${formatStored(one)}`);
    return true;
  });
}

async function reportFailures(terminal: Terminal, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.log(error.message);
    // Another worker makes it.
    return error.exit === LOCKED;
  }
}

/** A signal ends a dump, which may take hours. */
function stopWith(stop: AbortSignal, source: Source): Source {
  const destroy = () =>
    source.archive.destroy(new Failure("stopped", 1, "The backup was stopped by a signal. It is made when the worker starts again."));
  if (stop.aborted) destroy();
  else stop.addEventListener("abort", destroy, { once: true });
  return source;
}

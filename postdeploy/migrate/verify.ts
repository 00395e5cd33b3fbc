/**
 * Proves a folder: everything from nothing into a shadow database, and every way back tried, up → down → up with equal fingerprints.
 * Where a real database is given too, it is held against what the files make.
 */

import type { Session } from "../connect/session.ts";
import type { Connection } from "../connect/target.ts";
import { applyAll } from "./apply/apply.ts";
import type { Done, Job } from "./apply/job.ts";
import { compare, type Mismatch } from "./ledger/compare.ts";
import { needsFingerprint } from "./ledger/history.ts";
import { type Folder, type MigrationFile, readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import { type PreparedFile, prepare } from "./read/prepare.ts";
import type { MigrateOptions } from "./run/options.ts";
import { type Runner, withRunner } from "./run/runner.ts";
import { type Difference, differences, drift, readObjects, type SchemaObject } from "./schema/fingerprint.ts";
import { type BrokenIndex, brokenIndexes } from "./schema/indexes.ts";
import { type ShadowNeeds, withShadow } from "./schema/shadow.ts";

export interface VerifyOptions extends Omit<MigrateOptions, "connection"> {
  /** The database that is to be as the files say. @default none: only the files are proved */
  connection?: Connection | undefined;
  /** A server on which a database may be made and dropped. @default that of `connection` */
  shadow?: Connection | undefined;
  /** Made in the shadow first, as the roles step makes them in the real one. */
  extensions?: readonly string[] | undefined;
  /** Roles that the files name. */
  roles?: readonly string[] | undefined;
}

export interface VerifyResult {
  readonly ok: boolean;
  readonly rehearsal: readonly Rehearsed[];
  /** Absent where no real database was given. */
  readonly real?: {
    readonly pending: readonly string[];
    readonly mismatches: readonly Mismatch[];
    /** Between what the applied files make and what is there. */
    readonly differences: readonly Difference[];
    /** Since the last run. */
    readonly drift: readonly Difference[];
    readonly brokenIndexes: readonly BrokenIndex[];
    readonly unvalidated: readonly string[];
  };
}

export interface Rehearsed {
  readonly file: string;
  /** equal: the way back leads back, and forward again to the same. irreversible: the file says why not. */
  readonly outcome: "equal" | "different" | "irreversible" | "no-way-back" | "repeatable";
  readonly reason?: string;
  /** What the way back left, or took too much of. */
  readonly afterDown: readonly Difference[];
  /** What the second way forward makes otherwise than the first. */
  readonly afterUp: readonly Difference[];
}

export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  const real = options.connection === undefined ? undefined : await inspect(options, options.connection, folder);
  const server = options.shadow ?? options.connection;
  if (server === undefined) throw new TypeError("verify needs a shadow server, or the connection of one");
  const needs: ShadowNeeds = { schemas: options.schemas ?? [], extensions: options.extensions ?? [], roles: options.roles ?? [] };
  return await withShadow(server, needs, async (shadow) => {
    const rehearsal: Rehearsed[] = [];
    const applied = folder.files.filter(({ name }) => real !== undefined && !real.pending.includes(name));
    const rest = folder.files.filter((file) => !applied.includes(file));
    const { owner: _, onProgress: __, ...plainOptions } = options;
    return withRunner({ ...plainOptions, connection: shadow }, async (runner) => {
      await runner.lock();
      await runner.ensureLedger();
      rehearsal.push(...(await rehearse(runner, applied)));
      const made = await readObjects(runner.session, runner.table);
      rehearsal.push(...(await rehearse(runner, rest)));
      const found = real === undefined ? [] : differences(made, real.objects);
      const ok = rehearsal.every(({ outcome }) => outcome !== "different" && outcome !== "no-way-back");
      if (real === undefined) return { ok, rehearsal };
      const { objects: __, ...shown } = real;
      const sound = found.length + real.drift.length + real.brokenIndexes.length + real.unvalidated.length + real.mismatches.length === 0;
      return { ok: ok && sound, rehearsal, real: { ...shown, differences: found } };
    });
  });
}

async function rehearse(runner: Runner, files: readonly MigrationFile[]): Promise<Rehearsed[]> {
  const result: Rehearsed[] = [];
  for (const file of files) {
    const forward = jobUp((await prepare([file]))[0]!, file);
    const before = await readObjects(runner.session, runner.table);
    await run(runner, forward);
    const after = await readObjects(runner.session, runner.table);
    const way = file.kind === "repeatable" ? undefined : file.down;
    const reason = file.header.irreversible;
    if (way === undefined && file.kind === "numbered") {
      result.push({
        file: file.name,
        outcome: reason === undefined ? "no-way-back" : "irreversible",
        ...(reason === undefined ? {} : { reason }),
        afterDown: [],
        afterUp: [],
      });
      continue;
    }
    let afterDown: Difference[] = [];
    if (way !== undefined) {
      await run(runner, { ...(await prepare([way]))[0]!, event: { kind: "reverted", file: file.name } });
      afterDown = differences(before, await readObjects(runner.session, runner.table));
    }
    await run(runner, forward);
    const afterUp = differences(after, await readObjects(runner.session, runner.table));
    const equal = afterDown.length + afterUp.length === 0;
    result.push({ file: file.name, outcome: !equal ? "different" : way === undefined ? "repeatable" : "equal", afterDown, afterUp });
  }
  return result;
}

function jobUp(ready: PreparedFile, { name, checksum, meaning }: MigrationFile): Job {
  return { ...ready, event: { kind: "applied", file: name, checksum, meaning } };
}

async function run(runner: Runner, job: Job): Promise<void> {
  const done: Done[] = [];
  await runner.readLedger();
  await applyAll(runner, done, { kind: job.event.kind === "applied" ? "applied" : "reverted", todo: () => (done.length > 0 ? [] : [job]) });
}

interface Real {
  readonly objects: readonly SchemaObject[];
  readonly pending: readonly string[];
  readonly mismatches: readonly Mismatch[];
  readonly drift: readonly Difference[];
  readonly brokenIndexes: readonly BrokenIndex[];
  readonly unvalidated: readonly string[];
}

async function inspect(options: VerifyOptions, connection: Connection, folder: Folder): Promise<Real> {
  return withRunner({ ...options, connection }, async (runner) => {
    const { session, table, ledger } = runner;
    const { pending, mismatches } = compare(folder, ledger);
    return {
      objects: await readObjects(session, table),
      pending: pending.map(({ file }) => file.name),
      mismatches,
      drift: ledger === undefined || needsFingerprint(ledger) ? [] : ((await drift(session, table)) ?? []),
      brokenIndexes: await brokenIndexes(session),
      unvalidated: await unvalidated(session),
    };
  });
}

/** Constraints that hold for new rows and were never checked for the old ones. */
async function unvalidated(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    "SELECT conrelid::regclass::text || '.' || conname AS name FROM pg_constraint JOIN pg_class c ON c.oid = conrelid WHERE NOT convalidated AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

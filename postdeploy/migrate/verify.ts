/**
 * Tests a folder in a shadow database: applies every file, and runs each down migration: up, down, up, with equal schemas.
 * If a real database is given, compares its schema with the one that its applied files create.
 */
import type { Session } from "../connect/session.ts";
import type { Connection } from "../connect/target.ts";
import { applyAll } from "./apply/apply.ts";
import type { CompletedFile, Job } from "./apply/job.ts";
import { compareToLedger, type Mismatch } from "./ledger/compare.ts";
import { needsFingerprint } from "./ledger/history.ts";
import { type Folder, type MigrationFile, readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import { type PreparedFile, prepare } from "./read/prepare.ts";
import type { MigrateOptions } from "./run/options.ts";
import { type Runner, withRunner } from "./run/runner.ts";
import { compareObjects, type Difference, findDrift, readObjects, type SchemaObject } from "./schema/fingerprint.ts";
import { type BrokenIndex, findBrokenIndexes } from "./schema/indexes.ts";
import { type ShadowOptions, withShadow } from "./schema/shadow.ts";

export interface VerifyOptions extends Omit<MigrateOptions, "connection"> {
  /** The real database to compare. @default none: only the files are tested */
  connection?: Connection | undefined;
  /** A server on which the role can create databases. @default the server of `connection` */
  shadow?: Connection | undefined;
  /** Created in the shadow database first, as the roles step creates them in the real one. */
  extensions?: readonly string[] | undefined;
  /** Roles that the files name. */
  roles?: readonly string[] | undefined;
}

export interface VerifyResult {
  readonly ok: boolean;
  readonly rehearsal: readonly Rehearsal[];
  /** Absent if no real database was given. */
  readonly real?: {
    readonly pending: readonly string[];
    readonly mismatches: readonly Mismatch[];
    /** Between the schema that the applied files create and the real one. */
    readonly differences: readonly Difference[];
    /** Changes since the last run. */
    readonly drift: readonly Difference[];
    readonly brokenIndexes: readonly BrokenIndex[];
    readonly unvalidated: readonly string[];
  };
}

export interface Rehearsal {
  readonly file: string;
  /** equal: down restored the schema before the file, and the second up the one after it. */
  readonly outcome: "equal" | "different" | "irreversible" | "no-way-back" | "repeatable";
  readonly reason?: string;
  /** Between the schema before the file and the one after its down migration. */
  readonly afterDown: readonly Difference[];
  /** Between the schemas after the first and the second up. */
  readonly afterUp: readonly Difference[];
}

export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  const real = options.connection === undefined ? undefined : await inspectDatabase(options, options.connection, folder);
  const server = options.shadow ?? options.connection;
  if (server === undefined) throw new TypeError("verify needs a connection or a shadow server");
  const requirements: ShadowOptions = { schemas: options.schemas ?? [], extensions: options.extensions ?? [], roles: options.roles ?? [] };
  return await withShadow(server, requirements, async (shadow) => {
    const rehearsal: Rehearsal[] = [];
    const applied = folder.files.filter(({ name }) => real !== undefined && !real.pending.includes(name));
    const rest = folder.files.filter((file) => !applied.includes(file));
    const { owner: _, onProgress: __, ...plainOptions } = options;
    return withRunner({ ...plainOptions, connection: shadow }, async (runner) => {
      await runner.lock();
      await runner.ensureLedger();
      rehearsal.push(...(await rehearse(runner, applied)));
      const expected = await readObjects(runner.session, runner.table);
      rehearsal.push(...(await rehearse(runner, rest)));
      const found = real === undefined ? [] : compareObjects(expected, real.objects);
      const ok = rehearsal.every(({ outcome }) => outcome !== "different" && outcome !== "no-way-back");
      if (real === undefined) return { ok, rehearsal };
      const { objects: ___, ...report } = real;
      const matches = found.length + real.drift.length + real.brokenIndexes.length + real.unvalidated.length + real.mismatches.length === 0;
      return { ok: ok && matches, rehearsal, real: { ...report, differences: found } };
    });
  });
}

async function rehearse(runner: Runner, files: readonly MigrationFile[]): Promise<Rehearsal[]> {
  const result: Rehearsal[] = [];
  for (const file of files) {
    const forward = upJob((await prepare([file]))[0]!, file);
    const before = await readObjects(runner.session, runner.table);
    await run(runner, forward);
    const after = await readObjects(runner.session, runner.table);
    const downFile = file.kind === "repeatable" ? undefined : file.down;
    const reason = file.header.irreversible;
    if (downFile === undefined && file.kind === "numbered") {
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
    if (downFile !== undefined) {
      await run(runner, { ...(await prepare([downFile]))[0]!, event: { kind: "reverted", file: file.name } });
      afterDown = compareObjects(before, await readObjects(runner.session, runner.table));
    }
    await run(runner, forward);
    const afterUp = compareObjects(after, await readObjects(runner.session, runner.table));
    const equal = afterDown.length + afterUp.length === 0;
    result.push({ file: file.name, outcome: !equal ? "different" : downFile === undefined ? "repeatable" : "equal", afterDown, afterUp });
  }
  return result;
}

function upJob(prepared: PreparedFile, { name, checksum, meaning }: MigrationFile): Job {
  return { ...prepared, event: { kind: "applied", file: name, checksum, meaning } };
}

async function run(runner: Runner, job: Job): Promise<void> {
  const completed: CompletedFile[] = [];
  await runner.readLedger();
  await applyAll(runner, completed, {
    kind: job.event.kind === "applied" ? "applied" : "reverted",
    remaining: () => (completed.length > 0 ? [] : [job]),
  });
}

type DatabaseState = Omit<NonNullable<VerifyResult["real"]>, "differences"> & { readonly objects: readonly SchemaObject[] };

async function inspectDatabase(options: VerifyOptions, connection: Connection, folder: Folder): Promise<DatabaseState> {
  return withRunner({ ...options, connection }, async (runner) => {
    const { session, table, ledger } = runner;
    const { pending, mismatches } = compareToLedger(folder, ledger);
    return {
      objects: await readObjects(session, table),
      pending: pending.map(({ file }) => file.name),
      mismatches,
      drift: ledger === undefined || needsFingerprint(ledger) ? [] : ((await findDrift(session, table)) ?? []),
      brokenIndexes: await findBrokenIndexes(session),
      unvalidated: await findUnvalidated(session),
    };
  });
}

/** Constraints that were never validated for existing rows. */
async function findUnvalidated(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    "SELECT conrelid::regclass::text || '.' || conname AS name FROM pg_constraint JOIN pg_class c ON c.oid = conrelid WHERE NOT convalidated AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

/** Prepares the pending files and applies them. */

import { type Pending, selectPending } from "../ledger/compare.ts";
import type { Ledger, NewEvent } from "../ledger/ledger.ts";
import type { Folder, MigrationFile } from "../read/files.ts";
import { type PreparedFile, prepare } from "../read/prepare.ts";
import { fieldsOf, kindOf } from "../read/statement.ts";
import type { UpOptions } from "../run/options.ts";
import type { Runner } from "../run/runner.ts";
import { createdTables, findEvidence, notEmptyFailure } from "../schema/evidence.ts";
import { applyAndRecord } from "./apply.ts";
import type { CompletedFile, Job } from "./job.ts";

export async function applyPending(
  runner: Runner,
  folder: Folder,
  first: readonly Pending[],
  options: UpOptions,
): Promise<{ applied: readonly CompletedFile[]; fingerprint: string }> {
  // Parsing takes about as long as a round trip, so both run at the same time.
  const parseFailed = new AbortController();
  const [lock, preparation] = await Promise.allSettled([
    runner.lock({ abort: parseFailed.signal }),
    prepareAll(folder, first).catch((error) => {
      parseFailed.abort();
      throw error;
    }),
  ]);
  if (preparation.status === "rejected") throw preparation.reason;
  if (lock.status === "rejected") throw lock.reason;
  const { prepared, again } = preparation.value;
  const tables = prepared.flatMap(({ statements }) => createdTables(statements));
  if (!(await runner.ensureLedger(tables))) throw notEmptyFailure(await findEvidence(runner.session, prepared), runner.server.database);
  const startId = runner.ledger?.events.at(-1)?.id ?? 0;
  const remaining = (ledger: Ledger | undefined): Job[] => {
    const { pending, entries } = selectPending(folder, ledger, options);
    const repeatables = again.filter(
      ({ name }) => (entries.get(name)?.id ?? 0) <= startId && !pending.some(({ file }) => file.name === name),
    );
    return toJobs([...pending, ...repeatables.map((file): Pending => ({ file, why: "again" }))], prepared);
  };
  runner.report({ kind: "pending", files: remaining(runner.ledger).map(({ file }) => file.name) });
  const { completed, fingerprint } = await applyAndRecord(runner, { kind: "applied", remaining });
  return { applied: completed, fingerprint };
}

/** @returns the pending files, and the repeatable files to apply again because the pending ones may drop their objects. */
async function prepareAll(
  folder: Folder,
  pending: readonly Pending[],
): Promise<{ prepared: readonly PreparedFile[]; again: readonly MigrationFile[] }> {
  const prepared = await prepare(pending.map(({ file }) => file));
  const again = prepared.some(mayDropRepeatables) ? otherRepeatables(folder, prepared) : [];
  return { prepared: [...prepared, ...(await prepare(again))], again };
}

function otherRepeatables(folder: Folder, prepared: readonly PreparedFile[]): MigrationFile[] {
  return folder.files.filter(({ kind, name }) => kind === "repeatable" && !prepared.some(({ file }) => file.name === name));
}

function toJobs(pending: readonly Pending[], prepared: readonly PreparedFile[]): Job[] {
  const byName = new Map(prepared.map((one) => [one.file.name, one]));
  return pending.map(({ file, after }) => {
    const one = byName.get(file.name)!;
    const note = after === undefined ? {} : { note: `out of order, after ${after}` };
    const event: NewEvent = {
      kind: "applied",
      file: file.name,
      checksum: file.checksum,
      meaning: one.meaning,
      ...note,
      ...(mayDropRepeatables(one) ? { repeats: true } : {}),
    };
    return { ...one, event };
  });
}

/** Whether the file may drop an object of a repeatable file, which would not be applied again while its text is unchanged. */
function mayDropRepeatables({ file, statements }: PreparedFile): boolean {
  if (!/^\d/.test(file.name)) return false;
  return statements.some(({ node, text }) => {
    return (kindOf(node) === "DropStmt" && REPEATABLE_OBJECTS.has(String(fieldsOf(node).removeType))) || /\bcascade\b/i.test(text);
  });
}

const REPEATABLE_OBJECTS = new Set([
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_FUNCTION",
  "OBJECT_PROCEDURE",
  "OBJECT_ROUTINE",
  "OBJECT_AGGREGATE",
  "OBJECT_TRIGGER",
  "OBJECT_POLICY",
  "OBJECT_RULE",
  "OBJECT_TYPE",
]);

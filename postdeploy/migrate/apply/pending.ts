/** Pending files made ready, and applied. */

import { type Pending, selectPending } from "../ledger/compare.ts";
import type { Ledger, NewEvent } from "../ledger/ledger.ts";
import type { Folder, MigrationFile } from "../read/files.ts";
import { type PreparedFile, prepare } from "../read/prepare.ts";
import { fieldsOf, kindOf } from "../read/statement.ts";
import type { UpOptions } from "../run/options.ts";
import type { Runner } from "../run/runner.ts";
import { createdTables, findEvidence, taken } from "../schema/evidence.ts";
import { applyAndRecord } from "./apply.ts";
import type { Done, Job } from "./job.ts";

export async function applyPending(
  runner: Runner,
  folder: Folder,
  first: readonly Pending[],
  options: UpOptions,
): Promise<{ applied: readonly Done[]; fingerprint: string }> {
  // Reading the files takes as long as the server needs to answer: it is asked for the lock meanwhile.
  const enough = new AbortController();
  const [locked, read] = await Promise.allSettled([
    runner.lock({ giveUp: enough.signal }),
    prepareAll(folder, first).catch((mistake) => {
      enough.abort();
      throw mistake;
    }),
  ]);
  if (read.status === "rejected") throw read.reason;
  if (locked.status === "rejected") throw locked.reason;
  const { ready, again } = read.value;
  const made = ready.flatMap(({ statements }) => createdTables(statements));
  if (!(await runner.ensureLedger(made))) throw taken(await findEvidence(runner.session, ready), runner.facts.database);
  const begin = runner.ledger?.events.at(-1)?.id ?? 0;
  const todo = (ledger: Ledger | undefined): Job[] => {
    const { pending, standing } = selectPending(folder, ledger, options);
    const left = again.filter(({ name }) => (standing.get(name)?.id ?? 0) <= begin && !pending.some(({ file }) => file.name === name));
    return jobs([...pending, ...left.map((file): Pending => ({ file, why: "again" }))], ready);
  };
  runner.tell({ kind: "pending", files: todo(runner.ledger).map(({ file }) => file.name) });
  const { done, fingerprint } = await applyAndRecord(runner, { kind: "applied", todo });
  return { applied: done, fingerprint };
}

/** With the repeatable files that must run again because of what the others take away. */
async function prepareAll(
  folder: Folder,
  pending: readonly Pending[],
): Promise<{ ready: readonly PreparedFile[]; again: readonly MigrationFile[] }> {
  const ready = await prepare(pending.map(({ file }) => file));
  const again = ready.some(takesAway) ? repeatablesBeside(folder, ready) : [];
  return { ready: [...ready, ...(await prepare(again))], again };
}

function repeatablesBeside(folder: Folder, ready: readonly PreparedFile[]): MigrationFile[] {
  return folder.files.filter(({ kind, name }) => kind === "repeatable" && !ready.some(({ file }) => file.name === name));
}

function jobs(pending: readonly Pending[], ready: readonly PreparedFile[]): Job[] {
  const byName = new Map(ready.map((one) => [one.file.name, one]));
  return pending.map(({ file, after }) => {
    const one = byName.get(file.name)!;
    const note = after === undefined ? {} : { note: `out of order, after ${after}` };
    const event: NewEvent = {
      kind: "applied",
      file: file.name,
      checksum: file.checksum,
      meaning: one.meaning,
      ...note,
      ...(takesAway(one) ? { repeats: true } : {}),
    };
    return { ...one, event };
  });
}

/** Whether something may be gone afterwards that a repeatable file made: an unchanged file would not bring it back. */
function takesAway({ file, statements }: PreparedFile): boolean {
  if (!/^\d/.test(file.name)) return false;
  return statements.some(({ node, text }) => {
    return (kindOf(node) === "DropStmt" && MADE_AGAIN.has(String(fieldsOf(node).removeType))) || /\bcascade\b/i.test(text);
  });
}

const MADE_AGAIN = new Set([
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

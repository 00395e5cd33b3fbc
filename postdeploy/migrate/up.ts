/** Applies what is pending. A second call with nothing to do reads the ledger once and says so. */
import { Failure } from "../connect/failure.ts";
import { applyAndMeasure } from "./apply.ts";
import { evidenceOf, refuseTaken } from "./evidence.ts";
import { type Folder, type MigrationFile, readFolder } from "./files.ts";
import type { Done, Job } from "./job.ts";
import { type Ledger, type NewEvent, needsMeasure } from "./ledger.ts";
import type { UpOptions } from "./options.ts";
import { fieldsOf, kindOf } from "./outside.ts";
import { prepare, type Ready, refuseBad } from "./prepare.ts";
import { withRunner } from "./runner.ts";
import { compare, type Pending, refuseMismatches, type State } from "./state.ts";

export interface UpResult {
  readonly applied: readonly Done[];
  /** Applied earlier, and only reformatted or commented since. */
  readonly reformatted: readonly string[];
  /** Of the schema as this run left it; absent when it changed nothing. */
  readonly fingerprint?: string;
}

export async function up(options: UpOptions): Promise<UpResult> {
  const folder = readFolder(options.folder);
  refuseBad(folder.findings);
  return withRunner(options, async (runner) => {
    const first = held(folder, runner.ledger, options);
    const { reformatted } = first;
    if (first.pending.length === 0 && !(runner.ledger && needsMeasure(runner.ledger))) return { applied: [], reformatted };
    const ready = await prepare(first.pending.map(({ file }) => file));
    const again = ready.some(takesAway) ? repeatablesBeside(folder, ready) : [];
    ready.push(...(await prepare(again)));
    if (runner.ledger === undefined) refuseTaken(await evidenceOf(runner.session, ready), runner.facts.database);

    await runner.lock();
    await runner.ensureLedger();
    const begin = runner.ledger?.events.at(-1)?.id ?? 0;
    const todo = (ledger: Ledger | undefined): Job[] => {
      const { pending, standing } = held(folder, ledger, options);
      const left = again.filter(({ name }) => (standing.get(name)?.id ?? 0) <= begin && !pending.some(({ file }) => file.name === name));
      return jobs([...pending, ...left.map((file): Pending => ({ file, why: "again" }))], ready);
    };
    runner.tell({ kind: "pending", files: todo(runner.ledger).map(({ file }) => file.name) });
    const { done, fingerprint } = await applyAndMeasure(runner, { kind: "applied", todo });
    return { applied: done, reformatted, fingerprint };
  });
}

function repeatablesBeside(folder: Folder, ready: readonly Ready[]): MigrationFile[] {
  return folder.files.filter(({ kind, name }) => kind === "repeatable" && !ready.some(({ file }) => file.name === name));
}

function held(folder: Folder, ledger: Ledger | undefined, { allowOutOfOrder = false, to }: UpOptions): State {
  const state = compare(folder, ledger);
  refuseMismatches(state.mismatches, allowOutOfOrder);
  if (to === undefined) return state;
  const last = folder.files.findIndex(({ name }) => name === to);
  if (last === -1)
    throw new Failure(
      "no-such-file",
      2,
      `There is no file ${to} in ${folder.path}. Its files: ${folder.files.map(({ name }) => name).join(", ") || "none"}.`,
    );
  const within = new Set(folder.files.slice(0, last + 1));
  return { ...state, pending: state.pending.filter(({ file }) => within.has(file)) };
}

function jobs(pending: readonly Pending[], ready: readonly Ready[]): Job[] {
  const byName = new Map(ready.map((one) => [one.file.name, one]));
  return pending.map(({ file, after }) => {
    const one = byName.get(file.name)!;
    const note = after === undefined ? {} : { note: `out of order, after ${after}` };
    const event: NewEvent = {
      kind: "applied",
      file: file.name,
      checksum: file.checksum,
      meaning: file.meaning,
      ...note,
      ...(takesAway(one) ? { repeats: true } : {}),
    };
    return { ...one, event };
  });
}

/** Whether something may be gone afterwards that a repeatable file made: an unchanged file would not bring it back. */
function takesAway({ file, statements }: Ready): boolean {
  if (!/^\d/.test(file.name)) return false;
  return statements.some(({ node }) => {
    const { removeType, behavior } = fieldsOf(node);
    return (
      (kindOf(node) === "DropStmt" && (behavior === "DROP_CASCADE" || MADE_AGAIN.has(String(removeType)))) ||
      JSON.stringify(node).includes('"DROP_CASCADE"')
    );
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

/** Applies what is pending. A second call with nothing to do reads the ledger once and says so. */
import { Failure } from "../connect/failure.ts";
import { applyAll } from "./apply.ts";
import { type Folder, readFolder } from "./files.ts";
import type { Done, Job } from "./job.ts";
import type { Ledger } from "./ledger.ts";
import type { UpOptions } from "./options.ts";
import { prepare, type Ready, refuseBad } from "./prepare.ts";
import { Runner } from "./runner.ts";
import { compare, type Pending, refuseMismatches } from "./state.ts";

export interface UpResult {
  readonly applied: readonly Done[];
  /** Applied earlier, and only reformatted or commented since. */
  readonly reformatted: readonly string[];
}

export async function up(options: UpOptions): Promise<UpResult> {
  const folder = readFolder(options.folder);
  refuseBad(folder.findings);
  const runner = await Runner.start(options);
  const done: Done[] = [];
  try {
    const first = fit(folder, runner.ledger, options);
    if (first.pending.length === 0) return { applied: [], reformatted: first.reformatted };
    const ready = await prepare(first.pending.map(({ file }) => file));
    await runner.lock();
    await runner.ensureLedger();
    const { pending } = fit(folder, runner.ledger, options);
    runner.tell({ kind: "pending", files: pending.map(({ file }) => file.name) });
    await applyAll(runner, done, { kind: "applied", todo: (ledger) => jobs(fit(folder, ledger, options).pending, ready) });
    return { applied: done, reformatted: first.reformatted };
  } catch (error) {
    throw withProgress(error, done);
  } finally {
    await runner.end();
  }
}

function fit(folder: Folder, ledger: Ledger | undefined, { allowOutOfOrder = false, to }: UpOptions): { pending: readonly Pending[]; reformatted: readonly string[] } {
  const { pending, mismatches, reformatted } = compare(folder, ledger);
  refuseMismatches(mismatches, allowOutOfOrder);
  if (to === undefined) return { pending, reformatted };
  const last = folder.files.findIndex(({ name }) => name === to);
  if (last === -1) throw new Failure("no-such-file", 2, `There is no file ${to} in ${folder.path}. Its files: ${folder.files.map(({ name }) => name).join(", ") || "none"}.`);
  const within = new Set(folder.files.slice(0, last + 1));
  return { pending: pending.filter(({ file }) => within.has(file)), reformatted };
}

function jobs(pending: readonly Pending[], ready: readonly Ready[]): Job[] {
  return pending.map(({ file, after }) => {
    const { statements } = ready.find((one) => one.file.name === file.name)!;
    const note = after === undefined ? {} : { note: `out of order, after ${after}` };
    return { file, statements, event: { kind: "applied", file: file.name, checksum: file.checksum, meaning: file.meaning, ...note } };
  });
}

/** What had been done before a failure is part of what a person must know. */
export function withProgress(error: unknown, done: readonly Done[]): unknown {
  if (!(error instanceof Failure) || done.length === 0) return error;
  error.message += `\n  ${done.length} ${done.length === 1 ? "file was" : "files were"} applied before it: ${names(done)}.`;
  return error;
}

function names(done: readonly Done[]): string {
  const all = done.map(({ file }) => file);
  return all.length <= 6 ? all.join(", ") : `${all.slice(0, 2).join(", ")} … ${all.at(-1)}`;
}

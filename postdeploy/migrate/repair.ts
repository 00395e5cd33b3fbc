/** Corrects the ledger on behalf of the operator, and records the reason. Never runs a statement of a file. */
import { Failure } from "../connect/failure.ts";
import { foldEvents, type LedgerEntry, type StatementProgress } from "./ledger/history.ts";
import type { NewEvent } from "./ledger/ledger.ts";
import { type Folder, type MigrationFile, readFolder } from "./read/files.ts";
import { prepare } from "./read/prepare.ts";
import { meaningChecksum } from "./read/text.ts";
import type { RunOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface RepairOptions extends RunOptions {
  /** Files whose current text is accepted as applied. */
  accept?: readonly string[] | undefined;
  /** Applied files that were removed from the folder on purpose. */
  retire?: readonly string[] | undefined;
  /** Renamed files: [old, new]. */
  rename?: readonly (readonly [string, string])[] | undefined;
  /** Statements of unknown outcome that took effect: [file, number from 1]. */
  happened?: readonly (readonly [string, number])[] | undefined;
  /** Statements of unknown outcome that did not take effect and are to be repeated. */
  again?: readonly (readonly [string, number])[] | undefined;
  /** Recorded in the ledger, with the user and the time. */
  reason: string;
}

/** @returns a line for each change. */
export async function repair(options: RepairOptions): Promise<readonly string[]> {
  const { accept = [], retire = [], rename = [], happened = [], again = [], reason } = options;
  if (reason.trim() === "")
    throw new Failure("no-reason", 2, `A repair needs a reason, which the ledger records: --reason "why this is correct"`);
  if (accept.length + retire.length + rename.length + happened.length + again.length === 0)
    throw new Failure(
      "nothing-to-repair",
      2,
      "Nothing to repair. Use --accept <file>, --retire <file>, --rename <old>=<new>, --happened <file>:<n> or --again <file>:<n>.",
    );
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const ledger = await runner.lock();
    const entries = foldEvents(ledger?.events ?? []);
    const entryOf = (name: string) => entries.get(name) ?? reject(`${name} is not in the ledger.`);
    const events: NewEvent[] = [];
    const changes: string[] = [];
    for (const name of accept) {
      const file = findFile(folder, name);
      const kind = entryOf(name).state === "running" ? "baselined" : "accepted";
      events.push({ kind, file: name, ...sums(file), note: reason });
      changes.push(kind === "accepted" ? `${name}: current text accepted` : `${name}: accepted as applied, though not every statement ran`);
    }
    for (const name of retire) {
      entryOf(name);
      if (folder.files.some((file) => file.name === name)) reject(`${name} is still in the folder. Remove the file before you retire it.`);
      events.push({ kind: "retired", file: name, note: reason });
      changes.push(`${name}: retired`);
    }
    for (const [before, after] of rename) {
      entryOf(before);
      if (entries.has(after)) reject(`${after} is already in the ledger.`);
      events.push(
        { kind: "retired", file: before, note: `renamed to ${after}: ${reason}` },
        { kind: "baselined", file: after, ...sums(findFile(folder, after)), note: `was ${before}: ${reason}` },
      );
      changes.push(`${before}: renamed to ${after}`);
    }
    for (const [name, nth] of happened) {
      events.push(await happenedEvent(findFile(folder, name), progressAt(entryOf(name), nth), nth, reason));
      changes.push(`${name}: statement ${nth} recorded as applied`);
    }
    for (const [name, nth] of again) {
      events.push({ kind: "failed", file: name, statement: nth, statements: progressAt(entryOf(name), nth).statements, note: reason });
      changes.push(`${name}: statement ${nth} will run again`);
    }
    const { error } = await runner.session.send(`BEGIN; ${events.map((event) => runner.table.insertSql(event)).join(" ")} COMMIT`);
    if (error) throw error;
    return changes;
  });
}

async function happenedEvent(file: MigrationFile, progress: StatementProgress, nth: number, note: string): Promise<NewEvent> {
  const [prepared] = await prepare([file]);
  const statement = prepared!.statements[nth - 1] ?? reject(`${file.name} has no statement ${nth}.`);
  if (nth === prepared!.statements.length) return { kind: "applied", file: file.name, ...sums(file), note };
  return {
    kind: "done",
    file: file.name,
    statement: nth,
    statements: progress.statements,
    checksum: file.checksum,
    meaning: meaningChecksum(file.text.slice(0, statement.end)),
    note,
  };
}

function progressAt({ file, progress }: LedgerEntry, nth: number): StatementProgress {
  if (progress === undefined || progress.started !== nth || progress.done >= nth)
    reject(`The outcome of statement ${nth} of ${file} is known.`);
  return progress!;
}

function sums({ checksum, meaning }: MigrationFile): { checksum: string; meaning: string } {
  return { checksum, meaning };
}

function findFile(folder: Folder, name: string): MigrationFile {
  return folder.files.find((file) => file.name === name) ?? reject(`${name} is not in ${folder.path}.`);
}

function reject(reason: string): never {
  throw new Failure("cannot-repair", 2, `${reason} Nothing was written. To see the state of each file: slipway migrate status`);
}

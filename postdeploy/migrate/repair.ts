/** Makes folder and ledger fit again where a person knows better, and keeps the reason. Never runs anything of a file. */
import { Failure } from "../connect/failure.ts";
import { foldEvents, type LedgerEntry } from "./ledger/history.ts";
import type { NewEvent } from "./ledger/ledger.ts";
import { type Folder, type MigrationFile, readFolder } from "./read/files.ts";
import { prepare } from "./read/prepare.ts";
import { meaningChecksum } from "./read/text.ts";
import type { RunOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface RepairOptions extends RunOptions {
  /** Files whose new text counts from now on. */
  accept?: readonly string[] | undefined;
  /** Applied files that are gone from the folder for good. */
  retire?: readonly string[] | undefined;
  /** Files that have a new name: [old, new]. */
  rename?: readonly (readonly [string, string])[] | undefined;
  /** Statements whose end nobody saw and that took effect: [file, number from 1]. */
  happened?: readonly (readonly [string, number])[] | undefined;
  /** Those that did not, and are to run again. */
  again?: readonly (readonly [string, number])[] | undefined;
  /** Kept in the ledger, with who and when. */
  reason: string;
}

/** @returns what was written, a line each. */
export async function repair(options: RepairOptions): Promise<readonly string[]> {
  const { accept = [], retire = [], rename = [], happened = [], again = [], reason } = options;
  if (reason.trim() === "")
    throw new Failure("no-reason", 2, `A repair is kept in the ledger with its reason: --reason "why this is right"`);
  if (accept.length + retire.length + rename.length + happened.length + again.length === 0)
    throw new Failure(
      "nothing-to-repair",
      2,
      "Say what to repair: --accept <file>, --retire <file>, --rename <old>=<new>, --happened <file>:<n> or --again <file>:<n>.",
    );
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const ledger = await runner.lock();
    const standing = foldEvents(ledger?.events ?? []);
    const found = (name: string) => standing.get(name) ?? refuse(`${name} stands nowhere in this ledger.`);
    const events: NewEvent[] = [];
    const said: string[] = [];
    for (const name of accept) {
      const file = inFolder(folder, name);
      const kind = found(name).how === "running" ? "baselined" : "accepted";
      events.push({ kind, file: name, ...sums(file), note: reason });
      said.push(
        kind === "accepted" ? `${name}: its present text counts from now on` : `${name}: counts as done, though not every statement ran`,
      );
    }
    for (const name of retire) {
      found(name);
      if (folder.files.some((file) => file.name === name))
        refuse(`${name} is in the folder; retired is what is gone from it. Remove the file first.`);
      events.push({ kind: "retired", file: name, note: reason });
      said.push(`${name}: gone from the folder for good`);
    }
    for (const [before, after] of rename) {
      found(before);
      if (standing.has(after)) refuse(`${after} stands in the ledger already.`);
      events.push(
        { kind: "retired", file: before, note: `renamed to ${after}: ${reason}` },
        { kind: "baselined", file: after, ...sums(inFolder(folder, after)), note: `was ${before}: ${reason}` },
      );
      said.push(`${before}: is called ${after} now`);
    }
    for (const [name, nth] of happened) {
      events.push(await happenedEvent(inFolder(folder, name), unsure(found(name), nth), nth, reason));
      said.push(`${name}: statement ${nth} took effect`);
    }
    for (const [name, nth] of again) {
      events.push({ kind: "failed", file: name, statement: nth, statements: unsure(found(name), nth).statements, note: reason });
      said.push(`${name}: statement ${nth} is to run again`);
    }
    const { error } = await runner.session.send(`BEGIN; ${events.map((event) => runner.table.write(event)).join(" ")} COMMIT`);
    if (error) throw error;
    return said;
  });
}

async function happenedEvent(
  file: MigrationFile,
  progress: NonNullable<LedgerEntry["progress"]>,
  nth: number,
  note: string,
): Promise<NewEvent> {
  const [ready] = await prepare([file]);
  const statement = ready!.statements[nth - 1] ?? refuse(`${file.name} has no statement ${nth}.`);
  if (nth === ready!.statements.length) return { kind: "applied", file: file.name, ...sums(file), note };
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

function unsure({ file, progress }: LedgerEntry, nth: number): NonNullable<LedgerEntry["progress"]> {
  if (progress === undefined || progress.started !== nth || progress.done >= nth)
    refuse(`Nothing is unknown about statement ${nth} of ${file}.`);
  return progress!;
}

function sums({ checksum, meaning }: MigrationFile): { checksum: string; meaning: string } {
  return { checksum, meaning };
}

function inFolder(folder: Folder, name: string): MigrationFile {
  return folder.files.find((file) => file.name === name) ?? refuse(`${name} is not in ${folder.path}.`);
}

function refuse(what: string): never {
  throw new Failure("cannot-repair", 2, `${what} Nothing was written. What stands where: slipway migrate status`);
}

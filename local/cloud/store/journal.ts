import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

export interface Operation {
  readonly kind: string;
  readonly id: string;
  /** Absent: the record is deleted. */
  readonly value?: unknown;
}

interface State {
  restore(operation: Operation): void;
  everything(): Iterable<Operation>;
}

/** The operations of one journal line. */
interface Batch {
  readonly operations: Operation[];
  /** Resolves when the line is on disk or writing it has failed. */
  readonly saved: Promise<void>;
  readonly settle: () => void;
}

function batch(): Batch {
  let settle = () => {};
  const saved = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { operations: [], saved, settle };
}

/** At this size the journal is compacted into a snapshot, which limits disk use and the time of the next start. */
const COMPACT_AFTER_BYTES = 8 * 1024 * 1024;

/**
 * An append-only file of operations and a snapshot of the state before them.
 *
 * `snapshot-7.json` holds the state at the start of `journal-7.jsonl`. `saved()` resolves after the line is flushed; concurrent callers share
 * one flush. Only the last line can be incomplete after a crash. It was never acknowledged, so it is truncated.
 */
export class Journal {
  readonly #directory: string;
  readonly #memory: State;
  #generation: number;
  #file: FileHandle;
  #bytes: number;
  /** The batch for the next write. */
  #pending: Batch | undefined;
  /** The batch being written. */
  #writing: Batch | undefined;
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(directory: string, memory: State, generation: number, file: FileHandle, bytes: number) {
    this.#directory = directory;
    this.#memory = memory;
    this.#generation = generation;
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(directory: string, memory: State): Promise<Journal> {
    const generation = newestGeneration(directory);
    if (generation > 0) readSnapshot(directory, generation).forEach(memory.restore);
    const path = journalPath(directory, generation);
    const validBytes = existsSync(path) ? replay(path, memory) : 0;
    const file = await open(path, "a", 0o600);
    await file.truncate(validBytes);
    syncDirectory(directory);
    removeOlder(directory, generation);
    return new Journal(directory, memory, generation, file, validBytes);
  }

  append(operation: Operation): void {
    this.#pending ??= batch();
    this.#pending.operations.push(operation);
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#flush());
  }

  /** Resolves when all operations appended so far are on disk. Ignores later ones: under constant load it would never resolve. */
  async saved(): Promise<void> {
    await (this.#pending ?? this.#writing)?.saved;
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    await this.saved();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    try {
      while (this.#pending) {
        this.#writing = this.#pending;
        this.#pending = undefined;
        const line = Buffer.from(`${JSON.stringify(this.#writing.operations)}\n`);
        await this.#file.appendFile(line);
        await this.#file.datasync();
        this.#bytes += line.length;
        this.#writing.settle();
        this.#writing = undefined;
        if (this.#bytes > COMPACT_AFTER_BYTES) await this.#fold();
      }
    } catch (error) {
      // The disk rejects writes: acknowledge nothing from now on.
      this.#failure = new Error(`the local cloud cannot write its state to ${this.#directory}: ${(error as Error).message}`, {
        cause: error,
      });
      this.#writing?.settle();
      this.#pending?.settle();
    } finally {
      this.#flushing = undefined;
    }
  }

  /** The snapshot may include pending operations. They are written again to the new journal, which is harmless. */
  async #fold(): Promise<void> {
    const next = this.#generation + 1;
    writeSnapshot(this.#directory, next, this.#memory.everything());
    const file = await open(journalPath(this.#directory, next), "a", 0o600);
    syncDirectory(this.#directory);
    await this.#file.close();
    this.#file = file;
    this.#generation = next;
    this.#bytes = 0;
    removeOlder(this.#directory, next);
  }
}

const journalPath = (directory: string, generation: number) => join(directory, `journal-${generation}.jsonl`);
const snapshotPath = (directory: string, generation: number) => join(directory, `snapshot-${generation}.json`);

function newestGeneration(directory: string): number {
  const generations = readdirSync(directory).map((name) => Number(/^snapshot-(\d+)\.json$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...generations);
}

function readSnapshot(directory: string, generation: number): Operation[] {
  return JSON.parse(readFileSync(snapshotPath(directory, generation), "utf8")) as Operation[];
}

function writeSnapshot(directory: string, generation: number, everything: Iterable<Operation>): void {
  const temporary = `${snapshotPath(directory, generation)}.tmp`;
  const file = openSync(temporary, "w", 0o600);
  writeSync(file, JSON.stringify([...everything]));
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, snapshotPath(directory, generation));
  syncDirectory(directory);
}

/** Restores the complete lines and returns their length in bytes. */
function replay(path: string, memory: State): number {
  const bytes = readFileSync(path);
  let start = 0;
  for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
    const line = parseLine(bytes.toString("utf8", start, end));
    if (!line) {
      if (end === bytes.length - 1) break;
      throw new Error(
        `${path} is damaged at byte ${start}: what follows cannot be read. Restore the file, or start with an empty state directory.`,
      );
    }
    line.forEach(memory.restore);
    start = end + 1;
  }
  return start;
}

function parseLine(line: string): Operation[] | undefined {
  try {
    return JSON.parse(line) as Operation[];
  } catch {
    return undefined;
  }
}

function removeOlder(directory: string, generation: number): void {
  for (const name of readdirSync(directory)) {
    const found = /^(?:snapshot|journal)-(\d+)\.jsonl?(\.tmp)?$/.exec(name);
    if (found && (Number(found[1]) < generation || found[2])) rmSync(join(directory, name), { force: true });
  }
}

/** A new file survives a crash only after its directory is synced. Windows does not support this and does not need it. */
function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(directory, "r");
  fsyncSync(handle);
  closeSync(handle);
}

/**
 * Rejected rows: counted, grouped for the screen, and each written to a file. Only places, keys and reasons are kept. The values of a row may be
 * password hashes, and the source still has them.
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import path from "node:path";

export interface Rejection {
  readonly entity: string;
  readonly file: string;
  /** The first record of a file is 0. */
  readonly record: number;
  /** "members[2].role"; "" for the record itself. */
  readonly path: string;
  readonly problem: string;
  /** The values of the key columns, where they are valid. */
  readonly key?: string | undefined;
}

export interface RejectionGroup {
  readonly entity: string;
  /** "members[].role" */
  readonly path: string;
  readonly problem: string;
  readonly first: Rejection;
  readonly count: number;
}

const MAX_GROUPS = 1000;
const FLUSH_AT = 2 ** 16;

export class Rejections {
  /** Rows by entity. A row with several problems counts once. */
  readonly rows = new Map<string, number>();
  readonly #file: string;
  readonly #groups = new Map<string, { group: Omit<RejectionGroup, "count">; count: number }>();
  #descriptor: number | undefined;
  #text = "";

  /** @param file It is created with the first rejected row. */
  constructor(file: string) {
    this.#file = file;
  }

  /** @returns undefined if no row was rejected */
  get file(): string | undefined {
    return this.total === 0 ? undefined : this.#file;
  }

  get total(): number {
    return [...this.rows.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The most frequent ones first. */
  get groups(): RejectionGroup[] {
    return [...this.#groups.values()].map(({ group, count }) => ({ ...group, count })).sort((one, other) => other.count - one.count);
  }

  /** @param problems Of one row. */
  add(problems: readonly Rejection[]): void {
    const [first] = problems;
    if (first === undefined) return;
    this.rows.set(first.entity, (this.rows.get(first.entity) ?? 0) + 1);
    for (const problem of problems) {
      this.#count(problem);
      this.#text += `${JSON.stringify(problem)}\n`;
    }
    if (this.#text.length >= FLUSH_AT) this.#flush();
  }

  close(): void {
    if (this.#text !== "") this.#flush();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #count(rejection: Rejection): void {
    const { entity, problem } = rejection;
    const general = rejection.path.replace(/\[\d+\]/g, "[]");
    const name = JSON.stringify([entity, general, problem]);
    const found = this.#groups.get(name);
    if (found !== undefined) found.count++;
    else if (this.#groups.size < MAX_GROUPS)
      this.#groups.set(name, { group: { entity, path: general, problem, first: rejection }, count: 1 });
  }

  #flush(): void {
    if (this.#descriptor === undefined) {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      this.#descriptor = openSync(this.#file, "wx", 0o600);
    }
    writeSync(this.#descriptor, this.#text);
    this.#text = "";
  }
}

/** Where every file stands, read without a lock and without writing. */

import { compare, type Mismatch } from "./ledger/compare.ts";
import { needsFingerprint } from "./ledger/history.ts";
import { readFolder } from "./read/files.ts";
import type { Finding } from "./read/finding.ts";
import type { MigrateOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";
import { type Difference, drift } from "./schema/fingerprint.ts";
import { type BrokenIndex, brokenIndexes } from "./schema/indexes.ts";

export interface StatusResult {
  readonly database: string;
  readonly role: string;
  readonly serverVersion: string;
  /** Absent where no run has made one yet. */
  readonly ledger?: { readonly schema: string; readonly id: string; readonly system?: string };
  readonly files: readonly FileStatus[];
  readonly pending: readonly string[];
  readonly mismatches: readonly Mismatch[];
  readonly findings: readonly Finding[];
  /** What differs from what the last run left; undefined where nothing was ever measured, or a run has yet to. */
  readonly drift?: readonly Difference[];
  readonly brokenIndexes: readonly BrokenIndex[];
}

export interface FileStatus {
  readonly file: string;
  readonly state: "pending" | "applied" | "baselined" | "adopted" | "running" | "retired" | "edited" | "missing" | "reformatted";
  readonly at?: string;
  readonly by?: string;
  readonly note?: string;
  /** Statements done, of how many, for a file that stopped in between. */
  readonly progress?: readonly [number, number];
  /** The way back: a file, none, or the reason why there is none. */
  readonly back?: "file" | "none" | { readonly irreversible: string };
}

export async function status(options: MigrateOptions): Promise<StatusResult> {
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const { ledger, facts, session, table } = runner;
    const { pending, mismatches, reformatted, standing } = compare(folder, ledger);
    const ofFolder = folder.files.map((file): FileStatus => {
      const stands = standing.get(file.name);
      const back =
        file.kind === "repeatable"
          ? {}
          : {
              back: file.down
                ? ("file" as const)
                : file.header.irreversible === undefined
                  ? ("none" as const)
                  : { irreversible: file.header.irreversible },
            };
      const wrong = mismatches.find((mismatch) => mismatch.file === file.name && mismatch.kind === "edited");
      const waits = pending.some((one) => one.file === file);
      if (stands === undefined) return { file: file.name, state: "pending", ...back };
      const { at, by, note, progress, how } = stands;
      return {
        file: file.name,
        state: wrong ? "edited" : how === "running" ? "running" : waits ? "pending" : reformatted.includes(file.name) ? "reformatted" : how,
        at,
        by,
        ...(note === undefined ? {} : { note }),
        ...(progress === undefined ? {} : { progress: [progress.done, progress.statements] as const }),
        ...back,
      };
    });
    const here = new Set(folder.files.map(({ name }) => name));
    const elsewhere = [...standing.values()]
      .filter(({ file }) => !here.has(file) && !file.endsWith(".down.sql"))
      .map(
        ({ file, how, at, by, note }): FileStatus => ({
          file,
          state: how === "adopted" || how === "retired" ? how : "missing",
          at,
          by,
          ...(note === undefined ? {} : { note }),
        }),
      );
    const drifted = ledger === undefined || needsFingerprint(ledger) ? undefined : await drift(session, table);
    return {
      database: facts.database,
      role: facts.role,
      serverVersion: facts.version,
      ...(ledger === undefined
        ? {}
        : { ledger: { schema: table.schema, id: ledger.id, ...(ledger.system === undefined ? {} : { system: ledger.system }) } }),
      files: [...elsewhere, ...ofFolder],
      pending: pending.map(({ file }) => file.name),
      mismatches,
      findings: folder.findings,
      ...(drifted === undefined ? {} : { drift: drifted }),
      brokenIndexes: await brokenIndexes(session),
    };
  });
}

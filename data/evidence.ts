/**
 * Records of comparisons, exports and archives: `<kind>-<time>.json` in the folder of a stack's system. A change of phase requires some of them. A record is
 * written under another name and renamed, so a killed run leaves none that is incomplete.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export type EvidenceKind = "validate" | "export" | "archive";

export interface Evidence {
  readonly kind: EvidenceKind;
  /** When the snapshot of the database was taken, by the server's clock, or the archive was made: ISO 8601. */
  readonly at: string;
  readonly stack: string;
  readonly system: string;
  /** "passed", or why it did not pass. */
  readonly outcome: string;
  /** Figures of the kind. */
  readonly [figure: string]: unknown;
}

/** @param state The state folder of the project: `Home.state`. */
export const evidenceFolder = (state: string, stack: string, system: string): string => path.join(state, "data", stack, system);

/** @returns the path of the record */
export function writeEvidence(folder: string, evidence: Evidence): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `${evidence.kind}-${evidence.at.replace(/[-:]/g, "").replace(/\.(\d+)Z$/, "$1Z")}.json`);
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(evidence, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
  return file;
}

/** In the order of time. A file that is no record is left out. */
export function readEvidence(folder: string, kind: EvidenceKind): Evidence[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".json"))
    .flatMap((name) => parseEvidence(readFileSync(path.join(folder, name), "utf8"), kind))
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function parseEvidence(text: string, kind: EvidenceKind): Evidence[] {
  try {
    const value = JSON.parse(text) as Partial<Evidence> | null;
    const isComplete = value?.kind === kind && [value.at, value.stack, value.system, value.outcome].every((one) => typeof one === "string");
    return isComplete && !Number.isNaN(Date.parse(value.at!)) ? [value as Evidence] : [];
  } catch {
    return [];
  }
}

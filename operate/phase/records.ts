/** What commands have done with the data of a system, one JSON file each: the gates between two phases read them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export type RecordKind = "validate" | "export" | "archive";

export interface DataRecord {
  readonly kind: RecordKind;
  /** When it ended: an ISO time. */
  readonly at: string;
  readonly stack: string;
  readonly system: string;
  /** "passed", or why not. */
  readonly outcome: string;
}

/** @param state The project's folder of state: ".slipway" */
export const recordFolder = (state: string, stack: string, system: string): string => path.join(state, "data", stack, system);

/** In the order of time. A file that is no record of this kind, stack and system is left out, so it opens no gate. */
export function readRecords(state: string, stack: string, system: string, kind: RecordKind): readonly DataRecord[] {
  const folder = recordFolder(state, stack, system);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".json")) : [];
  return names
    .flatMap((name) => {
      const record = parse(readFileSync(path.join(folder, name), "utf8"));
      const isOwn = record?.kind === kind && record.stack === stack && record.system === system;
      return isOwn && typeof record.outcome === "string" && !Number.isNaN(Date.parse(String(record.at))) ? [record as DataRecord] : [];
    })
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

/** Writes `<kind>-<time>.json`. A reader sees a whole record or none. @returns its path */
export function writeRecord<R extends DataRecord>(state: string, record: R): string {
  const folder = recordFolder(state, record.stack, record.system);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `${record.kind}-${record.at.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return file;
}

function parse(text: string): Partial<DataRecord> | undefined {
  try {
    return JSON.parse(text) as Partial<DataRecord>;
  } catch {
    return undefined;
  }
}

/** The journal of a watch, so that a watch that was killed goes on where it was. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isRunning } from "../../local/servers/is-running.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Problem } from "../alerts/alert.ts";
import { openJsonLines } from "../json-lines.ts";
import type { Observation } from "./observation.ts";
import type { Schedule } from "./schedule.ts";

export type Entry =
  | ({ readonly kind: "started"; readonly source: string } & Schedule)
  | { readonly kind: "round"; readonly observation: Observation }
  /** The problems whose beginning a channel was sent. */
  | { readonly kind: "sent"; readonly channel: string; readonly open: readonly Problem[]; readonly at: string }
  | { readonly kind: "undelivered"; readonly channel: string; readonly problem: string; readonly at: string };

export interface Journal {
  readonly entries: readonly Entry[];
  /** Written to the disk when it returns. */
  append(entry: Entry): void;
  close(): void;
}

/** @throws {Failure} if another process holds it */
export function openJournal(file: string): Journal {
  mkdirSync(path.dirname(file), { recursive: true });
  const lock = takeLock(`${file}.lock`);
  const { entries, append, close } = openJsonLines<Entry>(file);
  return {
    entries,
    append,
    close() {
      close();
      rmSync(lock, { force: true });
    },
  };
}

/** Two watches with one journal would each take the other's rounds for their own. */
function takeLock(lock: string): string {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return lock;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const holder = Number(readFileSync(lock, "utf8"));
  if (holder !== process.pid && isRunning(holder))
    throw new Failure(
      "watch-running",
      75,
      `Process ${holder} is already watching, with the same journal. End it first, or let it go on: its lock is ${lock}.`,
    );
  writeFileSync(lock, String(process.pid));
  return lock;
}

/** Keeps the journal of an earlier watch. @returns its new name */
export function setAside(file: string, at: string): string {
  const aside = file.replace(/(\.[^.]*)?$/, `-${at.replaceAll(/[:.]/g, "-")}$1`);
  renameSync(file, aside);
  return aside;
}

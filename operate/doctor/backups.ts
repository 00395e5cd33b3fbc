/** The state of the backups, which the engine of the backups has read, as findings. */
import type { Examination, Finding } from "./finding.ts";

/** Of one part of a system: backup/status.ts reads it. */
export interface BackupState {
  /** "shop/postgres" */
  readonly set: string;
  readonly newest?: { readonly startedAt: string; readonly ageHours: number; readonly copies: readonly string[] };
  readonly count: number;
  readonly rehearsed?: { readonly at: string };
  readonly problems: readonly BackupProblem[];
}

export interface BackupProblem {
  readonly kind: keyof typeof KINDS;
  readonly text: string;
  readonly next?: { readonly command: string };
}

export interface UnusableBackup {
  readonly key: string;
  readonly reason: string;
}

/** @param at where the backups are */
export function examineBackups(at: string, sets: readonly BackupState[], refused: readonly UnusableBackup[]): Examination {
  return {
    name: "backups",
    at,
    facts: sets.map(({ set, newest, count, rehearsed }) => ({
      name: set,
      ...(newest !== undefined && {
        figures: [
          { name: "backup_age_seconds", value: Math.round(newest.ageHours * 3600), labels: { set } },
          { name: "backup_copies", value: newest.copies.length, labels: { set } },
        ],
      }),
      value:
        newest === undefined
          ? "none"
          : `${count}, the newest of ${newest.startedAt.slice(0, 16).replace("T", " ")} UTC; ${rehearsed === undefined ? "never rehearsed" : `rehearsed ${rehearsed.at.slice(0, 10)}`}`,
    })),
    findings: [
      ...sets.flatMap(({ set, problems }) => problems.map((problem) => describeProblem(set, problem))),
      ...refused.map(
        ({ key, reason }): Finding => ({
          id: "backup-refused",
          severity: "error",
          subject: `backup ${key}`,
          evidence: reason,
          next: { text: "It cannot be restored. See the others.", command: "slipway backup list" },
        }),
      ),
    ],
    unchecked: [],
  };
}

const KINDS = {
  missing: ["backup-missing", "error"],
  old: ["backup-old", "error"],
  incomplete: ["backup-incomplete", "warning"],
  future: ["backup-of-the-future", "warning"],
  "not-rehearsed": ["backup-not-rehearsed", "warning"],
} as const satisfies Record<string, readonly [id: string, severity: Finding["severity"]]>;

function describeProblem(set: string, { kind, text, next }: BackupProblem): Finding {
  const [id, severity] = KINDS[kind];
  const [system, part] = set.split("/");
  return {
    id,
    severity,
    subject: `backups of ${set}`,
    evidence: `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
    next:
      next === undefined
        ? { text: "Set the clock of the machine that made it.", command: "timedatectl set-ntp true" }
        : {
            text: kind === "not-rehearsed" ? "Restore one for practice." : "Make one.",
            command: `${next.command} --system ${system} --part ${part}`,
          },
  };
}

/** The copies cannot be read: a wrong key, an address without a server, or no key to check signatures with. */
export function unreadableBackups(at: string, message: string): Examination {
  const finding: Finding = {
    id: "backups-unreadable",
    severity: "error",
    subject: "backups",
    evidence: message,
    next: { text: "Correct the variables of the backups (docs/backup.md), then read them.", command: "slipway backup status" },
  };
  return { name: "backups", at, facts: [], findings: [finding], unchecked: [] };
}

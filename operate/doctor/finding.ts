/** What `slipway doctor` reports: facts that it read, findings with their next step, and what it could not check. */

/**
 * error    something fails, or data or access is at risk
 * warning  will fail, or costs more than it must
 * info     worth knowing; does not change the exit code
 */
export type Severity = "error" | "warning" | "info";

export interface Finding {
  /** A stable id of the kind of finding, for scripts: "index-invalid". */
  readonly id: string;
  readonly severity: Severity;
  /** What it concerns: "index public.users_email". */
  readonly subject: string;
  /** What was measured, with the figures. */
  readonly evidence: string;
  readonly next: NextStep;
}

/** What to do. At least one of `sql`, `valkey` and `command` is present where something can be typed. */
export interface NextStep {
  readonly text: string;
  /** Statements for this database, each in a message of its own: some of them cannot run in a transaction. */
  readonly sql?: readonly string[];
  /** Commands for this store. */
  readonly valkey?: readonly string[];
  /** A command for a shell. */
  readonly command?: string;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
  /** The same as numbers, for monitoring. */
  readonly figures?: readonly Figure[];
}

/** A number in the base unit that its name ends with: "connections", "memory_bytes", "uptime_seconds", "evicted_keys_total". */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** What distinguishes several of the same name. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** One database or store, or the backups of a system. */
export interface Examination {
  /** "shop/postgres", "shop/valkey-state", "shop/backups" */
  readonly name: string;
  /** The address, without a password. */
  readonly at: string;
  readonly facts: readonly Fact[];
  readonly findings: readonly Finding[];
  /** What this connection does not allow to check, and why. */
  readonly unchecked: readonly string[];
}

export interface Thresholds {
  /** R12: from here on, request signatures and expiry dates are affected. */
  readonly clockOffsetMs: number;
  readonly certificateDays: number;
  /** Smaller tables are read as fast without an index on a foreign key. */
  readonly foreignKeyRows: number;
  readonly unusedIndexBytes: number;
  /** An index is unused only if its table was read this often without it. */
  readonly unusedIndexReads: number;
  readonly deadRows: number;
  readonly deadShare: number;
  readonly bloatBytes: number;
  readonly bloatShare: number;
  readonly unanalyzedRows: number;
  /** Of the 2 billion transaction ids, the share that is in use. Autovacuum starts to freeze at a tenth. */
  readonly xidAge: number;
  readonly preparedSeconds: number;
  readonly sequenceShare: number;
  readonly transactionSeconds: number;
  readonly idleTransactionSeconds: number;
  readonly blockedSeconds: number;
  readonly connectionShare: number;
  readonly slotBytes: number;
  readonly lagBytes: number;
  readonly slowStatementMs: number;
  readonly slowStatementCalls: number;
  readonly memoryShare: number;
  /** Keys that are read at most, in each database of a store. */
  readonly scannedKeys: number;
}

const MiB = 2 ** 20;

export const DEFAULT_THRESHOLDS: Thresholds = {
  clockOffsetMs: 5000,
  certificateDays: 30,
  foreignKeyRows: 10_000,
  unusedIndexBytes: 10 * MiB,
  unusedIndexReads: 1000,
  deadRows: 10_000,
  deadShare: 0.2,
  bloatBytes: 50 * MiB,
  bloatShare: 0.5,
  unanalyzedRows: 50_000,
  xidAge: 500_000_000,
  preparedSeconds: 300,
  sequenceShare: 0.75,
  transactionSeconds: 300,
  idleTransactionSeconds: 60,
  blockedSeconds: 5,
  connectionShare: 0.8,
  slotBytes: 1024 * MiB,
  lagBytes: 100 * MiB,
  slowStatementMs: 500,
  slowStatementCalls: 10,
  memoryShare: 0.75,
  scannedKeys: 20_000,
};

/** Of `--all`: what a small or new database always has is reported too. */
export const EVERYTHING: Partial<Thresholds> = {
  foreignKeyRows: 0,
  unusedIndexBytes: 0,
  unusedIndexReads: 0,
  bloatBytes: 0,
};

export const isAboveInfo = ({ severity }: Finding): boolean => severity !== "info";

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${value >= 100 || unit === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]}`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

export const formatPercent = (share: number): string => `${Math.round(share * 100)} %`;

export const formatCount = (count: number): string => Math.round(count).toLocaleString("en-US");

/** "a, b and 3 more" */
export function listSome(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

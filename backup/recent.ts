/** Which backup can be relied on when something is about to change the data. */
import type { Backup } from "./repository.ts";
import { isFuture } from "./retention.ts";
import { formatHours } from "./status.ts";

export interface Needed {
  readonly maxAgeHours: number;
  /** How many copies there are. */
  readonly copies: number;
  /** Each of them must be able to decrypt it. @default none */
  readonly recipients?: readonly string[];
  /** The server that is about to change. @default any */
  readonly origin?: string | undefined;
}

/** "is 5 hours old"; undefined for a backup that can be relied on. */
export function findShortcoming({ manifest, records, copies }: Backup, needed: Needed): string | undefined {
  const { maxAgeHours, recipients = [], origin } = needed;
  if (records.length === 0) return "was not verified";
  const startedAt = new Date(manifest.startedAt);
  if (isFuture(startedAt)) return "begins in the future";
  const hours = (Date.now() - startedAt.getTime()) / 3_600_000;
  if (hours > maxAgeHours) return `is ${formatHours(hours)} old`;
  if (copies.length < needed.copies) return "lacks a copy";
  // The settings may have changed since.
  if (recipients.some((recipient) => !manifest.data.recipients.includes(recipient))) return "cannot be decrypted by each recipient";
  // A fork, or another cluster of the same system.
  if (origin !== undefined && manifest.origin !== undefined && manifest.origin !== origin) return "is of another server";
  return undefined;
}

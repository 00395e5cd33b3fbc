import type { DataSet } from "../../backup/names.ts";
import { policyWith, type RetentionPolicy } from "../../backup/retention.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { DEFAULT_RETENTION, formatKept, parseKept, type Retention } from "../../catalog/retention.ts";
import { UsageError } from "../shared/errors.ts";
import { variable } from "./environment.ts";
import { JSON_EXPORT, POSTGRES } from "./sources.ts";

interface Kept {
  /** Those of flags; without one that of the environment applies, which is the stack's, else the default. */
  readonly counts: { readonly [Unit in keyof Retention]?: number | undefined };
  readonly keyspaceDays: number | undefined;
}

/**
 * The retention of each part of a system. Exports as JSON follow its days. Exports of stores have one of their own where a flag or the system's definition says so, unless other flags
 * name counts for everything.
 *
 * @throws Failure for a policy that would keep nothing
 */
export async function readPolicies({ counts, keyspaceDays }: Kept): Promise<(set: DataSet) => RetentionPolicy> {
  const flags = Object.entries(counts).filter(([, count]) => count !== undefined);
  const common = policyWith({ ...readKept(), ...Object.fromEntries(flags) });
  const { systems } = await import("../../systems/index.ts");
  return ({ system, part }) => {
    if (part === POSTGRES) return common;
    // An export is a copy of the day, of which the backup has everything.
    if (part === JSON_EXPORT) return policyWith({ daily: Math.max(1, common.daily), weekly: 0, monthly: 0, yearly: 0 });
    const declared = flags.length > 0 ? undefined : systems.find(({ name }) => name === system)?.backups.keyspaces?.days;
    const days = keyspaceDays ?? declared;
    return days === undefined ? common : policyWith({ daily: days, weekly: 0, monthly: 0, yearly: 0 });
  };
}

function readKept(): Partial<Retention> {
  const text = variable("keep");
  const kept = text === undefined ? {} : parseKept(text);
  if (kept !== undefined) return kept;
  throw new UsageError(
    `${BACKUP_VARIABLES.keep} is "${text}", which names no counts of backups. Set it as the stack's outputs do: ${formatKept(DEFAULT_RETENTION)}`,
  );
}

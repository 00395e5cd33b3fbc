import type { DataSet } from "../../backup/names.ts";
import { policyWith, type RetentionPolicy } from "../../backup/retention.ts";
import type { Retention } from "../../catalog/retention.ts";
import { POSTGRES } from "./sources.ts";

interface Kept {
  /** Those of flags; without one the default applies. */
  readonly counts: { readonly [Unit in keyof Retention]?: number | undefined };
  readonly keyspaceDays: number | undefined;
}

/**
 * The retention of each part of a system. Exports of stores have one of their own where a flag or the system's definition says so, unless other flags
 * name counts for everything.
 *
 * @throws Failure for a policy that would keep nothing
 */
export async function readPolicies({ counts, keyspaceDays }: Kept): Promise<(set: DataSet) => RetentionPolicy> {
  const common = policyWith(counts);
  const { systems } = await import("../../systems/index.ts");
  const isCounted = Object.values(counts).some((count) => count !== undefined);
  return ({ system, part }) => {
    if (part === POSTGRES) return common;
    const declared = isCounted ? undefined : systems.find(({ name }) => name === system)?.backups.keyspaces?.days;
    const days = keyspaceDays ?? declared;
    return days === undefined ? common : policyWith({ daily: days, weekly: 0, monthly: 0, yearly: 0 });
  };
}

/** What must be shown before a phase changes. */
import type { Phase } from "../../settings/settings.ts";
import { readsJson } from "./phases.ts";

/**
 * validations  the newest validations since the change of phase found no difference, as many as are needed
 * backup       a backup that was made since the change of phase was restored for practice
 * observation  `slipway watch` looked at the deployment for a day since the change of phase, without a missing round
 * export       the data was exported from Postgres since the change of phase, and so since Postgres alone was last written
 * archive      the JSON files were archived with their checksums since the change of phase
 */
export const GATES = ["validations", "backup", "observation", "export", "archive"] as const;
export type Gate = (typeof GATES)[number];

/** What the records say. Times are ISO times; a list is in the order of time. */
export interface Evidence {
  /** Of `slipway data validate`. */
  validations(): Promise<readonly { readonly at: string; readonly isClean: boolean }[]>;
  /** Of `slipway data export`, those that were read back without a difference. */
  exports(): Promise<readonly { readonly at: string }[]>;
  /** Of `slipway phase archive`. */
  archives(): Promise<readonly { readonly at: string }[]>;
  /** Backups of the database that were restored for practice. */
  restoredBackups(): Promise<readonly { readonly id: string; readonly startedAt: string; readonly restoredAt: string }[]>;
  /** Rounds of `slipway watch`, with the number of problems that each saw. */
  rounds(): Promise<readonly { readonly at: string; readonly problems: number }[]>;
  /** When the database was last written, as far as its tables record it. */
  lastWrite(): Promise<string | undefined>;
}

export interface GateResult {
  readonly gate: Gate;
  readonly isOpen: boolean;
  /** What was found. */
  readonly evidence: string;
  /** What to type. */
  readonly next?: string;
}

export interface GateSubject {
  readonly from: Phase;
  readonly to: Phase;
  /** When the apps first reported the present phase; undefined where nothing has recorded that. */
  readonly since: string | undefined;
  /** Whether Postgres alone was written since the files were last known to have everything. */
  readonly wasPostgresOnly: boolean;
  readonly evidence: Evidence;
  /** "--stack prod --system shop" */
  readonly flags: string;
  readonly now: number;
}

export const NEEDED_VALIDATIONS = 3;
export const OBSERVATION_MS = 24 * 3_600_000;
/** The rounds of a watch are four hours apart, and one takes a while. */
const LONGEST_BETWEEN_ROUNDS_MS = 4.25 * 3_600_000;

export function gatesOf({ from, to, wasPostgresOnly }: Pick<GateSubject, "from" | "to" | "wasPostgresOnly">): readonly Gate[] {
  if (from === "P1" && to === "P2") return ["validations", "backup"];
  if (from === "P2" && to === "P3") return ["validations", "backup", "observation", "export", "archive"];
  // The files lack what Postgres alone was given.
  if (!readsJson(from) && readsJson(to) && wasPostgresOnly) return ["export", "validations"];
  return [];
}

export async function checkGates(subject: GateSubject): Promise<readonly GateResult[]> {
  const gates = gatesOf(subject);
  const results: GateResult[] = [];
  for (const gate of gates) results.push({ gate, ...(await CHECKS[gate](subject)) });
  return results;
}

type Check = (subject: GateSubject) => Promise<Omit<GateResult, "gate">>;

const CHECKS: Readonly<Record<Gate, Check>> = {
  async validations({ from, to, since, evidence, flags }) {
    if (since === undefined) return unknownSince(from, flags);
    const next = `slipway data validate ${flags} --from <folder with the JSON files>`;
    // One, which compares what the export has brought into the files.
    const needed = readsJson(to) ? 1 : NEEDED_VALIDATIONS;
    const exported = readsJson(to) ? (await evidence.exports()).at(-1)?.at : undefined;
    const start = exported !== undefined && isSince(exported, since) ? exported : since;
    const all = (await evidence.validations()).filter(({ at }) => isSince(at, start));
    const clean = all.length - 1 - all.findLastIndex(({ isClean }) => !isClean);
    const about = start === since ? `since ${minute(since)}` : `since the export of ${minute(start)}`;
    if (clean >= needed)
      return {
        isOpen: true,
        evidence: `${clean === 1 ? "the last validation" : `the last ${clean} validations`} ${about} found no difference`,
      };
    const last = all.at(-1);
    return {
      isOpen: false,
      evidence:
        last?.isClean === false
          ? `the validation of ${minute(last.at)} found differences, and ${needed === 1 ? "one without a difference is" : `${needed} in a row without one are`} needed`
          : `${clean} of ${needed} validations without a difference ${about}`,
      next,
    };
  },

  async backup({ from, since, evidence, flags }) {
    if (since === undefined) return unknownSince(from, flags);
    const system = /--system \S+/.exec(flags)?.[0] ?? "";
    const next = `slipway backup create ${system} && slipway backup rehearse ${system} --newest`;
    const restored = (await evidence.restoredBackups()).filter(({ startedAt }) => isSince(startedAt, since)).at(-1);
    return restored === undefined
      ? { isOpen: false, evidence: `no backup that was made since ${minute(since)} was restored`, next }
      : { isOpen: true, evidence: `backup ${restored.id} of ${minute(restored.startedAt)} was restored at ${minute(restored.restoredAt)}` };
  },

  async observation({ from, since, evidence, flags, now }) {
    if (since === undefined) return unknownSince(from, flags);
    const next = `slipway watch ${flags}`;
    const rounds = (await evidence.rounds()).filter(({ at }) => isSince(at, since));
    const times = [Date.parse(since), ...rounds.map(({ at }) => Date.parse(at))];
    const observedMs = (times.at(-1) ?? 0) - Date.parse(since);
    const gap = times.findIndex((time, index) => index > 0 && time - times[index - 1]! > LONGEST_BETWEEN_ROUNDS_MS);
    const last = rounds.at(-1);
    if (last === undefined) return { isOpen: false, evidence: `no round of slipway watch since ${minute(since)}`, next };
    if (gap > 0)
      return {
        isOpen: false,
        evidence: `no round between ${minute(new Date(times[gap - 1]!).toISOString())} and ${minute(new Date(times[gap]!).toISOString())}, more than four hours`,
        next,
      };
    if (observedMs < OBSERVATION_MS)
      return {
        isOpen: false,
        evidence: `observed for ${formatHours(observedMs)} of 24 h since ${minute(since)}; at least ${formatHours(Math.max(0, Date.parse(since) + OBSERVATION_MS - now))} are left`,
        next,
      };
    if (last.problems > 0) return { isOpen: false, evidence: `the round of ${minute(last.at)} saw ${last.problems} problems`, next };
    return {
      isOpen: true,
      evidence: `${rounds.length} rounds within ${formatHours(observedMs)}, none missing, and the last one saw no problem`,
    };
  },

  async export({ from, to, since, evidence, flags }) {
    if (since === undefined) return unknownSince(from, flags);
    const next = `slipway data export ${flags} --to <folder>`;
    const newest = (await evidence.exports()).at(-1)?.at;
    if (newest === undefined) return { isOpen: false, evidence: "there is no export", next };
    if (isSince(newest, since))
      // Every later write reaches both stores.
      return { isOpen: true, evidence: `the data was exported at ${minute(newest)}, since the change of phase` };
    const lastWrite = readsJson(to) ? await evidence.lastWrite() : undefined;
    const older = `the export of ${minute(newest)} is older than ${
      lastWrite === undefined || isSince(newest, lastWrite) ? "the change of phase" : `the last write, of ${minute(lastWrite)}`
    }`;
    return { isOpen: false, evidence: older, next };
  },

  async archive({ from, since, evidence, flags }) {
    if (since === undefined) return unknownSince(from, flags);
    const next = `slipway phase archive ${flags} --from <folder with the JSON files>`;
    const newest = (await evidence.archives()).at(-1)?.at;
    if (newest === undefined) return { isOpen: false, evidence: "the JSON files were not archived", next };
    return isSince(newest, since)
      ? { isOpen: true, evidence: `the JSON files were archived at ${minute(newest)}, with checksums` }
      : { isOpen: false, evidence: `the archive of ${minute(newest)} is older than the change of phase`, next };
  },
};

const unknownSince = (from: Phase, flags: string): Omit<GateResult, "gate"> => ({
  isOpen: false,
  evidence: `it is not recorded since when the services report ${from}`,
  next: `slipway phase next ${flags} --to ${from}`,
});
const isSince = (at: string, since: string): boolean => Date.parse(at) >= Date.parse(since);
const minute = (at: string): string => `${at.slice(0, 16).replace("T", " ")} UTC`;
/** Rounded down: less than a day is not shown as one. */
const formatHours = (ms: number): string => `${(Math.floor(ms / 360_000) / 10).toFixed(1)} h`;

import { describe, expect, it } from "vitest";
import { checkGates, type Gate, type GateSubject, gatesOf } from "./gates.ts";
import { evidenceOf, FLAGS, type Records } from "./testing/subject.ts";

const SINCE = "2026-11-01T12:00:00.000Z";
/** Hours after the change of phase. */
const at = (hours: number): string => new Date(Date.parse(SINCE) + hours * 3_600_000).toISOString();
const clean = (hours: number) => ({ at: at(hours), isClean: true });
const dirty = (hours: number) => ({ at: at(hours), isClean: false });
const round = (hours: number, problems = 0) => ({ at: at(hours), problems });
const backup = (startedAt: number) => ({ id: "20261101T130000Z", startedAt: at(startedAt), restoredAt: at(startedAt + 1) });

const P1_TO_P2 = { from: "P1", to: "P2", wasPostgresOnly: false } as const;
const P2_TO_P3 = { from: "P2", to: "P3", wasPostgresOnly: false } as const;
const P2_TO_P1 = { from: "P2", to: "P1", wasPostgresOnly: true } as const;
const DAY = [0, 4, 8, 12, 16, 20, 24].map((hours) => round(hours));

describe("the gates of a change of phase", () => {
  it.each([
    ["P0", "P1", false, []],
    ["P1", "P2", false, ["validations", "backup"]],
    ["P2", "P3", false, ["validations", "backup", "observation", "export", "archive"]],
    ["P3", "P2", true, []],
    ["P2", "P1", false, []],
    ["P2", "P1", true, ["export", "validations"]],
    ["P1", "P0", false, []],
  ] as const)("from %s to %s, where Postgres alone was written: %s, are %j", (from, to, wasPostgresOnly, gates) => {
    expect(gatesOf({ from, to, wasPostgresOnly })).toEqual(gates);
  });

  const check = async (
    gate: Gate,
    step: Pick<GateSubject, "from" | "to" | "wasPostgresOnly">,
    records: Records,
    since: string | undefined,
  ) => {
    const results = await checkGates({ ...step, since, evidence: evidenceOf(records), flags: FLAGS, now: Date.parse(at(6)) });
    return results.find((result) => result.gate === gate)!;
  };

  it.each<[string, Gate, Pick<GateSubject, "from" | "to" | "wasPostgresOnly">, Records, string]>([
    [
      "three clean validations",
      "validations",
      P1_TO_P2,
      { validations: [dirty(1), clean(2), clean(3), clean(4)] },
      "the last 3 validations since 2026-11-01 12:00 UTC found no difference",
    ],
    [
      "a backup restored since",
      "backup",
      P1_TO_P2,
      { restoredBackups: [backup(-5), backup(1)] },
      "backup 20261101T130000Z of 2026-11-01 13:00 UTC was restored at 2026-11-01 14:00 UTC",
    ],
    [
      "a day without a missing round",
      "observation",
      P2_TO_P3,
      { rounds: DAY },
      "7 rounds within 24.0 h, none missing, and the last one saw no problem",
    ],
    [
      "a day with a problem that ended",
      "observation",
      P2_TO_P3,
      { rounds: [round(0), round(4), round(8, 2), ...DAY.slice(3)] },
      "7 rounds within 24.0 h, none missing, and the last one saw no problem",
    ],
    [
      "an export since",
      "export",
      P2_TO_P3,
      { exports: [{ at: at(2) }] },
      "the data was exported at 2026-11-01 14:00 UTC, since the change of phase",
    ],
    [
      "an archive since",
      "archive",
      P2_TO_P3,
      { archives: [{ at: at(-3) }, { at: at(2) }] },
      "the JSON files were archived at 2026-11-01 14:00 UTC, with checksums",
    ],
    [
      "an export since both are written again",
      "export",
      P2_TO_P1,
      { exports: [{ at: at(2) }], lastWrite: at(5) },
      "the data was exported at 2026-11-01 14:00 UTC, since the change of phase",
    ],
    [
      "one clean validation after the export",
      "validations",
      P2_TO_P1,
      { exports: [{ at: at(2) }], validations: [clean(3)] },
      "the last validation since the export of 2026-11-01 14:00 UTC found no difference",
    ],
  ])("are open with %s", async (_, gate, step, records, evidence) => {
    expect(await check(gate, step, records, SINCE)).toEqual({ gate, isOpen: true, evidence });
  });

  const VALIDATE = `slipway data validate ${FLAGS} --from <folder with the JSON files>`;
  const EXPORT = `slipway data export ${FLAGS} --to <folder>`;
  const ARCHIVE = `slipway phase archive ${FLAGS} --from <folder with the JSON files>`;
  const WATCH = `slipway watch ${FLAGS}`;
  const BACKUP = "slipway backup create --system shop && slipway backup rehearse --system shop --newest";

  it.each<[string, Gate, Pick<GateSubject, "from" | "to" | "wasPostgresOnly">, Records, string, string]>([
    ["no validation", "validations", P1_TO_P2, {}, "0 of 3 validations without a difference since 2026-11-01 12:00 UTC", VALIDATE],
    [
      "two clean validations",
      "validations",
      P1_TO_P2,
      { validations: [clean(1), clean(2)] },
      "2 of 3 validations without a difference since 2026-11-01 12:00 UTC",
      VALIDATE,
    ],
    [
      "clean validations before the change",
      "validations",
      P1_TO_P2,
      { validations: [clean(-3), clean(-2), clean(-1)] },
      "0 of 3 validations without a difference since 2026-11-01 12:00 UTC",
      VALIDATE,
    ],
    [
      "a difference in the last validation",
      "validations",
      P1_TO_P2,
      { validations: [clean(1), clean(2), clean(3), dirty(4)] },
      "the validation of 2026-11-01 16:00 UTC found differences, and 3 in a row without one are needed",
      VALIDATE,
    ],
    [
      "two clean ones after a difference",
      "validations",
      P2_TO_P3,
      { validations: [clean(1), dirty(2), clean(3), clean(4)] },
      "2 of 3 validations without a difference since 2026-11-01 12:00 UTC",
      VALIDATE,
    ],
    [
      "a validation before the export",
      "validations",
      P2_TO_P1,
      { exports: [{ at: at(2) }], validations: [clean(1)] },
      "0 of 1 validations without a difference since the export of 2026-11-01 14:00 UTC",
      VALIDATE,
    ],
    [
      "a difference after the export",
      "validations",
      P2_TO_P1,
      { exports: [{ at: at(2) }], validations: [clean(1), dirty(3)] },
      "the validation of 2026-11-01 15:00 UTC found differences, and one without a difference is needed",
      VALIDATE,
    ],
    ["no backup", "backup", P1_TO_P2, {}, "no backup that was made since 2026-11-01 12:00 UTC was restored", BACKUP],
    [
      "a backup from before, restored since",
      "backup",
      P2_TO_P3,
      { restoredBackups: [backup(-0.5)] },
      "no backup that was made since 2026-11-01 12:00 UTC was restored",
      BACKUP,
    ],
    ["no round", "observation", P2_TO_P3, {}, "no round of slipway watch since 2026-11-01 12:00 UTC", WATCH],
    [
      "a day of rounds before the change",
      "observation",
      P2_TO_P3,
      { rounds: [-24, -20, -16, -12, -8, -4].map((hours) => round(hours)) },
      "no round of slipway watch since 2026-11-01 12:00 UTC",
      WATCH,
    ],
    [
      "twenty hours",
      "observation",
      P2_TO_P3,
      { rounds: DAY.slice(0, 6) },
      "observed for 20.0 h of 24 h since 2026-11-01 12:00 UTC; at least 18.0 h are left",
      WATCH,
    ],
    [
      "one second less than a day",
      "observation",
      P2_TO_P3,
      { rounds: [...DAY.slice(0, 6), round(24 - 1 / 3600)] },
      "observed for 23.9 h of 24 h since 2026-11-01 12:00 UTC; at least 18.0 h are left",
      WATCH,
    ],
    [
      "a missing round",
      "observation",
      P2_TO_P3,
      { rounds: [...DAY.slice(0, 3), ...DAY.slice(4)] },
      "no round between 2026-11-01 20:00 UTC and 2026-11-02 04:00 UTC, more than four hours",
      WATCH,
    ],
    [
      "a late first round",
      "observation",
      P2_TO_P3,
      { rounds: [5, 9, 13, 17, 21, 25].map((hours) => round(hours)) },
      "no round between 2026-11-01 12:00 UTC and 2026-11-01 17:00 UTC, more than four hours",
      WATCH,
    ],
    [
      "a problem in the last round",
      "observation",
      P2_TO_P3,
      { rounds: [...DAY.slice(0, 6), round(24, 2)] },
      "the round of 2026-11-02 12:00 UTC saw 2 problems",
      WATCH,
    ],
    ["no export", "export", P2_TO_P3, {}, "there is no export", EXPORT],
    [
      "an export from before the change",
      "export",
      P2_TO_P3,
      { exports: [{ at: at(-1) }] },
      "the export of 2026-11-01 11:00 UTC is older than the change of phase",
      EXPORT,
    ],
    [
      "an export from before the last write",
      "export",
      P2_TO_P1,
      { exports: [{ at: at(-2) }], lastWrite: at(-1) },
      "the export of 2026-11-01 10:00 UTC is older than the last write, of 2026-11-01 11:00 UTC",
      EXPORT,
    ],
    [
      "an export before the change, without a later write",
      "export",
      P2_TO_P1,
      { exports: [{ at: at(-2) }], lastWrite: at(-3) },
      "the export of 2026-11-01 10:00 UTC is older than the change of phase",
      EXPORT,
    ],
    ["no archive", "archive", P2_TO_P3, {}, "the JSON files were not archived", ARCHIVE],
    [
      "an archive from before the change",
      "archive",
      P2_TO_P3,
      { archives: [{ at: at(-1) }] },
      "the archive of 2026-11-01 11:00 UTC is older than the change of phase",
      ARCHIVE,
    ],
  ])("are closed with %s, and say what to type", async (_, gate, step, records, evidence, next) => {
    expect(await check(gate, step, records, SINCE)).toEqual({ gate, isOpen: false, evidence, next });
  });

  it("are all closed where it is not recorded since when the services report the phase", async () => {
    const records: Records = {
      ...{ validations: [clean(1), clean(2), clean(3)], exports: [{ at: at(1) }], archives: [{ at: at(1) }] },
      ...{ restoredBackups: [backup(1)], rounds: DAY },
    };
    const gates = await checkGates({ ...P2_TO_P3, since: undefined, evidence: evidenceOf(records), flags: FLAGS, now: Date.parse(at(30)) });
    expect(gates).toEqual(
      gatesOf(P2_TO_P3).map((gate) => ({
        gate,
        isOpen: false,
        evidence: "it is not recorded since when the services report P2",
        next: `slipway phase next ${FLAGS} --to P2`,
      })),
    );
  });
});

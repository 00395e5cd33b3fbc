import { describe, expect, it } from "vitest";
import { PHASES } from "../../settings/settings.ts";
import { DESCRIPTIONS, directionOf, neighborOf, ORDER, phaseWith, readsJson } from "./phases.ts";

describe("the phases", () => {
  it("are one for each pair of flags", () => {
    expect(ORDER.map((phase) => [PHASES[phase].usePostgres, PHASES[phase].dualWrite])).toEqual([
      [false, false],
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(ORDER.map((phase) => phaseWith(PHASES[phase]))).toEqual(ORDER);
  });

  it("follow each other by one changed flag, in both directions", () => {
    expect(ORDER.map((phase) => neighborOf(phase, "next"))).toEqual(["P1", "P2", "P3", undefined]);
    expect(ORDER.map((phase) => neighborOf(phase, "back"))).toEqual([undefined, "P0", "P1", "P2"]);
    for (const phase of ORDER.slice(1)) {
      const before = PHASES[neighborOf(phase, "back")!];
      const changed = (["usePostgres", "dualWrite"] as const).filter((flag) => before[flag] !== PHASES[phase][flag]);
      expect(changed).toHaveLength(1);
    }
    expect([directionOf("P1", "P2"), directionOf("P2", "P1")]).toEqual(["next", "back"]);
  });

  it("read JSON before P2", () => {
    expect(ORDER.map(readsJson)).toEqual([true, true, false, false]);
    expect(ORDER.filter((phase) => DESCRIPTIONS[phase].includes("JSON"))).toEqual(["P0", "P1"]);
  });
});

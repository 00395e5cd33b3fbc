import { describe, expect, it } from "vitest";
import { flagsOf } from "../../settings/settings.ts";
import { describePhase, directionOf, haveSameFlags, neighborOf, ORDER, phasesWith, readsJson } from "./phases.ts";

describe("the phases", () => {
  it("are one for each pair of flags where the files of an app last", () => {
    expect(ORDER.map((phase) => flagsOf(phase, "local")).map(({ usePostgres, dualWrite }) => [usePostgres, dualWrite])).toEqual([
      [false, false],
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(ORDER.map((phase) => phasesWith(flagsOf(phase, "local"), "local"))).toEqual(ORDER.map((phase) => [phase]));
  });

  it("write both stores nowhere without a disk, so that P2 and P3 have the same flags there [F50]", () => {
    for (const environment of ["staging", "prod"] as const) {
      expect(ORDER.filter((phase) => flagsOf(phase, environment).dualWrite)).toEqual([]);
      expect(phasesWith(flagsOf("P2", environment), environment)).toEqual(["P2", "P3"]);
      expect(phasesWith(flagsOf("P2", "local"), environment)).toEqual([]);
      expect(haveSameFlags("P2", "P3", environment)).toBe(true);
      expect(describePhase("P2", environment)).toBe("Postgres, with a daily export as JSON");
    }
    expect(haveSameFlags("P2", "P3", "local")).toBe(false);
  });

  it("follow each other by one changed flag, in both directions", () => {
    expect(ORDER.map((phase) => neighborOf(phase, "next"))).toEqual(["P1", "P2", "P3", undefined]);
    expect(ORDER.map((phase) => neighborOf(phase, "back"))).toEqual([undefined, "P0", "P1", "P2"]);
    for (const phase of ORDER.slice(1)) {
      const [before, after] = [flagsOf(neighborOf(phase, "back")!, "local"), flagsOf(phase, "local")];
      const changed = (["usePostgres", "dualWrite"] as const).filter((flag) => before[flag] !== after[flag]);
      expect(changed).toHaveLength(1);
    }
    expect([directionOf("P1", "P2"), directionOf("P2", "P1")]).toEqual(["next", "back"]);
  });

  it("read JSON before P2", () => {
    expect(ORDER.map(readsJson)).toEqual([true, true, false, false]);
    expect(ORDER.filter((phase) => describePhase(phase, "local").includes("JSON"))).toEqual(["P0", "P1"]);
  });
});

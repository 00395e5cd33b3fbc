/** What differs between two runs that differ in nothing but their secrets was computed from one, also where no letter of it is left. */
import type { Plan } from "../../engine/plan.ts";
import type { Finding } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { stationOf } from "../flow.ts";
import type { Place } from "./places.ts";
import type { Look } from "./sightings.ts";

export interface Looked {
  readonly places: readonly Place[];
  readonly look: Look;
}

/** Only what stands without a mark: in an envelope a hash is as safe as what it was made of. */
export function derivedPlaces(one: Looked, other: Looked): readonly Place[] {
  const others = new Map(numbered(other.places));
  return numbered(one.places).flatMap(([key, place]) => {
    const text = others.get(key)?.text;
    const differs = text !== undefined && text !== place.text;
    return differs && !place.sealed && one.look(place.text).length === 0 && other.look(text).length === 0 ? [place] : [];
  });
}

/** A program that differs by itself, by the clock or by chance, differs also where its secrets are the same. */
export function withoutChance(places: readonly Place[], again: readonly Place[]): readonly Place[] {
  const same = new Set(again.map(({ text }) => text));
  return places.filter(({ text }) => same.has(text));
}

export function derivedFaults(places: readonly Place[], plan: Plan): readonly Finding[] {
  return places.map((place) => {
    const station = stationOf(place, plan);
    return finding({
      rule: "secret-derived",
      message: `${station.what[0]!.toUpperCase()}${station.what.slice(1)} is computed from a secret, and is shown.`,
      flow: [station],
    });
  });
}

/** By what they are and where, and by which of several of the same. */
function numbered(places: readonly Place[]): (readonly [string, Place])[] {
  const counts = new Map<string, number>();
  return places.map((place) => {
    const key = `${place.kind}\0${place.urn ?? ""}\0${place.path}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return [`${key}\0${count}`, place] as const;
  });
}

/** Where canaries turned up, and in which form. */
import { secretFinder } from "../../engine/secret-search.ts";
import type { Origin } from "./canary.ts";
import type { Place } from "./places.ts";

export interface Sighting {
  readonly origin: Origin;
  readonly place: Place;
  /** "as it is", "base64", "hex of percent-encoded", "reversed". */
  readonly form: string;
  readonly whole: boolean;
}

export type Look = (text: string) => readonly Omit<Sighting, "place">[];

/** The same text stands in many places: each is read once. */
export function lookFor(origins: ReadonlyMap<string, Origin>): Look {
  const backwards = new Map([...origins.keys()].map((canary) => [[...canary].reverse().join(""), canary]));
  const find = secretFinder([...origins.keys(), ...backwards.keys()]);
  const read = new Map<string, readonly Omit<Sighting, "place">[]>();
  return (text) => {
    const before = read.get(text);
    if (before) return before;
    const seen = find(text).map(({ secret, form, whole }) => {
      const canary = backwards.get(secret);
      const turned = canary === undefined ? form : form === "as it is" ? "reversed" : `${form} of reversed`;
      return { origin: origins.get(canary ?? secret)!, form: turned, whole };
    });
    read.set(text, seen);
    return seen;
  };
}

export function sightingsIn(places: readonly Place[], look: Look): readonly Sighting[] {
  return places.flatMap((place) => look(place.text).map((seen) => ({ ...seen, place })));
}

/** Where canaries occur, and in which form. */
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

/** Caches its answers, because many places hold the same text. */
export function lookFor(origins: ReadonlyMap<string, Origin>): Look {
  const reversed = new Map([...origins.keys()].map((canary) => [[...canary].reverse().join(""), canary]));
  const find = secretFinder([...origins.keys(), ...reversed.keys()]);
  const cache = new Map<string, readonly Omit<Sighting, "place">[]>();
  return (text) => {
    const known = cache.get(text);
    if (known) return known;
    const found = find(text).map(({ secret, form, whole }) => {
      const canary = reversed.get(secret);
      const shownForm = canary === undefined ? form : form === "as it is" ? "reversed" : `${form} of reversed`;
      return { origin: origins.get(canary ?? secret)!, form: shownForm, whole };
    });
    cache.set(text, found);
    return found;
  };
}

export function sightingsIn(places: readonly Place[], look: Look): readonly Sighting[] {
  return places.flatMap((place) => look(place.text).map((found) => ({ ...found, place })));
}

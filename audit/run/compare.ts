/** Compares two runs that differ in their secrets only: a text that differs was computed from a secret, and a secret that does not differ is a literal. */
import type { Plan } from "../../engine/plan.ts";
import type { Finding } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { placeStep } from "../flow.ts";
import { type Place, placesOf } from "./places.ts";
import { runWith, type Subject } from "./run.ts";
import { type Look, lookFor } from "./sightings.ts";

interface Searched {
  readonly places: readonly Place[];
  readonly look: Look;
}

interface Comparison {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** @param first the run with seed "one" */
export async function compareRuns(subject: Subject, first: Searched, plan: Plan): Promise<Comparison> {
  const run = await runWith("two", subject);
  if (run.failure !== undefined)
    return { findings: [], notes: [`Values computed from secrets were not searched, because a second run failed: ${run.failure.message}`] };
  const second = { places: placesOf(run), look: lookFor(run.origins) };
  const literals = literalFaults(plan, first, second.places);
  const differing = findDiffering(first, second);
  if (differing.length === 0) return { findings: literals, notes: [] };
  // A program that varies by itself, by the clock or by chance, varies with equal secrets too.
  const again = new Set(placesOf(await runWith("one", subject)).map(({ text }) => text));
  return {
    findings: [...literals, ...differing.filter(({ text }) => again.has(text)).map((place) => derivedFault(place, plan))],
    notes: [],
  };
}

/** Placeholders, certificates, and texts too short to be a secret. */
const NOT_SECRET = /^(placeholder:|placeholder-|-----BEGIN CERTIFICATE)|^.{0,5}$/s;

/** A secret text for DigitalOcean without a canary, equal in every run, was not read from anywhere: it is written in the program. */
function literalFaults(plan: Plan, { places, look }: Searched, others: readonly Place[]): readonly Finding[] {
  const unchanged = new Set(others.map(({ urn, path, text }) => `${urn} ${path} ${text}`));
  const providers = new Set(plan.resources.filter(({ type }) => type.startsWith("digitalocean:")).map(({ urn }) => urn));
  return places
    .filter(({ kind, own, text, urn = "" }) => kind === "input" && own === true && providers.has(urn) && !NOT_SECRET.test(text))
    .filter(({ urn, path, text }) => look(text).length === 0 && unchanged.has(`${urn} ${path} ${text}`))
    .map((place) => {
      const step = placeStep(place, plan);
      return finding({ rule: "secret-literal", message: `The secret in ${step.what} is written in the program.`, flow: [step] });
    });
}

/** Texts that differ without a canary. Texts marked as secret do not count: their hash is encrypted like the secret itself. */
function findDiffering(first: Searched, second: Searched): readonly Place[] {
  const others = new Map(numbered(second.places));
  return numbered(first.places).flatMap(([key, place]) => {
    const text = others.get(key)?.text;
    const differs = text !== undefined && text !== place.text;
    return differs && !place.sealed && first.look(place.text).length === 0 && second.look(text).length === 0 ? [place] : [];
  });
}

function derivedFault(place: Place, plan: Plan): Finding {
  const step = placeStep(place, plan);
  const what = step.what[0]!.toUpperCase() + step.what.slice(1);
  return finding({ rule: "secret-derived", message: `${what} is computed from a secret and not marked as one.`, flow: [step] });
}

/** Each place with a key of its kind, its path and its number among equal ones. */
function numbered(places: readonly Place[]): (readonly [string, Place])[] {
  const counts = new Map<string, number>();
  return places.map((place) => {
    const key = `${place.kind}\0${place.urn ?? ""}\0${place.path}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return [`${key}\0${count}`, place] as const;
  });
}

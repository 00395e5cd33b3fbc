/** Compares two runs that differ in their secrets only: an effect that differs was computed from a secret, and a secret that does not differ is a literal. */
import { createHash } from "node:crypto";
import type { Plan } from "../../engine/plan.ts";
import type { Finding, Severity } from "../../report/audit.ts";
import type { Declarations } from "../declared.ts";
import { finding } from "../finding.ts";
import { originStep, placeStep } from "../flow.ts";
import type { Origin } from "./canary.ts";
import type { Place } from "./places.ts";
import { type Run, runWith, type Subject } from "./run.ts";
import { type Look, lookFor } from "./sightings.ts";

interface Searched {
  readonly places: readonly Place[];
  readonly look: Look;
}

interface Comparison {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

export interface Comparing {
  /** Absent if the program failed. */
  readonly plan?: Plan;
  readonly declarations: Declarations;
  readonly origins: ReadonlyMap<string, Origin>;
  placesOf(run: Run): readonly Place[];
  /** Whether a secret at this place would be a finding. */
  isExposed(place: Place): boolean;
}

/** @param first the run with seed "one" */
export async function compareRuns(subject: Subject, first: Searched, comparing: Comparing): Promise<Comparison> {
  const { plan, placesOf } = comparing;
  const run = await runWith("two", subject);
  if (run.failure !== undefined && plan !== undefined)
    return { findings: [], notes: [`Values computed from secrets were not searched, because a second run failed: ${run.failure.message}`] };
  const second = { places: placesOf(run), look: lookFor(run.origins) };
  const literals = plan === undefined ? [] : literalFaults(plan, first, second.places);
  const differing = findDiffering(first, second, comparing);
  if (differing.length === 0) return { findings: literals, notes: [] };
  // A program that varies by itself, by the clock or by chance, varies with equal secrets too.
  const again = new Set(placesOf(await runWith("one", subject)).map(keyWithText));
  const derived = differing.filter(({ place }) => again.has(keyWithText(place)));
  return { findings: [...literals, ...derivedFaults(derived, comparing)], notes: [] };
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

interface Differing {
  readonly place: Place;
  /** In the second run; absent if it has no such effect. */
  readonly other?: string;
}

/** Exposed texts that differ, or occur in one run only. Inside an encrypted value, a hash is as safe as the secret itself. */
function findDiffering(first: Searched, second: Searched, { isExposed }: Comparing): readonly Differing[] {
  const others = new Map(numbered(second.places));
  const known = new Set(second.places.map(keyWithText));
  return numbered(first.places).flatMap(([key, place]) => {
    if (known.has(keyWithText(place)) || !isExposed(place)) return [];
    if (first.look(place.text).length > 0) return [];
    const other = others.get(key)?.text;
    // In the other run, a resource whose name differs has another URN, and so has everything that it holds.
    if (other === undefined && place.urn !== undefined) return [];
    return other !== undefined && second.look(other).length > 0 ? [] : [{ place, ...(other !== undefined && { other }) }];
  });
}

/** One for each statement, because one statement has several effects. */
function derivedFaults(differing: readonly Differing[], comparing: Comparing): readonly Finding[] {
  const seen = new Map<string, Finding>();
  for (const { place, other } of differing) {
    const { kind, urn = "", path, source } = place;
    const isRegistered = kind === "input" || kind.endsWith("output");
    const key = source === undefined || isRegistered ? `${kind} ${urn} ${path}` : `${source.file}:${source.line}`;
    const fault = derivedFault(place, other, comparing, String(seen.size));
    const before = seen.get(key);
    if (before === undefined || RANKS.indexOf(fault.severity) < RANKS.indexOf(before.severity)) seen.set(key, fault);
  }
  return [...seen.values()];
}

const RANKS: readonly Severity[] = ["critical", "high", "medium", "low"];

function derivedFault(place: Place, other: string | undefined, { plan, declarations, origins }: Comparing, nth: string): Finding {
  const step = placeStep(place, plan);
  const what = step.what[0]!.toUpperCase() + step.what.slice(1);
  const origin = hashedOrigin(place.text, origins);
  const secret = origin && declarations.nameOf(origin);
  const severity = origin ? "medium" : other === undefined ? "low" : severityOf(place.text, other);
  const by = origin ? `contains a hash of ${secret}` : other === undefined ? "depends on a secret" : "is computed from a secret";
  return finding({
    rule: "secret-derived",
    message: `${what} ${by} and is not marked as one${severity === "high" ? "; it is long enough to hold the secret in another form" : ""}.`,
    ...(secret !== undefined && { secret }),
    severity,
    flow: [...(origin ? [originStep(origin)] : []), step],
    ...(step.urn === undefined && place.source && { sink: `${step.path} ${place.source.file} ${nth}` }),
  });
}

const HASHES = ["sha256", "sha1", "md5", "sha512"] as const;

/** The secret whose hash a text contains. */
function hashedOrigin(text: string, origins: ReadonlyMap<string, Origin>): Origin | undefined {
  const lower = text.toLowerCase();
  for (const [canary, origin] of origins)
    for (const algorithm of HASHES) {
      const digest = createHash(algorithm).update(canary).digest();
      if (lower.includes(digest.toString("hex").slice(0, 16)) || text.includes(digest.toString("base64").slice(0, 16))) return origin;
    }
  return undefined;
}

const FEW_CHARACTERS = 8;

/** By the length of the part that differs: that many characters can reveal as much. */
function severityOf(text: string, other: string): Severity {
  const most = Math.min(text.length, other.length);
  let start = 0;
  while (start < most && text[start] === other[start]) start++;
  let end = 0;
  while (end < most - start && text.at(-1 - end) === other.at(-1 - end)) end++;
  return Math.max(text.length, other.length) - start - end <= FEW_CHARACTERS ? "low" : "high";
}

const placeKey = ({ kind, urn = "", path, at = path, source }: Place): string =>
  // A name, and the target of an effect, can be computed from the secret too.
  source === undefined || (urn !== "" && kind !== "name") ? `${kind}\0${urn}\0${at}` : `${kind}\0${source.file}:${source.line}`;

const keyWithText = (place: Place): string => `${placeKey(place)}\0${place.text}`;

/** Each place with a key of its kind, its path and its number among equal ones. */
function numbered(places: readonly Place[]): (readonly [string, Place])[] {
  const counts = new Map<string, number>();
  return places.map((place) => {
    const key = placeKey(place);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return [`${key}\0${count}`, place] as const;
  });
}

/** Proofs: for each secret without a finding, the path from its origin to every process that reads it. */
import type { Plan } from "../engine/plan.ts";
import type { Finding, Proof, Station } from "../report/audit.ts";
import { APP } from "../report/plan/app-spec.ts";
import type { Declarations, Declared } from "./declared.ts";
import { finding } from "./finding.ts";
import { nameOf, originStep, placeStep, variableStep } from "./flow.ts";
import type { Reading } from "./readers.ts";
import type { Sighting } from "./run/sightings.ts";

export interface Evidence {
  readonly plan: Plan;
  readonly declarations: Declarations;
  readonly sightings: readonly Sighting[];
  readonly readings: readonly Reading[];
}

export function findProofs(evidence: Evidence, findings: readonly Finding[]): readonly Proof[] {
  const accused = new Set(findings.map(({ secret }) => secret));
  return evidence.declarations.all.flatMap((declared) => (accused.has(declared.name) ? [] : [proofOf(declared, evidence)]));
}

function proofOf({ name, origin }: Declared, evidence: Evidence): Proof {
  const carriers = carriersOf(origin.id, evidence);
  const variables = evidence.readings.filter((reading) => reading.origin.id === origin.id);
  const stored: Station =
    origin.kind === "config"
      ? { what: "the stack's config, encrypted" }
      : { what: "the state, encrypted", ...(origin.urn && { urn: origin.urn }) };
  return {
    secret: name,
    flow: [
      originStep(origin),
      stored,
      ...carriers,
      ...variables.map(({ variable, byReference }) => {
        const station = variableStep(variable);
        return byReference ? { ...station, what: `${station.what}, by reference` } : station;
      }),
      ...ends(variables, carriers, name),
    ],
    strength: "wired",
  };
}

/** Where it is stored encrypted, apart from the app that reads it; each place once. */
function carriersOf(id: string, { sightings, plan }: Evidence): Station[] {
  const seen = new Map<string, Station>();
  for (const { origin, place } of sightings) {
    if (origin.id !== id || !place.sealed) continue;
    const { urn = "", kind, path } = place;
    if (plan.resources.find((resource) => resource.urn === urn)?.type === APP) continue;
    const station = placeStep(place, plan);
    const key = `${kind} ${urn} ${kind === "input" ? path : path.split(/[.[]/)[0]}`;
    if (!seen.has(key)) seen.set(key, { ...station, what: `${station.what}, encrypted` });
  }
  return [...seen.values()];
}

function ends(variables: readonly Reading[], carriers: readonly Station[], name: string): Station[] {
  const processes = new Set(variables.map(({ variable: { component, app } }) => `the process of ${component} in ${app}`));
  if (processes.size > 0) return [...processes].map((what) => ({ what }));
  if (carriers.length > 0) return [{ what: "no other reader: no app reads it" }];
  if (!name.includes(":")) return [{ what: "no reader: it stays where it is stored" }];
  return [{ what: "its provider, while Pulumi runs" }];
}

/** Part of the fingerprints in existing suppressions, so these words must not change. */
const FINGERPRINT_WORDS = { config: "typed by an operator", generated: "made at random", provider: "made by its provider" } as const;

/** Secrets of the program that no reader receives. Secrets that a provider creates unrequested, and settings of providers, do not count. */
export function unreadSecrets({ plan, declarations, sightings, readings }: Evidence): readonly Finding[] {
  const used = new Set([...sightings.map(({ origin }) => origin.id), ...readings.map(({ origin }) => origin.id)]);
  return declarations.all
    .filter(({ origin }) => !used.has(origin.id))
    .filter(({ origin: { kind, id } }) => kind === "generated" || (kind === "config" && id.startsWith(`config ${plan.project}:`)))
    .map(({ name, origin }) => {
      const resource = plan.resources.find(({ urn }) => urn === origin.urn);
      const of = resource === undefined ? "" : ` (${nameOf(resource)})`;
      const sink = `${origin.urn ?? ""} ${origin.what}, ${FINGERPRINT_WORDS[origin.kind]}`;
      return finding({ rule: "secret-unread", secret: name, message: `${name}${of} has no reader.`, flow: [originStep(origin)], sink });
    });
}

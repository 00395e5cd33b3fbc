/** Turns sightings of canaries into findings. */
import { mask } from "../engine/mask.ts";
import type { Plan, Source } from "../engine/plan.ts";
import type { Finding, Station } from "../report/audit.ts";
import { APP } from "../report/plan/app-spec.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { originStep, placeStep } from "./flow.ts";
import type { RuleId } from "./rules.ts";
import type { Place } from "./run/places.ts";
import type { Look, Sighting } from "./run/sightings.ts";

/** @param program the place of an effect whose statement is not known, such as the output of a process */
export function leaks(
  plan: Plan | undefined,
  sightings: readonly Sighting[],
  { nameOf }: Declarations,
  program?: Source,
): readonly Finding[] {
  const found = sightings.flatMap((sighting) => {
    const rule = exposureOf(sighting.place);
    return rule === undefined ? [] : [{ rule, sighting, secret: nameOf(sighting.origin) }];
  });
  const counts = new Map<string, number>();
  return withoutEchoes(found).map(({ rule, sighting, secret }) => {
    const known = placeStep(sighting.place, plan);
    const at = known.source === undefined && program !== undefined ? { ...known, source: program } : known;
    const where = `${at.urn ?? ""} ${at.path ?? at.what}`;
    const key = `${rule}\0${secret}\0${where}`;
    const nth = counts.get(key) ?? 0;
    if (isEffect(sighting.place)) counts.set(key, nth + 1);
    return finding({
      rule,
      secret,
      message: `${secret} ${how(sighting)} ${whereText(sighting.place, at)}.`,
      flow: [originStep(sighting.origin), at],
      // Two statements can log the same secret.
      ...(nth > 0 && { sink: `${where} ${nth}` }),
    });
  });
}

interface Leak {
  readonly rule: RuleId;
  readonly sighting: Sighting;
  readonly secret: string;
}

/** One statement has many effects: a request calls a dozen functions, and what is printed arrives at a file descriptor too. */
function withoutEchoes(found: readonly Leak[]): readonly Leak[] {
  const seen = new Set<string>();
  const sourced = new Set<string>();
  for (const { rule, secret, sighting } of found) if (sighting.place.source) sourced.add(`${rule}\0${secret}`);
  return found.filter(({ rule, secret, sighting: { place } }) => {
    if (!isEffect(place)) return true;
    const { source } = place;
    if (source === undefined && sourced.has(`${rule}\0${secret}`)) return false;
    const key = `${rule}\0${secret}\0${source ? `${source.file}:${source.line}` : place.path}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const EFFECTS: ReadonlySet<Place["kind"]> = new Set([
  "console",
  "file",
  "command",
  "process",
  "worker",
  "request",
  "message",
  "invoke",
  "option",
]);
export const isEffect = ({ kind }: Place): boolean => EFFECTS.has(kind);

/** The rule that a secret at this place breaks; undefined if a secret may occur there. */
export function exposureOf({ kind, path, sealed, type = "" }: Place): RuleId | undefined {
  switch (kind) {
    case "name":
    case "option":
      return "secret-in-name";
    case "message":
    case "console":
      return "secret-in-log";
    case "error":
      return "secret-in-error";
    case "file":
      return "secret-in-file";
    case "command":
      return "secret-on-command-line";
    case "process":
    case "worker":
      return "secret-to-process";
    case "request":
      return "secret-sent";
    case "invoke":
      // Functions of other providers may compute with a secret; what DigitalOcean's look up is a name.
      return sealed && !type.startsWith("digitalocean:") ? undefined : "secret-sent";
    case "stack output":
      return path.endsWith(KEY) ? "secret-in-name" : sealed ? undefined : "secret-in-output";
    case "component output":
      return path.endsWith(KEY) ? "secret-in-name" : sealed ? undefined : "secret-in-component-output";
    case "input":
      return inputRule(path, sealed, type);
  }
}

const KEY = " (a key)";

/** Pulumi's secret mark protects the state only, not what DigitalOcean shows. */
function inputRule(path: string, sealed: boolean, type: string): RuleId | undefined {
  if (path.endsWith(KEY)) return "secret-in-name";
  if (type === APP && / ?env .+\.value$/.test(path)) return sealed ? undefined : "secret-in-state";
  if (COMMAND.test(path) && (type === APP || type.startsWith("command:"))) return "secret-on-command-line";
  if (TAG.test(path)) return "secret-in-tag";
  if (SHOWN_NAME.test(path) && !type.startsWith("pulumi-nodejs:dynamic")) return "secret-in-name";
  if (!sealed) return "secret-in-state";
  if (type.startsWith("digitalocean:") && !HIDDEN_FIELDS.test(path)) return "secret-in-plain-field";
  return undefined;
}

const COMMAND = /(^|\.)(runCommand|buildCommand|create|update|delete|command|arguments)$/;
const TAG = /(^|\.)(tags|labels)(\[|\.|$)/;
const SHOWN_NAME = /^(spec\.)?name$/;
/** Secret fields of DigitalOcean, which it does not show. */
const HIDDEN_FIELDS =
  /(^|\.)(registryCredentials|privateKey|clientKey|password|token|apiKey|secret\w*|licenseKey)$|slacks(\[\d+\])?\.url$/i;

/** Omits that white space was removed to find it. */
function how({ form, whole }: Sighting): string {
  const forms = form.replaceAll(/\bwrapped of |\bwrapped$/g, "");
  return `appears${whole ? "" : " in part"}${forms === "" || forms === "as it is" ? "" : ` (${forms})`}`;
}

function whereText({ kind, path, sealed }: Place, { what }: Station): string {
  if (kind === "console") return `in the output of the program, on ${path}`;
  if (kind === "file") return `in the file ${path}`;
  if (kind === "command") return `on the command line of ${path}`;
  if (kind === "process") return `in the environment or the input of ${path}`;
  if (kind === "worker") return `in what the program passes to a worker (${path})`;
  if (kind === "request") return `in what the program sends (${path})`;
  if (kind === "option") return `in ${path}`;
  if (kind === "invoke") return `in the argument ${path}`;
  if (kind === "message" || kind === "error") return `in ${path}`;
  return `in ${what}${sealed ? "" : ", not marked as secret"}`;
}

/** Secrets in the masked plan, which slipway prints. A secret that the program itself leaks is reported at that place instead. */
export function shownFaults(plan: Plan, look: Look, { nameOf }: Declarations, others: readonly Finding[]): readonly Finding[] {
  const reported = new Set(others.map(({ secret }) => secret));
  return textsOf(mask(plan))
    .flatMap(look)
    .filter(({ origin }) => !reported.has(nameOf(origin)))
    .map(({ origin, form }) =>
      finding({
        rule: "secret-shown",
        secret: nameOf(origin),
        message: `${nameOf(origin)} appears in the plan that slipway prints, ${form}.`,
        flow: [originStep(origin), { what: "the plan as slipway prints it", path: "shown" }],
      }),
    );
}

/** Separately, because `look` caches each text, and most were read before. */
function textsOf(shown: unknown): string[] {
  if (typeof shown === "string") return [shown];
  if (shown === null || typeof shown !== "object") return [];
  return Object.entries(shown).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}

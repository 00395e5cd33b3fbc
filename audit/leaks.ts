/** Turns sightings of canaries into findings. */
import { mask } from "../engine/mask.ts";
import type { Plan } from "../engine/plan.ts";
import type { Finding, Station } from "../report/audit.ts";
import { APP } from "../report/plan/app-spec.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { originStep, placeStep } from "./flow.ts";
import type { RuleId } from "./rules.ts";
import type { Place } from "./run/places.ts";
import type { Look, Sighting } from "./run/sightings.ts";

export function leaks(plan: Plan | undefined, sightings: readonly Sighting[], { nameOf }: Declarations): readonly Finding[] {
  return sightings.flatMap((sighting) => {
    const rule = ruleFor(sighting.place, plan);
    if (rule === undefined) return [];
    const secret = nameOf(sighting.origin);
    const at = placeStep(sighting.place, plan);
    return [
      finding({
        rule,
        secret,
        message: `${secret} ${how(sighting)} ${whereText(sighting.place, at)}.`,
        flow: [originStep(sighting.origin), at],
      }),
    ];
  });
}

/** Undefined if a secret may occur there. */
function ruleFor({ kind, path, sealed, urn = "" }: Place, plan: Plan | undefined): RuleId | undefined {
  switch (kind) {
    case "name":
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
    case "request":
      return "secret-sent";
    case "stack output":
      return path.endsWith(KEY) ? "secret-in-name" : sealed ? undefined : "secret-in-output";
    case "component output":
      return path.endsWith(KEY) ? "secret-in-name" : sealed ? undefined : "secret-in-component-output";
    case "input":
      return inputRule(path, sealed, plan?.resources.find((resource) => resource.urn === urn)?.type ?? "");
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
  if (kind === "request") return `in a request to ${path}`;
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

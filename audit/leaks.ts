/** From where a canary was seen to what is wrong with that. */
import type { Plan } from "../engine/plan.ts";
import type { Finding, Station } from "../report/audit.ts";
import { APP } from "../report/plan/app-spec.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { born, stationOf } from "./flow.ts";
import type { RuleId } from "./rules.ts";
import type { Place } from "./run/places.ts";
import type { Sighting } from "./run/sightings.ts";

export function leaks(plan: Plan | undefined, sightings: readonly Sighting[], { nameOf }: Declarations): readonly Finding[] {
  return sightings.flatMap((sighting) => {
    const rule = ruleFor(sighting.place, plan);
    if (rule === undefined) return [];
    const secret = nameOf(sighting.origin);
    const at = stationOf(sighting.place, plan);
    return [
      finding({
        rule,
        secret,
        message: `${secret} ${how(sighting)} ${whereText(sighting.place, at)}.`,
        flow: [born(sighting.origin), at],
      }),
    ];
  });
}

/** undefined where a secret may stand. */
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

/** A mark protects the state. What the provider shows to everybody it does not protect. */
function inputRule(path: string, sealed: boolean, type: string): RuleId | undefined {
  if (path.endsWith(KEY)) return "secret-in-name";
  if (type === APP && / ?env .+\.value$/.test(path)) return sealed ? undefined : "secret-in-state";
  if (COMMAND.test(path) && (type === APP || type.startsWith("command:"))) return "secret-on-command-line";
  if (TAG.test(path)) return "secret-in-tag";
  if (SHOWN_NAME.test(path) && !type.startsWith("pulumi-nodejs:dynamic")) return "secret-in-name";
  if (!sealed) return "secret-in-state";
  if (type.startsWith("digitalocean:") && !KEEPS.test(path)) return "secret-in-plain-field";
  return undefined;
}

const COMMAND = /(^|\.)(runCommand|buildCommand|create|update|delete|command|arguments)$/;
const TAG = /(^|\.)(tags|labels)(\[|\.|$)/;
const SHOWN_NAME = /^(spec\.)?name$/;
/** Fields of DigitalOcean's that hold secrets by their nature, and are shown to nobody. */
const KEEPS = /(^|\.)(registryCredentials|privateKey|clientKey|password|token|apiKey|secret\w*|licenseKey)$|slacks(\[\d+\])?\.url$/i;

/** That white space was taken out to find it says nothing. */
function how({ form, whole }: Sighting): string {
  const forms = form.replaceAll(/\bwrapped of |\bwrapped$/g, "");
  return `stands${whole ? "" : " in part"}${forms === "" || forms === "as it is" ? "" : ` (${forms})`}`;
}

function whereText({ kind, path, sealed }: Place, { what }: Station): string {
  if (kind === "console") return `in what the program prints to ${path}`;
  if (kind === "file") return `in the file ${path}`;
  if (kind === "command") return `on the command line of ${path}`;
  if (kind === "request") return `in a request to ${path}`;
  if (kind === "message" || kind === "error") return `in ${path}`;
  return `in ${what}${sealed ? "" : ", without a mark"}`;
}

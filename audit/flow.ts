/** Describes the steps on a secret's path. */
import type { Plan, PlannedResource } from "../engine/plan.ts";
import type { Station } from "../report/audit.ts";
import type { Variable } from "../report/plan/app-spec.ts";
import type { Origin } from "./run/canary.ts";
import type { Place } from "./run/places.ts";

export function originStep({ what, urn, source, kind }: Origin): Station {
  const by = { config: "set by an operator", generated: "generated", provider: "created by its provider" }[kind];
  return { what: `${what}, ${by}`, ...(urn && { urn }), ...(source && { source }) };
}

export function placeStep(place: Place, plan?: Plan): Station {
  const { kind, path, urn, source } = place;
  const resource = plan?.resources.find((candidate) => candidate.urn === urn);
  const of = { ...(urn && { urn }), ...(source && { source }) };
  if (kind === "stack output") return { what: `the stack output ${path}`, path, ...of };
  if (kind === "component output") return { what: `the output ${path} of ${nameOf(resource)}`, path, ...of };
  if (kind === "name") return { what: `the name of ${resource?.type ?? "a resource"}`, path, ...of };
  if (kind === "input") return { what: `${path} of ${nameOf(resource)}`, path, ...of };
  if (kind === "option" || kind === "invoke") return { what: path, path: `${kind} ${path}`, ...of };
  return { what: kind === "message" || kind === "error" ? path : `${kind} ${path}`, path: `${kind} ${path}`, ...of };
}

export function variableStep({ key, component, app, scope, type, path, resource }: Variable): Station {
  const { urn, source } = resource;
  return { what: `variable ${key} of ${component} in ${app} (${type}, ${scope})`, path, urn, ...(source && { source }) };
}

export function nameOf(resource: PlannedResource | undefined): string {
  return resource === undefined ? "a resource" : `${resource.type.slice(resource.type.lastIndexOf(":") + 1)} ${resource.name}`;
}

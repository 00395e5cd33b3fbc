/** Every place of a run that can hold text: what the program registers, with every option, and every other effect of it. */
import { Asset, type Plan, Reference, Secret, type Source, Unknown, type Value } from "../../engine/plan.ts";
import type { EngineRequest } from "./requests.ts";
import type { Run } from "./run.ts";

export type Kind =
  | "input"
  | "component output"
  | "stack output"
  | "name"
  | "option"
  | "invoke"
  | "message"
  | "error"
  | "console"
  | "file"
  | "command"
  | "process"
  | "worker"
  | "request";

export interface Place {
  readonly kind: Kind;
  /** With names in place of list indexes, which move: `spec.service api.env JWT_SECRET`. */
  readonly path: string;
  /** The same with list indexes: what a name holds may have been computed from a secret. */
  readonly at?: string;
  readonly text: string;
  /** Marked as secret: Pulumi stores it encrypted and masks it. */
  readonly sealed: boolean;
  /** This text itself is marked, not something around it. */
  readonly own?: boolean;
  readonly urn?: string;
  /** Of the resource. */
  readonly type?: string;
  readonly source?: Source;
}

export type Observed = Pick<Run, "plan" | "requests" | "effects" | "failure">;

/** @param outputSource where the program returns the output of a name */
export function placesOf(run: Observed, outputSource: (name: string) => Source | undefined = () => undefined): readonly Place[] {
  const { plan, requests, effects, failure } = run;
  const urns = new Set(plan?.resources.map(({ urn }) => urn));
  return [
    ...(plan === undefined ? [] : withOutputSources(planPlaces(plan, outputSource), requests)),
    ...requests.flatMap((request) => requestPlaces(request, urns, plan === undefined)),
    ...effects.map(({ kind, target, text, source }): Place => ({ kind, path: target, text, sealed: false, ...(source && { source }) })),
    ...(failure === undefined ? [] : [errorPlace(failure)]),
  ];
}

export function planPlaces(
  { resources, outputs }: Plan,
  outputSource: (name: string) => Source | undefined = () => undefined,
): readonly Place[] {
  return [
    ...resources.flatMap((resource) => {
      const { urn, name, type, inputs, outputs: own = {}, source } = resource;
      const of = { urn, type, ...(source && { source }) };
      return [
        { ...of, kind: "name" as const, path: "name", text: name, sealed: false },
        ...within(inputs, "").map((place) => ({ ...of, ...place, kind: "input" as const })),
        ...within(own, "").map((place) => ({ ...of, ...place, kind: "component output" as const })),
      ];
    }),
    ...Object.entries(outputs).flatMap(([name, value]) => {
      const source = outputSource(name);
      return within({ [name]: value }, "").map((place) => ({ ...place, kind: "stack output" as const, ...(source && { source }) }));
    }),
  ];
}

/** The outputs of a component are registered by another statement than the component. */
function withOutputSources(places: readonly Place[], requests: readonly EngineRequest[]): readonly Place[] {
  const sources = new Map(
    requests.flatMap(({ method, fields, source }) =>
      method === "registerResourceOutputs" && source ? [[String(fields.urn), source] as const] : [],
    ),
  );
  return places.map((place) => {
    const source = place.kind === "component output" ? sources.get(place.urn ?? "") : undefined;
    return source === undefined ? place : { ...place, source };
  });
}

/** Fields that hold what the plan holds too. */
const IN_PLAN = new Set(["name", "urn"]);

function requestPlaces(request: EngineRequest, urns: ReadonlySet<string>, isFailed: boolean): readonly Place[] {
  const { method, fields, values, source } = request;
  const of = source && { source };
  if (method === "log") return [{ kind: "message", path: "a message of the program", text: String(fields.message), sealed: false, ...of }];
  if (method === "registerResourceOutputs") return [];
  const name = String(fields.name ?? fields.tok ?? method);
  const type = String(fields.type ?? "");
  const isInvoke = fields.tok !== undefined;
  const options = Object.entries(fields).filter(([key]) => isFailed || !IN_PLAN.has(key));
  return [
    ...options
      .flatMap(([key, value]) => within(value as Value, shownField(key)))
      // The URN of another resource is reported there.
      .filter(({ text }) => !urns.has(text) && !urns.has(text.slice(0, Math.max(0, text.lastIndexOf("::")))))
      .map((found): Place => ({ ...found, ...of, kind: "option", path: `${found.path} of ${name}`, type })),
    ...(isInvoke
      ? within(values, "").map((found): Place => ({ ...found, ...of, kind: "invoke", path: `${found.path} of ${name}`, type: name }))
      : []),
    // A program that failed has no plan.
    ...(isFailed && !isInvoke ? within(values, "").map((found): Place => ({ ...found, ...of, kind: "input", type })) : []),
  ];
}

/** "ignorechangesList" is `ignoreChanges` in a program. */
const shownField = (key: string): string => key.replace(/(List|Map)$/, "");

function errorPlace({ raw, source }: NonNullable<Run["failure"]>): Place {
  return { kind: "error", path: "the error that ends the program", text: raw, sealed: false, ...(source && { source }) };
}

type Found = Pick<Place, "path" | "text" | "sealed" | "own" | "at">;

function within(value: Value, path: string, sealed = false, at = path): Found[] {
  const found = (text: string): Found => ({ path, text, sealed, ...(at !== path && { at }) });
  if (value instanceof Secret) {
    return typeof value.value === "string" ? [{ ...found(value.value), sealed: true, own: true }] : within(value.value, path, true, at);
  }
  if (typeof value === "string") return value === "" ? [] : [found(value)];
  // The plan holds only the hash of a file, but the whole text of a text asset.
  if (value instanceof Asset) return [...(value.text === undefined ? [] : [value.text]), ...(value.contents ?? [])].map(found);
  if (value === null || typeof value !== "object" || value instanceof Unknown || value instanceof Reference) {
    return typeof value === "number" ? [found(String(value))] : [];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => within(item, pathOfItem(path, item, index), sealed, `${at}[${index}]`));
  return Object.entries(value as Readonly<Record<string, Value>>).flatMap(([key, inner], index) => [
    // Pulumi shows the key of a secret value.
    { path: `${path === "" ? key : path} (a key)`, at: `${at} (key ${index})`, text: key, sealed: false },
    ...within(inner, path === "" ? key : `${path}.${key}`, sealed, at === "" ? key : `${at}.${key}`),
  ]);
}

/** `envs[3]` with the key PORT is `env PORT`. */
export function pathOfItem(path: string, item: Value, index: number): string {
  const inside = item instanceof Secret ? item.value : item;
  const { name, key } = (inside ?? {}) as { readonly name?: unknown; readonly key?: unknown };
  const label = typeof name === "string" ? name : typeof key === "string" ? key : undefined;
  return label === undefined ? `${path}[${index}]` : `${path.replace(/s$/, "")} ${label}`;
}

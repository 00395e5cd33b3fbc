/** Every place of a run that can hold text: inputs, outputs, names, messages, side effects. */
import { Asset, type Plan, Reference, Secret, type Source, Unknown, type Value } from "../../engine/plan.ts";
import type { Run } from "./run.ts";

export type Kind =
  | "input"
  | "component output"
  | "stack output"
  | "name"
  | "message"
  | "error"
  | "console"
  | "file"
  | "command"
  | "request";

export interface Place {
  readonly kind: Kind;
  /** With names in place of list indexes, which move: `spec.service api.env JWT_SECRET`. */
  readonly path: string;
  readonly text: string;
  /** Marked as secret: Pulumi stores it encrypted and masks it. */
  readonly sealed: boolean;
  /** This text itself is marked, not something around it. */
  readonly own?: boolean;
  readonly urn?: string;
  readonly source?: Source;
}

export function placesOf({ plan, messages, effects, failure }: Pick<Run, "plan" | "messages" | "effects" | "failure">): readonly Place[] {
  return [
    ...(plan === undefined ? [] : planPlaces(plan)),
    ...messages.map(
      ({ text, urn }): Place => ({ kind: "message", path: "a message of the program", text, sealed: false, ...(urn && { urn }) }),
    ),
    ...effects.map(({ kind, target, text }): Place => ({ kind, path: target, text, sealed: false })),
    ...(failure === undefined
      ? []
      : [{ kind: "error" as const, path: "the error that ends the program", text: failure.raw, sealed: false }]),
  ];
}

export function planPlaces({ resources, outputs }: Plan): readonly Place[] {
  return [
    ...resources.flatMap((resource) => {
      const { urn, name, inputs, outputs: own = {}, source } = resource;
      const of = { urn, ...(source && { source }) };
      return [
        { ...of, kind: "name" as const, path: "name", text: name, sealed: false },
        ...within(inputs, "").map((place) => ({ ...of, ...place, kind: "input" as const })),
        ...within(own, "").map((place) => ({ ...of, ...place, kind: "component output" as const })),
      ];
    }),
    ...within(outputs, "").map((place) => ({ ...place, kind: "stack output" as const })),
  ];
}

type Found = Pick<Place, "path" | "text" | "sealed" | "own">;

function within(value: Value, path: string, sealed = false): Found[] {
  if (value instanceof Secret) {
    return typeof value.value === "string" ? [{ path, text: value.value, sealed: true, own: true }] : within(value.value, path, true);
  }
  if (typeof value === "string") return [{ path, text: value, sealed }];
  // The plan holds only the hash of a file, but the whole text of a text asset.
  if (value instanceof Asset) return value.text === undefined ? [] : [{ path, text: value.text, sealed }];
  if (value === null || typeof value !== "object" || value instanceof Unknown || value instanceof Reference) {
    return typeof value === "number" ? [{ path, text: String(value), sealed }] : [];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => within(item, pathOfItem(path, item, index), sealed));
  return Object.entries(value as Readonly<Record<string, Value>>).flatMap(([key, inner]) => [
    // Pulumi shows the key of a secret value.
    { path: path === "" ? key : `${path} (a key)`, text: key, sealed: false },
    ...within(inner, path === "" ? key : `${path}.${key}`, sealed),
  ]);
}

/** `envs[3]` with the key PORT is `env PORT`. */
export function pathOfItem(path: string, item: Value, index: number): string {
  const inside = item instanceof Secret ? item.value : item;
  const { name, key } = (inside ?? {}) as { readonly name?: unknown; readonly key?: unknown };
  const label = typeof name === "string" ? name : typeof key === "string" ? key : undefined;
  return label === undefined ? `${path}[${index}]` : `${path.replace(/s$/, "")} ${label}`;
}

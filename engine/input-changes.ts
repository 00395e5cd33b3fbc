/** Compares a resource's inputs with those of the previous run. */
import { isDeepStrictEqual } from "node:util";
import type { Plain } from "./state.ts";

/** Names of the top-level inputs that differ. */
export function changedInputs(olds: Plain, news: Plain): string[] {
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
  return [...keys].filter((key) => !isDeepStrictEqual(olds[key], news[key])).sort();
}

/** The inputs with their previous value at every ignored path: `settings`, `spec.services[0].envs`, `tags["a.b"]`, `*` for every entry. */
export function withIgnored(news: Plain, olds: Plain | undefined, paths: readonly string[]): Plain {
  if (!olds) return news;
  const result = structuredClone(news) as Record<string, unknown>;
  for (const path of paths) copy(result, olds, stepsOf(path));
  return result;
}

type Node = Record<string, unknown>;

function copy(into: unknown, from: unknown, [step, ...rest]: readonly string[]): void {
  if (step === undefined || !isNode(into) || !isNode(from)) return;
  if (step === "*") {
    for (const key of Object.keys(into)) copy(into, from, [key, ...rest]);
    return;
  }
  if (rest.length > 0) copy(into[step], from[step], rest);
  else if (step in from) into[step] = structuredClone(from[step]);
  else delete into[step];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}

function stepsOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? "",
  );
}

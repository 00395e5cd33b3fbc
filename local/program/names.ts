/** Between the names that a Pulumi program uses and those of DigitalOcean's API. */
import type { Plain } from "../../engine/state.ts";

/** `numNodes` as `num_nodes`, however deep. */
export function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeName(key), snake(inner)]));
}

export const snakeName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Without what was left unsaid: the provider sends neither nothing, nor zeros, nor empty text. */
export function said(values: Plain): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ""));
}

export function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}

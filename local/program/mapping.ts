/** Shared by the resource types: provider names to API names, request validation, and lookups of what may not exist. */
import type { z } from "zod";
import type { Plain } from "../../engine/state.ts";
import { ApiError } from "../cloud/core/api-error.ts";

/** Validates a request as the HTTP API does. */
export function validate<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new Error(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

/** Returns undefined if the API answers 404. */
export async function ifExists<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** `numNodes` becomes `num_nodes`, at every level. */
export function toSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSnakeCase);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), toSnakeCase(inner)]));
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Removes undefined, null and "", which the provider does not send. */
export function withoutUnset(values: Plain): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ""));
}

export function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}

/** Fields that the provider accepts and never sends (terraform-provider-digitalocean v2.99.1). */
const UNSENT = ["frequentSnapshots", "valkeyActiveExpireEffort"];

/** `numberOfDatabases` becomes `valkey_number_of_databases`; `valkeyMaxmemoryPolicy` already has the prefix. */
export function valkeyField(field: string): string | undefined {
  if (UNSENT.includes(field)) return undefined;
  const name = snakeCase(field);
  return name.startsWith("valkey_") ? name : `valkey_${name}`;
}

/** Postgres' own names, except for two blocks that are lists of one element. */
export function postgresField(field: string): string {
  return { pgbouncers: "pgbouncer", timescaledbs: "timescaledb" }[field] ?? snakeCase(field);
}

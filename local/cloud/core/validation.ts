import type { z } from "zod";
import { databaseRegions } from "../../../catalog/regions.ts";
import { unprocessable } from "./api-error.ts";

/** Parses `raw` with the schema. Throws a 422 that names the first wrong field. */
export function validate<T extends z.ZodType>(schema: T, raw: unknown): z.infer<T> {
  const parsed = schema.safeParse(withoutNulls(raw));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue!.path.join(".");
  if (issue!.code === "invalid_type" && issue!.message.endsWith("received undefined")) throw unprocessable(`${field} is required`);
  throw unprocessable(`${field || "body"}: ${issue!.message}`);
}

/** Some clients send null where others leave the field out. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, withoutNulls(item)]])));
}

export const isDatacenter = (region: string): boolean => databaseRegions().includes(region);

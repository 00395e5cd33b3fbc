/** What the kinds of resources have in common: the domain's refusals, told in words, and what is gone already. */
import type { z } from "zod";
import { ApiError } from "../cloud/core/api-error.ts";

/** The same check that the HTTP face makes of a request. */
export function ask<T extends z.ZodType>(shape: T, value: unknown): z.infer<T> {
  const { success, data, error } = shape.safeParse(value);
  if (success) return data;
  throw new Error(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

/** undefined where it does not exist. */
export async function ifThere<T>(look: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export const isGone = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

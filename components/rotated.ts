/** The argument `rotated` of components that create secrets. */
import { printable } from "../catalog/problem.ts";
import type { Check } from "./errors.ts";

export function rotatedProblem(rotated: string): Check {
  if (/^(never|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$/.test(rotated)) return undefined;
  return { path: "rotated", given: printable(rotated), allowed: 'a day, such as "2026-11-01", or "never"' };
}

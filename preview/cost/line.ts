/** One thing that is paid for. */
import type { PriceList } from "../../catalog/prices.ts";
import { type PlannedResource, Secret, type Value } from "../../engine/plan.ts";

export interface CostLine {
  readonly urn: string;
  /** As people know it: "candlefish-postgres-cluster", "candlefish-rtpm-app api". */
  readonly resource: string;
  readonly system?: string;
  /** What is paid for: "2 × db-s-2vcpu-4gb (pg)". */
  readonly what: string;
  /** US dollars a month; undefined is unpriced, never 0. */
  readonly usd?: number;
  /** Where the price was read. */
  readonly list?: PriceList;
}

/** A resource's lines; `of` names a part of it. */
export type Priced = (resource: PlannedResource) => readonly (Pick<CostLine, "what" | "usd" | "list"> & { readonly of?: string })[];

/** A price where there is one: the keys stay away where there is none. */
export function price(list: PriceList, each: number | undefined, times = 1): Pick<CostLine, "usd" | "list"> {
  return each === undefined ? {} : { usd: Math.round(each * times * 100) / 100, list };
}

/** An App's spec may be secret as a whole; what it is made of is not. */
export function bare(value: Value | undefined): Value | undefined {
  return value instanceof Secret ? bare(value.value) : value;
}

export function field(value: Value | undefined, name: string): Value | undefined {
  const inside = bare(value);
  return inside !== null && typeof inside === "object" && Object.hasOwn(inside, name)
    ? bare((inside as Readonly<Record<string, Value>>)[name])
    : undefined;
}

export function text(value: Value | undefined, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** @returns undefined for what only the provider will know. */
export function number(value: Value | undefined, absent: number): number | undefined {
  if (value === undefined || value === null) return absent;
  return typeof value === "number" ? value : undefined;
}

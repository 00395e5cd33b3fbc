/** Compares the list prices of both sides, line by line. */

import type { CostChange } from "../../report/review.ts";
import { type CostLine, costOf, type PlanCost, sum } from "../cost/cost.ts";
import type { Comparison } from "./compare.ts";

export function costChange({ base, head }: Comparison): CostChange {
  const [before, after] = [costOf(base), costOf(head)];
  const [old, now] = [byResource(before), byResource(after)];
  const lines = [...new Set([...old.keys(), ...now.keys()])].flatMap((resource) =>
    compareLines(old.get(resource) ?? [], now.get(resource) ?? []),
  );
  return {
    lines: lines.filter((line) => line.before !== line.after),
    before: before.total,
    after: after.total,
    ...(after.isMinimum && { isMinimum: true }),
    unpriced: [...new Set(after.unpriced.map(({ resource, what }) => `${resource}: ${what}`))],
    asOf: before.asOf < after.asOf ? before.asOf : after.asOf,
  };
}

type Line = CostChange["lines"][number];

function byResource({ lines }: PlanCost): ReadonlyMap<string, readonly CostLine[]> {
  const found = new Map<string, CostLine[]>();
  for (const line of lines) found.set(line.resource, [...(found.get(line.resource) ?? []), line]);
  return found;
}

/** If a resource has one line on each side, they are one changed line. */
function compareLines(before: readonly CostLine[], after: readonly CostLine[]): Line[] {
  const [old, now] = [before[0], after[0]];
  if (old && now && before.length === 1 && after.length === 1) {
    return [
      { ...named(now), what: old.what === now.what ? now.what : `${old.what} → ${now.what}`, before: amount(old), after: amount(now) },
    ];
  }
  const whats = [...new Set([...before, ...after].map(({ what }) => what))];
  return whats.map((what) => {
    const [one, other] = [before, after].map((lines) => lines.filter((line) => line.what === what));
    return { ...named((other![0] ?? one![0])!), what, before: total(one!), after: total(other!) };
  });
}

function named({ resource, system }: CostLine) {
  return { resource, ...(system === undefined ? {} : { system }) };
}

/** Null if a line has no price. */
function total(lines: readonly CostLine[]): number | null {
  return lines.some(({ usd }) => usd === undefined) ? null : sum(lines);
}

function amount({ usd }: CostLine): number | null {
  return usd ?? null;
}

/** The order of deleting: what needs something goes before it. */
import type { Standing } from "./state.ts";

export function withDependents(gone: readonly Standing[]): Standing[] {
  const byUrn = new Map(gone.map((it) => [it.urn, it]));
  const needed = new Set<Standing>();
  const order: Standing[] = [];
  const visit = (it: Standing): void => {
    if (needed.has(it)) return;
    needed.add(it);
    for (const need of it.needs) {
      const other = byUrn.get(need);
      if (other) visit(other);
    }
    order.push(it);
  };
  for (const it of gone) visit(it);
  return order.reverse();
}

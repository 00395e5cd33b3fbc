/**
 * Postgres has a fixed number of connections, 22 on its smallest node, and the first one too many is an outage. So every consumer is counted
 * before anything is created: requests shrink until the sum fits, an operator's figures never do, and a sum that cannot fit is printed.
 *
 * It counts the steady state. While App Platform replaces a container, both may be alive; pools that fill on demand, as pg's and SQLAlchemy's do,
 * stay well under twice their size then.
 */
import type { NodeSize } from "../catalog/nodes.ts";
import { smallestNode, usableConnections } from "../catalog/nodes.ts";
import type { Consumer } from "./connections.ts";

/** Connections that are always reserved. */
const RESERVED: readonly Line[] = [
  { who: "post-deploy runner", connections: 2, how: "its work and its lock" },
  { who: "backup", connections: 2, how: "the dump, and the snapshot it shares" },
  { who: "operator and monitoring", connections: 1, how: "access when every other connection is taken" },
];

export interface Line {
  readonly who: string;
  readonly connections: number;
  readonly how: string;
}

/** A consumer, with the number that an operator configured. */
export interface Claim extends Consumer {
  readonly explicit?: number;
}

export interface Share {
  readonly claim: Claim;
  readonly size: number;
}

export type Budget =
  | { readonly fits: true; readonly shares: readonly Share[] }
  | { readonly fits: false; readonly bill: readonly Line[]; readonly total: number; readonly usable: number };

/**
 * Max-min fair: the smallest share grows first, as long as its next connection fits in all of its processes. What remains is smaller than the next step
 * of any consumer.
 */
export function allocate(node: NodeSize, claims: readonly Claim[]): Budget {
  const usable = usableConnections(node);
  const shares = claims.map((claim) => ({ claim, size: claim.explicit ?? (claim.pooled ? claim.wish : claim.least) }));
  const reserved = sum(RESERVED.map(({ connections }) => connections));
  let left = usable - reserved - sum(shares.map(cost));
  if (left < 0) return { fits: false, bill: bill(shares), total: usable - left, usable };
  for (;;) {
    const next = shares
      .filter(({ claim, size }) => claim.explicit === undefined && size < claim.wish && claim.processes <= left)
      .reduce<(typeof shares)[number] | undefined>(
        (least, share) => (least === undefined || share.size < least.size ? share : least),
        undefined,
      );
    if (next === undefined) return { fits: true, shares };
    next.size += 1;
    left -= next.claim.processes;
  }
}

/** Server connections of a share, over all processes. */
export function cost({ claim, size }: Share): number {
  return claim.pooled ? 0 : (size + claim.overflow) * claim.processes;
}

/** The smallest node on which the sum fits, with standby nodes. */
export function nodeFor(total: number, nodes: number): NodeSize | undefined {
  return smallestNode("pg", nodes, (size) => usableConnections(size) >= total);
}

function bill(shares: readonly Share[]): Line[] {
  const consumers = shares
    .filter((share) => cost(share) > 0)
    .map((share) => ({ who: `${share.claim.system} ${share.claim.name}`, connections: cost(share), how: how(share) }));
  return [...RESERVED, ...consumers];
}

function how({ claim, size }: Share): string {
  const each = claim.overflow === 0 ? String(size) : `(${size} + ${claim.overflow} overflow)`;
  const product = claim.processes === 1 ? each : `${each} x ${claim.processes} instances`;
  if (claim.explicit !== undefined) return `${product}, as configured`;
  return claim.adjustable ? `${product}, its least; it requests ${claim.wish}` : product;
}

/** The sum as a table. */
export function formatBill({ bill, total, usable }: Extract<Budget, { fits: false }>): string[] {
  const width = Math.max(...bill.map(({ who }) => who.length));
  const digits = String(Math.max(total, usable)).length;
  const row = (who: string, connections: number, how = "") =>
    `${who.padEnd(width)}  ${String(connections).padStart(digits)}  ${how}`.trimEnd();
  return [
    ...bill.map(({ who, connections, how }) => row(who, connections, how)),
    row("sum", total),
    row("usable", usable, `${total - usable} too few`),
  ];
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}

import { describe, expect, it } from "vitest";
import { findNode } from "../catalog/nodes.ts";
import { allocate, type Claim, cost, formatBill, nodeFor } from "./budget.ts";
import { consumersOf } from "./connections.ts";
import { complaint, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

const smallest = findNode("db-s-1vcpu-1gb")!;
const claim = (name: string, wish: number, least: number, more: Partial<Claim> = {}): Claim => ({
  system: "harbour",
  name,
  wish,
  least,
  processes: 1,
  overflow: 0,
  pooled: false,
  adjustable: true,
  ...more,
});
const sizes = (claims: readonly Claim[], node = smallest) => {
  const budget = allocate(node, claims);
  return budget.fits ? budget.shares.map(({ size }) => size) : "does not fit";
};

// 22 usable connections on the smallest node, 5 of them reserved.
describe("connections", () => {
  it("are allocated as requested while they fit", () => {
    expect(sizes([claim("a", 10, 1), claim("b", 7, 1)])).toEqual([10, 7]);
  });

  it("shrink to equal shares, and what one does not want goes to the others", () => {
    expect(sizes([claim("a", 30, 1), claim("b", 30, 1)])).toEqual([9, 8]);
    expect(sizes([claim("a", 30, 1), claim("b", 3, 1)])).toEqual([14, 3]);
  });

  it("never shrink below what a pool needs", () => {
    expect(sizes([claim("a", 30, 12), claim("b", 30, 1)])).toEqual([12, 5]);
  });

  it("count in every process, overflow included", () => {
    expect(sizes([claim("a", 20, 1, { processes: 2 })])).toEqual([8]);
    expect(sizes([claim("a", 20, 1, { overflow: 10 })])).toEqual([7]);
    expect(sizes([claim("a", 20, 1, { overflow: 10, processes: 2 })])).toBe("does not fit");
  });

  it("cost the server nothing behind PgBouncer, whose pool costs it", () => {
    expect(sizes([claim("client", 200, 1, { pooled: true, processes: 3 }), claim("pool", 17, 2)])).toEqual([200, 17]);
  });

  it("never shrink where an operator said the figure", () => {
    expect(sizes([claim("a", 30, 1, { explicit: 12 }), claim("b", 30, 1)])).toEqual([12, 5]);
    expect(sizes([claim("a", 30, 1, { explicit: 18 })])).toBe("does not fit");
  });

  it("stay within the node for any mix of requests, and leave no connection that a client still requests", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const roll = (most: number, salt: number) => 1 + ((seed * 7919 * salt) % most);
      const claims = [1, 2, 3].map((salt) =>
        claim(`c${salt}`, 5 + roll(40, salt), roll(4, salt), { processes: roll(2, salt * 3), overflow: roll(2, salt * 5) - 1 }),
      );
      const node = findNode(seed % 2 === 0 ? "db-s-1vcpu-1gb" : "db-s-1vcpu-2gb")!;
      const budget = allocate(node, claims);
      const room = node.memoryGiB * 25 - 3 - 5;
      if (!budget.fits) {
        expect(claims.reduce((sum, { least, overflow, processes }) => sum + (least + overflow) * processes, 0)).toBeGreaterThan(room);
        continue;
      }
      const left = room - budget.shares.reduce((sum, share) => sum + cost(share), 0);
      expect(left).toBeGreaterThanOrEqual(0);
      for (const share of budget.shares) {
        expect(share.size).toBeGreaterThanOrEqual(share.claim.least);
        expect(share.size).toBeLessThanOrEqual(share.claim.wish);
        if (share.size < share.claim.wish) expect(share.claim.processes).toBeGreaterThan(left);
      }
    }
  });
});

describe("a sum that does not fit", () => {
  const budget = allocate(smallest, [claim("api/POOL", 30, 5, { explicit: 10, processes: 2 }), claim("pool", 10, 2)]);
  if (budget.fits) throw new Error("It fits.");

  it("is written out: every consumer, the sum, what is usable", () => {
    expect(formatBill(budget)).toEqual([
      "post-deploy runner        2  its work and its lock",
      "backup                    2  the dump, and the snapshot it shares",
      "operator and monitoring   1  access when every other connection is taken",
      "harbour api/POOL         20  10 x 2 instances, as configured",
      "harbour pool              2  2, its least; it requests 10",
      "sum                      27",
      "usable                   22  5 too few",
    ]);
  });

  it("names the least node that would do, standby nodes minded", () => {
    expect(nodeFor(22, 1)?.slug).toBe("db-s-1vcpu-1gb");
    expect(nodeFor(22, 2)?.slug).toBe("db-s-1vcpu-2gb");
    expect(nodeFor(98, 1)?.slug).toBe("db-s-4vcpu-8gb");
    expect(nodeFor(100_000, 1)).toBeUndefined();
  });
});

describe("who connects", () => {
  it("is derived from a component's variables: direct, behind a pool, or without a number", () => {
    const consumers = consumersOf(harbour).map(({ name, pooled, adjustable }) => ({ name, pooled, adjustable }));
    expect(consumers).toEqual([
      { name: "harbour_pool", pooled: false, adjustable: true },
      { name: "api/POOL_MAX", pooled: false, adjustable: true },
      { name: "pooled/CLIENT_MAX", pooled: true, adjustable: true },
      { name: "worker", pooled: false, adjustable: false },
    ]);
  });

  it("is none whose feature is off", () => {
    expect(consumersOf(harbour, { features: new Set(), sizes: {} }).map(({ name }) => name)).not.toContain("worker");
  });
});

describe("a stack's connections", () => {
  it("reach each variable and pool by name", () => {
    const { systems } = settingsFrom({ postgres: { version: "16", size: "db-s-2vcpu-4gb" } });
    expect(systems[0]!.connections).toEqual({ harbour_pool: 10, "api/POOL_MAX": 30, "pooled/CLIENT_MAX": 40 });
  });

  it("shrink on a small node, and a notice says by how much", () => {
    const { systems, notices } = settingsFrom({ postgres: { version: "16", size: "db-s-1vcpu-1gb" } });
    expect(systems[0]!.connections).toEqual({ harbour_pool: 9, "api/POOL_MAX": 8, "pooled/CLIENT_MAX": 40 });
    expect(notices.join("\n")).toContain("harbour harbour_pool 9 of 10, harbour api/POOL_MAX 8 of 30");
  });

  it("fail with the sum when figures of an operator do not fit, and name the ways out", () => {
    const message = complaint(
      { postgres: { version: "16", size: "db-s-1vcpu-1gb" }, harbour: { connections: { "api/POOL_MAX": 30 } } },
      { systems: [harbour, longPier] },
    );
    expect(message).toContain(
      'slipway:postgres.size is "db-s-1vcpu-1gb": the connections to Postgres cluster "shared" are more than its node has.',
    );
    expect(message).toMatch(/harbour api\/POOL_MAX +30 {2}30, as configured/);
    expect(message).toMatch(/long-pier api\/POOL_SIZE +15 {2}\(5 \+ 10 overflow\), its least; it requests 20/);
    expect(message).toMatch(/sum +52\n/);
    expect(message).toMatch(/usable +22 {2}30 too few/);
    expect(message).toContain(
      "allowed: db-s-2vcpu-4gb or larger; smaller numbers under connections; fewer instances; the dedicated layout",
    );
    expect(message).toContain("pulumi config set --path slipway:postgres.size db-s-2vcpu-4gb -s staging");
  });

  it("are multiplied by instances", () => {
    const message = complaint({
      postgres: { version: "16", size: "db-s-1vcpu-1gb" },
      harbour: { sizes: { api: { instances: 4 } } },
    });
    expect(message).toMatch(/harbour api\/POOL_MAX +20 {2}5 x 4 instances, its least; it requests 30/);
  });

  it("name the settings of the system for a cluster of its own", () => {
    const message = complaint({
      postgres: { layout: "dedicated", version: "16", size: "db-s-1vcpu-1gb" },
      harbour: { connections: { harbour_pool: 40 } },
    });
    expect(message).toContain("pulumi config set --path slipway:harbour.postgres.size db-s-2vcpu-4gb -s staging");
  });

  it("refuse a figure under which the product does not work", () => {
    const message = complaint({ harbour: { connections: { "api/POOL_MAX": 3 } } });
    expect(message).toContain("slipway:harbour.connections.api/POOL_MAX is 3: Harbour does not work with fewer than 5");
    expect(message).toContain("pulumi config set --path slipway:harbour.connections.api/POOL_MAX 5 -s staging");
  });

  it("refuse a number for a pool that does not exist", () => {
    expect(complaint({ harbour: { connections: { "api/POOL_MIX": 3 } } })).toContain("did you mean api/POOL_MAX?");
  });
});

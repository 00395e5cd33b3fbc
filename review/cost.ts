/** What a plan costs a month by the public price list. */

export interface CostLine {
  readonly urn: string;
  /** As people know it: "shared-postgres-prod", "candlefish-rtpm api". */
  readonly resource: string;
  readonly system?: string;
  /** What is paid for: "2 × db-s-2vcpu-4gb (pg)". */
  readonly what: string;
  /** US dollars; undefined is unpriced, never 0. */
  readonly usd?: number;
}

export interface PlanCost {
  readonly lines: readonly CostLine[];
  /** Of what has a price. */
  readonly total: number;
  readonly unpriced: readonly CostLine[];
  /** YYYY-MM-DD. */
  readonly asOf: string;
}

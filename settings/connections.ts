/** Who connects to a system's database, and how many connections each would like. */
import type { Component, Env, System } from "../systems/definition.ts";

export interface Consumer {
  readonly system: string;
  /** A pool's name, "component/ENV_KEY" of a client's own pool, or a component that connects without saying how often. */
  readonly name: string;
  readonly wish: number;
  readonly least: number;
  /** Each of so many processes keeps its own. */
  readonly processes: number;
  /** What each process may open beyond its pool. */
  readonly overflow: number;
  /** A client behind PgBouncer takes no connection of the server: its pool does. */
  readonly pooled: boolean;
  /** Whether a variable or a pool carries the figure, so that it can be another one. */
  readonly adjustable: boolean;
}

/** Fewer make PgBouncer a queue. */
const LEAST_POOL = 2;

interface Chosen {
  readonly features: ReadonlySet<string>;
  readonly sizes: Readonly<Record<string, { readonly instances: number }>>;
}

/** Without a choice, whatever could be switched on. */
export function consumersOf(system: System, chosen?: Chosen): Consumer[] {
  const isOn = (feature: string | undefined) => feature === undefined || chosen === undefined || chosen.features.has(feature);
  const pools = Object.entries(system.postgres.pools).map(([name, { wish }]) => ({
    system: system.name,
    name,
    wish,
    least: Math.min(wish, LEAST_POOL),
    processes: 1,
    overflow: 0,
    pooled: false,
    adjustable: true,
  }));
  const clients = Object.values(system.apps)
    .flatMap((app) => Object.entries(app.components))
    .filter(([, component]) => component.kind !== "site" && isOn(component.feature))
    .flatMap(([name, component]) => {
      const env = Object.entries(component.env).filter(([, { feature }]) => isOn(feature));
      return clientsOf(name, env, chosen?.sizes[name]?.instances ?? instancesOf(component));
    });
  return [...pools, ...clients.map((client) => ({ system: system.name, ...client }))];
}

function clientsOf(component: string, env: readonly [string, Env][], processes: number): Omit<Consumer, "system">[] {
  const values = env.map(([, value]) => value);
  const direct = values.some((value) => isConnection(value) && value.pool === undefined);
  const pools = env.flatMap(([key, value]) =>
    value.from === "budget"
      ? [
          {
            name: `${component}/${key}`,
            wish: value.wish,
            least: value.least,
            processes,
            overflow: value.overflow ?? 0,
            pooled: !direct,
            adjustable: true,
          },
        ]
      : [],
  );
  if (pools.length > 0 || !direct) return pools;
  return [{ name: component, wish: 1, least: 1, processes, overflow: 0, pooled: false, adjustable: false }];
}

/** A replica has connections of its own. */
function isConnection(value: Env): value is Extract<Env, { from: "database" }> {
  return value.from === "database" && value.replica !== true && (value.part === "url" || value.part === "host");
}

function instancesOf(component: Component): number {
  return component.kind === "site" ? 0 : component.instances;
}

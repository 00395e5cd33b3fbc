/** The clients of a system's database, with the connections that each requests. */
import type { Env, System } from "../systems/definition.ts";

export interface Consumer {
  readonly system: string;
  /** A pool's name, "component/ENV_KEY" of a client's own pool, or a component that connects without a pool size. */
  readonly name: string;
  readonly wish: number;
  readonly least: number;
  /** Processes that each have their own pool. */
  readonly processes: number;
  /** Connections that each process may open beyond its pool. */
  readonly overflow: number;
  /** Behind PgBouncer: the pool uses server connections, the client does not. */
  readonly pooled: boolean;
  /** Whether a variable or a pool holds the number, so that a stack can change it. */
  readonly adjustable: boolean;
}

/** With fewer connections PgBouncer only queues. */
const LEAST_POOL = 2;

interface Chosen {
  readonly features: ReadonlySet<string>;
  readonly sizes: Readonly<Record<string, { readonly instances: number }>>;
}

/** Without `chosen`, as if every feature were on. */
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
    .flatMap(([name, component]) => {
      if (component.kind === "site" || !isOn(component.feature)) return [];
      const env = Object.entries(component.env).filter(([, { feature }]) => isOn(feature));
      return clientsOf(name, env, chosen?.sizes[name]?.instances ?? component.instances);
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

/** Connections to a replica do not count. */
function isConnection(value: Env): value is Extract<Env, { from: "database" }> {
  return value.from === "database" && value.replica !== true && (value.part === "url" || value.part === "host");
}

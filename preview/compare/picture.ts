/** The diagram of a stack: apps, post-deploy steps, pools, databases, stores and clusters of base and head, and how they connect. */
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import { componentsOf, field, items } from "../../report/plan/app-spec.ts";
import { owners } from "../../report/plan/owner.ts";
import type { Picture } from "../../report/review.ts";
import { kindOf } from "../../report/words.ts";

type Node = Picture["nodes"][number];
type Drawn = Omit<Node, "urn" | "system">;
type Planned = Pick<Plan, "resources">;

/** @param plans base, then head: head's version of a resource is drawn, and deleted resources with their edges */
export function pictureOf(...plans: readonly Planned[]): Picture {
  const ownerOf = owners(...plans);
  const nodes = new Map<string, Node>();
  const edges = new Map<string, Picture["edges"][number]>();
  for (const plan of plans) {
    for (const resource of plan.resources) {
      const drawn = resource.custom && !resource.read ? DRAWN[kindOf(resource.type)]?.(resource, plan) : undefined;
      if (!drawn) continue;
      const system = ownerOf(resource);
      nodes.set(resource.urn, { urn: resource.urn, ...drawn, ...(system === undefined ? {} : { system }) });
    }
    for (const edge of edgesOf(plan, nodes)) edges.set(`${edge.from} ${edge.to}`, edge);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

const DRAWN: Readonly<Record<string, (resource: PlannedResource, plan: Planned) => Drawn | undefined>> = {
  App: (app) => ({ kind: "app", name: app.name, lines: components(app) }),
  DatabaseCluster: ({ urn, name, inputs }, plan) => {
    const store = inputs.engine !== "pg";
    const size = words(inputs.engine === "pg" ? "Postgres" : inputs.engine, inputs.version);
    const nodes = inputs.nodeCount === 1 ? "1 node" : `${text(inputs.nodeCount)} nodes`;
    return { kind: store ? "store" : "cluster", name, lines: [size, words(inputs.size, "×", nodes), ...sourcesOf(plan, urn)] };
  },
  DatabaseDb: ({ inputs }) => ({ kind: "database", name: text(inputs.name), lines: [] }),
  DatabaseConnectionPool: ({ inputs }) => ({ kind: "pool", name: text(inputs.name), lines: [words(inputs.mode, "×", inputs.size)] }),
  Migrations: ({ inputs }) => ({ kind: "step", name: "migrations", lines: files(inputs.files) }),
  Keyspaces: ({ inputs }) => ({ kind: "step", name: "keyspaces", lines: files(inputs.files) }),
  SpacesBucket: ({ name, inputs }) => ({ kind: "bucket", name, lines: [text(inputs.region)] }),
};

/** Edges point from the apps to the data. A connection through a pool has no direct edge to the database. */
function edgesOf({ resources }: Planned, drawn: ReadonlyMap<string, Node>): Picture["edges"] {
  const kindAt = (urn: string) => drawn.get(urn)?.kind;
  return resources.flatMap(({ urn, dependencies }) => {
    const kind = kindAt(urn);
    const targets = TARGETS[kind ?? "bucket"].flatMap((target) => dependencies.filter((dependency) => kindAt(dependency) === target));
    const pooled = resources
      .filter((pool) => targets.includes(pool.urn) && kindAt(pool.urn) === "pool")
      .flatMap((pool) => pool.dependencies);
    return targets.filter((target) => !pooled.includes(target)).map((to) => ({ from: urn, to }));
  });
}

const TARGETS: Readonly<Record<Node["kind"], readonly Node["kind"][]>> = {
  app: ["pool", "database", "store"],
  step: ["database", "store"],
  pool: ["database"],
  database: ["cluster"],
  store: [],
  cluster: [],
  bucket: [],
};

const COMPONENT_ORDER = ["service", "site", "worker", "job", "function"];

function components(app: PlannedResource): string[] {
  const sorted = componentsOf(app).toSorted((one, other) => COMPONENT_ORDER.indexOf(one.kind) - COMPONENT_ORDER.indexOf(other.kind));
  return sorted.map(({ kind, name, fields }) => {
    const instances = field(fields, "instanceCount");
    const size = field(fields, "instanceSizeSlug");
    return words(name, kind === "service" ? "" : kind, size, ...(typeof instances === "number" && instances > 1 ? ["×", instances] : []));
  });
}

/** The addresses that the firewall of a cluster admits. */
function sourcesOf({ resources }: Planned, cluster: string): string[] {
  const sources = resources
    .filter(({ type, dependencies }) => kindOf(type) === "DatabaseFirewall" && dependencies.includes(cluster))
    .flatMap(({ inputs }) => items(inputs.rules).map((rule) => text(field(rule, "value"))));
  return sources.length === 0 ? [] : [`open to ${sources.join(", ")}`];
}

const files = (value: Value | undefined): string[] => {
  const { length } = items(value);
  return [`${length} file${length === 1 ? "" : "s"}`];
};

/** "?" for a value that is secret or unknown. */
const text = (value: Value | undefined): string => (typeof value === "string" || typeof value === "number" ? String(value) : "?");
const words = (...values: readonly (Value | undefined)[]): string =>
  values
    .filter((value) => value !== undefined && value !== "")
    .map(text)
    .join(" ");

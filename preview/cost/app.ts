/** An app is paid by its components: each by its instances, jobs by their seconds. */
import { instancePrice } from "../../catalog/prices.ts";
import type { Value } from "../../engine/plan.ts";
import { bare, field, number, type Priced, price, text } from "./line.ts";

export const appLines: Priced = ({ inputs: { spec } }) => [
  ...components(spec, "services").map(running),
  ...components(spec, "workers").map(running),
  ...components(spec, "jobs").map((job) => ({ of: nameOf(job), what: `${sizeOf(job)}, a job: paid while it runs` })),
  ...components(spec, "staticSites").map((site) => ({ of: nameOf(site), what: "a static site" })),
  ...components(spec, "functions").map((functions) => ({ of: nameOf(functions), what: "functions, paid by use" })),
  // What names no cluster of its own is a development database, which App Platform makes and charges for.
  ...components(spec, "databases")
    .filter((database) => typeof field(database, "clusterName") !== "string")
    .map((database) => ({ of: nameOf(database), what: "a development database" })),
];

function running(component: Value) {
  const size = sizeOf(component);
  const scaled = field(component, "autoscaling");
  const least = number(scaled === undefined ? field(component, "instanceCount") : field(scaled, "minInstanceCount"), 1);
  const most = scaled === undefined ? least : number(field(scaled, "maxInstanceCount"), 1);
  const times = least === most ? `${least ?? "?"} ×` : `${least ?? "?"} to ${most ?? "?"} ×`;
  return {
    of: nameOf(component),
    what: `${times} ${size}`,
    ...(least === undefined ? {} : price("instances", instancePrice(size), least)),
  };
}

function components(spec: Value | undefined, kind: string): readonly Value[] {
  const list = field(spec, kind);
  return Array.isArray(list) ? list.map((one) => bare(one) as Value) : [];
}

const nameOf = (component: Value): string => text(field(component, "name"), "?");
/** Where none is given, App Platform takes its smallest. */
const sizeOf = (component: Value): string => text(field(component, "instanceSizeSlug"), "apps-s-1vcpu-0.5gb");

/** What each alert of a stack means, and what to look at first. A kind without an entry is an error, so that no alert wakes someone without one. */
import type { Value } from "../../engine/plan.ts";
import type { RunbookStack } from "./stack.ts";

export interface GlossaryEntry {
  readonly alert: string;
  readonly meaning: string;
  readonly first: string;
}

interface Explanation {
  readonly alert: string;
  readonly meaning: string;
  readonly first: string;
}

const KINDS: Readonly<Record<string, Explanation>> = {
  "v1/dbaas/alerts/cpu_alerts": {
    alert: "CPU of a cluster",
    meaning: "Queries wait for the processor: a statement without an index, or more load than the node is for.",
    first: "npx slipway doctor --stack {stack} --system {system}",
  },
  "v1/dbaas/alerts/memory_utilization_alerts": {
    alert: "Memory of a cluster",
    meaning: "Too many connections, or a store near its limit: a cache evicts keys, a state store refuses writes.",
    first: "npx slipway doctor --stack {stack} --system {system}",
  },
  "v1/dbaas/alerts/disk_utilization_alerts": {
    alert: "Disk of a cluster",
    meaning: "A full disk makes the cluster read-only. Where the storage grows by itself, it did not grow in time.",
    first: "npx slipway doctor --stack {stack} --system {system}",
  },
  "v1/dbaas/alerts/load_15_alerts": {
    alert: "Load of a cluster",
    meaning: "More processes want to run than the node has processors, for a quarter of an hour.",
    first: "npx slipway doctor --stack {stack} --system {system}",
  },
  down: {
    alert: "Down",
    meaning: "The address does not answer from outside: users cannot reach the product.",
    first: "npx slipway verify --stack {stack} --system {system}",
  },
  down_global: {
    alert: "Down in every region",
    meaning: "The address does not answer from any region.",
    first: "npx slipway verify --stack {stack} --system {system}",
  },
  latency: {
    alert: "Latency",
    meaning: "The health check takes longer than the limit: a slow database, or too few instances.",
    first: "npx slipway doctor --stack {stack} --system {system}",
  },
  ssl_expiry: {
    alert: "Certificate expires",
    meaning: "DigitalOcean renews certificates by itself. This one was not renewed: usually the domain's DNS record leads elsewhere.",
    first: "doctl apps list",
  },
  DEPLOYMENT_FAILED: {
    alert: "Deployment failed",
    meaning: "The new version did not start, and the previous one still serves.",
    first: "npx slipway verify --stack {stack} --system {system}",
  },
  DOMAIN_FAILED: {
    alert: "Domain failed",
    meaning: "The domain could not be set up: its DNS record does not lead to the app, or a CAA record forbids the certificate.",
    first: "doctl apps list",
  },
  CPU_UTILIZATION: {
    alert: "CPU of a component",
    meaning: "The component needs more than its share for minutes: more load, or a loop.",
    first: "npx slipway watch --stack {stack} --system {system} --for 0",
  },
  MEM_UTILIZATION: {
    alert: "Memory of a component",
    meaning: "The component is about to be ended by App Platform: a leak, or a size that is too small.",
    first: "npx slipway watch --stack {stack} --system {system} --for 0",
  },
  RESTART_COUNT: {
    alert: "Restarts of a component",
    meaning: "The process ends again and again: its log has the reason.",
    first: "npx slipway verify --stack {stack} --system {system}",
  },
};

/** @returns the alerts that the program of the stack declares, each once, in the order of this file */
export function glossaryOf({ resources, settings }: RunbookStack, system: string): readonly GlossaryEntry[] {
  const declared = new Set(
    resources.filter(({ name }) => name.startsWith(`${system}-`) || name.startsWith("shared-")).flatMap(alertKindsOf),
  );
  const unknown = [...declared].filter((kind) => KINDS[kind] === undefined);
  if (unknown.length > 0) throw new Error(`operate/runbook/glossary.ts does not explain the alert ${unknown.join(", ")}`);
  const fill = (text: string) => text.replace("{stack}", settings.stack).replace("{system}", system);
  return Object.entries(KINDS)
    .filter(([kind]) => declared.has(kind))
    .map(([, { alert, meaning, first }]) => ({ alert, meaning, first: fill(first) }));
}

function alertKindsOf({ type, inputs }: RunbookStack["resources"][number]): readonly string[] {
  if (type.endsWith(":MonitorAlert") || type.endsWith(":UptimeAlert")) return [String(inputs.type)];
  return type.endsWith(":App") ? rulesIn(inputs.spec) : [];
}

/** Of the app and of every component. */
function rulesIn(value: Value | undefined): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(rulesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value as Readonly<Record<string, Value>>).flatMap(([key, inner]) =>
    key === "alerts" && Array.isArray(inner) ? inner.flatMap((alert) => ruleOf(alert)) : rulesIn(inner),
  );
}

const ruleOf = (alert: Value): readonly string[] => {
  const { rule } = (alert ?? {}) as { rule?: string };
  return rule === undefined ? [] : [rule];
};

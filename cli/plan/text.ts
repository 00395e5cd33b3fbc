/** A plan as text: the tree of resources, their creation order, the outputs, and the values that are placeholders. */

import * as z from "zod/mini";
import { formatRetention } from "../../catalog/backup-worker.ts";
import type { MaskedPlan, MaskedValues } from "../../engine/mask.ts";
import { layers } from "../../engine/order.ts";
import { shortType } from "../../engine/urn.ts";
import { groupBy } from "../shared/group-by.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";
import { formatTree } from "./tree.ts";

export function formatPlan(plan: MaskedPlan, layout: Layout): string {
  return [
    summary(plan, layout),
    formatTree(plan.resources, layout),
    creationOrder(plan, layout),
    backups(plan, layout),
    deviations(plan, layout),
    outputs(plan, layout),
    missing(plan, layout),
    messages(plan, layout),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function summary({ project, stack, resources }: MaskedPlan, { style }: Layout): string {
  const custom = resources.filter((resource) => resource.custom && !resource.read).length;
  const components = resources.filter((resource) => !resource.custom).length;
  return style.bold(`${project} on stack ${stack}: ${pluralize(custom, "resource")} in ${pluralize(components, "component")}`);
}

/** What is created before what: a firewall before anything connects, migrations before the apps that need them. */
function creationOrder(plan: MaskedPlan, { columns, style }: Layout): string {
  const real = plan.resources.filter((resource) => resource.custom && !resource.read);
  const order = layers(real);
  if (order.length === 0) return "";
  const width = String(order.length).length;
  const lines = order.flatMap((layer, index) => {
    const kinds = [...groupBy(layer, (resource) => shortType(resource.type))].sort(([a], [b]) => (a < b ? -1 : 1));
    return kinds.flatMap(([kind, resources], position) => {
      const number = position === 0 ? String(index + 1).padStart(width) : " ".repeat(width);
      const [first = "", ...more] = wrap(`${kind}: ${resources.map((resource) => resource.name).join(", ")}`, columns - width - 4);
      return [`${style.dim(number)}  ${first}`, ...more.map((line) => `${" ".repeat(width + 4)}${line}`)];
    });
  });
  return [style.bold("Creation order"), ...lines].join("\n");
}

/** What a component publishes under this name: when backups are made, what is kept and where. */
const BACKUPS = z.object({
  systems: z.array(z.object({ name: z.string(), dailyAtHourUtc: z.number(), hourly: z.boolean(), exportsJson: z.optional(z.boolean()) })),
  retention: z.object({ daily: z.number(), weekly: z.number(), monthly: z.number(), yearly: z.number() }),
  regions: z.array(z.string()),
  recipients: z.number(),
  maxAgeHours: z.number(),
  beforeChanges: z.boolean(),
  workersUsdMonthly: z.number(),
});

function beforeChangesLine(maxAgeHours: number): string {
  const unless = maxAgeHours === 0 ? "" : `, unless a verified one is at most ${pluralize(maxAgeHours, "hour")} old`;
  return `before migrations, seeds and other versions of the applications${unless}`;
}

function backups(plan: MaskedPlan, { columns, style }: Layout): string {
  const found = plan.resources.flatMap(({ outputs = {} }) => BACKUPS.safeParse(outputs.backups).data ?? []);
  const lines = found.flatMap(({ systems, retention, regions, recipients, maxAgeHours, beforeChanges, workersUsdMonthly }) => [
    ...systems.map(({ name, dailyAtHourUtc, hourly, exportsJson }) => {
      const hour = `${String(dailyAtHourUtc).padStart(2, "0")}:00 UTC`;
      return `${name}: ${hourly ? `every hour, and at ${hour}` : `every day at ${hour}`}${exportsJson ? ", with an export as JSON each day" : ""}`;
    }),
    `keeps ${formatRetention(retention)}`,
    `copies in ${regions.join(" and ")}, encrypted for ${pluralize(recipients, "recipient")}`,
    ...(beforeChanges ? [beforeChangesLine(maxAgeHours)] : []),
    `${pluralize(systems.length, "worker")}: ${workersUsdMonthly.toFixed(2)} USD a month`,
  ]);
  if (lines.length === 0) return "";
  const list = lines.flatMap((line) => wrap(line, columns - 4).map((part, index) => `${index === 0 ? "  " : "    "}${part}`));
  return [style.bold("Backups"), ...list].join("\n");
}

/** What components list in an output of this name: where the systems differ from their documents. */
function deviations(plan: MaskedPlan, { columns, style }: Layout): string {
  const found = plan.resources.flatMap(({ outputs = {} }) =>
    Array.isArray(outputs.deviations) ? outputs.deviations.filter(isDeviation) : [],
  );
  if (found.length === 0) return "";
  const lines = found.flatMap(({ asked, built }) =>
    wrap(`${asked} → ${built}`, columns - 4).map((line, index) => `${index === 0 ? "  - " : "    "}${line}`),
  );
  return [style.bold("Requested in the documents, and built differently"), ...lines].join("\n");
}

function isDeviation(value: unknown): value is { readonly asked: string; readonly built: string } {
  const { asked, built } = (value ?? {}) as Record<string, unknown>;
  return typeof asked === "string" && typeof built === "string";
}

function outputs(plan: MaskedPlan, { columns, style }: Layout): string {
  const lines = outputLines(plan.outputs, "  ", columns);
  return lines.length === 0 ? "" : [style.bold("Outputs"), ...lines].join("\n");
}

function outputLines(values: MaskedValues, indent: string, columns: number): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      return [`${indent}${key}`, ...outputLines(value as MaskedValues, `${indent}  `, columns)];
    }
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return wrap(`${key}  ${text}`, columns - indent.length - 2).map((line, index) => `${indent}${index === 0 ? "" : "  "}${line}`);
  });
}

function missing(plan: MaskedPlan, { style }: Layout): string {
  if (plan.placeholders.length === 0) return "";
  return [style.bold("Placeholders, for values that an operator sets"), ...plan.placeholders.map((key) => `  ${key}`)].join("\n");
}

function messages(plan: MaskedPlan, { columns, style }: Layout): string {
  const look = { info: style.dim, warning: style.warn, error: style.bad };
  return plan.messages
    .flatMap(({ severity, text }) =>
      text.split("\n").flatMap((line, index) => wrap(index === 0 ? `${severity}: ${line}` : line, columns).map(look[severity])),
    )
    .join("\n");
}

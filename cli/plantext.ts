/** A plan for the eye: the tree of what there is, the order in which it comes, what it hands out, and what is missing. */
import type { MaskedPlan, MaskedValues } from "../engine/mask.ts";
import { layers } from "../engine/order.ts";
import { counted } from "./count.ts";
import { groupBy } from "./group.ts";
import { shortType, treeText } from "./plantree.ts";
import type { Paper } from "./terminal.ts";
import { wrap } from "./wrap.ts";

export function planText(plan: MaskedPlan, paper: Paper): string {
  return [
    summary(plan, paper),
    treeText(plan.resources, paper),
    doors(plan, paper),
    deviations(plan, paper),
    outputs(plan, paper),
    missing(plan, paper),
    messages(plan, paper),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function summary({ project, stack, resources }: MaskedPlan, { style }: Paper): string {
  const custom = resources.filter((resource) => resource.custom && !resource.read).length;
  const components = resources.filter((resource) => !resource.custom).length;
  return style.bold(`${project} on stack ${stack}: ${counted(custom, "resource")} in ${counted(components, "component")}`);
}

/** What has to be there before what: a firewall stands before anything connects, migrations before the apps that need them. */
function doors(plan: MaskedPlan, { columns, style }: Paper): string {
  const real = plan.resources.filter((resource) => resource.custom && !resource.read);
  const order = layers(real);
  if (order.length === 0) return "";
  const width = String(order.length).length;
  const lines = order.flatMap((layer, index) => {
    const kinds = [...groupBy(layer, (resource) => shortType(resource.type))].sort(([a], [b]) => (a < b ? -1 : 1));
    return kinds.flatMap(([kind, resources], position) => {
      const number = position === 0 ? String(index + 1).padStart(width) : " ".repeat(width);
      const [first = "", ...more] = wrap(`${kind}: ${resources.map((resource) => resource.name).join(", ")}`, columns - width - 4, " ");
      return [`${style.dim(number)}  ${first}`, ...more.map((line) => `${" ".repeat(width + 4)}${line}`)];
    });
  });
  return [style.bold("The order of the doors"), ...lines].join("\n");
}

/** What components list in an output of this name: where the systems differ from their documents. */
function deviations(plan: MaskedPlan, { columns, style }: Paper): string {
  const found = plan.resources.flatMap(({ outputs = {} }) =>
    Array.isArray(outputs.deviations) ? outputs.deviations.filter(isDeviation) : [],
  );
  if (found.length === 0) return "";
  const lines = found.flatMap(({ asked, built }) =>
    wrap(`${asked} → ${built}`, columns - 4, " ").map((line, index) => `${index === 0 ? "  - " : "    "}${line}`),
  );
  return [style.bold("Requested in the documents, and built differently"), ...lines].join("\n");
}

function isDeviation(value: unknown): value is { readonly asked: string; readonly built: string } {
  const { asked, built } = (value ?? {}) as Record<string, unknown>;
  return typeof asked === "string" && typeof built === "string";
}

function outputs(plan: MaskedPlan, { columns, style }: Paper): string {
  const lines = outputLines(plan.outputs, "  ", columns);
  return lines.length === 0 ? "" : [style.bold("Outputs"), ...lines].join("\n");
}

function outputLines(values: MaskedValues, indent: string, columns: number): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      return [`${indent}${key}`, ...outputLines(value as MaskedValues, `${indent}  `, columns)];
    }
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return wrap(`${key}  ${text}`, columns - indent.length - 2, " ").map((line, index) => `${indent}${index === 0 ? "" : "  "}${line}`);
  });
}

function missing(plan: MaskedPlan, { style }: Paper): string {
  if (plan.placeholders.length === 0) return "";
  return [style.bold("Values that are only stand-ins here"), ...plan.placeholders.map((key) => `  ${key}`)].join("\n");
}

function messages(plan: MaskedPlan, { columns, style }: Paper): string {
  const look = { info: style.dim, warning: style.warn, error: style.bad };
  return plan.messages
    .flatMap(({ severity, text }) =>
      text.split("\n").flatMap((line, index) => wrap(index === 0 ? `${severity}: ${line}` : line, columns, " ").map(look[severity])),
    )
    .join("\n");
}

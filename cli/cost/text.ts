/** A cost as text: the sum, the systems from the most to the least expensive, and the resources without a price. */
import { type CostLine, type PlanCost, sourcesOf, sum } from "../../preview/cost/cost.ts";
import { groupBy } from "../shared/group-by.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";

export interface CostReport {
  readonly project: string;
  readonly stack: string;
  readonly cost: PlanCost;
  readonly resized?: PlanCost;
  readonly warnings?: readonly string[];
}

/** Resources that several systems share. */
const SHARED = "shared";
const UNPRICED = "unpriced";

export function formatCost({ project, stack, cost, resized, warnings = [] }: CostReport, layout: Layout): string {
  const { style, columns } = layout;
  const systems = [...groupBy(cost.lines, ({ system = SHARED }) => system)].sort(([, one], [, other]) => sum(other) - sum(one));
  const sections = systems.map(([system, lines]) => [`${style.bold(system)}  ${amountOf(lines)}`, ...linesOf(lines, layout)].join("\n"));
  return [
    style.bold(`${project} on stack ${stack}: ${totalOf(cost)} a month`),
    ...sections,
    ...(resized === undefined ? [] : [formatDifference(cost, resized, layout)]),
    ...warnings.map((warning) =>
      wrap(warning, columns)
        .map((line) => style.warn(line))
        .join("\n"),
    ),
    formatUnpriced(cost, layout),
    ["List prices:", ...sourcesOf(cost.lines).flatMap((source) => sourceLines(source, columns))].map((line) => style.dim(line)).join("\n"),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function linesOf(lines: readonly CostLine[], { columns }: Layout): readonly string[] {
  const sorted = [...lines].sort((one, other) => (other.usd ?? 0) - (one.usd ?? 0) || (one.resource < other.resource ? -1 : 1));
  const amounts = sorted.map(({ usd }) => (usd === undefined ? UNPRICED : dollars(usd)));
  const width = Math.max(...amounts.map((amount) => amount.length));
  return sorted.flatMap(({ resource, what }, index) => {
    const [first = "", ...more] = wrap(`${resource}: ${what}`, columns - width - 4);
    return [`  ${amounts[index]!.padStart(width)}  ${first}`, ...more.map((line) => `${" ".repeat(width + 6)}${line}`)];
  });
}

function formatDifference(before: PlanCost, after: PlanCost, layout: Layout): string {
  const { style } = layout;
  const changed = after.lines.filter(
    (line) => !before.lines.some((old) => old.urn === line.urn && old.what === line.what && old.resource === line.resource),
  );
  const delta = Math.round((after.total - before.total) * 100) / 100;
  const sign = delta < 0 ? "−" : "+";
  return [style.bold(`With these sizes: ${totalOf(after)} a month, ${sign}${dollars(Math.abs(delta))}`), ...linesOf(changed, layout)].join(
    "\n",
  );
}

function formatUnpriced({ unpriced: lines }: PlanCost, { columns, style }: Layout): string {
  if (lines.length === 0) return "";
  const names = lines.map(({ resource }) => resource).join(", ");
  return wrap(`Not in the sum, because no public price list has them: ${names}`, columns)
    .map((line) => style.warn(line))
    .join("\n");
}

function sourceLines({ about, from, asOf }: { about: string; from: string; asOf: string }, columns: number): readonly string[] {
  const indent = asOf.length + 4;
  return wrap(`${about}: ${from}`, columns - indent).map((line, index) => `${index === 0 ? `  ${asOf}  ` : " ".repeat(indent)}${line}`);
}

const amountOf = (lines: readonly CostLine[]): string => (lines.some(({ usd }) => usd !== undefined) ? dollars(sum(lines)) : UNPRICED);

/** A size without a price makes the sum a lower bound. */
const totalOf = ({ total, isMinimum }: PlanCost): string => (isMinimum ? `unknown, at least ${dollars(total)}` : dollars(total));

const dollars = (usd: number): string => `$${usd.toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",")}`;

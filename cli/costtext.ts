/** A cost for the eye: by system, the dearest first, the sum, and what nobody has a price for. */
import { type CostLine, type PlanCost, sourcesOf, sum } from "../preview/cost/cost.ts";
import { groupBy } from "./group.ts";
import type { Paper } from "./terminal.ts";
import { wrap } from "./wrap.ts";

export interface CostReport {
  readonly project: string;
  readonly stack: string;
  readonly cost: PlanCost;
  readonly resized?: PlanCost;
  readonly warnings?: readonly string[];
}

/** Of what several systems share. */
const SHARED = "shared";
const UNPRICED = "unpriced";

export function costText({ project, stack, cost, resized, warnings = [] }: CostReport, paper: Paper): string {
  const { style, columns } = paper;
  const systems = [...groupBy(cost.lines, ({ system = SHARED }) => system)].sort(([, one], [, other]) => sum(other) - sum(one));
  const sections = systems.map(([system, lines]) => [`${style.bold(system)}  ${amountOf(lines)}`, ...linesOf(lines, paper)].join("\n"));
  return [
    style.bold(`${project} on stack ${stack}: ${dollars(cost.total)} a month`),
    ...sections,
    ...(resized === undefined ? [] : [difference(cost, resized, paper)]),
    ...warnings.map((warning) =>
      wrap(warning, columns, " ")
        .map((line) => style.warn(line))
        .join("\n"),
    ),
    unpriced(cost, paper),
    ["List prices:", ...sourcesOf(cost.lines).flatMap((source) => sourceLines(source, columns))].map((line) => style.dim(line)).join("\n"),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function linesOf(lines: readonly CostLine[], { columns }: Paper): readonly string[] {
  const sorted = [...lines].sort((one, other) => (other.usd ?? 0) - (one.usd ?? 0) || (one.resource < other.resource ? -1 : 1));
  const amounts = sorted.map(({ usd }) => (usd === undefined ? UNPRICED : dollars(usd)));
  const width = Math.max(...amounts.map((amount) => amount.length));
  return sorted.flatMap(({ resource, what }, index) => {
    const [first = "", ...more] = wrap(`${resource}: ${what}`, columns - width - 4, " ");
    return [`  ${amounts[index]!.padStart(width)}  ${first}`, ...more.map((line) => `${" ".repeat(width + 6)}${line}`)];
  });
}

function difference(before: PlanCost, after: PlanCost, paper: Paper): string {
  const { style } = paper;
  const changed = after.lines.filter(
    (line) => !before.lines.some((old) => old.urn === line.urn && old.what === line.what && old.resource === line.resource),
  );
  const delta = Math.round((after.total - before.total) * 100) / 100;
  const sign = delta < 0 ? "−" : "+";
  return [
    style.bold(`With these sizes: ${dollars(after.total)} a month, ${sign}${dollars(Math.abs(delta))}`),
    ...linesOf(changed, paper),
  ].join("\n");
}

function unpriced({ unpriced: lines }: PlanCost, { columns, style }: Paper): string {
  if (lines.length === 0) return "";
  const names = lines.map(({ resource }) => resource).join(", ");
  const said = `Not in the sum, because no public list has a price for it: ${names}`;
  return wrap(said, columns, " ")
    .map((line) => style.warn(line))
    .join("\n");
}

function sourceLines({ about, from, asOf }: { about: string; from: string; asOf: string }, columns: number): readonly string[] {
  const indent = asOf.length + 4;
  return wrap(`${about}: ${from}`, columns - indent, " ").map(
    (line, index) => `${index === 0 ? `  ${asOf}  ` : " ".repeat(indent)}${line}`,
  );
}

const amountOf = (lines: readonly CostLine[]): string => (lines.some(({ usd }) => usd !== undefined) ? dollars(sum(lines)) : UNPRICED);

const dollars = (usd: number): string => `$${usd.toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",")}`;

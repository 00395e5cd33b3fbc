/** `npm run bench`: compares slipway with its peers in the same run. Exit code 0: all targets met, 1: a target missed, 2: invalid arguments. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { type Benchmark, type Comparison, evaluateTargets, type Runner, summarize } from "./benchmark.ts";

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Benchmark }>>> = {
  plan: () => import("./plan.ts"),
  "plan-pulumi": async () => ({ bench: (await import("./plan.ts")).comparedToPulumi }),
  audit: () => import("./audit.ts"),
  preview: () => import("./preview.ts"),
  local: () => import("./local.ts"),
  api: () => import("./api.ts"),
  "api-heap": async () => ({ bench: (await import("./api.ts")).heap }),
  "migrate-loopback": async () => ({ bench: (await import("./migrate.ts")).loopback }),
  "migrate-distant": async () => ({ bench: (await import("./migrate.ts")).distant }),
  "migrate-nothing": async () => ({ bench: (await import("./migrate.ts")).nothing }),
  "migrate-many": async () => ({ bench: (await import("./migrate.ts")).many }),
  backup: () => import("./backup.ts"),
  tenants: () => import("./tenants.ts"),
  "data-import": () => import("./data-import.ts"),
  "keyspaces-bulk": async () => ({ bench: (await import("./keyspaces.ts")).bulk }),
  "keyspaces-guarded": async () => ({ bench: (await import("./keyspaces.ts")).guarded }),
  "keyspaces-again": async () => ({ bench: (await import("./keyspaces.ts")).unchanged }),
  "keyspaces-memory": async () => ({ bench: (await import("./keyspaces.ts")).memory }),
};

const values = parseFlags();
const unknown = values.only?.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  console.error(`Unknown benchmark "${unknown}". Available: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(2);
}

const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;
const results: Record<string, object> = {};
if (!values.json) console.log(machine);
for (const name of values.only ?? Object.keys(BENCHES)) {
  const { bench } = (await (BENCHES[name] as (typeof BENCHES)[string])()) as { readonly bench: Benchmark };
  const skipped = bench.skip?.();
  if (skipped !== undefined) {
    results[name] = { skipped };
    if (!values.json) console.log(`\n${name}: skipped: ${skipped}`);
    continue;
  }
  const comparison = await bench.run();
  const verdicts = evaluateTargets(comparison);
  if (verdicts.some(({ met }) => !met)) process.exitCode = 1;
  results[name] = {
    unit: bench.unit,
    runners: comparison.runners.map((runner) => ({ ...runner, ...summarize(runner.samples) })),
    targets: verdicts,
  };
  if (!values.json) console.log(`\n${name}: ${bench.about}\n${formatTable(comparison, bench.unit)}`);
}
if (values.json) console.log(JSON.stringify({ machine, benches: results }, null, 2));

function parseFlags() {
  try {
    return parseArgs({ options: { only: { type: "string", multiple: true }, json: { type: "boolean" } } }).values;
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

function formatTable(comparison: Comparison, unit: string): string {
  const rows = comparison.runners.map(formatRow);
  const header = ["", `min ${unit}`, `median ${unit}`, `max ${unit}`, "runs", "CPU ms", "peak MiB"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ");
  const verdicts = evaluateTargets(comparison).map(
    ({ runner, comparedTo, ratio, atMost, atLeast, met }) =>
      `${met ? "met" : "MISSED"}: ${runner} is ${ratio.toFixed(2)} × ${comparedTo}; target: ${atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`} ×`,
  );
  return [line(header), ...rows.map(line), ...verdicts].join("\n");
}

function formatRow({ name, samples, processorMs, peakMiB }: Runner): readonly string[] {
  const { min, median, max } = summarize(samples);
  return [
    name,
    formatValue(min),
    formatValue(median),
    formatValue(max),
    String(samples.length),
    formatValue(processorMs),
    formatValue(peakMiB),
  ];
}

function formatValue(value: number | undefined): string {
  if (value === undefined) return "";
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

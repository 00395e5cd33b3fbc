/** `npm run bench`: races, each against its peers in the same run. Exit code 0: every target met, 1: one was missed, 2: bad input. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { type Bench, figuresOf, type Race, type Runner, verdictsOf } from "./race.ts";

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  plan: () => import("./plan.ts"),
  "plan-pulumi": async () => ({ bench: (await import("./plan.ts")).besidePulumi }),
  audit: () => import("./audit.ts"),
  preview: () => import("./preview.ts"),
  local: () => import("./local.ts"),
  api: () => import("./api.ts"),
  "api-heap": async () => ({ bench: (await import("./api.ts")).leak }),
  "migrate-loopback": async () => ({ bench: (await import("./migrate.ts")).loopback }),
  "migrate-distant": async () => ({ bench: (await import("./migrate.ts")).distant }),
  "migrate-nothing": async () => ({ bench: (await import("./migrate.ts")).nothing }),
  "migrate-many": async () => ({ bench: (await import("./migrate.ts")).many }),
  "keyspaces-bulk": async () => ({ bench: (await import("./keyspaces.ts")).bulk }),
  "keyspaces-guarded": async () => ({ bench: (await import("./keyspaces.ts")).guarded }),
  "keyspaces-again": async () => ({ bench: (await import("./keyspaces.ts")).again }),
  "keyspaces-memory": async () => ({ bench: (await import("./keyspaces.ts")).memory }),
};

const { values } = parseArgs({ options: { only: { type: "string", multiple: true }, json: { type: "boolean" } } });
const unknown = values.only?.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}". There are: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(2);
}

const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;
const results: Record<string, object> = {};
if (!values.json) console.log(machine);
for (const name of values.only ?? Object.keys(BENCHES)) {
  const { bench } = (await (BENCHES[name] as (typeof BENCHES)[string])()) as { readonly bench: Bench };
  const skipped = bench.skip?.();
  if (skipped !== undefined) {
    results[name] = { skipped };
    if (!values.json) console.log(`\n${name}: skipped: ${skipped}`);
    continue;
  }
  const race = await bench.run();
  const verdicts = verdictsOf(race);
  if (verdicts.some(({ met }) => !met)) process.exitCode = 1;
  results[name] = {
    unit: bench.unit,
    runners: race.runners.map((runner) => ({ ...runner, ...figuresOf(runner.samples) })),
    targets: verdicts,
  };
  if (!values.json) console.log(`\n${name}: ${bench.about}\n${table(race, bench.unit)}`);
}
if (values.json) console.log(JSON.stringify({ machine, benches: results }, null, 2));

function table(race: Race, unit: string): string {
  const rows = race.runners.map(row);
  const header = ["", `min ${unit}`, `median ${unit}`, `max ${unit}`, "runs", "CPU ms", "peak MiB"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ");
  const verdicts = verdictsOf(race).map(
    ({ runner, comparedTo, ratio, atMost, atLeast, met }) =>
      `${met ? "met" : "MISSED"}: ${runner} takes ${ratio.toFixed(2)} × ${comparedTo}; the target is ${atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`} ×`,
  );
  return [line(header), ...rows.map(line), ...verdicts].join("\n");
}

function row({ name, samples, processorMs, peakMiB }: Runner): readonly string[] {
  const { min, median, max } = figuresOf(samples);
  return [name, round(min), round(median), round(max), String(samples.length), round(processorMs), round(peakMiB)];
}

function round(figure: number | undefined): string {
  if (figure === undefined) return "";
  return figure < 10 ? figure.toFixed(2) : figure.toFixed(0);
}

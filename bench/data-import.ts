/** Imports 1,000,000 JSON rows with full validation, against COPY of the same rows without any, and against other ways to write rows. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import type { Benchmark, Comparison, Runner } from "./benchmark.ts";
import type { Sample } from "./command.ts";
import { TABLE, writeRows } from "./data-import/table.ts";

const ROWS = 1_000_000;
const SINGLE = 20_000;
const RUNS = 5;

const SLIPWAY = "slipway data import, every row validated";
const COPY = "COPY, no validation, JSON.parse of each record";

/** Name, way, rows, runs. */
const CONTENDERS = [
  [COPY, "copy", ROWS, RUNS],
  [SLIPWAY, "slipway", ROWS, RUNS],
  ["COPY, no validation, JSON.parse of the whole file", "parse-and-copy", ROWS, RUNS],
  ["unnest, batches of 5,000", "unnest", ROWS, 2],
  ["single INSERTs, 20,000 rows only", "single", SINGLE, 2],
] as const;

export const bench: Benchmark = { about: "1,000,000 rows of 10 columns from a JSON array, Postgres 17", unit: "thousand rows/s", run };

async function run(): Promise<Comparison> {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-bench-data-"));
  const server = await startServer({ settings: { fsync: "on", shared_buffers: "512MB" } });
  try {
    const file = path.join(folder, "events.json");
    await writeRows(file, ROWS);
    await server.database("bench");
    const samples = new Map<string, (Sample & { rate: number })[]>(CONTENDERS.map(([name]) => [name, []]));
    for (let round = 0; round < RUNS; round++)
      for (const [name, way, rows, runs] of CONTENDERS)
        if (round < runs) {
          const sample = await measure(server, file, way, rows);
          samples.get(name)!.push({ ...sample, rate: rows / sample.ms });
        }
    const runners = [...samples].map(([name, all]): Runner => {
      const sorted = [...all].sort((one, other) => one.ms - other.ms);
      return {
        name,
        samples: all.map(({ rate }) => rate),
        processorMs: sorted[Math.floor(sorted.length / 2)]?.processorMs ?? 0,
        peakMiB: Math.max(...all.map(({ peakMiB = 0 }) => peakMiB)),
      };
    });
    return { runners, targets: [{ runner: SLIPWAY, comparedTo: COPY, atLeast: 0.85 }] };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(server: TestServer, file: string, way: string, rows: number): Promise<Sample> {
  await server.sql("DROP TABLE IF EXISTS events", "bench");
  await server.sql(TABLE, "bench");
  await server.sql("CHECKPOINT", "bench");
  const script = path.join(import.meta.dirname, "data-import/process.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, way, server.url("bench"), file, String(rows)]);
  const [count] = await server.sql("SELECT count(*)::int AS n FROM events", "bench");
  if (count?.n !== rows) throw new Error(`${way} wrote ${String(count?.n)} of ${rows} rows.`);
  return JSON.parse(stdout) as Sample;
}

/** Kills imports and exports at random moments. SLIPWAY_KILLS=100 kills each as often; the default is a few. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readManifest } from "../../data/export.ts";
import { fluxstudio as mapping } from "../../systems/data/fluxstudio.ts";
import { type Database, type Server, start } from "../sql/database.ts";
import { generateCorpus, writeCorpus } from "./corpus.ts";
import type { Work } from "./process.ts";

const times = Number(process.env.SLIPWAY_KILLS ?? 4);
const script = fileURLToPath(new URL("./process.ts", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "slipway-data-kill-"));
const files = path.join(folder, "files");
let server: Server;
let undisturbed: Database;
let rows: Record<string, unknown>[];
let took: number;

beforeAll(async () => {
  server = await start(17);
  mkdirSync(files);
  writeCorpus(generateCorpus(mapping, 400), files);
  undisturbed = await server.database("fluxstudio");
  const begin = performance.now();
  expect(await run({ operation: "import", url: undisturbed.url("owner"), folder: files })).toBe(false);
  took = performance.now() - begin;
  rows = await hashRows(undisturbed);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** @returns whether it was killed before its end */
function run(work: Omit<Work, "rejectedFile">, killAfterMs?: number): Promise<boolean> {
  const argument = JSON.stringify({ ...work, rejectedFile: path.join(folder, "rejected") } satisfies Work);
  const child = spawn(process.execPath, [script, argument], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (data: Buffer) => {
    printed += data.toString();
  });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve, reject) => {
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === null && code !== 0) reject(new Error(printed));
      else resolve(signal !== null);
    });
  });
}

/** A hash of all rows of each table. project_members has an id of its own, which the database makes. */
async function hashRows(database: Database): Promise<Record<string, unknown>[]> {
  const tables = mapping.entities.map(({ table, key }) => {
    const row = table === "public.project_members" ? "to_jsonb(t) - 'id'" : "to_jsonb(t)";
    return `SELECT '${table}' AS name, count(*)::int AS rows, md5(string_agg((${row})::text, '' ORDER BY ${key.join(", ")})) AS hash FROM ${table} t`;
  });
  return await database.as("superuser", tables.join(" UNION ALL "));
}

const momentOf = (n: number, took: number) => took * (0.2 + 0.8 * ((n + Math.random()) / times));

/** Until the server noticed that a killed client is gone. */
async function awaitSessions(database: Database): Promise<void> {
  await expect
    .poll(
      () =>
        database.as(
          "superuser",
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name LIKE 'slipway data%'`,
        ),
      { timeout: 30_000 },
    )
    .toEqual([{ n: 0 }]);
}

describe("a run that is killed", () => {
  it("as an import leaves all rows or none, and the same import again ends like an undisturbed one", async () => {
    const total = rows.reduce((sum, { rows }) => sum + Number(rows), 0);
    let killed = 0;
    for (let n = 0; n < times; n++) {
      const database = await server.database("fluxstudio");
      const work = { operation: "import", url: database.url("owner"), folder: files } as const;
      if (await run(work, momentOf(n, took))) killed++;
      await awaitSessions(database);
      const left = (await hashRows(database)).reduce((sum, { rows }) => sum + Number(rows), 0);
      expect([0, total]).toContain(left);
      await run(work);
      expect(await hashRows(database)).toEqual(rows);
      const stages = await database.as("superuser", "SELECT count(*)::int AS n FROM pg_class WHERE relname LIKE '#%'");
      expect(stages).toEqual([{ n: 0 }]);
    }
    expect(killed).toBeGreaterThan(0);
  });

  it("as an export leaves a complete folder or none, and the same export again ends like an undisturbed one", async () => {
    const parent = mkdtempSync(path.join(folder, "exports-"));
    const read = (to: string) =>
      Object.fromEntries(
        readdirSync(to).map((name) => [name, name.startsWith("slipway") ? "" : readFileSync(path.join(to, name), "utf8")]),
      );
    const expected = path.join(parent, "expected");
    const export_ = { operation: "export", url: undisturbed.url("owner") } as const;
    const begin = performance.now();
    await run({ ...export_, folder: expected });
    const exportTook = performance.now() - begin;
    let killed = 0;
    for (let n = 0; n < times; n++) {
      const to = path.join(parent, `to${n % 2}`);
      if (await run({ ...export_, folder: to }, momentOf(n, exportTook))) killed++;
      if (existsSync(to)) {
        expect(readManifest(to)).toBeDefined();
        expect(read(to)).toEqual(read(expected));
      }
      await run({ ...export_, folder: to });
      expect(read(to)).toEqual(read(expected));
      expect(readdirSync(parent).filter((name) => name.startsWith(`to${n % 2}.`))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(0);
  });
});

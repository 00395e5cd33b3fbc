/** Measures the durations that a product's documents promise. A report and no gate: another network or a cold cache fails no deployment. */
import pg from "pg";
import { type Connection, targetOf } from "../../postdeploy/connect/target.ts";
import type { System } from "../../systems/definition.ts";
import type { Target } from "../../systems/verification.ts";
import type { Check } from "./check.ts";
import { describeFailure } from "./database.ts";
import { request } from "./request.ts";

const ROUNDS = 20;

export async function measureTargets(
  system: System,
  connection: Connection | undefined,
  url: string | undefined,
): Promise<readonly Check[]> {
  const { targets = [] } = system;
  const about = { kind: "targets", subject: `${system.name}/targets` } as const;
  if (targets.length === 0) return [{ ...about, outcome: "skipped", evidence: "the product's documents promise no duration" }];
  const checks: Check[] = [];
  for (const target of targets) checks.push(await measure(target));
  return checks;

  async function measure(target: Target): Promise<Check> {
    const found = { ...about, subject: `${system.name}: ${target.title}` };
    try {
      const milliseconds = await timesOf(target);
      if (typeof milliseconds === "string") return { ...found, outcome: "skipped", evidence: milliseconds };
      const measured = "path" in target ? percentile(milliseconds, 0.95) : percentile(milliseconds, 0.5);
      const evidence = `${format(measured)} ms, ${"path" in target ? "the 95th percentile" : "the median"} of ${milliseconds.length}; promised: at most ${target.atMostMs} ms`;
      return { ...found, outcome: measured <= target.atMostMs ? "passed" : "unproved", evidence };
    } catch (error) {
      if (error instanceof pg.DatabaseError) return { ...found, outcome: "skipped", evidence: error.message };
      return { ...found, ...describeFailure(error), outcome: "skipped" };
    }
  }

  async function timesOf(target: Target): Promise<readonly number[] | string> {
    if ("path" in target) return await timeRequests(url, target.path);
    if (connection === undefined) return "the database could not be reached";
    return await withPool(connection, system, (pool) => timeQueries(pool, "sql" in target ? target.sql : undefined));
  }
}

async function timeRequests(url: string | undefined, path: string): Promise<readonly number[] | string> {
  if (url === undefined) return "no deployment is active";
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const answer = await request(`${url}${path}`);
    if (typeof answer === "string") return `no answer: ${answer}`;
    // The first one opens the connection.
    if (round > 0) times.push(answer.milliseconds);
  }
  return times;
}

/** @param sql undefined: only the time to take a connection. */
async function timeQueries(pool: pg.Pool, sql: string | undefined): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now();
    if (sql === undefined) (await pool.connect()).release();
    else await pool.query(sql);
    if (round > 0) times.push(performance.now() - startedAt);
  }
  return times;
}

async function withPool<T>(connection: Connection, { postgres }: System, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const { host, port, database, user, password, tls } = targetOf(connection);
  const pool = new pg.Pool({
    ...{ host, port, database, user, password, ssl: tls, max: 1 },
    application_name: "slipway verify",
    options: `-c search_path=${postgres.schemas.join(",")} -c default_transaction_read_only=on`,
    connectionTimeoutMillis: 10_000,
    statement_timeout: postgres.statementTimeoutSeconds * 1000,
  });
  pool.on("error", () => {});
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

const format = (milliseconds: number): string => (milliseconds >= 10 ? String(Math.round(milliseconds)) : milliseconds.toFixed(1));

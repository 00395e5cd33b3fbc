/** Writes without a pause with the credentials of an app, as the app would, and records what the database has acknowledged. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { targetOf } from "../../postdeploy/connect/target.ts";

export interface Writer {
  /** Ends after the write that is under way. */
  stop(): Promise<Written>;
  count(): number;
}

export interface Written {
  /** The keys of the rows whose transaction was reported as committed. */
  readonly acknowledged: readonly string[];
  readonly failed: number;
  /** Between two acknowledged writes. */
  readonly longestGapMs: number;
}

export interface WriterOptions {
  readonly url: string;
  readonly ca: string;
  readonly prefix: string;
  /** Statements of one message, which insert the row of a key. */
  statement(key: string): string;
}

const EVERY_MS = Number(process.env.SLIPWAY_EVERY_MS ?? 10);

export function startWriter({ url, ca, prefix, statement }: WriterOptions): Writer {
  const { host, port, database, user, password } = targetOf({ url, ca });
  const acknowledged: string[] = [];
  let [failed, longestGapMs] = [0, 0];
  let last = performance.now();
  let isRunning = true;
  let client: pg.Client | undefined;

  async function connect(): Promise<pg.Client> {
    const opened = new pg.Client({
      host,
      port,
      database,
      user,
      password,
      ssl: { ca },
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
    });
    opened.on("error", () => {});
    await opened.connect();
    return opened;
  }

  const running = (async () => {
    for (let n = 0; isRunning; n++) {
      const key = `${prefix}-${n}`;
      try {
        client ??= await connect();
        await client.query(statement(key));
        acknowledged.push(key);
        longestGapMs = Math.max(longestGapMs, performance.now() - last);
        last = performance.now();
      } catch {
        failed++;
        await client?.end().catch(() => {});
        client = undefined;
      }
      await sleep(EVERY_MS);
    }
    await client?.end();
  })();

  return {
    count: () => acknowledged.length,
    async stop() {
      isRunning = false;
      await running;
      return { acknowledged, failed, longestGapMs: Math.round(longestGapMs) };
    },
  };
}

/** Measures seeding over TLS on loopback: bulk against valkey-cli and ioredis, guarded against a minimal script, an unchanged run against HMGET. */
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { seed } from "../postdeploy/keyspaces/seed/seed.ts";
import { StoreConnection } from "../postdeploy/keyspaces/wire/connection.ts";
import { Commands, type Reply } from "../postdeploy/keyspaces/wire/resp.ts";
import type { Benchmark, Runner } from "./benchmark.ts";
import { type BenchmarkStore, openStore } from "./keyspaces/store.ts";
import { createCommand, createText, writeLarge, writeMixed, writeStrings } from "./keyspaces/workload.ts";

const RUNS = 5;
const MIXED = 1_000_000;
const STRINGS = 200_000;

const PIPE = "valkey-cli --pipe";
const BULK = "bulk seed";
const PIPELINE = "ioredis, pipelines of 1,000";

export const bulk: Benchmark = {
  about: "1,000,000 mixed commands over TLS",
  unit: "thousand/s",
  run: () =>
    compareOnStore(MIXED, async (store, folder) => {
      const { protocol } = writeMixed(folder, MIXED);
      return {
        [PIPE]: () => store.pipe(protocol),
        [BULK]: () => seedFolder(store, folder),
        [PIPELINE]: () => writePipelines(store, MIXED),
      };
    }).then((runners) => ({
      runners,
      targets: [
        { runner: BULK, comparedTo: PIPE, atLeast: 0.9 },
        { runner: BULK, comparedTo: PIPELINE, atLeast: 2.5 },
      ],
    })),
};

const SCRIPT = "minimal script, 100 keys per call";
const GUARDED = "guarded seed";

export const guarded: Benchmark = {
  about: "200,000 strings of 54 bytes over TLS, with a ledger row per key",
  unit: "thousand/s",
  run: () =>
    compareOnStore(STRINGS, async (store, folder) => {
      writeStrings(folder, STRINGS);
      return { [SCRIPT]: () => writeWithScript(store, STRINGS), [GUARDED]: () => seedFolder(store, folder) };
    }).then((runners) => ({ runners, targets: [{ runner: GUARDED, comparedTo: SCRIPT, atLeast: 0.9 }] })),
};

const READ_ROWS = "HMGET and comparison of 1,000 rows per call";
const UNCHANGED = "guarded seed without changes";

export const unchanged: Benchmark = {
  about: "200,000 strings that are already seeded, over TLS",
  unit: "thousand/s",
  async run() {
    const runners = await compareOnStore(
      STRINGS,
      async (store, folder) => {
        writeStrings(folder, STRINGS);
        await seedFolder(store, folder);
        await writeWithScript(store, STRINGS);
        return {
          [READ_ROWS]: () => compareRows(store, STRINGS),
          [UNCHANGED]: async () => {
            const before = await store.writes();
            await seedFolder(store, folder);
            if ((await store.writes()) !== before) throw new Error("A run without changes has written keys.");
          },
        };
      },
      false,
    );
    return { runners, targets: [{ runner: UNCHANGED, comparedTo: READ_ROWS, atLeast: 0.9 }] };
  },
};

const MEGABYTES = 1024;
const FILE = `the file, ${MEGABYTES} MiB`;

export const memory: Benchmark = {
  about: `a file of ${MEGABYTES} MiB, seeded and verified; peak memory of the process`,
  unit: "MiB",
  async run() {
    const runners: Runner[] = [{ name: FILE, samples: [MEGABYTES] }];
    for (const mode of ["bulk", "guarded"] as const) {
      const store = await openStore();
      try {
        const folder = join(store.folder, mode);
        mkdirSync(folder);
        writeLarge(folder, mode, MEGABYTES);
        runners.push({ name: `${mode} seed, whole process`, samples: [await measurePeakMemory(store, folder)] });
      } finally {
        await store.close();
      }
    }
    return { runners, targets: runners.slice(1).map(({ name }) => ({ runner: name, comparedTo: FILE, atMost: 0.5 })) };
  },
};

/** Seeds in a separate process, because the peak of this one includes other work. */
async function measurePeakMemory({ address: connection }: BenchmarkStore, folder: string): Promise<number> {
  const code = `import { seed } from ${JSON.stringify(new URL("../postdeploy/keyspaces/seed/seed.ts", import.meta.url))};
    await seed(JSON.parse(process.env.SEED_OPTIONS));
    process.stdout.write(String(process.resourceUsage().maxRSS / 1024));`;
  const options = { folder, system: "bench", stores: { store: connection } };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
    env: { ...process.env, SEED_OPTIONS: JSON.stringify(options) },
  });
  return Number(stdout);
}

type Runs = Readonly<Record<string, () => Promise<void>>>;

/** Alternates the runners, so that other work on the machine affects all of them equally. Empties the store before each run by default. */
async function compareOnStore(
  keys: number,
  prepare: (store: BenchmarkStore, folder: string) => Promise<Runs>,
  empty = true,
): Promise<Runner[]> {
  const store = await openStore();
  try {
    const folder = join(store.folder, "race");
    mkdirSync(folder);
    const runs = Object.entries(await prepare(store, folder));
    const samples = new Map(runs.map(([name]) => [name, [] as number[]]));
    for (let round = 0; round <= RUNS; round++) {
      for (const [name, run] of runs) {
        if (empty) await store.empty();
        const start = performance.now();
        await run();
        const ms = performance.now() - start;
        if ((await store.keys()) < keys) throw new Error(`${name} left ${await store.keys()} keys of ${keys}.`);
        // The first round is a warm-up.
        if (round > 0) samples.get(name)?.push(keys / ms);
      }
    }
    return [...samples].map(([name, rates]) => ({ name, samples: rates }));
  } finally {
    await store.close();
  }
}

async function seedFolder({ address: connection }: BenchmarkStore, folder: string): Promise<void> {
  await seed({ folder, system: "bench", stores: { store: connection }, verify: false });
}

async function writePipelines(store: BenchmarkStore, count: number): Promise<void> {
  const client = await store.client();
  for (let from = 0; from < count; from += 1000) {
    const pipeline = client.pipeline();
    for (let n = from; n < Math.min(from + 1000, count); n++) {
      const [name = "", ...args] = createCommand(n);
      pipeline.call(name, ...args);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
  client.disconnect();
}

/** The minimum of a guarded write: read the type, compare with the ledger, write the key, write the ledger row. */
const BASELINE_SCRIPT = `for i = 2, #KEYS do
  local digest = ARGV[2 * i - 2]
  if redis.call('TYPE', KEYS[i]).ok ~= 'none' and redis.call('HGET', KEYS[1], KEYS[i]) == digest then
  else
    redis.call('SET', KEYS[i], ARGV[2 * i - 3], 'KEEPTTL')
    redis.call('HSET', KEYS[1], KEYS[i], digest)
  end
end`;
const LEDGER = "bench:ledger";
const digestText = (text: string): string => hash("sha1", text, "base64").slice(0, 22);

async function writeWithScript({ address }: BenchmarkStore, count: number): Promise<void> {
  const connection = await StoreConnection.open(address, 0, "bench");
  const sha = String(await connection.call("SCRIPT", "LOAD", BASELINE_SCRIPT));
  await runCalls(count, 1000, async (from, end) => {
    const commands = new Commands();
    for (let first = from; first < end; first += 100) {
      const numbers = Array.from({ length: Math.min(100, end - first) }, (_, index) => first + index);
      const keys = numbers.map((n) => `b:s:${n}`);
      const args = numbers.flatMap((n) => [createText(n), digestText(createText(n))]);
      commands.addAll(["EVALSHA", sha, String(keys.length + 1), LEDGER, ...keys, ...args]);
    }
    for (const reply of await connection.send(commands)) connection.unwrap(reply);
  });
  connection.close();
}

async function compareRows({ address }: BenchmarkStore, count: number): Promise<void> {
  const connection = await StoreConnection.open(address, 0, "bench");
  await runCalls(count, 1000, async (from, end) => {
    const numbers = Array.from({ length: end - from }, (_, index) => from + index);
    const digests = numbers.map((n) => digestText(createText(n)));
    const rows = (await connection.call("HMGET", LEDGER, ...numbers.map((n) => `b:s:${n}`))) as readonly Reply[];
    if (!digests.every((digest, index) => String(rows[index]) === digest)) throw new Error("A row differs.");
  });
  connection.close();
}

/** Runs three calls at a time. */
async function runCalls(count: number, size: number, call: (from: number, end: number) => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  for (let from = 0; from < count; from += size) {
    running.push(call(from, Math.min(from + size, count)));
    if (running.length === 3) await running.shift();
  }
  await Promise.all(running);
}

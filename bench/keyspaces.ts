/** Seeding over TLS on loopback: bulk beside valkey-cli and ioredis, guarded beside the barest script, and a second run beside a bare look. */
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { seed } from "../postdeploy/keyspaces/seed/seed.ts";
import { StoreConnection } from "../postdeploy/keyspaces/wire/connection.ts";
import { Commands, type Reply } from "../postdeploy/keyspaces/wire/resp.ts";
import { openStore, type RaceStore } from "./keyspaces/store.ts";
import { commandOf, textOf, writeLarge, writeMixed, writeStrings } from "./keyspaces/workload.ts";
import type { Bench, Runner } from "./race.ts";

const RUNS = 5;
const MIXED = 1_000_000;
const STRINGS = 200_000;

const PIPE = "valkey-cli --pipe";
const BULK = "bulk seed";
const PIPELINE = "ioredis, pipelines of 1,000";

export const bulk: Bench = {
  about: "1,000,000 mixed commands over TLS",
  unit: "thousand/s",
  run: () =>
    raced(MIXED, async (store, folder) => {
      const { protocol } = writeMixed(folder, MIXED);
      return {
        [PIPE]: () => store.pipe(protocol),
        [BULK]: () => seeded(store, folder),
        [PIPELINE]: () => pipelined(store, MIXED),
      };
    }).then((runners) => ({
      runners,
      targets: [
        { runner: BULK, comparedTo: PIPE, atLeast: 0.9 },
        { runner: BULK, comparedTo: PIPELINE, atLeast: 2.5 },
      ],
    })),
};

const SCRIPT = "a bare script, 100 keys a call";
const GUARDED = "guarded seed";

export const guarded: Bench = {
  about: "200,000 strings of 54 bytes over TLS, with a ledger row for each",
  unit: "thousand/s",
  run: () =>
    raced(STRINGS, async (store, folder) => {
      writeStrings(folder, STRINGS);
      return { [SCRIPT]: () => scripted(store, STRINGS), [GUARDED]: () => seeded(store, folder) };
    }).then((runners) => ({ runners, targets: [{ runner: GUARDED, comparedTo: SCRIPT, atLeast: 0.9 }] })),
};

const LOOK = "HMGET of 1,000 rows a call, compared";
const AGAIN = "guarded seed, nothing changed";

export const again: Bench = {
  about: "200,000 strings that are there already, over TLS",
  unit: "thousand/s",
  async run() {
    const runners = await raced(
      STRINGS,
      async (store, folder) => {
        writeStrings(folder, STRINGS);
        await seeded(store, folder);
        await scripted(store, STRINGS);
        return {
          [LOOK]: () => looked(store, STRINGS),
          [AGAIN]: async () => {
            const before = await store.writes();
            await seeded(store, folder);
            if ((await store.writes()) !== before) throw new Error("A run with nothing to do has written.");
          },
        };
      },
      false,
    );
    return { runners, targets: [{ runner: AGAIN, comparedTo: LOOK, atLeast: 0.9 }] };
  },
};

const MEGABYTES = 1024;
const FILE = `the file, ${MEGABYTES} MiB`;

export const memory: Bench = {
  about: `a file of ${MEGABYTES} MiB, seeded and read back; what the seeder's process took at most`,
  unit: "MiB",
  async run() {
    const runners: Runner[] = [{ name: FILE, samples: [MEGABYTES] }];
    for (const mode of ["bulk", "guarded"] as const) {
      const store = await openStore();
      try {
        const folder = join(store.folder, mode);
        mkdirSync(folder);
        writeLarge(folder, mode, MEGABYTES);
        runners.push({ name: `${mode} seed, whole process`, samples: [await peakOf(store, folder)] });
      } finally {
        await store.close();
      }
    }
    return { runners, targets: runners.slice(1).map(({ name }) => ({ runner: name, comparedTo: FILE, atMost: 0.5 })) };
  },
};

/** Of a process of its own: this one has had other work. */
async function peakOf({ connection }: RaceStore, folder: string): Promise<number> {
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

/** Every runner in turn, so that a busy moment of the machine hits all of them, each on an empty store unless told otherwise. */
async function raced(keys: number, prepare: (store: RaceStore, folder: string) => Promise<Runs>, empty = true): Promise<Runner[]> {
  const store = await openStore();
  try {
    const folder = join(store.folder, "race");
    mkdirSync(folder);
    const runs = Object.entries(await prepare(store, folder));
    const samples = new Map(runs.map(([name]) => [name, [] as number[]]));
    for (let turn = 0; turn <= RUNS; turn++) {
      for (const [name, run] of runs) {
        if (empty) await store.empty();
        const start = performance.now();
        await run();
        const ms = performance.now() - start;
        if ((await store.keys()) < keys) throw new Error(`${name} left ${await store.keys()} keys of ${keys}.`);
        // The first turn warms up the compiler and the machine.
        if (turn > 0) samples.get(name)?.push(keys / ms);
      }
    }
    return [...samples].map(([name, taken]) => ({ name, samples: taken }));
  } finally {
    await store.close();
  }
}

async function seeded({ connection }: RaceStore, folder: string): Promise<void> {
  await seed({ folder, system: "bench", stores: { store: connection }, verify: false });
}

async function pipelined(store: RaceStore, count: number): Promise<void> {
  const client = await store.client();
  for (let from = 0; from < count; from += 1000) {
    const pipeline = client.pipeline();
    for (let n = from; n < Math.min(from + 1000, count); n++) {
      const [name = "", ...args] = commandOf(n);
      pipeline.call(name, ...args);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
  client.disconnect();
}

/** The least that a guarded write can be: look, compare with the ledger, set, and note it. */
const BARE = `for i = 2, #KEYS do
  local digest = ARGV[2 * i - 2]
  if redis.call('TYPE', KEYS[i]).ok ~= 'none' and redis.call('HGET', KEYS[1], KEYS[i]) == digest then
  else
    redis.call('SET', KEYS[i], ARGV[2 * i - 3], 'KEEPTTL')
    redis.call('HSET', KEYS[1], KEYS[i], digest)
  end
end`;
const LEDGER = "bench:ledger";
const digestOf = (text: string): string => hash("sha1", text, "base64").slice(0, 22);

async function scripted({ connection: address }: RaceStore, count: number): Promise<void> {
  const connection = await StoreConnection.open(address, 0, "bench");
  const sha = String(await connection.call("SCRIPT", "LOAD", BARE));
  await calls(count, 1000, async (from, end) => {
    const commands = new Commands();
    for (let first = from; first < end; first += 100) {
      const numbers = Array.from({ length: Math.min(100, end - first) }, (_, index) => first + index);
      const keys = numbers.map((n) => `b:s:${n}`);
      const args = numbers.flatMap((n) => [textOf(n), digestOf(textOf(n))]);
      commands.addAll(["EVALSHA", sha, String(keys.length + 1), LEDGER, ...keys, ...args]);
    }
    for (const reply of await connection.send(commands)) connection.unwrap(reply);
  });
  connection.close();
}

async function looked({ connection: address }: RaceStore, count: number): Promise<void> {
  const connection = await StoreConnection.open(address, 0, "bench");
  await calls(count, 1000, async (from, end) => {
    const numbers = Array.from({ length: end - from }, (_, index) => from + index);
    const digests = numbers.map((n) => digestOf(textOf(n)));
    const rows = (await connection.call("HMGET", LEDGER, ...numbers.map((n) => `b:s:${n}`))) as readonly Reply[];
    if (!digests.every((digest, index) => String(rows[index]) === digest)) throw new Error("A row differs.");
  });
  connection.close();
}

/** Three calls at a time, as many as a seed has. */
async function calls(count: number, size: number, call: (from: number, end: number) => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  for (let from = 0; from < count; from += size) {
    running.push(call(from, Math.min(from + size, count)));
    if (running.length === 3) await running.shift();
  }
  await Promise.all(running);
}

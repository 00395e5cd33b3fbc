/** Kills the seeding process and the store at random moments. The next run must lead to the same result as an undisturbed run. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { startStore, type TestStore } from "../testing/store.ts";
import { seed } from "./seed.ts";

/** SLIPWAY_KILLS=100 kills each of the two 100 times. The default is a few times, at different moments in every run. */
const KILLS = Number(process.env.SLIPWAY_KILLS ?? 4);
const SECONDS_A_KILL = 30;

let store: TestStore;
beforeAll(async () => {
  store = await startStore("kills");
});
afterAll(async () => {
  await store.stop();
  cleanFolders();
});

const YAML = (mode: "guarded" | "bulk") => `keyspace: things
store: state
database: 2
durable: true
mode: ${mode}
policy: own
prefix: "k:"
purpose: What a test needs
keys:
  - { pattern: "k:text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "k:brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "k:map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "k:list:<n>", type: list, ttl: none, owner: test, purpose: p }
  - { pattern: "k:set:<n>", type: set, ttl: none, owner: test, purpose: p }
  - { pattern: "k:rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "k:log:<n>", type: stream, ttl: none, owner: test, purpose: p }
  - { pattern: "k:sha", type: hash, ttl: none, owner: test, purpose: p }
scripts: { registry: "k:sha", files: { size: { file: size.lua } } }
data: [things.jsonl]
`;

/** 2000 consecutive strings, then every other type in turn. */
function lines(mark: string): string {
  const texts = Array.from({ length: 2000 }, (_, n) => ({ key: `k:text:${n}`, string: `${mark} ünd ${n}` }));
  const others = Array.from({ length: 2000 }, (_, n) => {
    const forms = [
      { key: `k:brief:${n}`, string: mark, ttl: "45m" },
      { key: `k:map:${n}`, hash: { [`field-${mark}`]: n, two: { base64: "AP8=" } } },
      { key: `k:list:${n}`, list: [mark, n, mark] },
      { key: `k:set:${n}`, set: [mark, n] },
      { key: `k:rank:${n}`, zset: { [mark]: n, b: "-inf" } },
      { key: `k:log:${n}`, stream: { entries: [{ id: "1-1", fields: { mark } }], groups: [{ name: "g", from: "1-1" }] } },
    ];
    return forms[n % forms.length];
  });
  return [...texts, ...others].map((one) => JSON.stringify(one)).join("\n");
}

const [before, after] = [lines("old").split("\n").slice(7).join("\n"), lines("new")];
const folders = (["guarded", "bulk"] as const).map((mode) => {
  const files = { "things.yaml": YAML(mode), "size.lua": "return redis.call('DBSIZE')" };
  return { former: folderOf({ ...files, "things.jsonl": before }), present: folderOf({ ...files, "things.jsonl": after }) };
});
type Pair = (typeof folders)[number];

const options = (folder: string) => ({ folder, system: "shop", stores: { state: store.address() }, patienceMs: 60_000 });

/** Keys of other clients. */
const FOREIGN = [
  ["SET", "foreign", "theirs"],
  ["RPUSH", "k:text", "theirs"],
  ["SET", "k:unknown:1", "theirs", "EX", "5000"],
];

/** Prepares an empty store, or one that holds the former files. */
async function prepareStore(pair: Pair, empty: boolean): Promise<void> {
  await store.command(["FLUSHALL"]);
  if (!empty) await seed(options(pair.former.path));
  for (const words of FOREIGN) await store.command(words, 2);
}

const held = async () => ({ keys: await store.dump(2), ledger: await store.command(["HGETALL", "slipway:{shop/things}:ledger"], 2) });
const sorted = ({ keys, ledger }: Awaited<ReturnType<typeof held>>) => ({ keys, ledger: pairsOf(ledger as string[]) });
const pairsOf = (flat: readonly string[]) => flat.flatMap((name, at) => (at % 2 === 0 ? [`${name} ${flat[at + 1]}`] : [])).sort();

function startSeedProcess(folder: string): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(new URL("../testing/seed-process.ts", import.meta.url))], {
    env: { ...process.env, SEED_OPTIONS: JSON.stringify(options(folder)) },
    stdio: "ignore",
  });
}

/** The result and the duration of an undisturbed run. */
async function undisturbed(pair: Pair, run: () => Promise<unknown>) {
  await prepareStore(pair, true);
  const start = performance.now();
  await run();
  const ms = performance.now() - start;
  return { all: sorted(await held()), ms };
}

/** A seed gives up if the store is killed before the first connection. The next run then does everything. */
function allowRefusedConnection(error: { readonly code?: string }): void {
  if (error.code !== "refused") throw error;
}

describe.each([
  ["guarded", folders[0] as Pair],
  ["bulk", folders[1] as Pair],
])("a %s seed", (_mode, pair) => {
  const kills = Math.ceil(KILLS / 2);

  it(
    "is completed by the next run after the process was killed at any moment, and foreign keys stay unchanged [V11]",
    async () => {
      const { all, ms } = await undisturbed(pair, () => once(startSeedProcess(pair.present.path), "exit"));
      for (let kill = 0; kill < kills; kill++) {
        await prepareStore(pair, kill % 2 === 0);
        const wait = Math.random() * ms;
        const child = startSeedProcess(pair.present.path);
        const ended = once(child, "exit");
        await sleep(wait);
        child.kill("SIGKILL");
        await ended;
        await seed(options(pair.present.path));
        expect(sorted(await held()), `after a kill at ${wait.toFixed(1)} of ${ms.toFixed(1)} ms`).toEqual(all);
      }
    },
    kills * SECONDS_A_KILL * 1000,
  );

  it(
    "waits for a store that is killed at any moment, and leads to the same result [V4, V5]",
    async () => {
      const { all, ms } = await undisturbed(pair, () => seed(options(pair.present.path)));
      for (let kill = 0; kill < kills; kill++) {
        await prepareStore(pair, kill % 2 === 0);
        const wait = Math.random() * ms;
        const restarted = sleep(wait).then(async () => {
          await store.kill();
          await store.start();
        });
        await Promise.all([seed(options(pair.present.path)).catch(allowRefusedConnection), restarted]);
        await seed(options(pair.present.path));
        expect(sorted(await held()), `after a kill at ${wait.toFixed(1)} of ${ms.toFixed(1)} ms`).toEqual(all);
      }
    },
    kills * SECONDS_A_KILL * 1000,
  );
});

it("gives the same result when three seeds of a keyspace start together", async () => {
  for (const pair of folders) {
    const { all } = await undisturbed(pair, () => seed(options(pair.present.path)));
    for (const empty of [true, false]) {
      await prepareStore(pair, empty);
      await Promise.all([
        once(startSeedProcess(pair.present.path), "exit"),
        seed(options(pair.present.path)),
        seed(options(pair.present.path)),
      ]);
      expect(sorted(await held())).toEqual(all);
    }
  }
});

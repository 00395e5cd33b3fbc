import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf, type TestFolder } from "../../migrate/testing/folder.ts";
import { startStore, type TestStore } from "../testing/store.ts";
import { plan, seed, verify } from "./seed.ts";

let store: TestStore;
beforeAll(async () => {
  store = await startStore("bulk");
});
afterAll(async () => {
  await store.stop();
  cleanFolders();
});
beforeEach(async () => {
  await store.set("maxmemory", "0");
  await store.command(["FLUSHALL"]);
});

const YAML = `keyspace: catalogue
store: state
database: 3
durable: true
mode: bulk
policy: own
prefix: "c:"
purpose: What a test needs
keys:
  - { pattern: "c:text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "c:brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "c:map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "c:list:<n>", type: list, ttl: none, owner: test, purpose: p }
  - { pattern: "c:set:<n>", type: set, ttl: none, owner: test, purpose: p }
  - { pattern: "c:rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "c:log:<n>", type: stream, ttl: none, owner: test, purpose: p }
data: [catalogue.jsonl]
`;

/** Lines of every type in turn; 12,000 lines make half a dozen chunks. */
function linesOf(count: number, mark = "x"): string[] {
  return Array.from({ length: count }, (_, n) => {
    const forms = [
      { key: `c:text:${n}`, string: `${mark} ünd ${n}` },
      { key: `c:brief:${n}`, string: mark, ttl: "45m" },
      { key: `c:map:${n}`, hash: { [`field-${mark}`]: n, two: { base64: "AP8=" } } },
      { key: `c:list:${n}`, list: [mark, n, mark] },
      { key: `c:set:${n}`, set: [mark, n] },
      { key: `c:rank:${n}`, zset: { [mark]: n, b: 0.5 } },
      { key: `c:log:${n}`, stream: { entries: [{ id: "1-1", fields: { mark } }], groups: [{ name: "g" }] } },
    ];
    return JSON.stringify(forms[n % forms.length]);
  });
}

const folderWith = (lines: readonly string[]) => folderOf({ "catalogue.yaml": YAML, "catalogue.jsonl": lines.join("\n") });
const rewrite = (folder: TestFolder, lines: readonly string[]) => folder.write({ "catalogue.jsonl": lines.join("\n") });
const options = (folder: TestFolder, port?: number) => ({
  folder: folder.path,
  system: "shop",
  stores: { state: store.address(port) },
  patienceMs: 20_000,
});
const everything = () => store.dump(3);

/** The result of an undisturbed run in an empty store. */
async function undisturbed(lines: readonly string[]): Promise<Record<string, unknown>> {
  await seed(options(folderWith(lines)));
  const all = await everything();
  // Freed before the reply: a test measures the memory that is left.
  await store.command(["FLUSHALL", "SYNC"]);
  return all;
}

const WRITES = /cmdstat_(set|hset|hdel|del|unlink|pexpire|rpush|sadd|zadd|xadd|multi|exec|eval):calls=(\d+)/g;
const writes = async () => [...String(await store.command(["INFO", "commandstats"])).matchAll(WRITES)].map(([all]) => all).sort();

describe("a bulk seed", () => {
  it("writes every type, reads it back as declared, and writes nothing the second time", async () => {
    const folder = folderWith(linesOf(12_000));
    expect(await seed(options(folder))).toMatchObject([{ mode: "bulk", tally: { keys: 12_000, changes: { write: 12_000, remove: 0 } } }]);
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true, tally: { keys: 12_000 } }]);
    expect(await store.command(["HGET", "c:map:2", "field-x"], 3)).toBe("2");
    const before = await writes();
    expect(await seed(options(folder))).toMatchObject([{ unchanged: true, tally: { keys: 12_000, changes: { write: 0 } } }]);
    expect(await writes()).toEqual(before);
  });

  it("writes only the changed chunks after a line is inserted", async () => {
    const lines = linesOf(12_000);
    const folder = folderWith(lines);
    await seed(options(folder));
    rewrite(folder, [...lines.slice(0, 100), '{"key":"c:text:new","string":"new"}', ...lines.slice(100)]);
    const [result] = await seed(options(folder));
    expect(result?.tally.changes.write).toBeGreaterThan(0);
    expect(result?.tally.changes.write).toBeLessThan(9_000);
    expect(result?.tally.keys).toBe(12_001);
    expect(await store.command(["GET", "c:text:new"], 3)).toBe("new");
  });

  it("removes keys that no file declares any more, and keeps keys that it did not write", async () => {
    const lines = linesOf(2_000);
    const folder = folderWith(lines);
    await store.command(["SET", "c:foreign", "theirs"], 3);
    await store.command(["SET", "other", "theirs"], 3);
    await seed(options(folder));
    rewrite(folder, lines.slice(10));
    expect(await seed(options(folder))).toMatchObject([{ tally: { keys: 1_990, changes: { remove: 10 } } }]);
    const all = await everything();
    expect(Object.keys(all)).toHaveLength(1_992);
    expect([all["c:text:0"], all["c:foreign"], all.other]).toEqual([undefined, ["string", "theirs", false], ["string", "theirs", false]]);
  });

  it("replaces whole values and leaves no former field, member or item", async () => {
    const folder = folderWith(linesOf(700, "old"));
    await seed(options(folder));
    rewrite(folder, linesOf(700, "new"));
    await seed(options(folder));
    expect(await everything()).toEqual(await undisturbed(linesOf(700, "new")));
  });

  it("writes the same values again when its ledger is lost", async () => {
    const folder = folderWith(linesOf(700));
    await seed(options(folder));
    const before = await everything();
    await store.command(["DEL", "slipway:{shop/catalogue}:ledger"], 3);
    await seed(options(folder));
    expect(await everything()).toEqual(before);
  });

  it("restores changed keys with `restore`, and by default if the keyspace has keys with a TTL", async () => {
    const lasting = linesOf(700).filter((line) => !line.includes("brief"));
    const yaml = YAML.replace(/ {2}- \{ pattern: "c:brief.*\n/, "");
    for (const [file, lines, restore] of [
      [YAML, linesOf(700), undefined],
      [yaml, lasting, true],
    ] as const) {
      const folder = folderOf({ "catalogue.yaml": file, "catalogue.jsonl": lines.join("\n") });
      await seed(options(folder));
      const all = await everything();
      await store.command(["SET", "c:text:0", "theirs"], 3);
      await store.command(["DEL", "c:list:3"], 3);
      if (restore) expect(await seed(options(folder))).toMatchObject([{ unchanged: true }]);
      expect((await plan({ ...options(folder), restore }))[0]?.tally.changes.restore).toBeGreaterThan(0);
      await seed({ ...options(folder), restore });
      expect(await everything()).toEqual(all);
      expect(await seed({ ...options(folder), restore })).toMatchObject([{ unchanged: true }]);
      await store.command(["FLUSHALL"]);
    }
  });

  it("writes a file again that returned to its earlier content", async () => {
    const [a, b] = [linesOf(3_000, "a"), linesOf(3_000, "b")];
    const folder = folderWith(a);
    await seed(options(folder));
    rewrite(folder, [...b.slice(0, 2_999), "no JSON"]);
    await failure(seed(options(folder)));
    rewrite(folder, a);
    await seed(options(folder));
    expect(await everything()).toEqual(await undisturbed(a));
  });

  it("stops at an invalid line with its location, keeps earlier chunks, and continues when the line is fixed", async () => {
    const lines = linesOf(12_000);
    const folder = folderWith(lines.with(11_000, '{"key":"c:text:bad"}'));
    const { exit, message } = await failure(seed(options(folder)));
    expect([exit, message]).toEqual([2, expect.stringMatching(/catalogue\.jsonl:11001: c:text:bad has no value/)]);
    expect(await store.command(["EXISTS", "slipway:{shop/catalogue}:version"], 3)).toBe(0);
    rewrite(folder, lines);
    const [result] = await seed(options(folder));
    expect(result?.tally.changes.write).toBeLessThan(12_000);
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true, tally: { keys: 12_000 } }]);
  });

  it("refuses a key that two chunks declare, with both locations", async () => {
    const { message } = await failure(seed(options(folderWith([...linesOf(12_000), '{"key":"c:text:0","string":"again"}']))));
    expect(message).toMatch(/catalogue\.jsonl:12001: c:text:0 is declared twice, first in .*catalogue\.jsonl:1\./);
  });

  it("stops before the first write if the data does not fit", async () => {
    await store.set("maxmemory", "3mb");
    const { code, message } = await failure(seed(options(folderWith(linesOf(12_000)))));
    expect([code, message]).toEqual(["no-room", expect.stringContaining("Nothing was written")]);
    await store.set("maxmemory", "0");
    expect(await everything()).toEqual({});
  });

  it("names the key at which the store became full, and continues when there is memory [V6]", async () => {
    // A stream takes ten times the size of its line, so it passes the estimate and then fills the store.
    const lines = Array.from({ length: 4_000 }, (_, n) =>
      JSON.stringify({ key: `c:log:${n}`, stream: { entries: [{ id: "1-1", fields: { a: "b" } }], groups: [{ name: "g" }] } }),
    );
    const all = await undisturbed(lines);
    const folder = folderWith(lines);
    const used = Number(/used_memory:(\d+)/.exec(String(await store.command(["INFO", "memory"])))?.[1]);
    await store.set("maxmemory", String(used + 1_500_000));
    const { exit, message } = await failure(seed(options(folder)));
    expect([exit, message]).toEqual([1, expect.stringMatching(/^c:log:\d+: localhost:\d+ is out of memory and rejects writes\./)]);
    expect(await store.command(["EXISTS", "slipway:{shop/catalogue}:version"], 3)).toBe(0);
    await store.set("maxmemory", "0");
    await seed(options(folder));
    expect(await everything()).toEqual(all);
  });
});

/** Seeds real stores in every state: replica, cluster mode, loading, busy, failing over, full, restricted user. */
import { mkdtempSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import type { Options, Progress, Store } from "../inspect/options.ts";
import { type StandaloneStore, startStandalone, stopStandalone } from "../testing/standalone.ts";
import { plan, seed, verify } from "./seed.ts";

let store: StandaloneStore;
beforeAll(async () => {
  store = await startStandalone({ "busy-reply-threshold": "50" });
});
afterAll(async () => {
  await stopStandalone();
  cleanFolders();
});
beforeEach(async () => {
  await store.command(["CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction"]);
  await store.command(["FLUSHALL"]);
});

const HEAD = (more = "") => `keyspace: things
store: state
database: 2
durable: true
purpose: What a test needs
prefix: "t:"
${more}
keys:
  - { pattern: "t:text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "t:brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "t:map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "t:log:<n>", type: stream, ttl: none, owner: test, purpose: p }
`;

/** Consecutive strings, and as many hashes. */
const lines = (count: number) =>
  Array.from({ length: count }, (_, n) => [`{"key":"t:text:${n}","string":"value ${n}"}`, `{"key":"t:map:${n}","hash":{"n":"${n}"}}`])
    .flat()
    .sort()
    .reverse()
    .join("\n");
const data = (count: number, more = "") => folderOf({ "things.yaml": `${HEAD(more)}data: [a.jsonl]\n`, "a.jsonl": lines(count) }).path;
const seeds = (...all: string[]) => folderOf({ "things.yaml": `${HEAD()}seed:\n${all.map((one) => `  - ${one}\n`).join("")}` }).path;
const options = (folder: string, at: Store = store.address(), more: Partial<Options> = {}): Options => ({
  folder,
  system: "shop",
  stores: { state: at },
  patienceMs: 0,
  ...more,
});
const BULK = "mode: bulk\npolicy: own";

describe("an unsuitable store", () => {
  it("refuses a replica and writes nothing [V4]", async () => {
    const replica = await startStandalone({ replicaof: `127.0.0.1 ${store.port}` });
    const { code, message } = await failure(seed(options(data(2), replica.address())));
    expect([code, message]).toEqual([
      "read-only",
      expect.stringContaining("is a replica and rejects writes. Use the address of the primary."),
    ]);
    await replica.kill();
  });

  it("refuses a store in cluster mode for every database number", async () => {
    const cluster = await startStandalone({ "cluster-enabled": "yes" });
    const zero = folderOf({ "things.yaml": HEAD().replace("database: 2", "database: 0") + "data: [a.jsonl]\n", "a.jsonl": lines(2) }).path;
    for (const folder of [data(2), zero]) {
      const { exit, message } = await failure(seed(options(folder, cluster.address())));
      expect([exit, message]).toEqual([2, expect.stringContaining("runs in cluster mode, which has no numbered databases")]);
    }
    await cluster.kill();
  });

  it("refuses a store that does not save to disk, or evicts keys of a durable keyspace", async () => {
    await store.command(["CONFIG", "SET", "save", ""]);
    expect((await failure(seed(options(data(2))))).message).toContain("does not save to disk, so a restart loses its keys");
    await store.command(["CONFIG", "SET", "save", "3600 1"]);
    for (const [policy, text] of [
      ["allkeys-lfu", "evicts any key when it is full (allkeys-lfu)"],
      ["allkeys-random", "evicts any key when it is full (allkeys-random)"],
      ["volatile-lru", "evicts keys with a TTL when it is full (volatile-lru), and the keyspace has such keys"],
    ] as const) {
      await store.command(["CONFIG", "SET", "maxmemory-policy", policy]);
      expect((await failure(seed(options(data(2))))).message).toContain(text);
    }
    await store.command(["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    expect((await seed(options(data(2))))[0]?.notes).toEqual([expect.stringContaining("evicts the keys that expire next")]);
  });

  it("refuses a port without TLS", async () => {
    const plain = await listening(
      createServer((socket) =>
        socket
          .on("error", () => {})
          .resume()
          .end("-ERR no TLS here\r\n"),
      ),
    );
    const { code, message } = await failure(seed(options(data(1), store.address({ port: plain.port }))));
    expect([code, message]).toEqual(["no-tls", expect.stringContaining("does not use TLS. slipway connects only over TLS")]);
    await plain.close();
  });
});

describe("a store that is temporarily unavailable", () => {
  it("waits up to patienceMs while the store loads its data from disk [V5]", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway loading "));
    const slow = { "key-load-delay": "800", "loading-process-events-interval-bytes": "1024" };
    const first = await startStandalone(slow, folder);
    await first.command(["EVAL", "for n = 1, 4000 do redis.call('SET', 'k' .. n, n) end", "0"]);
    await first.command(["SAVE"]);
    await first.kill();
    const second = await startStandalone(slow, folder);
    const { code, message } = await failure(seed(options(data(2), second.address())));
    expect([code, message]).toEqual(["loading", expect.stringContaining("is still loading its data from disk")]);
    const reasons: string[] = [];
    const onProgress = (event: Progress) => void (event.kind === "unavailable" && reasons.push(event.reason));
    await seed(options(data(2), second.address(), { patienceMs: 60_000, onProgress }));
    expect(reasons[0]).toContain("is still loading its data from disk");
    await second.kill();
  });

  it("waits until another client's endless script is killed", async () => {
    const endless = store.command(["EVAL", "while true do end", "0"]).catch((error: Error) => error.message);
    while (!/BUSY/.test(String(await store.command(["PING"]).catch((error: Error) => error.message)))) await sleep(10);
    expect((await failure(seed(options(data(2))))).message).toContain("BUSY");
    const run = seed(options(data(2), store.address(), { patienceMs: 20_000 }));
    await store.command(["SCRIPT", "KILL"]);
    expect(await run).toMatchObject([{ tally: { changes: { write: 4 } } }]);
    expect(await endless).toContain("kill");
  });

  it("reconnects when another client kills its connections", async () => {
    const folder = data(3000);
    let kills = 0;
    const onProgress = (event: Progress) => {
      if (event.kind === "keys" && event.phase === "seed" && kills++ < 3)
        store.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).catch(() => {});
    };
    await seed(options(folder, store.address(), { patienceMs: 20_000, onProgress }));
    expect(kills).toBeGreaterThan(0);
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true, tally: { keys: 6000 } }]);
  });

  it("writes keys again that a failover during the seed has lost [V12]", async () => {
    for (const folder of [data(3000), data(3000, BULK)]) {
      const primary = await startStandalone();
      const replica = await startStandalone({ replicaof: `127.0.0.1 ${primary.port}` });
      while (!/master_link_status:up/.test(String(await replica.command(["INFO", "replication"])))) await sleep(20);
      let target = primary.port;
      const door = await listening(
        createServer((client) => {
          const upstream = connect(target, "127.0.0.1");
          for (const [one, other] of [
            [client, upstream],
            [upstream, client],
          ] as const)
            one
              .on("error", () => {})
              .on("close", () => other.destroy())
              .pipe(other);
        }),
      );
      let failedOver: Promise<unknown> | undefined;
      const onProgress = (event: Progress) => {
        if (event.kind === "keys" && event.phase === "seed")
          failedOver ??= primary.kill().then(async () => {
            target = replica.port;
            await sleep(200);
            await replica.command(["REPLICAOF", "NO", "ONE"]);
          });
      };
      await seed(options(folder, store.address({ port: door.port }), { patienceMs: 30_000, onProgress }));
      await failedOver;
      expect(await verify(options(folder, replica.address()))).toMatchObject([{ unchanged: true, tally: { keys: 6000 } }]);
      await door.close();
      await replica.kill();
    }
  });
});

describe("a connection", () => {
  it("parses replies that arrive in packets of 7 bytes", async () => {
    const door = await listening(
      createServer((client) => {
        const upstream = connect(store.port, "127.0.0.1").setNoDelay(true);
        client.setNoDelay(true);
        client.on("error", () => {}).on("close", () => upstream.destroy());
        client.pipe(upstream);
        upstream.on("error", () => {}).on("close", () => client.destroy());
        upstream.on("data", async (chunk) => {
          upstream.pause();
          for (let at = 0; at < chunk.length; at += 7) {
            client.write(chunk.subarray(at, at + 7));
            await new Promise(setImmediate);
          }
          upstream.resume();
        });
      }),
    );
    for (const folder of [data(200), data(200, BULK)]) {
      const through = options(folder, store.address({ port: door.port }));
      await seed(through);
      expect(await verify(through)).toMatchObject([{ unchanged: true, tally: { keys: 400 } }]);
      await store.command(["FLUSHALL"]);
    }
    await door.close();
  });
});

describe("a store that is full", () => {
  it("stops before the first write if the seed does not fit, or when the store is full; the next run continues [V6]", async () => {
    // A stream takes ten times the size of its line, so it passes the estimate and then fills the store.
    const streams = Array.from({ length: 3000 }, (_, n) =>
      JSON.stringify({ key: `t:log:${n}`, stream: { entries: [{ id: "1-1", fields: { a: "b" } }], groups: [{ name: "g" }] } }),
    );
    const folder = folderOf({ "things.yaml": `${HEAD()}data: [a.jsonl]\n`, "a.jsonl": streams.join("\n") }).path;
    const used = Number(/used_memory:(\d+)/.exec(String(await store.command(["INFO", "memory"])))?.[1]);
    const limit = (more: number) => store.command(["CONFIG", "SET", "maxmemory", String(used + more)]);
    await limit(100_000);
    expect((await failure(seed(options(folder)))).message).toMatch(/things needs about 1 MiB more, but .* Nothing was written\./);
    expect(await store.command(["DBSIZE"], 2)).toBe(0);
    await limit(1_500_000);
    expect((await failure(seed(options(folder)))).message).toMatch(/is out of memory and rejects writes\. Resize to a larger node/);
    expect(await store.command(["EXISTS", "slipway:{shop/things}:version"], 2)).toBe(0);
    await store.command(["CONFIG", "SET", "maxmemory", "0"]);
    await seed(options(folder));
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true, tally: { keys: 3000 } }]);
  });
});

describe("a user with restricted permissions", () => {
  const as = async (...rules: string[]) => {
    await store.command(["ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "&*", "+@all", ...rules]);
    return store.address({ user: "limited", password: "pw" });
  };

  it("seeds without CONFIG, INFO and CLIENT, and notes what the store does not report [V7]", async () => {
    const at = await as("-config", "-info", "-client", "-wait", "-@admin");
    const [result] = await seed(options(data(200), at));
    expect(result?.notes.join()).toMatch(/does not report whether it saves to disk.*does not report its eviction policy/);
    expect(await verify(options(data(200)))).toMatchObject([{ unchanged: true, tally: { keys: 400 } }]);
  });

  it("keeps the lock of an unlisted holder, and takes over the lock of a disconnected one", async () => {
    // Without DEL the run cannot release the lock, so it looks as if its holder still runs.
    const at = await as("-client", "-del");
    await seed(options(data(2), at));
    expect(await store.command(["GET", "slipway:{shop/things}:lock"], 2)).toMatch(/^unlisted slipway-/);
    expect((await failure(seed({ ...options(data(3)), waitMs: 200 }))).exit).toBe(75);
    await store.command(["SET", "slipway:{shop/things}:lock", "slipway-1-gone", "PX", "30000"], 2);
    expect(await seed({ ...options(data(3)), waitMs: 0 })).toMatchObject([{ tally: { changes: { write: 2 } } }]);
  });

  it.each([
    ["EVAL", "-eval"],
    ["SCRIPT", "-script"],
    ["SET", "-set"],
  ])("stops before the first write without permission for %s", async (_, rule) => {
    const scripts = "scripts: { registry: t:sha, files: { go: { file: go.lua } } }\n";
    const yaml = HEAD().replace("keys:\n", 'keys:\n  - { pattern: "t:sha", type: hash, ttl: none, owner: test, purpose: p }\n');
    const folder = folderOf({ "things.yaml": `${yaml}${scripts}data: [a.jsonl]\n`, "a.jsonl": lines(2), "go.lua": "return 1" }).path;
    const { exit, message } = await failure(seed(options(folder, await as(rule))));
    expect([exit, message]).toEqual([2, expect.stringMatching(/may not run scripts|lacks a permission/)]);
    expect(await store.command(["DBSIZE"], 2)).toBe(0);
  });
});

describe("a value", () => {
  const folder = (line: object) => folderOf({ "things.yaml": `${HEAD()}data: [a.jsonl]\n`, "a.jsonl": JSON.stringify(line) }).path;

  it("writes and compares a value of 100 MiB", async () => {
    const big = folder({ key: "t:text:big", string: "0123456789".repeat(10 * 1024 * 1024) });
    await seed(options(big));
    expect(await store.command(["STRLEN", "t:text:big"], 2)).toBe(100 * 1024 * 1024);
    expect(await plan(options(big))).toMatchObject([{ unchanged: true }]);
  });

  it("writes a hash of 100,000 fields in one transaction of several commands", async () => {
    const hash = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, String(n)]));
    const wide = folder({ key: "t:map:wide", hash });
    await seed(options(wide));
    expect(await store.command(["HLEN", "t:map:wide"], 2)).toBe(100_000);
    expect(await plan(options(wide))).toMatchObject([{ unchanged: true }]);
  });

  it("succeeds if a key expires before the seed is read back", async () => {
    const at = seeds('{ key: "t:brief:a", string: gone, ttl: 1ms }', '{ key: "t:text:a", string: stays }');
    expect(await seed(options(at))).toMatchObject([{ tally: { changes: { write: 2 } } }]);
    expect(await store.command(["GET", "t:text:a"], 2)).toBe("stays");
  });

  it("handles key names with line ends, braces and non-ASCII characters", async () => {
    const names = ["a\nb", "a\r\nb", "{tag}", "grüezi 日本 🎈", " ", '"quoted"', "\u0000", "*?[x]"];
    const at = folderOf({
      "things.yaml": `${HEAD()}data: [a.jsonl]\n`,
      "a.jsonl": names.map((name) => JSON.stringify({ key: `t:text:${name}`, string: name })).join("\n"),
    }).path;
    await seed(options(at));
    expect(await store.command(["MGET", ...names.map((name) => `t:text:${name}`)], 2)).toEqual(names);
    expect(await seed(options(at))).toMatchObject([{ unchanged: true }]);
  });

  it("resets a TTL that is longer than declared under policy own", async () => {
    const at = seeds('{ key: "t:brief:a", string: a, ttl: 30m, policy: own }');
    await seed(options(at));
    await store.command(["EXPIRE", "t:brief:a", "9000"], 2);
    expect(await seed(options(at))).toMatchObject([{ tally: { changes: { ttl: 1 } } }]);
    expect(Number(await store.command(["TTL", "t:brief:a"], 2))).toBeLessThanOrEqual(1800);
  });
});

async function listening(server: Server) {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once as event } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { readServerName } from "../../postdeploy/keyspaces/testing/server.ts";
import { type StandaloneStore, startStandalone, stopStandalone } from "../../postdeploy/keyspaces/testing/standalone.ts";
import { StoreConnection } from "../../postdeploy/keyspaces/wire/connection.ts";
import { skipTest } from "../../tests/skip.ts";
import { exportDatabases } from "./export.ts";
import { importDatabases } from "./import.ts";
import { checkExport, type ExportSummary } from "./lines.ts";
import { IMPORT_MARK } from "./read.ts";

let source: StandaloneStore;
let target: StandaloneStore;
const clients: Redis[] = [];

beforeAll(async () => {
  source = await startStandalone();
  target = await startStandalone();
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await stopStandalone();
});
beforeEach(async () => {
  for (const store of [source, target]) {
    await store.command(["FLUSHALL"]);
    await store.command(["FUNCTION", "FLUSH"]).catch(() => {});
  }
});

function connect(store: StandaloneStore, db = 0): Redis {
  const { url, ca } = store.address();
  const client = new Redis(url.replace(/\/0$/, `/${db}`), { tls: { ca: ca as string } });
  client.on("error", () => {});
  clients.push(client);
  return client;
}

async function exportAll(
  store: StandaloneStore,
  databases?: readonly number[],
): Promise<{ readonly file: Buffer; readonly summary: ExportSummary }> {
  const { lines, summary } = exportDatabases(store.address(), databases);
  return { file: await collect(lines), summary: summary() };
}

async function collect(lines: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of lines) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(file: Buffer | string) {
  yield Buffer.from(file);
}

/** In pieces that end anywhere. */
async function* inPieces(file: Buffer, size: number) {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

const failureOf = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => Promise.reject(new Error("it succeeded")),
    (error) => {
      if (!(error instanceof Failure)) throw error;
      return error;
    },
  );

/** Values and expiry of every key, read through another client. */
async function serverState(store: StandaloneStore, db: number): Promise<unknown[]> {
  const client = connect(store, db);
  const keys = (await client.keysBuffer("*")).sort(Buffer.compare);
  return Promise.all(
    keys.map(async (key) => {
      const type = await client.type(key);
      const read = {
        string: ["GET"],
        list: ["LRANGE", "0", "-1"],
        set: ["SMEMBERS"],
        hash: ["HGETALL"],
        zset: ["ZRANGE", "0", "-1", "WITHSCORES"],
        stream: ["XRANGE", "-", "+"],
      }[type]!;
      const value = latin1(await client.callBuffer(read[0]!, key, ...read.slice(1)));
      const sorted =
        type === "set"
          ? (value as string[]).sort()
          : type === "hash"
            ? pairs(value as string[])
            : type === "zset"
              ? withoutNegativeZero(value)
              : value;
      const stream =
        type === "stream"
          ? [latin1(await client.callBuffer("XINFO", "STREAM", key)), latin1(await client.callBuffer("XINFO", "GROUPS", key))].map(
              withoutLayout,
            )
          : [];
      return [key.toString("latin1"), type, sorted, await client.pexpiretime(key), stream];
    }),
  );
}

function latin1(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  return Array.isArray(reply) ? reply.map(latin1) : reply;
}

const pairs = (items: readonly string[]) => items.flatMap((item, at) => (at % 2 === 0 ? [`${item} ${items[at + 1]}`] : [])).sort();

/** ZSCAN of a large sorted set returns the score -0 as 0, which is the same number. */
function withoutNegativeZero(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  return value === "-0" ? "0" : value;
}

/** Without what describes the memory layout. */
function withoutLayout(info: unknown): unknown {
  const flat = info as unknown[];
  const skipped = ["radix-tree-keys", "radix-tree-nodes", "recorded-first-entry-id", "consumers", "pending"];
  if (flat.every((one) => Array.isArray(one))) return flat.map(withoutLayout);
  return flat.filter((_, at) => !skipped.includes(String(flat[at % 2 === 0 ? at : at - 1])));
}

// ── Generated data ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function fill(client: Redis, seed: number, keys: number): Promise<void> {
  const next = random(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const bytes = (limit: number) => {
    const kind = below(4);
    const length = kind === 0 ? 0 : below(limit);
    if (kind === 1) return Buffer.from(Array.from({ length }, () => below(256)));
    if (kind === 2) return Buffer.from("ünï\u2028\u0000😀\ufeff".repeat(1 + (length >> 4)));
    return Buffer.from(Array.from({ length }, () => 97 + below(26)));
  };
  const score = () => ["inf", "-inf", "0", "-0", "1e300", "0.1", String(next() * 1e6), String(below(9))][below(8)]!;
  const pipeline = client.pipeline();
  for (let index = 0; index < keys; index++) {
    const key = Buffer.concat([bytes(12), Buffer.from(`:${index}`)]);
    // A few are large enough to be read in parts.
    const size = below(40) === 0 ? 3000 : 1 + below(20);
    const many = <T>(create: (at: number) => T) => Array.from({ length: size }, (_, at) => create(at));
    switch (below(6)) {
      case 0:
        pipeline.set(key, size > 20 ? Buffer.concat(many(() => bytes(900))) : bytes(200));
        break;
      case 1:
        pipeline.rpush(key, ...many(() => bytes(60)));
        break;
      case 2:
        pipeline.sadd(key, ...many(() => bytes(60)));
        break;
      case 3:
        pipeline.hset(key, ...(many(() => [bytes(30), bytes(60)]).flat() as [Buffer, Buffer]));
        break;
      case 4:
        pipeline.zadd(key, ...many(() => [score(), bytes(40)]).flat());
        break;
      default:
        for (let at = 1; at <= size; at++) pipeline.xadd(key, `${at}-${below(3)}`, bytes(20), bytes(60), "f", bytes(5));
        if (below(2)) pipeline.xdel(key, `${size}-0`, `${size}-1`, `${size}-2`);
        if (below(2)) pipeline.xgroup("CREATE", key, "g ü", below(2) ? "$" : "1-1");
    }
    if (below(3) === 0) pipeline.pexpireat(key, Date.now() + 3_600_000 + below(200_000_000));
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

describe("an export", async () => {
  it(`has every key of every type, binary or not, and an import of it makes the same databases (${await readServerName()})`, async () => {
    const SEEDS = process.env.SLIPWAY_SEEDS ?? "1,2";
    for (const seed of SEEDS.split(",").map(Number)) {
      for (const store of [source, target]) await store.command(["FLUSHALL"]);
      for (const db of [0, 3]) await fill(connect(source, db), seed * 100 + db, 400);
      const { file, summary } = await exportAll(source);
      expect(summary.databases.map(({ database }) => database)).toEqual([0, 3]);
      expect((await checkExport(inPieces(file, 4099))).summary).toEqual(summary);
      const result = await importDatabases(target.address(), inPieces(file, 7919));
      for (const [at, db] of [0, 3].entries()) {
        const before = await serverState(source, db);
        expect(before.length).toBeGreaterThan(390);
        const after = await serverState(target, db);
        expect(after.length).toBe(before.length);
        for (const [index, key] of before.entries()) expect(after[index]).toEqual(key);
        expect(result.databases[at]).toEqual({ database: db, keys: before.length, expired: 0, uncompared: 0 });
        expect(summary.databases[at]).toMatchObject({ database: db, keys: before.length, changed: 0, gone: 0 });
      }
      const again = await exportAll(target);
      expect(again.summary.databases.map(({ checksum }) => checksum)).toEqual(summary.databases.map(({ checksum }) => checksum));
    }
  });

  it("has only the databases that are named, and none of an empty store", async () => {
    for (const db of [0, 1, 2]) await source.command(["SET", "k", String(db)], db);
    expect((await exportAll(source, [2, 1, 2])).summary.databases.map(({ database, keys }) => [database, keys])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    const empty = await exportAll(target);
    expect(empty.summary).toEqual({ databases: [], functions: [] });
    expect(await importDatabases(target.address(), once(empty.file))).toMatchObject({ databases: [] });
  });

  it("has streams without entries, with their last id and groups, and counts pending entries, which an import does not have", async () => {
    await source.command(["XADD", "s", "5-1", "f", "v"]);
    await source.command(["XDEL", "s", "5-1"]);
    await source.command(["XGROUP", "CREATE", "g", "one", "0", "MKSTREAM"]);
    await source.command(["XADD", "p", "1-1", "f", "v"]);
    await source.command(["XGROUP", "CREATE", "p", "workers", "0"]);
    await source.command(["XREADGROUP", "GROUP", "workers", "w1", "STREAMS", "p", ">"]);
    const { file, summary } = await exportAll(source);
    expect(summary.databases[0]).toMatchObject({ keys: 3, types: { stream: 3 }, pending: 1 });
    await importDatabases(target.address(), once(file));
    expect(await serverState(target, 0)).toEqual(await serverState(source, 0));
    expect(await target.command(["XADD", "s", "5-1", "f", "v"]).catch((error) => error.message)).toMatch(/equal or smaller/);
  });

  it("has the expiry of the fields of a hash", async (context) => {
    const read = (store: StandaloneStore, key: string) => store.command(["HPEXPIRETIME", key, "FIELDS", "3", "f1", "f2", "f3"]);
    for (const [key, size] of [
      ["small", 3],
      ["large", 20_000],
    ] as const) {
      const fields = Array.from({ length: size }, (_, at) => [`f${at + 1}`, `value ${at}`]).flat();
      await source.command(["HSET", key, ...fields]);
      const reply = await source.command(["HPEXPIRE", key, "100000", "FIELDS", "1", "f2"]).catch((error: Error) => error.message);
      if (/unknown command/.test(String(reply))) skipTest(context, { reason: "fields expire in Redis 7.4, Valkey 9 and newer" });
    }
    const { file } = await exportAll(source);
    const result = await importDatabases(target.address(), once(file));
    expect(result.databases[0]).toMatchObject({ keys: 2, uncompared: 2 });
    for (const key of ["small", "large"]) {
      expect(await read(target, key)).toEqual([-1, expect.any(Number), -1]);
      expect(await read(target, key)).toEqual(await read(source, key));
    }
    expect(await target.command(["HLEN", "large"])).toBe(20_000);
  });

  it("has the libraries of functions, which an import loads once", async () => {
    const code = "#!lua name=shop\nredis.register_function('one', function() return 1 end)";
    await source.command(["FUNCTION", "LOAD", code]);
    const { file, summary } = await exportAll(source);
    expect(summary.functions).toEqual(["shop"]);
    await importDatabases(target.address(), once(file));
    expect(await target.command(["FCALL", "one", "0"])).toBe(1);
    await importDatabases(target.address(), once(file));
    await target.command(["FUNCTION", "LOAD", "REPLACE", code.replace("1 end", "2 end")]);
    const failure = await failureOf(importDatabases(target.address(), once(file)));
    expect(failure.message).toMatch(/has a library of functions "shop" with other code\. Delete it .*FUNCTION DELETE shop/);
  });

  it("has 100000 keys and large values without keeping them in memory", async () => {
    const client = connect(source);
    for (let from = 0; from < 100_000; from += 10_000) {
      const pipeline = client.pipeline();
      for (let at = from; at < from + 10_000; at++) pipeline.set(`key:${at}`, `${at}`.repeat(20));
      await pipeline.exec();
    }
    for (let part = 0; part < 48; part++) await client.rpush("large", ...Array.from({ length: 32 }, () => randomBytes(32_768)));
    await client.append("text", "x".repeat(40_000_000));
    const { lines, summary } = exportDatabases(source.address());
    global.gc?.();
    const before = process.memoryUsage().rss;
    let [peak, total] = [0, 0];
    async function* measured() {
      for await (const chunk of lines) {
        total += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss - before);
        yield chunk;
      }
    }
    const result = await importDatabases(target.address(), measured());
    expect(summary().databases[0]).toMatchObject({ keys: 100_002, types: { list: 1, string: 100_001 } });
    expect(result.databases[0]).toMatchObject({ keys: 100_002, uncompared: 0 });
    expect(total).toBeGreaterThan(110_000_000);
    // The whole would take more than 110 MB as bytes and again as much as text.
    expect(peak / 1e6).toBeLessThan(150);
  });

  it("has a value that each key had while clients write, names large keys that changed, and can be imported", async () => {
    const [client, writer] = [connect(source), connect(source)];
    await client.hset("large", Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`f${at}`, "x".repeat(50)])));
    await client.rpush("still", ...Array.from({ length: 20_000 }, (_, at) => `item ${at}`));
    for (let at = 0; at < 2000; at++) client.set(`k${at}`, "0");
    await client.ping();
    let writing = true;
    const writes = (async () => {
      for (let n = 1; writing; n++) {
        await Promise.all([
          writer.set(`k${n % 2000}`, String(n)),
          writer.hset("large", `f${n % 20_000}`, String(n)),
          writer.set(`brief${n}`, "v", "PX", 3),
          writer.set(`new${n}`, "v"),
          n % 2 ? writer.rpush("swap", "a") : writer.del("swap"),
          writer.multi().del("shape").sadd("shape", String(n)).exec(),
          writer.multi().del("shape").set("shape", String(n)).exec(),
        ]);
      }
    })();
    try {
      await sleep(50);
      const { file, summary } = await exportAll(source, [0]);
      const [database] = summary.databases;
      expect(database?.changedKeys).toEqual(['"large"']);
      expect(database?.keys).toBeGreaterThanOrEqual(2002);
      const result = await importDatabases(target.address(), once(file));
      expect(result.databases[0]?.uncompared).toBe(1);
      expect(await target.command(["HLEN", "large"])).toBe(20_000);
    } finally {
      writing = false;
      await writes;
    }
  });

  it.each([
    ["SCAN", "-scan"],
    ["MEMORY USAGE", "-memory"],
    ["GET", "-get"],
    ["INFO", "-info"],
    ["FUNCTION", "-function"],
  ])("is refused to a user who may not use %s", async (command, rule) => {
    await source.command(["SET", "k", "v"]);
    await source.command(["ACL", "SETUSER", "reader", "reset", "on", ">secret", "~*", "+@all", rule]);
    const { lines } = exportDatabases(source.address({ user: "reader", password: "secret" }));
    const failure = await failureOf(collect(lines));
    expect(failure.message).toMatch(new RegExp(`lacks a permission on localhost:\\d+: NOPERM.*${command.split(" ")[0]}`, "i"));
  });

  it("needs no more than permission to read", async () => {
    await fill(connect(source), 5, 60);
    await source.command([
      "ACL",
      "SETUSER",
      "reader",
      "reset",
      "on",
      ">secret",
      "~*",
      "+@read",
      "+@connection",
      "+@transaction",
      "+info",
      "+time",
      "+function|list",
    ]);
    const { lines, summary } = exportDatabases(source.address({ user: "reader", password: "secret" }));
    await collect(lines);
    expect(summary().databases[0]?.keys).toBe(60);
  });

  it("fails if the connection is lost, without a summary", async () => {
    const store = await startStandalone();
    const client = connect(store);
    for (let at = 0; at < 5000; at++) client.set(`k${at}`, "v".repeat(1000));
    await client.ping();
    const { lines, summary } = exportDatabases(store.address());
    const failure = await failureOf(
      (async () => {
        for await (const _ of lines) await store.kill();
      })(),
    );
    expect(failure.message).toMatch(/closed the connection|lost|refused/);
    expect(() => summary()).toThrow("The export is not complete");
  });
});

describe("an import", () => {
  const exportOf = async (...commands: string[][]) => {
    for (const command of commands) await source.command(command);
    return (await exportAll(source)).file;
  };

  it("is refused by name for a database that holds keys, before anything is written", async () => {
    await source.command(["SET", "k", "v"], 1);
    const file = await exportOf(["SET", "k", "v"]);
    await target.command(["SET", "other", "v"], 1);
    const failure = await failureOf(importDatabases(target.address(), once(file)));
    expect(failure).toMatchObject({ code: "not-empty", exit: 2 });
    expect(failure.message).toMatch(/^Database 1 of localhost:\d+ holds 1 key\. Nothing was written\. .*-n 1 FLUSHDB$/s);
    expect(await target.command(["DBSIZE"])).toBe(0);
  });

  it("does not write keys whose expiry has passed, and accepts that keys expire before they are compared", async () => {
    for (const key of ["past", "soon"]) await source.command(["SET", key, "v", "EX", "1000"]);
    const exported = await exportOf(["SET", "stays", "v"]);
    const expireAt = (text: string, key: string, time: number) =>
      text.replace(new RegExp(`("key":"${key}","type":"string","expiresAt":)\\d+`), `$1${time}`);
    const file = expireAt(expireAt(exported.toString(), "past", Date.now() - 1000), "soon", Date.now() + 3000);
    async function* slowly() {
      const at = file.lastIndexOf('{"total"');
      yield Buffer.from(file.slice(0, at));
      await sleep(3100);
      yield Buffer.from(file.slice(at));
    }
    const result = await importDatabases(target.address(), slowly());
    expect(result.databases).toEqual([{ database: 0, keys: 2, expired: 1, uncompared: 0 }]);
    expect(await target.command(["KEYS", "*"])).toEqual(["stays"]);
  });

  it("that was interrupted is followed by a refusal that names the next step, and is not exported", async () => {
    const file = await exportOf(...Array.from({ length: 50 }, (_, at) => ["SET", `k${at}`, "v"]));
    async function* interrupted() {
      yield file.subarray(0, file.length >> 1);
      throw new Error("disk failure");
    }
    await expect(importDatabases(target.address(), interrupted())).rejects.toThrow("disk failure");
    expect(await target.command(["EXISTS", IMPORT_MARK])).toBe(1);
    const second = await failureOf(importDatabases(target.address(), once(file)));
    expect(second.code).toBe("import-unfinished");
    expect(second.message).toMatch(
      /^Database 0 of localhost:\d+ holds a part of an import that started at 20\S+Z and did not finish\. .*delete its keys \(valkey-cli .*-n 0 FLUSHDB\), then import again\.$/s,
    );
    expect((await failureOf(exportAll(target))).message).toMatch(/holds a part of an import that did not finish/);
    await target.command(["FLUSHDB"]);
    await importDatabases(target.address(), once(file));
    expect(await target.command(["DBSIZE"])).toBe(50);
  });

  it("that was killed is followed by the same refusal", async () => {
    const client = connect(source);
    await Promise.all(Array.from({ length: 3000 }, (_, at) => client.set(`k${at}`, randomBytes(500))));
    const { file } = await exportAll(source);
    const path = join(mkdtempSync(join(tmpdir(), "slipway-import-")), "export.jsonl");
    writeFileSync(path, file);
    const program = `
      import { createReadStream } from "node:fs";
      import { importDatabases } from ${JSON.stringify(new URL("./import.ts", import.meta.url).href)};
      async function* slowly() {
        for await (const chunk of createReadStream(${JSON.stringify(path)})) {
          yield chunk;
          await new Promise((wake) => setTimeout(wake, 50));
        }
      }
      await importDatabases(${JSON.stringify(target.address())}, slowly());`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
    await expect.poll(() => target.command(["DBSIZE"]), { interval: 5 }).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await event(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");
    expect((await failureOf(importDatabases(target.address(), once(file)))).code).toBe("import-unfinished");
    rmSync(dirname(path), { recursive: true });
  });

  it("reports a full store and a lost connection with the line and the next step", async () => {
    const file = await exportOf(...Array.from({ length: 300 }, (_, at) => ["SET", `k${at}`, "v".repeat(20_000)]));
    const small = await startStandalone({ maxmemory: "4mb" });
    const full = await failureOf(importDatabases(small.address(), once(file)));
    expect(full.message).toMatch(
      /refused line \d+ of the export: OOM .*\nThe import is not complete\. Delete the keys of database 0 \(valkey-cli .*\), then import again\./,
    );
    await small.kill();

    const lost = await startStandalone();
    async function* killing() {
      const at = file.length >> 1;
      yield file.subarray(0, at);
      await lost.kill();
      yield file.subarray(at);
    }
    const failure = await failureOf(importDatabases(lost.address(), killing()));
    expect(failure.message).toMatch(/(closed the connection|lost).*\nThe import is not complete\./s);
  });

  it("fails with the differences if another client writes to the database", async () => {
    const file = await exportOf(["SET", "a", "1"], ["SET", "b", "1", "EX", "1000"]);
    async function* disturbed() {
      const at = file.lastIndexOf('{"total"');
      yield file.subarray(0, at);
      await target.command(["SET", "c", "2"]);
      yield file.subarray(at);
    }
    const failure = await failureOf(importDatabases(target.address(), disturbed()));
    expect(failure.code).toBe("import-differs");
    expect(failure.message).toContain("database 0: 2 keys that do not expire, expected 1");
  });

  it.each([
    ["foreign text", "DROP TABLE users;\n", /^Line 1 of the export is wrong: the file is not a Valkey export of slipway\.$/],
    ["other JSON", '{"a":1}\n', /^Line 1 of the export is wrong: the file is not/],
    ["an empty file", "", /^Line 1 of the export is wrong/],
    ["a newer version", '{"format":"slipway-valkey-export","version":2}\n', /version 2; this slipway reads version 1/],
  ])("refuses %s before anything is written", async (_, text, expected) => {
    const failure = await failureOf(importDatabases(target.address(), once(text)));
    expect(failure).toMatchObject({ code: "bad-export", exit: 2 });
    expect(failure.message).toMatch(expected);
    expect(await target.command(["DBSIZE"])).toBe(0);
  });

  it("refuses a damaged export with the number of the line", async () => {
    const file = (await exportOf(["SET", "a", "1"], ["SET", "b", "2"], ["RPUSH", "l", "x"])).toString();
    const lines = file.trimEnd().split("\n");
    const damaged: [string, RegExp][] = [
      [file.slice(0, -20), /^Line 5 of the export is wrong: the line is cut off/],
      [`${lines.slice(0, 4).join("\n")}\n`, /^Line 5 of the export is wrong: the totals are missing/],
      [`${lines.toSpliced(1, 1).join("\n")}\n`, /^The export is damaged: database 0 has 2 keys with checksum/],
      [`${lines.toSpliced(2, 0, "hello").join("\n")}\n`, /^Line 3 of the export is wrong: not JSON/],
      [file.replace('"items":["x"]', '"items":["y"]'), /^The export is damaged: database 0 has 3 keys with checksum/],
      [file.replace('"db":0', '"db":9'), /^Line \d of the export is wrong: database 9 is not in the header/],
      [file.replace('"type":"list"', '"type":"tree"'), /^Line \d of the export is wrong: unknown type "tree"/],
      [file.replace('"items":["x"]', '"items":[["x"]]'), /^Line \d of the export is wrong: the items are not those of a list/],
      [file.replace('"items":["1"]', '"items":[]'), /^Line \d of the export is wrong: the items are not those of a string/],
      [file.replace('"items":["1"]', '"itemz":[]'), /^Line \d of the export is wrong: the parts of the key before are not completed/],
      [file.replace('"key":"a"', '"kez":"a"'), /^Line \d of the export is wrong: a part without a key/],
      [`${file}${lines[1]}\n`, /^Line 6 of the export is wrong: the line follows the totals/],
    ];
    for (const [text, expected] of damaged) {
      expect((await failureOf(checkExport(once(text)))).message).toMatch(expected);
      await target.command(["FLUSHALL"]);
      expect((await failureOf(importDatabases(target.address(), once(text)))).message).toMatch(
        new RegExp(`${expected.source}.*\nThe import is not complete`, "s"),
      );
    }
  });
});

it("a store of a module type is refused with the name of the key", async () => {
  // No module is installed, so the reply of TYPE is changed.
  await source.command(["SET", "doc:1", "v"]);
  const { send } = StoreConnection.prototype;
  StoreConnection.prototype.send = async function (commands) {
    return (await send.call(this, commands)).map((reply) => (reply === "string" ? "ReJSON-RL" : reply));
  };
  try {
    const failure = await failureOf(exportAll(source));
    expect(failure.message).toMatch(
      /^Key "doc:1" in database 0 of localhost:\d+ has the type ReJSON-RL of a module, which slipway cannot export\./,
    );
  } finally {
    StoreConnection.prototype.send = send;
  }
});

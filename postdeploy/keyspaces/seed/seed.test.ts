import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Endpoint } from "../../../local/cloud/backing.ts";
import { openServers } from "../../../local/servers/backing.ts";
import { removeHome, runCommand, valkeyCluster } from "../../../local/servers/testing/servers.ts";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf, type TestFolder } from "../../migrate/testing/folder.ts";
import { startProxy } from "../../migrate/testing/proxy.ts";
import type { Options, Progress } from "../inspect/options.ts";
import { readServerName, serverHome } from "../testing/server.ts";
import { plan, seed, verify } from "./seed.ts";

const home = serverHome();
const servers = openServers({ home });
let store: Endpoint;

beforeAll(async () => {
  store = await servers.startCluster(valkeyCluster("keyspaces", { config: { valkey_number_of_databases: 4 } }));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
  cleanFolders();
});

const HEAD = "keyspace: things\nstore: state\ndatabase: 2\ndurable: true\npurpose: What a test needs";
const KEYS = `keys:
  - { pattern: "text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "list:<n>", type: list, ttl: none, owner: test, purpose: p }
  - { pattern: "set:<n>", type: set, ttl: none, owner: test, purpose: p }
  - { pattern: "rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "log:<n>", type: stream, ttl: none, owner: test, purpose: p }
  - { pattern: "scripts:sha", type: hash, ttl: none, owner: test, purpose: p }`;
const SEED = `seed:
  - { key: "text:a", string: grüezi, policy: own }
  - { key: "text:b", string: { base64: AP8B } }
  - { key: "text:c", string: one time, policy: once }
  - { key: "brief:a", string: soon gone, ttl: 30m }
  - { key: "map:a", hash: { b: "2", a: "1", json: "{}" } }
  - { key: "list:a", list: [x, y, x] }
  - { key: "set:a", set: [two, one, 3] }
  - { key: "rank:a", zset: { a: 1.1, b: -inf, c: 3 } }
  - { key: "log:a", stream: { entries: [{ id: 1-1, fields: { a: b } }], groups: [{ name: readers }] } }`;
const SCRIPTS = "scripts: { registry: scripts:sha, files: { cleanup: { file: cleanup.lua } } }";

const things = (...parts: string[]): TestFolder =>
  folderOf({ "things.yaml": [HEAD, KEYS, ...parts].join("\n"), "cleanup.lua": "return redis.call('DBSIZE')\r\n" });
const options = ({ path }: { path: string }, more: Partial<Options["stores"][string]> = {}): Options => ({
  folder: path,
  system: "shop",
  stores: { state: { url: `rediss://default:AVNS_default@localhost:${store.port}/0`, ca: store.ca, class: "state", ...more } },
  patienceMs: 0,
});

/** One command in a database, by default that of the keyspace. */
const ask = (words: string[], db = 2) => runCommand(store, words, { db });
const sizes = async () => Promise.all([0, 1, 2, 3].map((db) => ask(["DBSIZE"], db)));

/** Call counts of commands that write. */
const WRITES =
  /cmdstat_(set|hset|hdel|del|unlink|pexpire|expire|persist|rpush|sadd|zadd|xadd|xgroup\|create|append|restore|flush\w+|eval):calls=(\d+)/g;
async function writes(): Promise<string[]> {
  return [...String(await ask(["INFO", "commandstats"])).matchAll(WRITES)].map(([, name, calls]) => `${name} ${calls}`).sort();
}

/** Type, content and whether it expires, for every key; of the version only the digest, because it contains the time. */
async function everything(): Promise<Record<string, unknown>> {
  const client = await connected();
  const keys = (await client.keys("*")).sort();
  const types = await all(keys.map((key) => client.type(key)));
  const contents = await all(keys.map((key, index) => contentOf(client, key, types[index] ?? "")));
  const lives = await all(keys.map((key) => client.ttl(key)));
  client.disconnect();
  return Object.fromEntries(keys.map((key, index) => [key, [types[index], contents[index], (lives[index] ?? -1) >= 0]]));
}

const all = <T>(answers: Promise<T>[]) => Promise.all(answers);

async function contentOf(client: Redis, key: string, type: string): Promise<unknown> {
  if (key.endsWith(":version")) return client.hget(key, "digest");
  const read = {
    string: ["GET"],
    hash: ["HGETALL"],
    list: ["LRANGE", "0", "-1"],
    set: ["SMEMBERS"],
    zset: ["ZRANGE", "0", "-1"],
    stream: ["XRANGE", "-", "+"],
  };
  const [name = "", ...rest] = read[type as keyof typeof read];
  const answer = await client.call(name, key, ...rest);
  return Array.isArray(answer) && type !== "list" ? answer.map(String).sort() : answer;
}

async function connected(): Promise<Redis> {
  const client = new Redis({ host: "localhost", port: store.port, password: "AVNS_default", tls: { ca: store.ca }, lazyConnect: true });
  await client.connect();
  await client.select(2);
  return client;
}

beforeEach(() => ask(["FLUSHALL"]));

it(`runs on ${await readServerName()}`, async () => {
  const info = String(await ask(["INFO", "server"]));
  const [, valkey] = /^valkey_version:(\S+)/m.exec(info) ?? [];
  const [, redis] = /^redis_version:(\S+)/m.exec(info) ?? [];
  expect(valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`).toBe(await readServerName());
});

describe("a seed", () => {
  it("writes every type into the database of the keyspace and into no other", async () => {
    const [result] = await seed(options(things(SEED, SCRIPTS)));
    expect(result).toMatchObject({ keyspace: "things", database: 2, scripts: ["cleanup"], tally: { keys: 9, changes: { write: 9 } } });
    expect(await everything()).toMatchObject({
      "text:a": ["string", "grüezi", false],
      "brief:a": ["string", "soon gone", true],
      "map:a": ["hash", ["1", "2", "a", "b", "json", "{}"], false],
      "list:a": ["list", ["x", "y", "x"], false],
      "set:a": ["set", ["3", "one", "two"], false],
      "rank:a": ["zset", ["a", "b", "c"], false],
      "log:a": ["stream", ["1-1,a,b"], false],
    });
    expect(await ask(["ZSCORE", "rank:a", "b"])).toBe("-inf");
    expect(await ask(["STRLEN", "text:b"])).toBe(3);
    expect(await ask(["XINFO", "GROUPS", "log:a"])).toEqual([expect.arrayContaining(["readers"])]);
    const [zero, one, , three] = await sizes();
    expect([zero, one, three]).toEqual([0, 0, 0]);
  });

  it("writes nothing the second time, as the server's command statistics show", async () => {
    const folder = things(SEED, SCRIPTS);
    await seed(options(folder));
    const before = await writes();
    const [again] = await seed(options(folder));
    // Reading the ledger is an EVAL that writes nothing. Every other count stays the same.
    const counted = (all: string[]) => all.filter((line) => !line.startsWith("eval "));
    expect(counted(await writes())).toEqual(counted(before));
    expect(counted(before)).toContainEqual(expect.stringMatching(/^hset /));
    expect(again).toMatchObject({ unchanged: true, tally: { keys: 9, kept: 0 }, scripts: [] });
  });

  it("plans without writing, and counts what would change", async () => {
    const folder = things(SEED, SCRIPTS);
    const [planned] = await plan(options(folder));
    expect(planned).toMatchObject({ unchanged: false, scripts: ["cleanup"], tally: { changes: { write: 9 } } });
    expect(await sizes()).toEqual([0, 0, 0, 0]);
  });

  it("updates a key that no other client changed when its file changes", async () => {
    const folder = things('seed: [{ key: "map:a", hash: { a: "1", b: "2" } }]');
    await seed(options(folder));
    folder.write({ "things.yaml": [HEAD, KEYS, 'seed: [{ key: "map:a", hash: { a: "3" } }]'].join("\n") });
    expect(await seed(options(folder))).toMatchObject([{ tally: { changes: { update: 1, write: 0 } } }]);
    expect(await ask(["HGETALL", "map:a"])).toEqual(["a", "3"]);
  });

  it("keeps keys that another client changed, restores policy own, and leaves policy once", async () => {
    const folder = things(SEED);
    await seed(options(folder));
    await ask(["SET", "text:a", "theirs"]);
    await ask(["HSET", "map:a", "a", "theirs"]);
    await ask(["SET", "text:c", "theirs"]);
    await ask(["SET", "text:x", "not declared"]);
    const [result] = await seed(options(folder));
    expect(result?.tally).toMatchObject({
      kept: 1,
      keptKeys: [{ key: "map:a", why: "was changed by another client" }],
      changes: { restore: 1, write: 0 },
    });
    expect(await ask(["MGET", "text:a", "text:c", "text:x"])).toEqual(["grüezi", "theirs", "not declared"]);
    expect(await ask(["HGET", "map:a", "a"])).toBe("theirs");
  });

  it("keeps and reports keys that existed before the first run", async () => {
    await ask(["SET", "text:b", "theirs"]);
    const [result] = await seed(options(things(SEED)));
    expect(result?.tally.keptKeys).toEqual([{ key: "text:b", why: "existed before the first run" }]);
    expect(await ask(["GET", "text:b"])).toBe("theirs");
  });

  it("names every key of another type and writes nothing", async () => {
    await ask(["RPUSH", "text:a", "theirs"]);
    await ask(["SET", "map:a", "theirs"]);
    const { code, message } = await failure(seed(options(things(SEED))));
    expect(code).toBe("wrong-type");
    expect(message).toContain("text:a is a list, but is declared as a string");
    expect(message).toContain("map:a is a string, but is declared as a hash");
    expect(await sizes()).toEqual([0, 0, 2, 0]);
  });

  it("verifies values and TTLs", async () => {
    const folder = things(SEED);
    await seed(options(folder));
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true }]);
    await ask(["PERSIST", "brief:a"]);
    expect((await verify(options(folder)))[0]?.tally.keptKeys).toEqual([{ key: "brief:a", why: expect.stringContaining("has no TTL") }]);
  });

  it("records itself in a durable keyspace without seeds, and `verify` notices that its database was flushed", async () => {
    const folder = things();
    const other = folderOf({ "others.yaml": [HEAD.replace("keyspace: things", "keyspace: others"), KEYS].join("\n") });
    for (const { path } of [folder, other]) expect(await seed(options({ path }))).toMatchObject([{ unchanged: true, tally: { keys: 0 } }]);
    expect(((await ask(["KEYS", "*"])) as string[]).sort()).toEqual(["slipway:{shop/others}:version", "slipway:{shop/things}:version"]);
    expect(await ask(["TTL", "slipway:{shop/things}:version"])).toBe(-1);
    const before = await writes();
    await seed(options(folder));
    expect(await writes()).toEqual(before);
    expect(await verify(options(folder))).toMatchObject([{ unchanged: true, problems: [] }]);
    await ask(["SET", "text:theirs", "x"]);
    await ask(["FLUSHDB"]);
    await ask(["SET", "text:theirs", "written after the flush"]);
    expect(await verify(options(folder))).toMatchObject([{ unchanged: false, problems: [expect.stringContaining("it was flushed")] }]);
  });

  it("removes undeclared keys unless another client changed them", async () => {
    const folder = things('seed: [{ key: "text:a", string: a }, { key: "text:b", string: b }]');
    await seed(options(folder));
    await ask(["SET", "text:b", "theirs"]);
    folder.write({ "things.yaml": [HEAD, KEYS, 'seed: [{ key: "text:z", string: z }]'].join("\n") });
    await seed(options(folder));
    expect(await ask(["MGET", "text:a", "text:b", "text:z"])).toEqual([null, "theirs", "z"]);
  });

  it("reconnects and completes when the connection breaks", async () => {
    const folder = things(SEED, SCRIPTS);
    await seed(options(folder));
    const undisturbed = await everything();
    await ask(["FLUSHALL"]);
    const proxy = await startProxy(store.port, { delayMs: 5 });
    const url = `rediss://default:AVNS_default@localhost:${proxy.port}/0`;
    const events: string[] = [];
    const onProgress = ({ kind }: Progress) => {
      // The keys are compared, and nothing is written yet.
      if (kind === "keys" && events.length === 0) proxy.cut();
      events.push(kind);
    };
    await seed({ ...options(folder, { url }), patienceMs: 20_000, onProgress });
    await proxy.close();
    expect(events).toContain("unavailable");
    expect(await everything()).toEqual(undisturbed);
  });
});

describe("a script", () => {
  it("is called with EVALSHA $(HGET scripts:sha cleanup) 0, as documented [C56]", async () => {
    await seed(options(things(SCRIPTS)));
    const sha = String(await ask(["HGET", "scripts:sha", "cleanup"]));
    expect(sha).toMatch(/^[0-9a-f]{40}$/);
    expect(await ask(["EVALSHA", sha, "0"])).toBeGreaterThan(0);
  });

  it("is loaded again after SCRIPT FLUSH, which keeps the digest but removes the script [C56]", async () => {
    const folder = things(SCRIPTS);
    await seed(options(folder));
    const sha = String(await ask(["HGET", "scripts:sha", "cleanup"]));
    await ask(["SCRIPT", "FLUSH"]);
    await expect(ask(["EVALSHA", sha, "0"])).rejects.toThrow("NOSCRIPT");
    expect(await plan(options(folder))).toMatchObject([{ scripts: ["cleanup"], unchanged: false }]);
    expect(await seed(options(folder))).toMatchObject([{ scripts: ["cleanup"] }]);
    expect(await ask(["EVALSHA", sha, "0"])).toBeGreaterThan(0);
  });

  it("stops the run with file and line if it does not compile, before any key is written", async () => {
    const folder = things(SEED, SCRIPTS);
    folder.write({ "cleanup.lua": "local a = 1\nlocal = 2\nreturn a" });
    const { message } = await failure(seed(options(folder)));
    expect(message).toContain(`${folder.path}/cleanup.lua:2:`);
    expect(message).toContain("2 | local = 2");
    expect(await sizes()).toEqual([0, 0, 0, 0]);
  });

  it("is refused if a key that it needs is neither seeded nor present", async () => {
    const needs = "scripts: { registry: scripts:sha, files: { cleanup: { file: cleanup.lua, needs: [text:q] } } }";
    expect((await failure(seed(options(things(needs))))).message).toContain("the script cleanup needs the key text:q");
  });
});

describe("a connection", () => {
  it("writes nothing if the server has no such database", async () => {
    const folder = folderOf({ "things.yaml": [HEAD.replace("database: 2", "database: 9"), KEYS, SEED].join("\n") });
    const { code, message } = await failure(seed(options(folder)));
    expect(code).toBe("wrong-database");
    expect(message).toContain(`localhost:${store.port} has no database 9`);
    expect(message).toContain("valkey_number_of_databases");
    expect(await sizes()).toEqual([0, 0, 0, 0]);
  });

  it("explains a wrong password without printing it", async () => {
    const { code, message } = await failure(seed(options(things(SEED), { url: `rediss://default:gue%24s@localhost:${store.port}` })));
    expect(code).toBe("wrong-password");
    expect(message).toContain(`localhost:${store.port} rejects this user and password`);
    expect(message).not.toContain("gue");
  });

  it("refuses a certificate of another authority", async () => {
    const other = await servers.startCluster(valkeyCluster("other"));
    expect((await failure(seed(options(things(SEED), { ca: undefined })))).code).toBe("wrong-ca");
    const wrong = other.ca === store.ca ? undefined : other.ca;
    expect((await failure(seed(options(things(SEED), { ca: wrong })))).code).toBe("wrong-ca");
  });

  it("refuses a URL without TLS before connecting [C26]", async () => {
    const { message } = await failure(seed(options(things(SEED), { url: `redis://default:AVNS_default@localhost:${store.port}/0` })));
    expect(message).toContain("Write rediss://");
  });

  it("is not opened for a folder that seeds nothing", async () => {
    const nowhere = { url: "rediss://default:x@localhost:1/0" };
    expect(await seed(options(folderOf({}), nowhere))).toEqual([]);
    const cache = folderOf({ "things.yaml": [HEAD.replace("durable: true", "durable: false"), KEYS.replaceAll("none", "1h")].join("\n") });
    expect(await seed(options(cache, nowhere))).toEqual([]);
  });
});

describe("a store that evicts keys", () => {
  it("refuses a durable keyspace, by its class and by the eviction policy of the server", async () => {
    const folder = things(SEED);
    expect((await failure(seed(options(folder, { class: "cache" })))).message).toContain("is durable, but its store state is a cache");
    await servers.configure("keyspaces", { eviction_policy: "allkeys_lru", valkey_number_of_databases: 4 });
    try {
      const { code, message } = await failure(seed(options(folder)));
      expect(code).toBe("unsafe-store");
      expect(message).toContain("evicts any key when it is full (allkeys-lru)");
      expect(await sizes()).toEqual([0, 0, 0, 0]);
    } finally {
      await servers.configure("keyspaces", { valkey_number_of_databases: 4 });
    }
  });
});

describe("verify", () => {
  it("reports a flushed database, an undeclared one, and a script that is not loaded", async () => {
    const folder = things(SEED, SCRIPTS);
    await seed(options(folder));
    expect((await verify(options(folder)))[0]).toMatchObject({ unchanged: true, problems: [] });

    await ask(["SET", "stray", "1"], 3);
    await ask(["SCRIPT", "FLUSH"]);
    const [found] = await verify(options(folder));
    expect(found).toMatchObject({ unchanged: false, scripts: ["cleanup"] });
    expect(found?.problems).toEqual([
      expect.stringContaining("Database 3 of the store state holds 1 keys, and no keyspace of shop declares it."),
    ]);
    expect((await verify({ ...options(folder), sharedStores: true }))[0]?.problems).toEqual([]);

    await ask(["FLUSHALL"]);
    expect((await verify(options(folder)))[0]?.problems).toEqual([
      expect.stringMatching(/^Database 2 of .* has no record of a seed: it was flushed, or never seeded\. Run: slipway keyspaces seed$/),
    ]);
  });
});

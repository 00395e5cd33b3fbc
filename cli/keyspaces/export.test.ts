import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { cleanFolders, folderOf, type TestFolder } from "../../postdeploy/migrate/testing/folder.ts";
import { root, slipway } from "../testing/slipway.ts";

const YAML = (database: number, more: string) => `keyspace: things
store: state
database: ${database}
durable: true
purpose: What a test needs
keys:
  - { pattern: "text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "session:<n>", type: hash, ttl: none, owner: test, purpose: p, secret: true }
  - { pattern: "list:<n>", type: list, ttl: none, owner: test, purpose: p }
  - { pattern: "set:<n>", type: set, ttl: none, owner: test, purpose: p }
  - { pattern: "rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "log:<n>", type: stream, ttl: none, owner: test, purpose: p }
  - { pattern: "scripts:sha", type: hash, ttl: none, owner: test, purpose: p }
${more}
`;
const SEED = `seed:
  - { key: "text:a", string: grüezi }
  - { key: "text:b", string: { base64: AP8B } }
  - { key: "brief:a", string: soon gone, ttl: 30m }
  - { key: "session:a", hash: { user: "7", token: hunter2 } }
  - { key: "list:a", list: [x, y, x] }
  - { key: "set:a", set: [one, { base64: "/w==" }] }
  - { key: "rank:a", zset: { a: 1.1, b: -inf } }
  - { key: "log:a", stream: { entries: [{ id: 1-1, fields: { a: b } }], groups: [{ name: readers }] } }`;
const SCRIPTS = "scripts: { registry: scripts:sha, files: { size: { file: size.lua } } }";

let store: TestStore;
let folder: TestFolder;
beforeAll(async () => {
  store = await startStore("export");
});
afterAll(async () => {
  await store.stop();
  cleanFolders();
});
beforeEach(async () => {
  await store.command(["FLUSHALL"]);
  folder = folderOf({ "things.yaml": YAML(1, SEED), "size.lua": "return {redis.call('DBSIZE'), 'keys'}", ".ca.pem": store.endpoint.ca });
});

const run = (...words: string[]) => slipway(["keyspaces", ...words]);
const here = (verb: string, ...more: string[]) =>
  run(verb, ...more, "--dir", folder.path, "--url", store.address().url, "--ca", `${folder.path}/.ca.pem`);

it("exports keys of every type that can be seeded elsewhere without a difference in bytes and times to live [C70]", async () => {
  await here("seed");
  const file = `${folder.path}/things.jsonl`;
  const { code, stderr } = await here("export", "--secrets", "--out", file);
  expect([code, stderr]).toEqual([0, "things: 8 keys"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  folder.write({ "things.yaml": YAML(2, "data: [things.jsonl]") });
  expect((await here("seed")).code).toBe(0);
  const [origin, copy] = [await store.dump(1), await store.dump(2)];
  expect(Object.keys(copy)).toHaveLength(8);
  expect(copy).toEqual(origin);
  const ttlIn = async (database: number) => Number(await store.command(["PTTL", "brief:a"], database));
  expect(Math.abs((await ttlIn(1)) - (await ttlIn(2)))).toBeLessThan(10_000);
  const verify = async () => (await here("verify", "--shared-stores")).code;
  expect(await verify()).toBe(0);
  // The count, a type and a time to live.
  for (const [change, ...undo] of [
    [
      ["RENAME", "text:a", "other"],
      ["RENAME", "other", "text:a"],
    ],
    [
      ["COPY", "text:a", "list:a", "REPLACE"],
      ["DEL", "list:a"],
      ["RPUSH", "list:a", "x", "y", "x"],
    ],
    [
      ["PERSIST", "brief:a"],
      ["PEXPIRE", "brief:a", "1800000"],
    ],
  ]) {
    await store.command(change!, 2);
    expect(await verify(), change!.join(" ")).toBe(1);
    for (const words of undo) await store.command(words, 2);
    expect(await verify(), `${change!.join(" ")} and back`).toBe(0);
  }
});

it("exports what a JSON object cannot hold: binary names, the order of fields, consumer groups, unusual names", async () => {
  const fill = `
    redis.call('HSET', 'session:b', '\\255', '1', 'plain', '2', '10', '3', '2', '4')
    redis.call('ZADD', 'rank:b', 'inf', '\\254\\253', '-inf', 'a', '1e-7', 'b', '0.1', '__proto__')
    redis.call('XADD', 'log:b', '1-1', 'b', '1', '10', '2', 'b', '3', '2', '4')
    redis.call('XADD', 'log:b', '18446744073709551615-3', '\\255', '\\254')
    redis.call('XGROUP', 'CREATE', 'log:b', 'late', '1-1')
    redis.call('XGROUP', 'CREATE', 'log:c', 'alone', '$', 'MKSTREAM')
    redis.call('SET', 'text:line\\nend {x} *', '\\0\\r\\n')
    redis.call('SET', 'text:empty', '')
    redis.call('SET', 'brief:b', 'x', 'PX', 100000)
    redis.call('SADD', 'set:b', '', '1', '\\255')
    redis.call('RPUSH', 'list:b', '', '', '\\255')`;
  await store.command(["EVAL", fill, "0"], 1);
  const file = `${folder.path}/things.jsonl`;
  expect((await here("export", "--secrets", "--out", file)).code).toBe(0);
  folder.write({ "things.yaml": YAML(2, "data: [things.jsonl]") });
  expect(await here("seed")).toMatchObject({ code: 0 });
  const [origin, copy] = [await store.dump(1), await store.dump(2)];
  expect(Object.keys(copy)).toHaveLength(9);
  expect(copy).toEqual(origin);
  expect(await here("verify", "--shared-stores")).toMatchObject({ code: 0 });
});

it("masks secret values, says so, and leaves the ledger out", async () => {
  await here("seed");
  await store.command(["SET", "not declared", "theirs"], 1);
  const { code, stdout, stderr } = await here("export");
  const lines = stdout.split("\n").map((line) => JSON.parse(line) as { key: string });
  expect(code).toBe(0);
  expect(lines).toContainEqual({ key: "session:a", hash: "••••••" });
  expect(lines).toContainEqual({ key: "text:a", string: "grüezi" });
  // A key that is not declared may hold a secret.
  expect(lines).toContainEqual({ key: "not declared", string: "••••••" });
  expect(lines).toHaveLength(9);
  expect(stdout).not.toContain("hunter2");
  expect(stderr).toContain("9 keys, the values of 2 masked (--secrets includes them)");
});

it("leaves the registry of scripts out, so that an export can be declared along with scripts", async () => {
  folder.write({ "things.yaml": YAML(1, `${SEED}\n${SCRIPTS}`) });
  await here("seed");
  await here("export", "--secrets", "--out", `${folder.path}/things.jsonl`);
  await store.command(["FLUSHALL"]);
  folder.write({ "things.yaml": YAML(1, `data: [things.jsonl]\n${SCRIPTS}`) });
  expect((await here("seed")).code).toBe(0);
  expect(Object.keys(await store.dump(1))).toHaveLength(9);
});

it("names the keys that no file can declare, and exits with 1", async () => {
  await store.command(["PFADD", "text:sketch", "a"], 1);
  await store.command(["EVAL", "redis.call('SET', '\\255\\254', 'a')", "0"], 1);
  const { code, stderr } = await here("export");
  expect(code).toBe(1);
  expect(stderr).toContain("not exported, because no file can declare them: ÿþ");
});

it("exits with 2 where it cannot write the file", async () => {
  writeFileSync(`${folder.path}/file`, "");
  const { code, stderr } = await here("export", "--out", `${folder.path}/file/below`);
  expect([code, stderr]).toEqual([2, expect.stringContaining("cannot be written (ENOTDIR). Name another file with --out.")]);
});

it("calls a script by its name, also after the store has lost it [C56]", async () => {
  folder.write({ "things.yaml": YAML(1, `${SEED}\n${SCRIPTS}`) });
  await here("seed");
  const sha = await store.command(["HGET", "scripts:sha", "size"], 1);
  await store.command(["SCRIPT", "FLUSH"]);
  expect(await store.command(["SCRIPT", "EXISTS", String(sha)])).toEqual([0]);
  const { code, stdout } = await here("call", "size");
  expect([code, JSON.parse(stdout)]).toEqual([0, [expect.any(Number), "keys"]]);
  expect(await store.command(["SCRIPT", "EXISTS", String(sha)])).toEqual([1]);
});

it("runs Candlefish's clean-up after a restart of the store, which keeps the digest and the keys but no script [C56]", async () => {
  const candlefish = (...words: string[]) =>
    run(
      ...words,
      "--dir",
      join(root, "keyspaces/candlefish"),
      "--only",
      "sessions",
      "--url",
      store.address().url,
      "--ca",
      `${folder.path}/.ca.pem`,
    );
  expect(await candlefish("seed")).toMatchObject({ code: 0 });
  const sha = String(await store.command(["HGET", "scripts:sha", "cleanup"]));
  await store.command(["HSET", "session:endless", "user", "7"]);
  await store.kill("SIGTERM");
  await store.start();
  expect(await store.command(["SCRIPT", "EXISTS", sha])).toEqual([0]);
  await expect(store.command(["EVALSHA", sha, "0"])).rejects.toThrow("NOSCRIPT");
  expect(await candlefish("call", "cleanup")).toMatchObject({ code: 0, stdout: "1" });
  expect(await store.command(["TTL", "session:endless"])).toBeGreaterThan(86_000);
  // As the documents print it, once the script is loaded again.
  expect(await store.command(["EVALSHA", sha, "0"])).toBe(0);
});

it.each([
  [["call"], "Which script? There are: size."],
  [["call", "sise"], 'There is no script "sise". There are: size.'],
  [["seed", "size"], "slipway keyspaces seed takes no arguments"],
])("%j exits with 2 and prints what to type", async (words, message) => {
  folder.write({ "things.yaml": YAML(1, SCRIPTS) });
  const [verb = "", ...more] = words;
  const outcome = await here(verb, ...more);
  expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining(message)]);
});

it("prints no part of a password in an error", async () => {
  const url = store.address().url.replace("AVNS_default", "AVNS_guess");
  const { code, stdout, stderr } = await run("export", "--dir", folder.path, "--url", url, "--ca", `${folder.path}/.ca.pem`, "--json");
  expect([code, JSON.parse(stdout)]).toMatchObject([2, { error: { code: "wrong-password" } }]);
  expect(stderr + stdout + readFileSync(`${folder.path}/things.yaml`, "utf8")).not.toContain("AVNS_guess");
});

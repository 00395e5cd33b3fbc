import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { systems } from "../../systems/index.ts";
import { cleanFolders, folderOf } from "../migrate/testing/folder.ts";
import { batchesOf } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { readKeyspaces } from "./keyspace.ts";
import { readScripts } from "./scripts.ts";

afterAll(cleanFolders);

const HEAD = ["keyspace: things", "store: state", "database: 2", "durable: true", "purpose: p"];
const KEYS = `keys:
  - { pattern: "t:<n>", type: string, ttl: none, owner: o, purpose: p }
  - { pattern: "e:<n>", type: string, ttl: 1h, owner: o, purpose: p }
  - { pattern: "h:<n>", type: hash, ttl: none, owner: o, purpose: p }
  - { pattern: "s:<n>", type: set, ttl: none, owner: o, purpose: p }
  - { pattern: "l:<n>", type: list, ttl: none, owner: o, purpose: p }
  - { pattern: "z:<n>", type: zset, ttl: none, owner: o, purpose: p }
  - { pattern: "x:<n>", type: stream, ttl: none, owner: o, purpose: p }`;

/** Every entry of a folder, with every script read; the first mistake ends it. */
async function read(files: Readonly<Record<string, string | Uint8Array>>): Promise<Entry[]> {
  const entries: Entry[] = [];
  const { path } = folderOf(files);
  for (const keyspace of readKeyspaces(path, "shop")) {
    readScripts(keyspace);
    for await (const batch of batchesOf(keyspace)) entries.push(...batch);
  }
  return entries;
}
const things = (...parts: string[]) => ({ "things.yaml": [...HEAD, KEYS, ...parts].join("\n") });
const seeds = (...lines: string[]) => things("seed:", ...lines.map((line) => `  - ${line}`));

/** The line where the first seed stands. */
const FIRST = HEAD.length + KEYS.split("\n").length + 2;

async function mistake(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  return read(files).then(
    (entries) => expect.fail(`read as ${JSON.stringify(entries)}`),
    (error: Error) => error.message,
  );
}

describe("a seed that cannot be meant", () => {
  it.each([
    ["two values", '{ key: "t:a", string: a, json: 1 }', "t:a has two values, string and json"],
    ["no value", '{ key: "t:a" }', "t:a has no value"],
    ["no key", "{ string: a }", "has no key"],
    ["a word that means nothing", '{ key: "t:a", string: a, tll: 1h }', 't:a: "tll" is unknown. Allowed: key, ttl, policy'],
    ["a policy that is none", '{ key: "t:a", string: a, policy: owned }', "Allowed: ensure, own, once"],
    ["a key that fits no pattern", '{ key: "q:a", string: a }', "q:a fits no pattern of the keyspace things"],
    ["another type than its pattern's", '{ key: "t:a", list: [a] }', "t:a is a list, and what fits t:<n> is a string"],
    ["a member twice", '{ key: "s:a", set: [b, c, b] }', '"b" stands in it twice'],
    ["an empty list", '{ key: "l:a", list: [] }', "is empty, and Redis has no empty ones"],
    ["a number with a point", '{ key: "h:a", hash: { v: 1.10 } }', "Put it in quotes"],
    ["a truth value", '{ key: "t:a", string: true }', "Put it in quotes"],
    ["a score that is none", '{ key: "z:a", zset: { m: high } }', 'the score of m is "high"'],
    ["no TTL where the pattern has one", '{ key: "e:a", string: a }', "e:a has no ttl, and what fits e:<n> expires"],
    ["a TTL where the pattern has none", '{ key: "t:a", string: a, ttl: 1h }', "lives for ever"],
    ["a TTL longer than the pattern's", '{ key: "e:a", string: a, ttl: 2h }', "is longer than what fits e:<n> may live (1h)"],
    ["a TTL without a unit", '{ key: "e:a", string: a, ttl: 60 }', "Write a number with ms, s, m, h or d"],
    ["a TTL of nothing", '{ key: "e:a", string: a, ttl: 0s }', "Write a number with ms, s, m, h or d"],
    ["base64 that is none", '{ key: "t:a", string: { base64: "a b!" } }', "is no base64"],
    ["half a character", '{ key: "t:a", string: "\\uD800" }', "half a surrogate pair"],
    [
      "a stream whose ids go back",
      '{ key: "x:a", stream: { entries: [{ id: 2-1, fields: { a: b } }, { id: 1-1, fields: { a: b } }] } }',
      "does not come after",
    ],
    [
      "a stream whose ids the server would choose",
      '{ key: "x:a", stream: { entries: [{ id: "*", fields: { a: b } }] } }',
      "is no id of an entry",
    ],
  ])("is told with its line: %s", async (_, line, said) => {
    const message = await mistake(seeds('{ key: "t:first", string: fine }', line));
    expect(message).toContain(`things.yaml:${FIRST + 1}: `);
    expect(message).toContain(said);
  });

  it("is told with both places where a key is declared twice", async () => {
    const message = await mistake(seeds('{ key: "t:a", string: a }', '{ key: "t:b", string: b }', '{ key: "t:a", string: c }'));
    expect(message).toContain(`things.yaml:${FIRST + 2}: t:a is declared twice, first in `);
    expect(message).toContain(`things.yaml:${FIRST}.`);
  });

  it("is told with its line in a file of JSON lines, too", async () => {
    const data = (lines: string) => ({ ...things("data: [more.jsonl]"), "more.jsonl": lines });
    expect(await mistake(data('{"key":"t:a","string":"a"}\n\n{"key":"t:b"\n'))).toContain("more.jsonl:3: is no JSON");
    expect(await mistake(data('{"key":"t:a","string":"a"}\n{"key":"t:b"}\n'))).toContain("more.jsonl:2: t:b has no value");
    expect(await mistake(things("data: [none.jsonl]"))).toContain("none.jsonl");
  });

  it("is refused where it is not UTF-8", async () => {
    expect(await mistake({ "things.yaml": Buffer.concat([Buffer.from("keyspace: "), Buffer.from([0xff, 0xfe])]) })).toContain(
      "is not UTF-8",
    );
    expect(await mistake({ ...things("data: [more.jsonl]"), "more.jsonl": Buffer.from([0x7b, 0xff]) })).toContain(
      "more.jsonl:1: is not UTF-8",
    );
  });
});

describe("a keyspace that cannot be meant", () => {
  const head = (from: string, to: string) => ({ "things.yaml": [...HEAD, KEYS].join("\n").replace(from, to) });

  it.each([
    ["a field that is unknown", head("durable: true", "durabel: true"), "things.yaml:4: ", "durabel: Unrecognized key"],
    ["a name twice", head("store: state", "store: state\nstore: cache"), "things.yaml:3: ", "stands twice"],
    ["what is no YAML", head("store: state", "store: [state"), "things.yaml:", "is no YAML"],
    ["a database that no server has", head("database: 2", "database: 128"), "things.yaml:3: ", "database"],
    ["durable that is neither", head("durable: true", "durable: sometimes"), "things.yaml:4: ", "durable"],
    [
      "keys for ever where all may be lost",
      head("durable: true", "durable: false"),
      "things.yaml:7: ",
      "lives for ever in a keyspace that may lose its keys",
    ],
    [
      "a pattern outside of its prefix",
      head("purpose: p", 'purpose: p\nprefix: "a:"'),
      "things.yaml:8: ",
      "does not begin with the keyspace's prefix",
    ],
    ["a name of the ledger's", head('"t:<n>"', '"slipway:<n>"'), "things.yaml:7: ", "names that begin with slipway: are the ledger's"],
    ["bulk without a prefix", head("durable: true", "durable: true\nmode: bulk"), "things.yaml:5: ", "mode bulk needs a prefix"],
  ])("is told with its line: %s", async (_, files, place, said) => {
    const message = await mistake(files);
    expect(message).toContain(place);
    expect(message).toContain(said);
  });

  it("is refused where another one has its place", async () => {
    const other = [...HEAD, KEYS].join("\n").replace("keyspace: things", "keyspace: others");
    expect(await mistake({ ...things(), "zzz.yaml": other })).toContain("database 2 of the store state is declared already, in ");
  });

  it("is refused where a script of it is not there or not among its keys", async () => {
    const scripts = "scripts: { registry: sha, files: { go: { file: go.lua } } }";
    expect(await mistake({ ...things(scripts), "go.lua": "return 1" })).toContain("the registry sha is not among keys");
    const named = things("  - { pattern: sha, type: hash, ttl: none, owner: o, purpose: p }", scripts);
    expect(await mistake(named)).toContain("go.lua is not there");
    expect(await mistake({ ...named, "go.lua": "\n" })).toContain("go.lua: is empty");
  });
});

describe("the keyspaces of the three systems", () => {
  const folderOfSystem = (name: string) => fileURLToPath(new URL(`../../keyspaces/${name}`, import.meta.url));

  it.each(systems.map((system) => [system.name, system] as const))(
    "%s: files and definition say the same [C23, F34, D34]",
    (name, system) => {
      const declared = readKeyspaces(folderOfSystem(name), name);
      const places = declared.map(({ keyspace, store, database, durable, purpose }) => [keyspace, { store, database, durable, purpose }]);
      expect(Object.fromEntries(places)).toEqual(system.keyspaces);
      expect(readdirSync(folderOfSystem(name))).toContain("README.md");
    },
  );

  it("gives every key of a cache an end [F34]", () => {
    const caches = systems.flatMap(({ name }) => readKeyspaces(folderOfSystem(name), name)).filter(({ durable }) => !durable);
    expect(caches.map(({ system }) => system).sort()).toEqual(["candlefish", "fluxstudio"]);
    for (const { patterns } of caches) expect(patterns.every(({ ttl }) => ttl > 0)).toBe(true);
  });
});

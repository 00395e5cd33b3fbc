import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { readScripts } from "../seed/scripts.ts";
import { readBatches } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import { readBlocks } from "./lines.ts";
import { parseEntry } from "./parse.ts";

afterAll(cleanFolders);

const HEAD = `keyspace: things
store: state
database: 2
durable: true
purpose: What a test needs
prefix: "t:"
keys:
  - { pattern: "t:text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "t:brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "t:map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "t:list:<n>", type: list, ttl: none, owner: test, purpose: p }
  - { pattern: "t:set:<n>", type: set, ttl: none, owner: test, purpose: p }
  - { pattern: "t:rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "t:log:<n>", type: stream, ttl: none, owner: test, purpose: p }
`;

async function entriesOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const keyspace of readKeyspaces(folderOf(files).path, "shop"))
    for await (const batch of readBatches(keyspace)) entries.push(...batch);
  return entries;
}

const seeds = (...lines: string[]) => entriesOf({ "things.yaml": `${HEAD}seed:\n${lines.map((line) => `  - ${line}\n`).join("")}` });
const data = (content: string | Uint8Array) => entriesOf({ "things.yaml": `${HEAD}data: [things.jsonl]\n`, "things.jsonl": content });

describe("an entry", () => {
  it("is the same in YAML and in JSON lines", async () => {
    const yaml = await seeds(
      '{ key: "t:text:a", string: 1 }',
      '{ key: "t:text:b", json: { a: [1, null] } }',
      '{ key: "t:rank:a", zset: { a: -inf, b: 1.5 } }',
    );
    const lines = await data(
      [
        '{"key":"t:text:a","string":"1"}',
        "",
        '{"key":"t:text:b","json":{"a":[1,null]}}\r',
        '{"key":"t:rank:a","zset":{"a":"-inf","b":1.5}}',
      ].join("\n"),
    );
    expect(lines).toEqual(yaml);
    expect(lines.map(({ value }) => value)).toEqual([
      { type: "string", value: "1" },
      { type: "string", value: '{"a":[1,null]}' },
      {
        type: "zset",
        members: [
          ["a", -Infinity],
          ["b", 1.5],
        ],
      },
    ]);
  });

  it("may hold bytes that are no text", async () => {
    expect(await seeds('{ key: "t:text:a", string: { base64: AP8B } }')).toMatchObject([{ value: { value: Buffer.from([0, 255, 1]) } }]);
  });

  it.each([
    ["no key", "{ string: a }", "has no key"],
    ["another prefix", '{ key: "u:text:a", string: a }', 'does not begin with "t:", the prefix of the keyspace things'],
    ["a name that fits no pattern", '{ key: "t:texts:a", string: a }', "fits no pattern of the keyspace things: t:text:<n>, t:brief:<n>"],
    ["another type than its pattern's", '{ key: "t:text:a", list: [a] }', "is a list, and what fits t:text:<n> is a string"],
    ["an unknown policy", '{ key: "t:text:a", string: a, policy: always }', "Allowed: ensure, own, once."],
    ["an unknown field", '{ key: "t:text:a", string: a, expire: 5 }', '"expire" is unknown. Allowed: key, ttl, policy'],
    ["no value", '{ key: "t:text:a" }', "has no value"],
    ["two values", '{ key: "t:text:a", string: a, json: 1 }', "has two values, string and json"],
    ["a TTL of nothing", '{ key: "t:brief:a", string: a, ttl: 0s }', 'the ttl "0s" is none'],
    ["a TTL below nothing", '{ key: "t:brief:a", string: a, ttl: -5m }', 'the ttl "-5m" is none'],
    ["a TTL without a unit", '{ key: "t:brief:a", string: a, ttl: 30 }', "the ttl 30 is none"],
    ["a TTL longer than its pattern's", '{ key: "t:brief:a", string: a, ttl: 2h }', "is longer than what fits t:brief:<n> may live (1h)"],
    ["no TTL where its pattern has one", '{ key: "t:brief:a", string: a }', "Write ttl: 1h, or less"],
    ["a TTL where its pattern has none", '{ key: "t:text:a", string: a, ttl: 5m }', "lives for ever"],
    ["a number that can be written in several ways", '{ key: "t:text:a", string: 1.10 }', "Put it in quotes"],
    ["bytes that are no base64", '{ key: "t:text:a", string: { base64: "a-b!" } }', "is no base64"],
    ["a hash without fields", '{ key: "t:map:a", hash: {} }', "Redis has no empty ones"],
    ["a hash that is a list", '{ key: "t:map:a", hash: [a] }', "Write { name: value }"],
    ["a list that is text", '{ key: "t:list:a", list: a }', "Write a list"],
    ["a member twice in a set", '{ key: "t:set:a", set: [a, b, a] }', '"a" stands in it twice'],
    ["a score that is no number", '{ key: "t:rank:a", zset: { a: first } }', "Write a number, inf or -inf"],
    [
      "a stream's entry that the server would number",
      '{ key: "t:log:a", stream: { entries: [{ id: "*", fields: { a: b } }] } }',
      "is no id of an entry",
    ],
    [
      "a stream that goes back",
      '{ key: "t:log:a", stream: { entries: [{ id: 2-1, fields: { a: b } }, { id: 1-1, fields: { a: b } }] } }',
      "does not come after 2-1",
    ],
    ["a name that reads in two ways", '{ key: "t:map:a", hash: { 1.10: a } }', "the name 1.10 can be read in more than one way"],
    ["a name that is nothing", '{ key: "t:map:a", hash: { ~: a } }', "the name ~ can be read in more than one way"],
    ["a name that is a structure", '{ key: "t:map:a", hash: { ? { a: b } : c } }', "can be read in more than one way"],
    ["a number that looks like another", '{ key: "t:text:a", string: 012 }', "the number 012 can be read in more than one way"],
    ["a tag that nobody knows", '{ key: "t:text:a", string: !!js/function "x" }', "Unresolved tag"],
    ["a merge", '{ key: "t:map:a", hash: { <<: { a: b } } }', "hash.<< is an object"],
    ["a field twice, one time in bytes", '{ key: "t:map:a", hash: [[a, b], [{ base64: YQ== }, c]] }', "a stands in it twice"],
    ["half a pair", '{ key: "t:map:a", hash: [[a, b], [c]] }', "hash is a list. Write { name: value }, or [[name, value]]"],
    ["a name of the ledger's", '{ key: "slipway:{shop/things}:ledger", hash: { a: b } }', "does not begin with"],
    [
      "an id that is no 64 bits",
      '{ key: "t:log:a", stream: { entries: [{ id: 18446744073709551616-0, fields: { a: b } }] } }',
      "is no id of an entry",
    ],
    ["a score that is not a number", '{ key: "t:rank:a", zset: { a: .nan } }', "Write a number, inf or -inf"],
    ["a group twice", '{ key: "t:log:a", stream: { groups: [{ name: a }, { name: a }] } }', "a group stands in it twice"],
  ])("with %s is refused, with its line", async (_, line, said) => {
    const { exit, message } = await failure(seeds('{ key: "t:text:first", string: fine }', line));
    expect(exit).toBe(2);
    expect(message).toMatch(/things\.yaml:17: /);
    expect(message).toContain(said);
  });

  it("may have names that are no text, in pairs, and the fields of a stream in their order", async () => {
    const [map, rank, log] = await seeds(
      '{ key: "t:map:a", hash: [[a, "1"], [{ base64: /w== }, "2"]] }',
      '{ key: "t:rank:a", zset: [[{ base64: /w== }, 1.50], [b, inf]] }',
      '{ key: "t:log:a", stream: { entries: [{ id: 1-1, fields: [[b, "1"], ["10", "2"], [b, "3"]] }] } }',
    );
    const bytes = Buffer.from([255]);
    expect(map?.value).toEqual({
      type: "hash",
      fields: [
        ["a", "1"],
        [bytes, "2"],
      ],
    });
    expect(rank?.value).toEqual({
      type: "zset",
      members: [
        [bytes, 1.5],
        ["b", Infinity],
      ],
    });
    expect(log?.value).toMatchObject({
      entries: [
        {
          fields: [
            ["b", "1"],
            ["10", "2"],
            ["b", "3"],
          ],
        },
      ],
    });
  });

  it("has at most as many fields in a stream's entry as one command of a script may", async () => {
    const fields = Object.fromEntries(Array.from({ length: 3501 }, (_, n) => [`f${n}`, "a"]));
    const { message } = await failure(data(JSON.stringify({ key: "t:log:a", stream: { entries: [{ id: "1-1", fields }] } })));
    expect(message).toContain("has 3501 fields, and one entry may have 3500");
  });

  it("is not taken from another keyspace's ledger, nor for the registry of its own scripts", async () => {
    const free = HEAD.replace('prefix: "t:"\n', "").replace("t:map:<n>", "<any>");
    const scripts = "scripts: { registry: sha, files: { go: { file: go.lua } } }\n";
    const one = (key: string) =>
      entriesOf({
        "things.yaml": `${free}${scripts}data: [a.jsonl]\n`,
        "a.jsonl": JSON.stringify({ key, hash: { a: "b" } }),
        "go.lua": "return 1",
      });
    expect((await failure(one("slipway:{shop/others}:ledger"))).message).toContain("are the ledger's. Choose another.");
    expect((await failure(one("sha"))).message).toContain("sha is the registry of the scripts, which slipway writes itself");
  });

  it("may be longer than any value only up to 512 MiB", async () => {
    const long = "€".repeat(180 * 1024 * 1024);
    const rules = readKeyspaces(folderOf({ "things.yaml": HEAD }).path, "shop")[0] as Keyspace;
    expect(() => parseEntry({ key: "t:text:a", string: long }, rules, { file: "a", line: 1 })).toThrow("has more than 512 MiB");
  });

  it("is written out in a message where it would move the cursor", async () => {
    const { message } = await failure(data('{"key":"t:text:a\\u001b[31m\\nb","string":1.5}'));
    expect(message).toContain("t:text:a\\u001b[31m\\u000ab: string is 1.5");
  });

  it("that is declared twice is refused, and both places are told", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"1"}\n\n{"key":"t:text:a","string":"2"}\n'));
    expect(message).toMatch(/things\.jsonl:3: t:text:a is declared twice, first in .*things\.jsonl:1\. Take one out\./);
    const onOneLine = entriesOf({ "things.yaml": `${HEAD}seed: [{ key: "t:text:a", string: a }, { key: "t:text:a", string: b }]\n` });
    expect((await failure(onOneLine)).message).toMatch(/t:text:a is declared twice/);
    const sameFile = entriesOf({ "things.yaml": `${HEAD}data: [a.jsonl, a.jsonl]\n`, "a.jsonl": '{"key":"t:text:a","string":"1"}' });
    expect((await failure(sameFile)).message).toMatch(/t:text:a is declared twice/);
  });
});

describe("a file of JSON lines", () => {
  it("that is not UTF-8 is refused with the line", async () => {
    const { message } = await failure(
      data(Buffer.concat([Buffer.from('{"key":"t:text:a","string":"1"}\n{"key":"t:text:b","string":"'), Buffer.from([0xff, 0x22, 0x7d])])),
    );
    expect(message).toMatch(/things\.jsonl:2: is not UTF-8/);
  });

  it("with a line that is no JSON is refused with the line", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"1"}\n{key: 1}\n'));
    expect(message).toMatch(/things\.jsonl:2: is no JSON/);
  });

  it("with a name twice in one object is refused, of which JSON would keep the last", async () => {
    expect((await failure(data('{"key":"t:map:a","hash":{"a":"1","\\u0061":"2"}}\n'))).message).toMatch(
      /things\.jsonl:1: the name "a" stands twice/,
    );
    expect((await failure(data('{"key":"t:text:a","key":"t:text:b","string":"1"}'))).message).toContain('the name "key" stands twice');
    expect(await data('{"key":"t:text:a","json":[{"a":"a\\\\"},{"a":["a","a"]}]}')).toHaveLength(1);
  });

  it("may begin with the mark that some editors put before UTF-8", async () => {
    expect(await data('\ufeff{"key":"t:text:a","string":"1"}\r\n{"key":"t:text:b","string":"2"}')).toHaveLength(2);
  });

  it("tells of what is no JSON where it is, and repeats nothing of it", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":hunter2}'));
    expect(message).toMatch(/things\.jsonl:1: is no JSON: Unexpected token 'h'\./);
    expect(message).not.toContain("unter2");
  });

  it("with half a surrogate pair is refused, because it would be written as something else", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"\\ud800"}\n'));
    expect(message).toContain("half a surrogate pair");
  });

  it("with a line that is too long is refused before it is in memory", async () => {
    const { path } = folderOf({ "long.jsonl": Buffer.alloc(1024 * 1024, "x") });
    const read = async () => {
      for await (const block of readBlocks(`${path}/long.jsonl`, "long.jsonl", undefined, 300 * 1024)) return block;
      return undefined;
    };
    expect((await failure(read())).message).toContain("long.jsonl:1: this line is longer than");
  });

  it("that is not there is named", async () => {
    const { message } = await failure(entriesOf({ "things.yaml": `${HEAD}data: [none.jsonl]\n` }));
    expect(message).toMatch(/things\.yaml:15: the data file .*none\.jsonl is not there/);
  });
});

describe("a keyspace's file", () => {
  it.each([
    ["a number of database that cannot be", HEAD.replace("database: 2", "database: 128"), "database: "],
    ["a field that nobody knows", `${HEAD}flush: true\n`, "flush"],
    [
      "a key of another prefix among its patterns",
      HEAD.replace('"t:text:<n>"', '"u:text:<n>"'),
      'u:text:<n> does not begin with the keyspace\'s prefix "t:"',
    ],
    [
      "a pattern that never expires where keys may be lost",
      HEAD.replace("durable: true", "durable: false"),
      "lives for ever in a keyspace that may lose its keys",
    ],
    ["a name of the ledger's", HEAD.replace('"t:"', '""').replace('"t:text:<n>"', '"slipway:<n>"'), "are the ledger's"],
    ["bulk without a prefix", HEAD.replace('prefix: "t:"', "mode: bulk\npolicy: own"), "mode bulk needs a prefix"],
    ["bulk that owns nothing", `${HEAD}mode: bulk\n`, "it can only own"],
    ["a field twice", `${HEAD}seed: [{ key: "t:map:a", hash: { a: "1", a: "2" } }]\n`, "this name stands twice in one place"],
    ["no YAML", `${HEAD}seed: [\n`, "is no YAML"],
  ])("with %s is refused", async (_, content, said) => {
    const { exit, message } = await failure(entriesOf({ "things.yaml": content }));
    expect([exit, message.includes("things.yaml")]).toEqual([2, true]);
    expect(message).toContain(said);
  });

  it.each([
    ["a path out of the folder", (path: string) => symlinkSync("/etc/hostname", `${path}/a.jsonl`), "lies outside of"],
    ["a folder", (path: string) => mkdirSync(`${path}/a.jsonl`), "is no plain file"],
    ["a pipe", (path: string) => void execFileSync("mkfifo", [`${path}/a.jsonl`]), "is no plain file"],
    ["a link to nothing", (path: string) => symlinkSync("nowhere", `${path}/a.jsonl`), "is not there"],
  ])("reads no data from %s", async (_, make, said) => {
    const { path } = folderOf({ "things.yaml": `${HEAD}data: [a.jsonl]\n` });
    make(path);
    expect(() => readKeyspaces(path, "shop")).toThrow(said);
  });

  it("reads neither data nor a script from elsewhere by its name", () => {
    const above = (line: string) => () => readKeyspaces(folderOf({ "things.yaml": HEAD + line }).path, "shop").map(readScripts);
    expect(above("data: [../../etc/hostname]\n")).toThrow("lies outside of");
    const registry = HEAD.replace("keys:\n", 'keys:\n  - { pattern: "t:sha", type: hash, ttl: none, owner: test, purpose: p }\n');
    expect(() =>
      readKeyspaces(
        folderOf({ "things.yaml": `${registry}scripts: { registry: "t:sha", files: { go: { file: ../../etc/hostname } } }\n` }).path,
        "shop",
      ).map(readScripts),
    ).toThrow("lies outside of");
  });

  it("may be one whose few lines mean a billion, and is refused", async () => {
    const bomb = `${HEAD}seed:\n${"abcdefgh".replace(/./g, (name, at: number) => `  - &${name} [${`${at === 0 ? "x" : `*${"abcdefgh"[at - 1]}`},`.repeat(9)}]\n`)}`;
    expect((await failure(entriesOf({ "things.yaml": bomb }))).message).toContain("Write out what its aliases stand for");
  });

  it("is the only one of its database [C23]", async () => {
    const { message } = await failure(entriesOf({ "a.yaml": HEAD, "b.yaml": HEAD.replace("things", "others") }));
    expect(message).toContain("database 2 of the store state is declared already");
  });
});

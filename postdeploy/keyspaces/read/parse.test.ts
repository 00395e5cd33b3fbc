import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../../migrate/testing/failure.ts";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { readBatches } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import { readBlocks } from "./lines.ts";
import { parseEntry } from "./parse.ts";
import { readScripts } from "./scripts.ts";

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

  it("may contain binary data", async () => {
    expect(await seeds('{ key: "t:text:a", string: { base64: AP8B } }')).toMatchObject([{ value: { value: Buffer.from([0, 255, 1]) } }]);
  });

  it.each([
    ["no key", "{ string: a }", "has no key"],
    ["another prefix", '{ key: "u:text:a", string: a }', 'does not start with "t:", the prefix of the keyspace things'],
    [
      "a name that matches no pattern",
      '{ key: "t:texts:a", string: a }',
      "matches no pattern of the keyspace things: t:text:<n>, t:brief:<n>",
    ],
    ["another type than its pattern's", '{ key: "t:text:a", list: [a] }', "is a list, but its pattern t:text:<n> has type string"],
    ["an unknown policy", '{ key: "t:text:a", string: a, policy: always }', "Allowed: ensure, own, once."],
    ["an unknown field", '{ key: "t:text:a", string: a, expire: 5 }', '"expire" is unknown. Allowed: key, ttl, policy'],
    ["no value", '{ key: "t:text:a" }', "has no value"],
    ["two values", '{ key: "t:text:a", string: a, json: 1 }', "has two values, string and json"],
    ["a zero TTL", '{ key: "t:brief:a", string: a, ttl: 0s }', 'the ttl "0s" is not a valid duration'],
    ["a negative TTL", '{ key: "t:brief:a", string: a, ttl: -5m }', 'the ttl "-5m" is not a valid duration'],
    ["a TTL without a unit", '{ key: "t:brief:a", string: a, ttl: 30 }', "the ttl 30 is not a valid duration"],
    ["a TTL longer than its pattern's", '{ key: "t:brief:a", string: a, ttl: 2h }', "exceeds 1h, the ttl of its pattern t:brief:<n>"],
    ["no TTL although its pattern has one", '{ key: "t:brief:a", string: a }', "Write ttl: 1h, or less"],
    ["a TTL although its pattern has none", '{ key: "t:text:a", string: a, ttl: 5m }', "do not expire"],
    ["an ambiguous number", '{ key: "t:text:a", string: 1.10 }', "Quote it"],
    ["invalid base64", '{ key: "t:text:a", string: { base64: "a-b!" } }', "is not valid base64"],
    ["a hash without fields", '{ key: "t:map:a", hash: {} }', "Redis does not store empty collections"],
    ["a hash that is a list", '{ key: "t:map:a", hash: [a] }', "Write { name: value }"],
    ["a list that is text", '{ key: "t:list:a", list: a }', "Write a list"],
    ["a duplicate member in a set", '{ key: "t:set:a", set: [a, b, a] }', '"a" occurs twice'],
    ["a score that is text", '{ key: "t:rank:a", zset: { a: first } }', "Write a number, inf or -inf"],
    [
      "a stream entry without an explicit id",
      '{ key: "t:log:a", stream: { entries: [{ id: "*", fields: { a: b } }] } }',
      "is not a valid entry id",
    ],
    [
      "stream entries in descending order",
      '{ key: "t:log:a", stream: { entries: [{ id: 2-1, fields: { a: b } }, { id: 1-1, fields: { a: b } }] } }',
      "is not greater than the previous id 2-1",
    ],
    ["an ambiguous name", '{ key: "t:map:a", hash: { 1.10: a } }', "the name 1.10 is ambiguous in YAML"],
    ["a null name", '{ key: "t:map:a", hash: { ~: a } }', "the name ~ is ambiguous in YAML"],
    ["a name that is a structure", '{ key: "t:map:a", hash: { ? { a: b } : c } }', "is ambiguous in YAML"],
    ["a number with a leading zero", '{ key: "t:text:a", string: 012 }', "the number 012 is ambiguous in YAML"],
    ["an unknown tag", '{ key: "t:text:a", string: !!js/function "x" }', "Unresolved tag"],
    ["a merge key", '{ key: "t:map:a", hash: { <<: { a: b } } }', "hash.<< is an object"],
    ["a duplicate field, once in base64", '{ key: "t:map:a", hash: [[a, b], [{ base64: YQ== }, c]] }', "a occurs twice"],
    ["half a pair", '{ key: "t:map:a", hash: [[a, b], [c]] }', "hash is a list. Write { name: value }, or [[name, value]]"],
    ["a reserved name", '{ key: "slipway:{shop/things}:ledger", hash: { a: b } }', "does not start with"],
    [
      "an id beyond 64 bits",
      '{ key: "t:log:a", stream: { entries: [{ id: 18446744073709551616-0, fields: { a: b } }] } }',
      "is not a valid entry id",
    ],
    ["a NaN score", '{ key: "t:rank:a", zset: { a: .nan } }', "Write a number, inf or -inf"],
    ["a duplicate group", '{ key: "t:log:a", stream: { groups: [{ name: a }, { name: a }] } }', "a group occurs twice"],
  ])("with %s is refused, with its line", async (_, line, text) => {
    const { exit, message } = await failure(seeds('{ key: "t:text:first", string: fine }', line));
    expect(exit).toBe(2);
    expect(message).toMatch(/things\.yaml:17: /);
    expect(message).toContain(text);
  });

  it("may have binary names in pairs, and stream fields in order", async () => {
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

  it("is limited to the number of stream fields that a script can write in one command", async () => {
    const fields = Object.fromEntries(Array.from({ length: 3501 }, (_, n) => [`f${n}`, "a"]));
    const { message } = await failure(data(JSON.stringify({ key: "t:log:a", stream: { entries: [{ id: "1-1", fields }] } })));
    expect(message).toContain("has 3501 fields; the limit is 3500");
  });

  it("may be neither a ledger nor the script registry", async () => {
    const free = HEAD.replace('prefix: "t:"\n', "").replace("t:map:<n>", "<any>");
    const scripts = "scripts: { registry: sha, files: { go: { file: go.lua } } }\n";
    const one = (key: string) =>
      entriesOf({
        "things.yaml": `${free}${scripts}data: [a.jsonl]\n`,
        "a.jsonl": JSON.stringify({ key, hash: { a: "b" } }),
        "go.lua": "return 1",
      });
    expect((await failure(one("slipway:{shop/others}:ledger"))).message).toContain("are reserved for the ledger. Choose another name.");
    expect((await failure(one("sha"))).message).toContain("sha is the script registry, which slipway writes itself");
  });

  it("may not have a value above 512 MiB", async () => {
    const long = "€".repeat(180 * 1024 * 1024);
    const rules = readKeyspaces(folderOf({ "things.yaml": HEAD }).path, "shop")[0] as Keyspace;
    expect(() => parseEntry({ key: "t:text:a", string: long }, rules, { file: "a", line: 1 })).toThrow("exceeds 512 MiB");
  });

  it("has its control characters escaped in messages", async () => {
    const { message } = await failure(data('{"key":"t:text:a\\u001b[31m\\nb","string":1.5}'));
    expect(message).toContain("t:text:a\\u001b[31m\\u000ab: string is 1.5");
  });

  it("that is declared twice is refused with both locations", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"1"}\n\n{"key":"t:text:a","string":"2"}\n'));
    expect(message).toMatch(/things\.jsonl:3: t:text:a is declared twice, first in .*things\.jsonl:1\. Remove one\./);
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

  it("with an invalid line is refused with the line number", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"1"}\n{key: 1}\n'));
    expect(message).toMatch(/things\.jsonl:2: is not valid JSON/);
  });

  it("with a duplicate name in an object is refused, because JSON.parse would keep only the last", async () => {
    expect((await failure(data('{"key":"t:map:a","hash":{"a":"1","\\u0061":"2"}}\n'))).message).toMatch(
      /things\.jsonl:1: the name "a" occurs twice/,
    );
    expect((await failure(data('{"key":"t:text:a","key":"t:text:b","string":"1"}'))).message).toContain('the name "key" occurs twice');
    expect(await data('{"key":"t:text:a","json":[{"a":"a\\\\"},{"a":["a","a"]}]}')).toHaveLength(1);
  });

  it("may start with a byte order mark", async () => {
    expect(await data('\ufeff{"key":"t:text:a","string":"1"}\r\n{"key":"t:text:b","string":"2"}')).toHaveLength(2);
  });

  it("with invalid JSON is refused without quoting the line", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":hunter2}'));
    expect(message).toMatch(/things\.jsonl:1: is not valid JSON: Unexpected token 'h'\./);
    expect(message).not.toContain("unter2");
  });

  it("with half a surrogate pair is refused, because it has no UTF-8 form", async () => {
    const { message } = await failure(data('{"key":"t:text:a","string":"\\ud800"}\n'));
    expect(message).toContain("half a surrogate pair");
  });

  it("with a line that is too long is refused before it is read completely", async () => {
    const { path } = folderOf({ "long.jsonl": Buffer.alloc(1024 * 1024, "x") });
    const read = async () => {
      for await (const block of readBlocks(`${path}/long.jsonl`, "long.jsonl", undefined, 300 * 1024)) return block;
      return undefined;
    };
    expect((await failure(read())).message).toContain("long.jsonl:1: this line is longer than");
  });

  it("that does not exist is named", async () => {
    const { message } = await failure(entriesOf({ "things.yaml": `${HEAD}data: [none.jsonl]\n` }));
    expect(message).toMatch(/things\.yaml:15: the data file .*none\.jsonl does not exist/);
  });
});

describe("a keyspace file", () => {
  it.each([
    ["an invalid database number", HEAD.replace("database: 2", "database: 128"), "database: "],
    ["an unknown field", `${HEAD}flush: true\n`, "flush"],
    [
      "a pattern outside of its prefix",
      HEAD.replace('"t:text:<n>"', '"u:text:<n>"'),
      'u:text:<n> does not start with "t:", the prefix of the keyspace',
    ],
    [
      "a pattern without TTL in a keyspace that is not durable",
      HEAD.replace("durable: true", "durable: false"),
      "has no ttl, but the keyspace is not durable",
    ],
    ["a reserved pattern", HEAD.replace('"t:"', '""').replace('"t:text:<n>"', '"slipway:<n>"'), "are reserved for the ledger"],
    ["mode bulk without a prefix", HEAD.replace('prefix: "t:"', "mode: bulk\npolicy: own"), "mode bulk needs a prefix"],
    ["mode bulk without policy own", `${HEAD}mode: bulk\n`, "supports only policy own"],
    ["a duplicate field", `${HEAD}seed: [{ key: "t:map:a", hash: { a: "1", a: "2" } }]\n`, "this name occurs twice"],
    ["invalid YAML", `${HEAD}seed: [\n`, "is not valid YAML"],
  ])("with %s is refused", async (_, content, text) => {
    const { exit, message } = await failure(entriesOf({ "things.yaml": content }));
    expect([exit, message.includes("things.yaml")]).toEqual([2, true]);
    expect(message).toContain(text);
  });

  it.each([
    ["a symbolic link that leaves the folder", (path: string) => symlinkSync("/etc/hostname", `${path}/a.jsonl`), "is outside of"],
    ["a folder", (path: string) => mkdirSync(`${path}/a.jsonl`), "is not a regular file"],
    ["a pipe", (path: string) => void execFileSync("mkfifo", [`${path}/a.jsonl`]), "is not a regular file"],
    ["a broken symbolic link", (path: string) => symlinkSync("nowhere", `${path}/a.jsonl`), "does not exist"],
  ])("may not read data from %s", async (_, make, text) => {
    const { path } = folderOf({ "things.yaml": `${HEAD}data: [a.jsonl]\n` });
    make(path);
    expect(() => readKeyspaces(path, "shop")).toThrow(text);
  });

  it("may not read data or scripts outside of its folder by path", () => {
    const above = (line: string) => () => readKeyspaces(folderOf({ "things.yaml": HEAD + line }).path, "shop").map(readScripts);
    expect(above("data: [../../etc/hostname]\n")).toThrow("is outside of");
    const registry = HEAD.replace("keys:\n", 'keys:\n  - { pattern: "t:sha", type: hash, ttl: none, owner: test, purpose: p }\n');
    expect(() =>
      readKeyspaces(
        folderOf({ "things.yaml": `${registry}scripts: { registry: "t:sha", files: { go: { file: ../../etc/hostname } } }\n` }).path,
        "shop",
      ).map(readScripts),
    ).toThrow("is outside of");
  });

  it("with aliases that expand to billions of values is refused", async () => {
    const bomb = `${HEAD}seed:\n${"abcdefgh".replace(/./g, (name, at: number) => `  - &${name} [${`${at === 0 ? "x" : `*${"abcdefgh"[at - 1]}`},`.repeat(9)}]\n`)}`;
    expect((await failure(entriesOf({ "things.yaml": bomb }))).message).toContain("Replace the aliases with their values");
  });

  it("must be the only one for its database", async () => {
    const { message } = await failure(entriesOf({ "a.yaml": HEAD, "b.yaml": HEAD.replace("things", "others") }));
    expect(message).toContain("database 2 of the store state is already declared");
  });
});

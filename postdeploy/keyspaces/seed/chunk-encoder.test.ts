import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { readChunks } from "../read/chunks.ts";
import { KeySet } from "../read/key-set.ts";
import { readKeyspaces } from "../read/keyspace.ts";
import { parseEntry } from "../read/parse.ts";
import { Commands } from "../wire/resp.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { addWriteCommands } from "./commands.ts";

afterAll(cleanFolders);

const folder = folderOf({
  "things.yaml": `keyspace: things
store: state
database: 0
durable: true
mode: bulk
policy: own
prefix: "t:"
purpose: What a test needs
keys:
  - { pattern: "t:text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "t:brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "t:map:<n>", type: hash, ttl: none, owner: test, purpose: p }
  - { pattern: "t:brief-map:<n>", type: hash, ttl: 1h, owner: test, purpose: p }
  - { pattern: "t:rank:<n>", type: zset, ttl: none, owner: test, purpose: p }
  - { pattern: "t:list:<n>", type: list, ttl: none, owner: test, purpose: p }
data: [things.jsonl]
`,
  "things.jsonl": "",
});
const [keyspace] = readKeyspaces(folder.path, "shop");
if (keyspace === undefined) throw new Error("The keyspace is not there.");

/** The commands for a line from the encoder, and from parsing the line. */
async function encodeBothWays(line: string, isFresh: boolean): Promise<[string, string]> {
  writeFileSync(`${folder.path}/things.jsonl`, line);
  const commands = new Commands();
  let encoded = "";
  for await (const chunk of readChunks(keyspace as NonNullable<typeof keyspace>)) {
    const {
      bytes,
      replyCount: count,
      keys,
    } = new ChunkEncoder(keyspace as NonNullable<typeof keyspace>, new KeySet(), isFresh).encode(chunk);
    encoded = `${count} ${keys} ${bytes}`;
  }
  const entry = parseEntry(JSON.parse(line), keyspace as NonNullable<typeof keyspace>, { file: "things.jsonl", line: 1 });
  const count = addWriteCommands(commands, entry, isFresh);
  return [encoded, `${count} 1 ${commands.take()}`];
}

describe("the chunk encoder", () => {
  it.each([
    '{"key":"t:text:1","string":"plain"}',
    '{"key":"t:text:1","string":""}',
    `{"key":"t:text:1","string":"${"long ".repeat(1000)}"}`,
    '{"key":"t:text:1","string":"grüezi 日本 🎈"}',
    '{"key":"t:text:1","string":"a \\"quoted\\" one"}',
    '{"key":"t:text:1","string":"line\\nfeed \\u00e9"}',
    '{"key":"t:text:1","string":"with a carriage return after it"}\r\n',
    '{"key":"t:text:1","string":7}',
    '{"key":"t:text:1","string":"}"}',
    '{"key":"t:text:1","json":{"a":[1,2.5]}}',
    '{ "key": "t:text:1", "string": "blanks" }',
    '{"string":"first","key":"t:text:1"}',
    '{"key":"t:text:ü","string":"a name that is no ASCII"}',
    '{"key":"t:text:a\\tb","string":"a name with an escape"}',
    '{"key":"t:text:1","string":"a","policy":"own"}',
    '{"key":"t:brief:1","string":"a","ttl":"15m"}',
    '{"key":"t:brief:1","ttl":"15m","string":"a"}',
    '{"key":"t:map:1","hash":{"a":"1"}}',
    '{"key":"t:map:1","hash":{"a":"1","b":"","c":"ü"}}',
    '{"key":"t:map:1","hash":{"a":1,"b":-7,"c":0}}',
    '{"key":"t:map:1","hash":{"a":1000000000000000}}',
    '{"key":"t:map:1","hash":{"a":{"base64":"AP8="}}}',
    '{"key":"t:map:1","hash":{"a\\"b":"1"}}',
    `{"key":"t:map:1","hash":{${Array.from({ length: 200 }, (_, n) => `"f${n}":"${n}"`).join()}}}`,
    '{"key":"t:brief-map:1","hash":{"a":"1"},"ttl":"30s"}',
    '{"key":"t:rank:1","zset":{"a":1,"b":2.5,"c":-3}}',
    '{"key":"t:rank:1","zset":{"a":1.50,"b":2.0,"c":0.25}}',
    '{"key":"t:rank:1","zset":{"a":1e21,"b":"inf","c":0.1}}',
    '{"key":"t:list:1","list":["a","b"]}',
  ])("encodes %s the same way as parsing", async (line) => {
    for (const isFresh of [true, false]) {
      const [encoded, parsed] = await encodeBothWays(line, isFresh);
      expect(encoded).toBe(parsed);
    }
  });

  it.each([
    ['{"key":"t:brief:1","string":"a"}', "has no ttl"],
    ['{"key":"t:brief:1","string":"a","ttl":"2h"}', "exceeds 1h"],
    ['{"key":"t:brief:1","string":"a","ttl":"soon"}', "is not a valid duration"],
    ['{"key":"t:text:1","string":"a","ttl":"5m"}', "do not expire"],
    ['{"key":"t:text:","string":"a"}', "matches no pattern"],
    ['{"key":"t:texts:1","string":"a"}', "matches no pattern"],
    ['{"key":"t:text:1","hash":{"a":"1"}}', "is a hash"],
    ['{"key":"t:map:1","hash":{}}', "is empty"],
    ['{"key":"t:map:1","hash":{"a":01}}', "is not valid JSON"],
    ['{"key":"t:map:1","hash":{"a":1.10}}', "Quote it"],
    ['{"key":"t:text:1","string":"a"}}', "is not valid JSON"],
    ['{"key":"t:text:1","string":"a"', "is not valid JSON"],
    ['{"key":"t:text:1","string":"a', "is not valid JSON"],
    ['{"key":"t:text:1","string":"a\u0001"}', "is not valid JSON"],
    ['{"key":"t:text:1"', "is not valid JSON"],
    ['{"key":"', "is not valid JSON"],
  ])("rejects what parsing rejects: %s", async (line, text) => {
    await expect(encodeBothWays(line, true)).rejects.toThrow(text);
  });
});

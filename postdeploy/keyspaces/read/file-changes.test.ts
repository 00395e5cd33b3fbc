import { afterAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { compareKeyspaces } from "./file-changes.ts";

afterAll(cleanFolders);

const HEAD = `keyspace: things
store: state
database: 2
durable: true
purpose: What a test needs
keys:
  - { pattern: "text:<n>", type: string, ttl: none, owner: test, purpose: p }
  - { pattern: "brief:<n>", type: string, ttl: 1h, owner: test, purpose: p }
  - { pattern: "session:<n>", type: hash, ttl: none, owner: test, purpose: p, secret: true }
  - { pattern: "sha", type: hash, ttl: none, owner: test, purpose: p }
`;
const SCRIPTS = "scripts: { registry: sha, files: { go: { file: go.lua } } }\n";
const seeded = (...lines: string[]) => `${HEAD}seed:\n${lines.map((line) => `  - ${line}\n`).join("")}`;

type Files = Readonly<Record<string, string>>;
async function compared(before: Files, after: Files) {
  const found = await compareKeyspaces(folderOf(before).path, folderOf(after).path, "shop");
  return found.map(({ kind, name, change, detail, risk }) => [kind, name, change, detail, risk]);
}

describe("two versions of a folder of keyspaces", () => {
  it("have no differences if they declare the same in different forms", async () => {
    const lines = { "things.yaml": `${HEAD}data: [a.jsonl]\n`, "a.jsonl": '{"key":"text:a","string":"1"}\n' };
    expect(await compared(lines, { "things.yaml": seeded('{ string: "1", key: "text:a" }') })).toEqual([]);
    expect(await compared({}, {})).toEqual([]);
  });

  it("list each added, changed and removed key with its effect on the store, without values", async () => {
    const before = seeded(
      '{ key: "text:a", string: old }',
      '{ key: "brief:a", string: a, ttl: 30m }',
      '{ key: "text:gone", string: a }',
      '{ key: "text:ours", string: a, policy: own }',
      '{ key: "text:theirs", string: a, policy: once }',
    );
    const after = seeded(
      '{ key: "text:a", string: hunter2 }',
      '{ key: "brief:a", string: a, ttl: 15m, policy: own }',
      '{ key: "text:new", string: a }',
    );
    const found = await compared({ "things.yaml": before }, { "things.yaml": after });
    expect(found).toEqual([
      ["key", "text:a", "changed", "value changed", "routine"],
      ["key", "brief:a", "changed", "ttl 30m → 15m; policy ensure → own", "care"],
      ["key", "text:new", "added", "string, no TTL, ensure", "routine"],
      ["key", "text:gone", "removed", "removed from the store unless another client changed it", "care"],
      ["key", "text:ours", "removed", "removed from the store", "danger"],
      ["key", "text:theirs", "removed", "stays in the store", "routine"],
    ]);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });

  it("name no key of a pattern that is secret in either version", async () => {
    const session = (n: string) => `{ key: "session:${n}", hash: { a: b } }`;
    const open = seeded(session("anna"), session("otto")).replace(", secret: true", "");
    const found = await compared({ "things.yaml": open }, { "things.yaml": seeded(session("otto"), session("eve"), session("ada")) });
    expect(found).toEqual([
      ["keyspace", "session:<n>", "changed", "now secret", "routine"],
      ["key", "2 keys of session:<n>", "added", "hash, no TTL, ensure", "routine"],
      ["key", "1 key of session:<n>", "removed", "removed from the store unless another client changed it", "care"],
    ]);
  });

  it("count keys beyond the limit of names", async () => {
    const lines = Array.from({ length: 1200 }, (_, n) => `{"key":"text:${n}","string":"a"}`).join("\n");
    const found = await compared({}, { "things.yaml": `${HEAD}data: [a.jsonl]\n`, "a.jsonl": lines });
    expect(found).toHaveLength(1 + 50 + 1);
    expect(found.at(-1)).toEqual(["key", "1,150 more keys", "added", "string, no TTL, ensure", "routine"]);
  });

  it("describe changes of placement, durability, types, TTLs and secrecy", async () => {
    const after = HEAD.replace("database: 2", "database: 3")
      .replace("type: string, ttl: 1h", "type: hash, ttl: 2h")
      .replace(", secret: true", "")
      .replace(/ {2}- \{ pattern: "text.*\n/, "");
    expect(await compared({ "things.yaml": HEAD }, { "things.yaml": after })).toEqual([
      ["keyspace", "place", "changed", expect.stringContaining("database 2 → store state, database 3"), "danger"],
      ["keyspace", "text:<n>", "removed", "string, no TTL, owner test", "care"],
      ["keyspace", "brief:<n>", "changed", "string → hash; ttl 1h → 2h", "care"],
      ["keyspace", "session:<n>", "changed", "no longer secret: its values are shown", "danger"],
    ]);
    expect(await compared({ "things.yaml": HEAD }, {})).toMatchObject([["keyspace", "things", "removed", expect.anything(), "care"]]);
    expect(await compared({}, { "things.yaml": HEAD })).toEqual([
      ["keyspace", "things", "added", "store state, database 2, durable, guarded", "routine"],
    ]);
  });

  it("compare scripts by content and ignore line ends", async () => {
    const files = (source: string) => ({ "things.yaml": HEAD + SCRIPTS, "go.lua": source });
    expect(await compared(files("return 1\n"), files("return 1\r\n"))).toEqual([]);
    expect(await compared(files("return 1"), files("return 2"))).toMatchObject([
      ["script", "go", "changed", expect.stringMatching(/^digest/), "care"],
    ]);
    const [first, ...more] = await compared({ "things.yaml": HEAD }, files("return 1"));
    expect([first?.slice(0, 3), more]).toEqual([["script", "go", "added"], []]);
  });

  it("are refused with file and line if one of them is invalid", async () => {
    await expect(compared({}, { "things.yaml": seeded('{ key: "other:a", string: a }') })).rejects.toThrow(
      /things\.yaml:12: other:a matches no pattern/,
    );
  });
});

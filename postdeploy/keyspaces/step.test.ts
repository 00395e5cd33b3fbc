import { hash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { cleanFolders, folderOf } from "../migrate/testing/folder.ts";
import { step } from "../steps.ts";

afterAll(cleanFolders);

const YAML = (...seeds: string[]) => `keyspace: cache
store: state
database: 1
durable: true
purpose: p
keys:
  - { pattern: "text:<n>", type: string, ttl: none, owner: o, purpose: p }
  - { pattern: sha, type: hash, ttl: none, owner: o, purpose: p }
scripts: { registry: sha, files: { go: { file: cache/go.lua } } }
seed: [${seeds.map((n) => `{ key: "text:${n}", string: value of ${n} }`).join(", ")}]
data: [cache.jsonl]
`;

type Checked = Record<string, unknown> & { readonly pending: string };

/** Lists a folder as the program does, and runs the provider's check. */
async function checked(olds: object, held: Readonly<Record<string, string>>): Promise<Checked> {
  const { path } = folderOf(held);
  const listed = Object.entries(held)
    .sort()
    .map(([name, text]) => `${name} ${hash("sha1", text).slice(0, 12)}`);
  const news = { system: "shop", folder: path, digest: hash("sha1", listed.join()), files: listed, stores: {} };
  return ((await step("Keyspaces", "check", olds, news)) as { inputs: Checked }).inputs;
}

describe("a preview of keyspaces", () => {
  const lines = '{"key":"text:x","string":"x"}\n';
  const files = { "cache.yaml": YAML("a", "b"), "cache.jsonl": lines };

  it("counts keys and scripts that change, and names the files", async () => {
    const first = await checked({}, files);
    expect(first.pending).toBe("cache: 3 keys change (new cache.jsonl, new cache.yaml)");
    expect((await checked(first, files)).pending).toBe("nothing");
    const second = await checked(first, { "cache.yaml": YAML("a", "c", "d"), "cache.jsonl": lines, "cache.lua": "return 1" });
    expect(second.pending).toBe("cache: 3 keys and 1 script change (new cache.lua, changed cache.yaml)");
    expect((await checked(second, { "cache.yaml": YAML("a", "c", "d"), "cache.jsonl": lines, "cache.lua": "return 2" })).pending).toBe(
      "cache: 1 script changes (changed cache.lua)",
    );
    expect((await checked(first, {})).pending).toBe("cache: 3 keys change (removed cache.jsonl, removed cache.yaml)");
  });

  it("reports that no key changes when only a comment changes", async () => {
    const first = await checked({}, files);
    expect((await checked(first, { ...files, "cache.yaml": `# a note\n${YAML("a", "b")}` })).pending).toBe(
      "cache: no key changes (changed cache.yaml)",
    );
  });

  it("counts every key of a keyspace that moves to another database or store", async () => {
    const first = await checked({}, files);
    for (const [from, to] of [
      ["database: 1", "database: 2"],
      ["store: state", "store: other"],
    ] as const)
      expect((await checked(first, { ...files, "cache.yaml": YAML("a", "b").replace(from, to) })).pending).toBe(
        "cache: 3 keys change (changed cache.yaml)",
      );
  });

  it("keeps no key names and no values in the state", async () => {
    const { keys } = await checked({}, files);
    expect(keys).toEqual({ cache: [expect.stringMatching(/^.{12}$/), expect.anything(), expect.anything()] });
    expect(JSON.stringify(keys)).not.toMatch(/text|value/);
  });

  it("counts files instead of keys if there are too many keys or a file is invalid", async () => {
    const many = Array.from({ length: 1001 }, (_, n) => `{"key":"text:n${n}","string":"x"}`).join("\n");
    expect((await checked({}, { ...files, "cache.jsonl": many })).pending).toBe("cache: 2 files change (new cache.jsonl, new cache.yaml)");
    const first = await checked({}, files);
    expect((await checked(first, { ...files, "cache.jsonl": "no JSON" })).pending).toBe("cache: 1 file changes (changed cache.jsonl)");
  });
});

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { systems } from "../../../systems/index.ts";
import { cleanFolders, folderOf } from "../../migrate/testing/folder.ts";
import { readKeyspaces } from "./keyspace.ts";
import { readScripts } from "./scripts.ts";

afterAll(cleanFolders);

const folderOfSystem = (name: string) => fileURLToPath(new URL(`../../../keyspaces/${name}`, import.meta.url));

describe("the keyspaces of the products", () => {
  it.each(systems.map((system) => [system.name, system] as const))("match the definition of %s in its files", (name, system) => {
    const declared = readKeyspaces(folderOfSystem(name), name);
    const places = declared.map(({ keyspace, store, database, durable }) => [keyspace, { store, database, durable }]);
    expect(Object.fromEntries(places)).toEqual(system.keyspaces);
    expect(readdirSync(folderOfSystem(name))).toContain("README.md");
    for (const keyspace of declared) expect(() => readScripts(keyspace)).not.toThrow();
  });

  it("declare a TTL for every key of a cache", () => {
    const caches = systems.flatMap(({ name }) => readKeyspaces(folderOfSystem(name), name)).filter(({ durable }) => !durable);
    expect(caches.map(({ system }) => system).sort()).toEqual(["candlefish", "fluxstudio"]);
    for (const { patterns } of caches) expect(patterns.every(({ ttl }) => ttl > 0)).toBe(true);
  });
});

describe("a keyspace file", () => {
  const HEAD = "keyspace: things\nstore: state\ndatabase: 2\ndurable: true\npurpose: p\n";
  const read = (files: Readonly<Record<string, string>>) => () =>
    readKeyspaces(folderOf(files).path, "shop").map((keyspace) => readScripts(keyspace));

  it("reports a misspelled field with its line, not the missing field", () => {
    expect(read({ "things.yaml": HEAD.replace("durable", "durabel") })).toThrow(/things\.yaml:4: durabel: Unrecognized key/);
  });

  it("may not declare a script that is missing, empty, or without a registry under keys", () => {
    const keys = "keys: [{ pattern: sha, type: hash, ttl: none, owner: o, purpose: p }]\n";
    const scripts = "scripts: { registry: sha, files: { go: { file: go.lua } } }\n";
    expect(read({ "things.yaml": HEAD + scripts, "go.lua": "return 1" })).toThrow("the registry sha is not declared under keys");
    expect(read({ "things.yaml": HEAD + keys + scripts })).toThrow("go.lua does not exist");
    expect(read({ "things.yaml": HEAD + keys + scripts, "go.lua": "\n" })).toThrow("go.lua: is empty");
  });
});

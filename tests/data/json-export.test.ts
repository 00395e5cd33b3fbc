/** The JSON copy of FluxStudio where its app has no disk: the worker that makes the backups exports it, and a rollback reads it back. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findNewestFiles, readJsonInventory } from "../../backup/json-inventory.ts";
import { parseSigningKey } from "../../backup/signature.ts";
import { openStore } from "../../backup/store/location.ts";
import { addressOf, type Spaces, STORE_KEY, startSpaces } from "../../backup/testing/spaces.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { slipway, startSlipway } from "../../cli/testing/slipway.ts";
import { readManifest } from "../../data/export.ts";
import { importData } from "../../data/import.ts";
import { openSource } from "../../data/source.ts";
import { validateData } from "../../data/validate.ts";
import { fluxstudio as mapping } from "../../systems/data/fluxstudio.ts";
import { type Database, type Server, start } from "../sql/database.ts";
import { generateCorpus, hashOf, writeCorpus } from "./corpus.ts";

const SYSTEM = "fluxstudio";
const folder = mkdtempSync(path.join(tmpdir(), "slipway json export "));
const keys = path.join(folder, "key.txt");
let server: Server;
let spaces: Spaces;
let database: Database;
let variables: Record<string, string>;

beforeAll(async () => {
  [server, spaces] = await Promise.all([start(17), startSpaces(["primary", "offsite"])]);
  database = await server.database(SYSTEM);
  const json = path.join(folder, "json");
  mkdirSync(json);
  writeCorpus(generateCorpus(mapping, 5), json);
  await importFolder(database, json);
  expect((await slipway(["backup", "keys", "--out", keys])).code).toBe(0);
  const written = readFileSync(`${keys}.env`, "utf8").matchAll(/^(SLIPWAY_\w+)=(.*)$/gm);
  variables = {
    ...Object.fromEntries([...written].map(([, name, value]) => [name!, value!])),
    [BACKUP_VARIABLES.store]: addressOf(spaces.url, "primary/prod"),
    [BACKUP_VARIABLES.storeKey]: STORE_KEY,
    [BACKUP_VARIABLES.offsite]: addressOf(spaces.url, "offsite/prod"),
    [BACKUP_VARIABLES.offsiteKey]: STORE_KEY,
    DATABASE_URL: database.url("backup"),
  };
});
afterAll(async () => {
  await server.stop();
  await spaces.close();
  rmSync(folder, { recursive: true, force: true });
});

async function importFolder(into: Database, from: string) {
  const source = await openSource(mapping, { from });
  const rejectedFile = path.join(folder, "rejected.ndjson");
  return await importData({ connection: { url: into.url("owner") }, system: SYSTEM, mapping, source, rejectedFile });
}

async function openRepository() {
  const copies = [await openAt("primary/prod"), await openAt("offsite/prod")] as const;
  return { copies, verifyKeys: [parseSigningKey(variables[BACKUP_VARIABLES.signingKey]!).publicKey] };
}
const openAt = (place: string) => openStore({ url: addressOf(spaces.url, place), key: STORE_KEY });

const run = (...argv: readonly string[]) => startSlipway(argv, variables);
const worker = () => run("backup", "worker", "--system", SYSTEM, "--once", "--json-export");

describe("the JSON copy of FluxStudio without a disk", () => {
  it("is exported by the backup worker to both buckets, encrypted, and once a day [F50]", async () => {
    // It reads everything and may not create a temporary table.
    await expect(database.as("backup", "CREATE TEMP TABLE t (n int)")).rejects.toMatchObject({ code: "42501" });
    const first = await worker();
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /Made fluxstudio\/postgres\/[\s\S]*\nExported fluxstudio\/json-export\/\d{8}T\d{6}Z: \d+ rows in \d+ files, .* in .* s\n {2}complete in s3:\/\/primary\/prod\n {2}complete in s3:\/\/offsite\/prod\n$/,
    );
    const repository = await openRepository();
    const { stored, leftovers, refused } = await readJsonInventory(repository);
    expect([stored.length, leftovers, refused]).toEqual([1, [], []]);
    expect(stored[0]!.copies).toEqual(repository.copies);
    expect(stored[0]!.manifest).toMatchObject({ system: SYSTEM, kind: "json-export", encrypted: true });
    expect(stored[0]!.manifest.files.map((file) => file.path)).toContain("users.json");
    for (const copy of repository.copies)
      for await (const { key } of copy.list(`${SYSTEM}/json-export/`))
        expect((await buffer(await copy.readStream(key))).includes(hashOf(0)), key).toBe(false);
    expect(await worker()).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("is read back from each bucket as a folder, from which an empty database gets equal rows and an equal export [F50]", async () => {
    const places = ["primary", "offsite"].map((bucket) => ["--store", addressOf(spaces.url, `${bucket}/prod`)]);
    for (const [index, place] of places.entries()) {
      const to = path.join(folder, `extracted-${index}`);
      const extracted = await run("backup", "extract", "--system", SYSTEM, "--to", to, "--identity", keys, ...place);
      expect(extracted).toMatchObject({ code: 0, stderr: "" });
      expect(extracted.stdout).toContain(`/json-export/`);
      const other = await server.database(SYSTEM);
      expect((await importFolder(other, to)).outcome).toBe("imported");
      const source = await openSource(mapping, { from: to });
      for (const one of [other, database])
        expect(
          await validateData({
            ...{ connection: { url: one.url("owner") }, system: SYSTEM, mapping, source },
            rejectedFile: path.join(folder, "rejected.ndjson"),
          }),
        ).toMatchObject({ outcome: "passed", accuracy: 100 });
      const again = path.join(folder, `again-${index}`);
      expect((await slipway(["data", "export", "--system", SYSTEM, "--url", other.url("owner"), "--to", again])).code).toBe(0);
      for (const { name } of readManifest(to)!.files)
        expect(readFileSync(path.join(again, name)), name).toEqual(readFileSync(path.join(to, name)));
    }
  });

  it("is shown by status and list, and its age is a problem where it is required [F50]", async () => {
    const status = await run("backup", "status", "--part", "json-export");
    expect(status.stdout).toMatch(
      /^ok {2}fluxstudio\/json-export: 1 export\n {2}newest {5}\d{8}T\d{6}Z, 1 minute old, .*\n {2}copies {5}s3:\/\/primary/,
    );
    expect(status.code).toBe(0);
    const required = ["backup", "status", "--system", SYSTEM, "--part", "json-export"];
    expect((await run(...required)).code).toBe(0);
    expect((await run("backup", "status", "--system", "devx", "--part", "json-export")).stdout).toContain(
      "! there is no export. Make one: slipway data export --system devx",
    );
    expect((await run("backup", "list")).stdout).toMatch(/\nfluxstudio\/json-export\n {2}\d{8}T\d{6}Z +.* +2 copies +\d+ files/);
  });

  it("is exported by hand without --to, for example just before a rollback", async () => {
    const exported = await run("data", "export", "--system", SYSTEM, "--url", database.url("owner"));
    expect(exported).toMatchObject({ code: 0, stderr: "" });
    expect(exported.stdout).toMatch(
      /\nExported \d+ rows in .* to s3:\/\/primary\/prod\/fluxstudio\/json-export\/\w+\/ and s3:\/\/offsite\/.*, encrypted\./,
    );
    expect((await readJsonInventory(await openRepository())).stored).toHaveLength(2);
  });

  it("is not extracted over other files, by another key, or where a byte of it changed, and then nothing is written", async () => {
    const extract = (...more: string[]) => run("backup", "extract", "--system", SYSTEM, ...more);
    const to = path.join(folder, "refused");
    const full = path.join(folder, "extracted-0");
    expect(await extract("--to", full, "--identity", keys)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is no empty folder"),
    });
    const others = path.join(folder, "other.txt");
    await slipway(["backup", "keys", "--out", others]);
    expect(await extract("--to", to, "--identity", others)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("None of the identities"),
    });
    const repository = await openRepository();
    const [copy] = repository.copies;
    const newest = (await findNewestFiles(repository, { system: SYSTEM, kind: "json-export" }))!;
    const prefix = `${SYSTEM}/json-export/${newest.id}/`;
    const file = `${prefix}files/users.json`;
    // A file of another place, which decrypts with the same key.
    await copy.writeStream(file, await copy.readStream(`${prefix}files/teams.json`), { expectedBytes: 1000 });
    expect(await extract("--to", to, "--identity", keys)).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining("users.json of fluxstudio/json-export/") },
    });
    expect((await extract("--to", to, "--identity", keys, "--store", addressOf(spaces.url, "offsite/prod"))).code).toBe(0);
    rmSync(to, { recursive: true });
    const manifest = (await copy.read(`${prefix}manifest.json`))!.body.toString();
    for (const [text, reason] of [
      [manifest.replace(/"bytes": \d+/, '"bytes": 1'), "its signature does not fit its content"],
      ["{}", "it is not a signed file of slipway"],
    ]) {
      for (const one of repository.copies) await one.write(`${prefix}manifest.json`, text!);
      expect(await extract("--to", to, "--identity", keys)).toMatchObject({ code: 1, stderr: expect.stringContaining(reason!) });
    }
    expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
    for (const one of repository.copies) await one.write(`${prefix}manifest.json`, manifest);
  });

  it("fails for bad input before anything is read", async () => {
    for (const [argv, message] of [
      [["extract", "--to", "x"], "Of which system? --system <name>"],
      [["extract", "--system", SYSTEM], "Where to? --to <folder>"],
      [["extract", "--system", SYSTEM, "--to", "x", "--part", "postgres"], "--part takes json-archive or json-export here"],
      [
        ["extract", "20200101T000000Z", "--system", SYSTEM, "--to", path.join(folder, "x")],
        "There is no json-export of fluxstudio of 20200101T000000Z",
      ],
      [["worker", "--system", "devx", "--once", "--json-export"], "devx has no mapping of JSON files in systems/data"],
    ] as const)
      expect(await run("backup", ...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { archiveFiles } from "../../backup/json-archive.ts";
import { extractFiles } from "../../backup/json-extract.ts";
import { findNewestFiles, pruneJsonFiles, readJsonInventory } from "../../backup/json-inventory.ts";
import { readInventory } from "../../backup/repository.ts";
import { policyWith } from "../../backup/retention.ts";
import { generateSigningKey, parseSigningKey } from "../../backup/signature.ts";
import { openStore } from "../../backup/store/location.ts";
import { createTestKeys } from "../../backup/testing/fixture.ts";
import { addressOf, type Spaces, STORE_KEY, startSpaces } from "../../backup/testing/spaces.ts";
import {
  id,
  importFiles,
  MAPPING,
  person,
  startShopServer,
  temporaryFolder,
  validateFiles,
  writeSource,
} from "../../data/testing/fixture.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { openEvidence } from "../phase/evidence.ts";
import { exportToCopies } from "./export-to-copies.ts";
import type { Work } from "./testing/process.ts";

const SET = { system: "shop", kind: "json-export" } as const;
const FILES = {
  "people.json": [person(1), person(2, { profile: { a: [1.1] }, balance: 12.5, seen: "2026-01-31T09:30:00.123456+02:00" })],
  "teams.json": [{ id: id(10), name: "One", members: [{ person: id(2) }, { person: id(1), role: "admin" }] }],
  "messages.json": [{ id: 9, body: "\t\\N\n" }],
};
const HOURS = 3_600_000;

const { createShop } = startShopServer();
let spaces: Spaces;
beforeAll(async () => {
  spaces = await startSpaces(["primary", "offsite"]);
});
afterAll(() => spaces.close());

let prefixes = 0;
/** In two buckets, below a prefix of its own. */
async function openCopies() {
  const prefix = `run-${++prefixes}`;
  const addresses = [addressOf(spaces.url, `primary/${prefix}`), addressOf(spaces.url, `offsite/${prefix}`)] as const;
  const [one, two] = await Promise.all(addresses.map((url) => openStore({ url, key: STORE_KEY })));
  const text = generateSigningKey().signingKey;
  const signingKey = parseSigningKey(text);
  const { identity, recipient } = await createTestKeys();
  const repository = { copies: [one!, two!] as const, verifyKeys: [signingKey.publicKey] };
  const work = { copies: addresses, storeKey: STORE_KEY, recipient, signingKey: text };
  return { repository, work, identity, signingKey, recipients: [recipient] };
}

async function createFilled(): Promise<Connection> {
  const connection = await createShop();
  await importFiles(connection, FILES);
  return connection;
}

const program = fileURLToPath(new URL("testing/process.ts", import.meta.url));
const runProcess = (work: Work) =>
  new Promise<{ readonly signal: string | null; readonly output: string }>((resolve) =>
    execFile(process.execPath, [program, JSON.stringify(work)], (error, stdout, stderr) =>
      resolve({ signal: (error as { signal?: string } | null)?.signal ?? null, output: `${stdout}${stderr}` }),
    ),
  );

describe("an export to the copies of the backups", () => {
  it("that is killed before any of its writes leaves only exports that are whole, and the next run removes what it left [F50]", async () => {
    const connection = await createFilled();
    const { url } = connection;
    const { work, repository, identity } = await openCopies();
    const scratch = () => readdirSync(tmpdir()).filter((name) => name.startsWith("slipway-json-export-"));
    const before = scratch();
    const writes = Number((await runProcess({ ...work, url, killAt: 0 })).output);
    expect(writes).toBeGreaterThan(12);
    for (let killAt = 1; killAt <= writes; killAt++) {
      const own = await openCopies();
      expect((await runProcess({ ...own.work, url, killAt })).signal).toBe("SIGKILL");
      const { stored, refused } = await readJsonInventory(own.repository);
      expect(refused).toEqual([]);
      // Only the release of the lease, and the manifest of the second copy, come after the first manifest.
      expect(stored.length, `killed before write ${killAt} of ${writes}`).toBe(killAt >= writes - 1 ? 1 : 0);
      for (const copy of stored.flatMap(({ copies }) => copies)) {
        const to = path.join(temporaryFolder(), "json");
        await extractFiles({ stored: stored[0]!, copy, identities: [own.identity], to });
        expect((await validateFiles(connection, to)).outcome).toBe("passed");
      }
      expect((await findNewestFiles(own.repository, SET)) === undefined).toBe(killAt < writes);
      if (killAt !== writes - 4) continue;
      expect((await readJsonInventory(own.repository)).leftovers.length).toBeGreaterThan(0);
      const policy = policyWith({ daily: 1 });
      await pruneJsonFiles({ repository: own.repository, set: SET, policy });
      expect((await readJsonInventory(own.repository)).leftovers.length).toBeGreaterThan(0);
      await pruneJsonFiles({ repository: own.repository, set: SET, policy, now: new Date(Date.now() + 49 * HOURS) });
      expect((await readJsonInventory(own.repository)).leftovers).toEqual([]);
    }
    expect((await runProcess({ ...work, url, killAt: 0 })).signal).toBeNull();
    const { stored } = await readJsonInventory(repository);
    await extractFiles({
      stored: stored[0]!,
      copy: repository.copies[1],
      identities: [identity],
      to: path.join(temporaryFolder(), "json"),
    });
    // Unencrypted files of killed runs are removed as well.
    expect(scratch()).toEqual(before);
  });

  it("that is older than the retention is removed from both copies, and a gap in the days removes none [F50]", async () => {
    const { repository, signingKey, recipients } = await openCopies();
    const { copies } = repository;
    const from = writeSource(FILES);
    const days = [20, 21, 22, 23, 23.5, 29];
    for (const day of days)
      await archiveFiles({ ...SET, from, copies, recipients, signingKey, at: new Date(Date.UTC(2026, 10, 1) + day * 24 * HOURS) });
    await archiveFiles({ system: "shop", from, copies, recipients, signingKey, at: new Date(Date.UTC(2026, 0, 1)) });
    const policy = { ...policyWith({ daily: 3, weekly: 0, monthly: 0, yearly: 0 }) };
    const now = new Date(Date.UTC(2026, 11, 20));
    const removed = await pruneJsonFiles({ repository, set: SET, policy, now });
    expect(removed.map((one) => one.id)).toEqual(["20261124T000000Z", "20261122T000000Z", "20261121T000000Z"]);
    expect(await pruneJsonFiles({ repository, set: SET, policy, now })).toEqual([]);
    const { stored } = await readJsonInventory(repository);
    expect(stored.map(({ kind, id: time, copies: { length } }) => `${kind} ${time} ${length}`)).toEqual([
      "json-archive 20260101T000000Z 2",
      "json-export 20261123T000000Z 2",
      "json-export 20261124T120000Z 2",
      "json-export 20261130T000000Z 2",
    ]);
    for (const copy of copies) for await (const { key } of copy.list("shop/json-export/2026112")) expect(key).not.toMatch(/2026112[12]T/);
  });

  it("is made once by two runs that want the same one, and is no backup", async () => {
    const connection = await createFilled();
    const { repository, signingKey, recipients } = await openCopies();
    const options = { system: "shop", mapping: MAPPING, connection, repository, signingKey, recipients };
    const isWanted = async () => (await findNewestFiles(repository, SET)) === undefined;
    const runs = await Promise.allSettled([1, 2].map(() => exportToCopies({ ...options, isWanted })));
    for (const run of runs) if (run.status === "rejected") expect(run.reason).toMatchObject({ exit: 75 });
    expect(await exportToCopies({ ...options, isWanted })).toBeUndefined();
    expect((await readJsonInventory(repository)).stored).toHaveLength(1);
    expect(await readInventory(repository)).toEqual({ backups: [], leftovers: [], refused: [], foreign: [] });
  });

  it("that was moved from another place, or lacks a file in a copy, does not count there", async () => {
    const { repository, signingKey, recipients } = await openCopies();
    const { copies } = repository;
    await archiveFiles({ system: "shop", from: writeSource(FILES), copies, recipients, signingKey, at: new Date(Date.UTC(2026, 10, 1)) });
    const [one, two] = copies;
    for await (const { key } of one.list("shop/json-archive/"))
      await one.writeStream(key.replace("json-archive", "json-export"), await one.readStream(key), { expectedBytes: 1000 });
    await two.remove("shop/json-archive/20261101T000000Z/files/teams.json");
    const { stored, refused } = await readJsonInventory(repository);
    expect(stored.map((found) => [found.kind, found.copies])).toEqual([["json-archive", [one]]]);
    expect(refused.map(({ copy, reason }) => [copy, reason])).toEqual([
      [two, "a file of the manifest is missing"],
      [one, "it belongs to shop/json-archive/20261101T000000Z/"],
    ]);
  });
});

describe("the gate of an export", () => {
  it("counts those that the worker stored where an app has no disk, and only records of commands where it has one [F50]", async () => {
    const state = mkdtempSync(path.join(tmpdir(), "slipway gate "));
    const { openEnvironment } = await import("../backup/environment.ts");
    const home = { state, cache: state } as never;
    const { repository, recipients, signingKey } = await openEnvironment({}, home);
    const at = new Date(Date.UTC(2026, 10, 2));
    await archiveFiles({
      ...SET,
      from: writeSource(FILES),
      copies: repository.copies,
      recipients: recipients(),
      signingKey: signingKey(),
      at,
    });
    const evidence = (environment: "prod" | "local") =>
      openEvidence({ system: { name: "shop" } as never, account: {} as never, stack: "prod", home, environment });
    expect(await evidence("prod").exports()).toEqual([{ at: at.toISOString() }]);
    expect(await evidence("local").exports()).toEqual([]);
    rmSync(state, { recursive: true });
  });
});

/** When a change needs another backup. */
import { Readable } from "node:stream";
import { afterAll, expect, it } from "vitest";
import type { Source } from "./create.ts";
import { type EnsureOptions, ensureBackup } from "./ensure.ts";
import { findShortcoming } from "./recent.ts";
import { type Backup, readInventory } from "./repository.ts";
import { createRepository, createTestKeys, removeFolders, SET, type TestRepository, TOOL } from "./testing/fixture.ts";

afterAll(removeFolders);

/** A store whose only file says nothing. */
function sourceOf(origin: string | undefined): Source {
  return {
    ...{ compression: "zstd", archive: Readable.from([Buffer.from("rows")]), origin, expectedBytes: 4 },
    contents: Promise.resolve({ valkey: { server: "valkey 8.1.1", databases: [], functions: [] } }),
    close: async () => {},
  };
}

const optionsFor = (repository: TestRepository, origin: string | undefined, changes: Partial<EnsureOptions> = {}): EnsureOptions => ({
  ...{ repository, set: SET, recipients: [repository.recipient], signingKey: repository.signingKey, tool: TOOL, maxAgeHours: 1 },
  inspect: async () => ({ isEmpty: false, origin }),
  openSource: async () => sourceOf(origin),
  ...changes,
});

it("makes another backup for another recipient, which could not decrypt the recent one", async () => {
  const repository = await createRepository();
  const [first, second] = [repository.recipient, (await createTestKeys()).recipient];
  const ensureFor = async (recipients: readonly string[]) => (await ensureBackup(optionsFor(repository, "a", { recipients }))).outcome;

  expect(await ensureFor([first])).toBe("made");
  expect(await ensureFor([first])).toBe("recent");
  expect(await ensureFor([first, second])).toBe("made");
  // A former recipient can read more than it has to.
  expect(await ensureFor([second])).toBe("recent");
});

it("makes another backup for another server, such as a fork, and where the server does not say which it is none", async () => {
  const repository = await createRepository();
  const ensureFor = async (origin: string | undefined) => (await ensureBackup(optionsFor(repository, origin))).outcome;

  expect([await ensureFor("7714/1/16384"), await ensureFor("7714/1/16384")]).toEqual(["made", "recent"]);
  expect([await ensureFor("7714/2/16384"), await ensureFor(undefined)]).toEqual(["made", "recent"]);
  expect(await ensureFor("7714/1/16384")).toBe("recent");
});

it("uses a backup that a former signing key signed only where its verify key is trusted", async () => {
  const repository = await createRepository();
  const { signingKey } = await createTestKeys();
  const ensureWith = async (verifyKeys: TestRepository["verifyKeys"]) =>
    (await ensureBackup(optionsFor({ ...repository, verifyKeys }, "a", { signingKey }))).outcome;

  expect((await ensureBackup(optionsFor(repository, "a"))).outcome).toBe("made");
  expect(await ensureWith([signingKey.publicKey, ...repository.verifyKeys])).toBe("recent");
  expect(await ensureWith([signingKey.publicKey])).toBe("made");
});

it("names what a backup lacks that cannot be relied on", async () => {
  const repository = await createRepository(2);
  await ensureBackup(optionsFor(repository, "a"));
  const backup = (await readInventory(repository)).backups[0]!;
  const needed = { maxAgeHours: 24, copies: 2, recipients: [repository.recipient], origin: "a" };
  const started = (hoursAgo: number): Backup => ({
    ...backup,
    manifest: { ...backup.manifest, startedAt: new Date(Date.now() - hoursAgo * 3_600_000).toISOString() },
  });
  const shortcomings = [
    findShortcoming(backup, needed),
    findShortcoming(backup, { maxAgeHours: 24, copies: 1 }),
    findShortcoming({ ...backup, records: [] }, needed),
    findShortcoming(started(-1), needed),
    findShortcoming(started(23.9), needed),
    findShortcoming(started(25), needed),
    findShortcoming({ ...backup, copies: backup.copies.slice(1) }, needed),
    findShortcoming(backup, { ...needed, recipients: ["age1another"] }),
    findShortcoming(backup, { ...needed, origin: "b" }),
  ];
  expect(shortcomings).toEqual([
    undefined,
    undefined,
    "was not verified",
    "begins in the future",
    undefined,
    "is 25 hours old",
    "lacks a copy",
    "cannot be decrypted by each recipient",
    "is of another server",
  ]);
});

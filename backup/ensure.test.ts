/** Which backup is enough before something changes the data. */
import { Readable } from "node:stream";
import { afterAll, expect, it } from "vitest";
import { type EnsureOptions, ensureBackup } from "./ensure.ts";
import { createRepository, createTestKeys, removeFolders, SET, TOOL } from "./testing/fixture.ts";

afterAll(removeFolders);

it("makes another backup where the recent one cannot be decrypted with each of the recipients' keys", async () => {
  const repository = await createRepository();
  const [first, second] = [repository.recipient, (await createTestKeys()).recipient];
  const ensureFor = async (recipients: readonly string[]) => {
    const options: EnsureOptions = {
      ...{ repository, set: SET, recipients, signingKey: repository.signingKey, tool: TOOL, maxAgeHours: 1 },
      isEmpty: async () => false,
      openSource: async () => ({
        compression: "zstd",
        archive: Readable.from([Buffer.from("rows")]),
        expectedBytes: 4,
        contents: Promise.resolve({ valkey: { server: "valkey 8.1.1", databases: [], functions: [] } }),
        close: async () => {},
      }),
    };
    return (await ensureBackup(options)).outcome;
  };

  expect(await ensureFor([first])).toBe("made");
  expect(await ensureFor([first])).toBe("recent");
  expect(await ensureFor([first, second])).toBe("made");
  // A former recipient can read more than it has to.
  expect(await ensureFor([second])).toBe("recent");
});

import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { keyOf } from "./names.ts";
import { readArchive } from "./read.ts";
import { type Backup, readInventory } from "./repository.ts";
import { signContent } from "./signature.ts";
import { openFolder } from "./store/folder.ts";
import {
  backUp,
  createRepository,
  createTestKeys,
  removeFolders,
  SET,
  type TestRepository,
  TOOL,
  temporaryFolder,
} from "./testing/fixture.ts";
import { verifyBackup } from "./verify.ts";

/** Two backups of one database, of a size that takes several chunks of age. */
let server: TestServer;
let original: TestRepository;
let ids: readonly [string, string];

beforeAll(async () => {
  server = await startServer();
  const connection = await server.database("shop");
  await server.sql(
    "CREATE TABLE items (id serial PRIMARY KEY, text text); INSERT INTO items (text) SELECT md5(n::text) || md5((n * 7)::text) FROM generate_series(1, 20000) n",
    "shop",
  );
  original = await createRepository();
  const first = (await backUp(original, connection)).manifest.id;
  await server.sql("INSERT INTO items (text) VALUES ('later')", "shop");
  ids = [first, (await backUp(original, connection)).manifest.id];
});
afterAll(async () => {
  await server.stop();
  removeFolders();
});

interface Subject {
  readonly repository: TestRepository;
  readonly folder: string;
  path(id: string, kind: "data" | "manifest.json"): string;
}

function copyOf(): Subject {
  const folder = temporaryFolder();
  cpSync(original.folders[0]!, folder, { recursive: true });
  return {
    folder,
    repository: { ...original, folders: [folder], copies: [openFolder(folder)] },
    path: (id, kind) => join(folder, keyOf(SET, id, kind)),
  };
}

/** What an operator gets: damage in the list, or by reading every byte. */
async function findDamage({ repository }: Subject, id: string): Promise<string | undefined> {
  const { backups, refused } = await readInventory(repository);
  const listed = refused.find(({ key }) => key.includes(id));
  if (listed) return listed.reason;
  const backup = backups.find((one) => one.id === id);
  if (!backup) return "not listed";
  const withKey = await verifyBackup({ repository, backup, identities: [repository.identity], tool: TOOL });
  const without = await verifyBackup({ repository, backup, tool: TOOL });
  // Without the key the same damage is found, by the hash of the stored bytes.
  expect(without.copies[0]!.problem === undefined).toBe(withKey.copies[0]!.problem === undefined);
  return withKey.copies[0]!.problem;
}

const flipBit = (file: string, at: number) => {
  const bytes = readFileSync(file);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = bytes[index]! ^ 1;
  writeFileSync(file, bytes);
};
const edit = (file: string, change: (text: string) => string) => {
  const before = readFileSync(file, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
};
type Envelope = { content: Record<string, unknown> & { data: Record<string, unknown> }; signature: Record<string, unknown> };
const change = (file: string, work: (envelope: Envelope) => void) =>
  edit(file, (text) => {
    const envelope = JSON.parse(text) as Envelope;
    work(envelope);
    return JSON.stringify(envelope);
  });

/** age's header ends here; then come a nonce of 16 bytes and chunks of 64 KiB with 16 bytes more. */
const headerEnd = (file: string) => readFileSync(file).indexOf("\n", readFileSync(file).indexOf("\n---")) + 1;
const CHUNK = 64 * 1024 + 16;

const DAMAGES: Readonly<Record<string, (subject: Subject, id: string, other: string) => void | Promise<void>>> = {
  "data cut to nothing": ({ path }, id) => truncateSync(path(id, "data"), 0),
  "data without its last byte": ({ path }, id) => truncateSync(path(id, "data"), readFileSync(path(id, "data")).length - 1),
  "data cut in its header": ({ path }, id) => truncateSync(path(id, "data"), 40),
  "data cut at the border of a chunk": ({ path }, id) => truncateSync(path(id, "data"), headerEnd(path(id, "data")) + 16 + CHUNK),
  "data with a byte more": ({ path }, id) => writeFileSync(path(id, "data"), Buffer.concat([readFileSync(path(id, "data")), Buffer.of(0)])),
  "data doubled": ({ path }, id) =>
    writeFileSync(path(id, "data"), Buffer.concat([readFileSync(path(id, "data")), readFileSync(path(id, "data"))])),
  "a flipped bit in the first byte": ({ path }, id) => flipBit(path(id, "data"), 0),
  "a flipped bit in the recipient": ({ path }, id) => flipBit(path(id, "data"), 40),
  "a flipped bit in the nonce": ({ path }, id) => flipBit(path(id, "data"), headerEnd(path(id, "data")) + 3),
  "a flipped bit in the first chunk": ({ path }, id) => flipBit(path(id, "data"), headerEnd(path(id, "data")) + 100),
  "a flipped bit in the middle": ({ path }, id) => flipBit(path(id, "data"), Math.floor(readFileSync(path(id, "data")).length / 2)),
  "a flipped bit in the last byte": ({ path }, id) => flipBit(path(id, "data"), -1),
  "two chunks swapped": ({ path }, id) => {
    const bytes = readFileSync(path(id, "data"));
    const start = headerEnd(path(id, "data")) + 16;
    const [one, two] = [Buffer.from(bytes.subarray(start, start + CHUNK)), Buffer.from(bytes.subarray(start + CHUNK, start + 2 * CHUNK))];
    bytes.set(two, start);
    bytes.set(one, start + CHUNK);
    writeFileSync(path(id, "data"), bytes);
  },
  "data of zeros": ({ path }, id) => writeFileSync(path(id, "data"), Buffer.alloc(readFileSync(path(id, "data")).length)),
  "data removed": ({ path }, id) => rmSync(path(id, "data")),
  "data of another backup": ({ path }, id, other) => cpSync(path(other, "data"), path(id, "data")),
  "data and manifest of another backup": ({ path }, id, other) => {
    cpSync(path(other, "data"), path(id, "data"));
    cpSync(path(other, "manifest.json"), path(id, "manifest.json"));
  },
  "the manifest of another backup": ({ path }, id, other) => cpSync(path(other, "manifest.json"), path(id, "manifest.json")),
  "the manifest removed": ({ path }, id) => rmSync(path(id, "manifest.json")),
  "an empty manifest": ({ path }, id) => writeFileSync(path(id, "manifest.json"), ""),
  "a manifest that is no JSON": ({ path }, id) => writeFileSync(path(id, "manifest.json"), "{"),
  "a manifest cut in half": ({ path }, id) => truncateSync(path(id, "manifest.json"), 200),
  "another number of rows": ({ path }, id) => edit(path(id, "manifest.json"), (text) => text.replace('"rows": 20', '"rows": 30')),
  "another hash of the data": ({ path }, id) =>
    change(path(id, "manifest.json"), ({ content }) => Object.assign(content.data, { sha256: "0".repeat(64) })),
  "a later time": ({ path }, id) =>
    change(path(id, "manifest.json"), ({ content }) => Object.assign(content, { startedAt: "2030-01-01T00:00:00.000Z" })),
  "a manifest without its signature": ({ path }, id) =>
    change(path(id, "manifest.json"), ({ signature }) => Object.assign(signature, { value: "" })),
  "a manifest without the envelope": ({ path }, id) =>
    edit(path(id, "manifest.json"), (text) => JSON.stringify((JSON.parse(text) as Envelope).content)),
  "a manifest signed with another key": async ({ path }, id) => {
    const { signingKey } = await createTestKeys();
    edit(path(id, "manifest.json"), (text) => signContent((JSON.parse(text) as Envelope).content, signingKey));
  },
  "a manifest signed with another key that names ours": async ({ path }, id) => {
    const { signingKey } = await createTestKeys();
    edit(path(id, "manifest.json"), (text) => {
      const { content, signature } = JSON.parse(text) as Envelope;
      const forged = JSON.parse(signContent(content, signingKey)) as Envelope;
      return JSON.stringify({ content, signature: { ...forged.signature, key: signature.key } });
    });
  },
  "an older format": ({ path, repository }, id) =>
    edit(path(id, "manifest.json"), (text) => signContent({ ...(JSON.parse(text) as Envelope).content, format: 0 }, repository.signingKey)),
  "no encryption": ({ path, repository }, id) =>
    edit(path(id, "manifest.json"), (text) => {
      const { content } = JSON.parse(text) as Envelope;
      return signContent({ ...content, data: { ...content.data, encryption: "none" } }, repository.signingKey);
    }),
  "a backup of another system in its place": ({ path, repository }, id) =>
    edit(path(id, "manifest.json"), (text) =>
      signContent({ ...(JSON.parse(text) as Envelope).content, system: "other" }, repository.signingKey),
    ),
  "another id": ({ folder }, id) =>
    renameSync(join(folder, "shop/postgres", id), join(folder, "shop/postgres", `20200101T000000Z-${id.slice(-8)}`)),
};

describe("a damaged backup", () => {
  it.each(Object.keys(DAMAGES))("with %s is refused, and its neighbour is not", async (name) => {
    for (const [id, other] of [ids, [ids[1], ids[0]] as const]) {
      const subject = copyOf();
      await DAMAGES[name]!(subject, id, other);
      expect(await findDamage(subject, id)).toBeTypeOf("string");
      expect(await findDamage(subject, other)).toBeUndefined();
      rmSync(subject.folder, { recursive: true });
    }
  });

  it("is never taken for a whole one by what reads it", async () => {
    const subject = copyOf();
    const { backups } = await readInventory(subject.repository);
    const backup = backups[0] as Backup;
    flipBit(subject.path(backup.id, "data"), -1);
    const read = async () => {
      for await (const _ of await readArchive(subject.repository.copies[0], backup.manifest, [original.identity]));
    };
    await expect(read()).rejects.toThrow(/is damaged|not the one/);
  });

  it("is not found where nothing is damaged, and foreign objects and leftovers are no backups", async () => {
    const subject = copyOf();
    writeFileSync(join(subject.folder, "readme.txt"), "hello");
    cpSync(join(subject.folder, "shop/postgres", ids[0], "data"), join(subject.folder, "shop/postgres/20260101T000000Z-00000000/data"), {
      recursive: true,
    });
    const { backups, refused, leftovers, foreign } = await readInventory(subject.repository);
    expect(backups.map(({ id }) => id)).toEqual([...ids]);
    expect(refused).toEqual([]);
    expect(leftovers.map(({ key }) => key)).toEqual(["shop/postgres/20260101T000000Z-00000000/data"]);
    expect(foreign.map(({ key }) => key)).toEqual(["readme.txt"]);
    for (const id of ids) expect(await findDamage(subject, id)).toBeUndefined();
    expect(readdirSync(subject.folder).length).toBeGreaterThan(0);
  });

  it("is named by the copy that has it, where another copy is whole", async () => {
    const [one, two] = [copyOf(), copyOf()];
    flipBit(two.path(ids[0], "data"), 500);
    const repository = { ...one.repository, copies: [one.repository.copies[0], two.repository.copies[0]] as const };
    const { backups } = await readInventory(repository);
    const { copies } = await verifyBackup({ repository, backup: backups[0]!, tool: TOOL });
    expect(copies.map(({ copy, problem }) => [copy, problem === undefined])).toEqual([
      [one.folder, true],
      [two.folder, false],
    ]);
  });
});

import { spawnSync } from "node:child_process";
import { createCipheriv, hkdfSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Decrypter, Encrypter } from "age-encryption";
import { afterAll, describe, expect, it } from "vitest";
import { findOnPath } from "../local/servers/packages/binaries.ts";
import { createEncryption, decrypt, generateIdentity, identityToRecipient } from "./encryption.ts";
import { connectStreams } from "./streams.ts";
import { removeFolders, temporaryFolder } from "./testing/fixture.ts";

afterAll(removeFolders);

const CHUNK = 64 * 1024;
const SEALED = CHUNK + 16;
const NONCE = 16;
/** Around the ends of chunks, where an error of one byte would show. */
const SIZES = [0, 1, 2, 3, 17]
  .flatMap((chunks) => [-17, -16, -1, 0, 1, 15, 16, 17].map((more) => chunks * CHUNK + more))
  .filter((size) => size >= 0);

const identity = await generateIdentity();
const recipient = await identityToRecipient(identity);

/** In pieces of changing sizes, as they come from a network. */
function toPieces(data: Uint8Array): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0, piece = 1; at < data.length; at += piece, piece = (piece * 7 + 13) % 200_003)
    pieces.push(Buffer.from(data.subarray(at, at + piece)));
  return Readable.from(pieces, { objectMode: false });
}

const encryptAll = async (plain: Uint8Array, recipients = [recipient]): Promise<Buffer> =>
  await buffer(connectStreams(toPieces(plain), await createEncryption(recipients)));
const decryptAll = async (encrypted: Uint8Array): Promise<Buffer> => await buffer(await decrypt(toPieces(encrypted), [identity]));

async function encryptWithLibrary(plain: Uint8Array): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return await encrypter.encrypt(plain);
}

async function decryptWithLibrary(encrypted: Uint8Array, secretKey = identity): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(secretKey);
  return await decrypter.decrypt(encrypted);
}

describe("encryption", () => {
  it.each(SIZES)("writes what the age library reads, and reads what it writes: %i bytes", async (size) => {
    const plain = randomBytes(size);
    expect(plain.equals(await decryptWithLibrary(await encryptAll(plain)))).toBe(true);
    expect(plain.equals(await decryptAll(await encryptWithLibrary(plain)))).toBe(true);
  });

  it("makes a file as long as that of the age library, for each recipient and no other", async () => {
    const other = await generateIdentity();
    const recipients = [recipient, await identityToRecipient(other)];
    const encrypted = await encryptAll(Buffer.from("one text"), recipients);
    for (const secretKey of [identity, other])
      expect(Buffer.from(await decryptWithLibrary(encrypted, secretKey)).toString()).toBe("one text");
    expect(encrypted.toString("latin1").match(/^-> X25519 /gm)).toHaveLength(2);
    expect((await encryptAll(Buffer.from("one text"))).length).toBe((await encryptWithLibrary(Buffer.from("one text"))).length);
  });

  it("uses a new key and nonce for each file", async () => {
    const [one, other] = [await encryptAll(Buffer.alloc(CHUNK)), await encryptAll(Buffer.alloc(CHUNK))];
    expect(one.subarray(-CHUNK).equals(other.subarray(-CHUNK))).toBe(false);
  });

  it.skipIf(findOnPath(["age"]) === undefined)("is compatible with the age program in both directions", async () => {
    const folder = temporaryFolder();
    const [keyFile, file] = [join(folder, "key.txt"), join(folder, "data.age")];
    writeFileSync(keyFile, `${identity}\n`, { mode: 0o600 });
    for (const size of SIZES) {
      const plain = randomBytes(size);
      writeFileSync(file, await encryptAll(plain));
      const read = spawnSync("age", ["-d", "-i", keyFile, file], { maxBuffer: 2 ** 24 });
      expect({ size, status: read.status, isEqual: plain.equals(read.stdout) }).toEqual({ size, status: 0, isEqual: true });
      const written = spawnSync("age", ["-r", recipient], { input: plain, maxBuffer: 2 ** 24 });
      expect({ size, isEqual: plain.equals(await decryptAll(written.stdout)) }).toEqual({ size, isEqual: true });
    }
  });
});

describe("decryption refuses a payload that was changed", () => {
  const plain = randomBytes(3 * CHUNK);
  const headerLength = (file: Uint8Array) => file.length - NONCE - 3 * SEALED;
  const parts = async () => {
    const file = Buffer.from(await encryptWithLibrary(plain));
    const start = headerLength(file) + NONCE;
    const chunkAt = (index: number) => file.subarray(start + index * SEALED, start + (index + 1) * SEALED);
    return { file, start, head: file.subarray(0, start), chunks: [chunkAt(0), chunkAt(1), chunkAt(2)] as const };
  };
  const changes: readonly [string, (of: Awaited<ReturnType<typeof parts>>) => Buffer, RegExp][] = [
    [
      "cut at the end of a chunk",
      ({ head, chunks: [one, two] }) => Buffer.concat([head, one, two]),
      /chunk 2 was changed, or the rest is missing/,
    ],
    ["cut after the first chunk", ({ head, chunks: [one] }) => Buffer.concat([head, one]), /chunk 1 was changed/],
    ["cut inside a chunk", ({ file }) => file.subarray(0, -1000), /chunk 3 was changed/],
    ["cut by one byte", ({ file }) => file.subarray(0, -1), /chunk 3 was changed/],
    ["cut inside a tag", ({ file }) => file.subarray(0, 10 - SEALED), /the middle of a chunk/],
    ["cut to its nonce", ({ head }) => head, /the middle of a chunk/],
    ["cut inside its nonce", ({ head }) => head.subarray(0, -1), /before its first chunk/],
    ["cut to its header", ({ head }) => head.subarray(0, -NONCE), /before its first chunk/],
    ["extended by a byte", ({ file }) => Buffer.concat([file, Buffer.alloc(1)]), /chunk 3 was changed/],
    ["extended by a chunk", ({ file, chunks: [one] }) => Buffer.concat([file, one]), /chunk 3 was changed/],
    ["reordered", ({ head, chunks: [one, two, three] }) => Buffer.concat([head, two, one, three]), /chunk 1 was changed/],
    ["without its first chunk", ({ head, chunks: [, two, three] }) => Buffer.concat([head, two, three]), /chunk 1 was changed/],
    ["with a chunk twice", ({ head, chunks: [one, two, three] }) => Buffer.concat([head, one, one, two, three]), /chunk 2 was changed/],
  ];
  it.each(changes)("%s", async (_, change, message) => {
    const of = await parts();
    await expect(decryptAll(change(of))).rejects.toThrow(message);
    await expect(decryptWithLibrary(change(of))).rejects.toThrow();
  });

  it("in any of 300 random bits", async () => {
    const { file, start } = await parts();
    for (let at = start; at < file.length; at += Math.ceil((file.length - start) / 300)) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      await expect(decryptAll(changed)).rejects.toThrow(/chunk \d was changed/);
    }
  });

  it("with an empty last chunk after a full one, which age forbids", async () => {
    let fileKey = new Uint8Array();
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    encrypter.addRecipient({
      wrapFileKey(key) {
        fileKey = key.slice();
        return [];
      },
    });
    const header = Buffer.from(await encrypter.encrypt("")).subarray(0, -NONCE - 16);
    const nonce = randomBytes(NONCE);
    const key = Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));
    const seal = (chunk: Buffer, counter: number, isLast: boolean) => {
      const cipher = createCipheriv("chacha20-poly1305", key, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, counter, isLast ? 1 : 0]), {
        authTagLength: 16,
      });
      return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
    };
    const file = Buffer.concat([header, nonce, seal(randomBytes(CHUNK), 0, false), seal(Buffer.alloc(0), 1, true)]);
    await expect(decryptAll(file)).rejects.toThrow(/last chunk is empty/);
    await expect(decryptWithLibrary(file)).rejects.toThrow(/empty/);
  });
});

describe("decryption refuses a header", () => {
  it("of a file that is no age file, is empty, or ends inside its header", async () => {
    const file = await encryptWithLibrary(Buffer.from("text"));
    for (const data of [Buffer.from("text"), Buffer.alloc(0), Buffer.alloc(3 * 2 ** 20, "a\n"), file.subarray(0, 60)])
      await expect(decryptAll(data)).rejects.toMatchObject({ code: "damaged" });
  });

  it("whose MAC was changed", async () => {
    const file = Buffer.from(await encryptWithLibrary(Buffer.from("text")));
    const at = file.indexOf("\n--- ") + 5;
    file[at] = file[at] === 65 ? 66 : 65;
    await expect(decryptAll(file)).rejects.toMatchObject({ code: "damaged" });
  });

  it("for other recipients", async () => {
    const file = await encryptWithLibrary(Buffer.from("text"));
    await expect(decrypt(toPieces(file), [await generateIdentity()])).rejects.toMatchObject({ code: "wrong-identity" });
  });
});

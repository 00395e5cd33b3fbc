/** Encrypts for age recipients. The machine that makes a backup has no key that can read it. */
import type { Readable, Transform } from "node:stream";
import { AGE_RECIPIENT, AGE_SECRET_KEY } from "../catalog/backup-keys.ts";
import { Failure } from "../postdeploy/connect/failure.ts";
import { createPayloadOpener, createPayloadSealer, EMPTY_PAYLOAD_BYTES } from "./age-payload.ts";
import { connectStreams } from "./streams.ts";

// Loaded only where a key is used, because it takes 35 ms: a backup loads it while pg_dump starts.
const loadAge = () => import("age-encryption");

export const generateIdentity = async (): Promise<string> => await (await loadAge()).generateIdentity();
export const identityToRecipient = async (identity: string): Promise<string> => await (await loadAge()).identityToRecipient(identity);

const IDENTITY = /^AGE-SECRET-KEY-[A-Z0-9-]+$/;

/** @param text recipients, with spaces, commas or lines between them */
export function parseRecipients(text: string): string[] {
  const recipients = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  for (const recipient of recipients) {
    if (AGE_SECRET_KEY.test(recipient))
      throw new Failure(
        "secret-recipient",
        2,
        'One of the recipients is a secret key, which must not be on the machine that makes backups. Use the recipient that belongs to it: it begins with age1, and is in the file of the secret key as "public key".',
      );
    if (!AGE_RECIPIENT.test(recipient))
      throw new Failure(
        "bad-recipient",
        2,
        `"${recipient.slice(0, 20)}" is not an age recipient: those begin with age1. Correct it, or create keys: slipway backup keys --out backup-key.txt`,
      );
  }
  if (recipients.length === 0)
    throw new Failure(
      "no-recipient",
      2,
      "There is no age recipient to encrypt for. Set SLIPWAY_BACKUP_RECIPIENTS or --recipient, or create keys: slipway backup keys --out backup-key.txt",
    );
  return recipients;
}

/** @param text of an identity file: lines, with comments */
export function parseIdentities(text: string): string[] {
  const identities = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (identities.length === 0 || !identities.every((line) => IDENTITY.test(line)))
    throw new Failure(
      "bad-identity",
      2,
      "The identity file must contain age secret keys only, one a line, which begin with AGE-SECRET-KEY-. Use the file that `slipway backup keys` wrote.",
    );
  return identities;
}

export async function createEncryption(recipients: readonly string[]): Promise<Transform> {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new Failure("bad-recipient", 2, `${recipient} is not a valid age recipient: ${(error as Error).message}.`, { cause: error });
    }
  }
  let fileKey = new Uint8Array();
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = key.slice();
      // It is no recipient of the file.
      return [];
    },
  });
  const empty = await encrypter.encrypt("");
  return createPayloadSealer(empty.subarray(0, -EMPTY_PAYLOAD_BYTES), fileKey);
}

export async function decrypt(encrypted: Readable, identities: readonly string[]): Promise<Readable> {
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch (error) {
      throw new Failure("bad-identity", 2, "The identity is not a valid age secret key. Use the file that `slipway backup keys` wrote.", {
        cause: error,
      });
    }
  }
  // It can fail while the header is decrypted, when no other stream is connected yet.
  encrypted.on("error", () => {});
  try {
    const { header, rest } = await readHeader(encrypted);
    const opener = createPayloadOpener(await decrypter.decryptHeader(header), rest);
    if (encrypted.errored) throw encrypted.errored;
    return connectStreams(encrypted, opener);
  } catch (error) {
    encrypted.destroy();
    const isOther = /no identity matched/.test((error as Error).message);
    throw isOther
      ? new Failure(
          "wrong-identity",
          1,
          "None of the identities can decrypt this backup: it was encrypted for other recipients. Its manifest names them: slipway backup list --json",
          {
            cause: error,
          },
        )
      : new Failure("damaged", 1, `The data cannot be decrypted: ${(error as Error).message}.`, { cause: error });
  }
}

/** A header has some hundred bytes for each recipient. */
const MAX_HEADER_BYTES = 2 ** 20;

/** Reads up to the line of the header's MAC. Without one, all that was read is the header, and age says what is wrong with it. */
async function readHeader(encrypted: Readable): Promise<{ readonly header: Buffer; readonly rest: Buffer }> {
  let head = Buffer.alloc(0);
  for await (const chunk of encrypted.iterator({ destroyOnReturn: false })) {
    head = Buffer.concat([head, chunk as Buffer]);
    const lastLine = head.indexOf("\n--- ");
    const end = lastLine < 0 ? -1 : head.indexOf("\n", lastLine + 1);
    if (end >= 0) return { header: head.subarray(0, end + 1), rest: head.subarray(end + 1) };
    if (head.length > MAX_HEADER_BYTES) break;
  }
  return { header: head, rest: Buffer.alloc(0) };
}

/** Encrypts for age recipients. Whoever makes a backup needs no key that can read it. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { Failure } from "../postdeploy/connect/failure.ts";

export { generateIdentity, identityToRecipient };

const RECIPIENT = /^age1[a-z0-9]{20,}$/;
const IDENTITY = /^AGE-SECRET-KEY-[A-Z0-9-]+$/;

/** @param text recipients, with spaces, commas or lines between them */
export function parseRecipients(text: string): string[] {
  const recipients = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  for (const recipient of recipients) {
    if (IDENTITY.test(recipient))
      throw new Failure(
        "secret-recipient",
        2,
        "A recipient is a secret key, which must not be where backups are made. Use the key that begins with age1.",
      );
    if (!RECIPIENT.test(recipient))
      throw new Failure(
        "bad-recipient",
        2,
        `"${recipient.slice(0, 20)}" is not an age recipient, which begins with age1. Create a key: slipway backup keys`,
      );
  }
  if (recipients.length === 0)
    throw new Failure("no-recipient", 2, "Nobody could read the backup: there is no age recipient. Create a key: slipway backup keys");
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
      "The file of the identity has other lines than age secret keys, which begin with AGE-SECRET-KEY-.",
    );
  return identities;
}

export async function encrypt(plain: Readable, recipients: readonly string[]): Promise<Readable> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new Failure("bad-recipient", 2, `${recipient} is not a valid age recipient: ${(error as Error).message}.`, { cause: error });
    }
  }
  return fromWeb(await encrypter.encrypt(toWeb(plain)));
}

export async function decrypt(encrypted: Readable, identities: readonly string[]): Promise<Readable> {
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch (error) {
      throw new Failure("bad-identity", 2, "The identity is not a valid age secret key.", { cause: error });
    }
  }
  try {
    return fromWeb(await decrypter.decrypt(toWeb(encrypted)));
  } catch (error) {
    encrypted.destroy();
    const isOther = /no identity matched/.test((error as Error).message);
    throw isOther
      ? new Failure(
          "wrong-identity",
          1,
          "None of the identities can decrypt this backup. It was made for other recipients; its manifest names them.",
          {
            cause: error,
          },
        )
      : new Failure("damaged", 1, `The data cannot be decrypted: ${(error as Error).message}.`, { cause: error });
  }
}

/** Chunks as large as age's make each of its steps cheaper. */
const CHUNK_BYTES = 64 * 1024;
type WebStream = Parameters<Encrypter["encrypt"]>[0] & globalThis.ReadableStream<Uint8Array>;
const toWeb = (stream: Readable) =>
  Readable.toWeb(stream, {
    strategy: { highWaterMark: 16 * CHUNK_BYTES, size: (chunk?: Uint8Array) => chunk?.length ?? 0 },
  }) as unknown as WebStream;
const fromWeb = (stream: unknown) => Readable.fromWeb(stream as ReadableStream, { highWaterMark: 16 * CHUNK_BYTES });

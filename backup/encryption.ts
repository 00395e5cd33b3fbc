/** Encrypts for age recipients. The machine that makes a backup has no key that can read it. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { AGE_RECIPIENT, AGE_SECRET_KEY } from "../catalog/backup-keys.ts";
import { Failure } from "../postdeploy/connect/failure.ts";

export { generateIdentity, identityToRecipient };

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
      throw new Failure("bad-identity", 2, "The identity is not a valid age secret key. Use the file that `slipway backup keys` wrote.", {
        cause: error,
      });
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
          "None of the identities can decrypt this backup: it was encrypted for other recipients. Its manifest names them: slipway backup list --json",
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

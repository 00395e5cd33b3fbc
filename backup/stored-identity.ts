/** A key in the same place as the data that it decrypts protects nothing: access to the bucket is access to both. */
import { Failure } from "../postdeploy/connect/failure.ts";
import { identityToRecipient } from "./encryption.ts";
import { ARCHIVE_KEY } from "./json-archive.ts";
import { parseKey } from "./names.ts";
import type { ObjectStore, StoredObject } from "./store/object-store.ts";

/** Identity files are short, and so is the list of objects that are no backups. */
const MAX_BYTES = 64 * 1024;
const MAX_OBJECTS = 200;

export async function refuseStoredIdentity(copies: readonly ObjectStore[], recipients: readonly string[]): Promise<void> {
  for (const copy of copies) {
    let read = 0;
    for await (const { key, bytes } of listReachable(copy)) {
      if (parseKey(key) !== undefined || ARCHIVE_KEY.test(key) || bytes > MAX_BYTES) continue;
      if (++read > MAX_OBJECTS) break;
      const text = (await copy.read(key))?.body.toString("latin1") ?? "";
      for (const [identity] of text.matchAll(/AGE-SECRET-KEY-[A-Z0-9-]+/g)) {
        const recipient = await identityToRecipient(identity).catch(() => undefined);
        if (recipient !== undefined && recipients.includes(recipient))
          throw new Failure(
            "stored-identity",
            2,
            `${copy.name} holds the secret key of a recipient, in ${key}. Anyone with access to the backups could decrypt them. Remove it from there and encrypt for another key: slipway backup keys --out backup-key.txt`,
          );
      }
    }
  }
}

/** A copy that cannot be read does not prevent a backup in the others: writing to it fails as well, and is reported. */
async function* listReachable(copy: ObjectStore): AsyncIterable<StoredObject> {
  try {
    yield* copy.list("");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

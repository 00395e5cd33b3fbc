/** The mark of a finished run: what the keyspace was last brought to. */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { dataFilePath } from "../read/entries.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import type { Keyspace } from "../read/keyspace.ts";
import type { StoreConnection } from "../wire/connection.ts";

/**
 * Of everything that is declared, down to the last byte.
 *
 * @param chunks digests of the data where they are known already
 */
export async function computeContentDigest(keyspace: Keyspace, chunks?: readonly string[]): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(keyspace.file));
  if (chunks !== undefined) digest.update(chunks.join());
  else
    for (const name of keyspace.data)
      for await (const chunk of createReadStream(dataFilePath(keyspace, name), { highWaterMark: 1024 * 1024 }))
        digest.update(chunk as Buffer);
  for (const { file } of keyspace.scripts?.files ?? []) digest.update(readFileSync(join(keyspace.folder, file)));
  return digest.digest("hex");
}

export async function readVersion(connection: StoreConnection, names: InternalKeys): Promise<string | undefined> {
  const digest = await connection.call("HGET", names.version, "digest");
  return digest === null ? undefined : String(digest);
}

export async function writeVersion(connection: StoreConnection, names: InternalKeys, digest: string, keys: number): Promise<void> {
  await connection.call("HSET", names.version, "digest", digest, "keys", String(keys), "at", new Date().toISOString());
}

/** What a backup needs of a place that keeps objects: an S3 bucket, or a folder. */
import type { Readable } from "node:stream";
import { Failure } from "../../postdeploy/connect/failure.ts";

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Changes with every write. */
  readonly etag: string;
  /** Set by the store's clock, when the object was last written or copied. Only for leftovers: a backup's age is in its manifest. */
  readonly modifiedAt: Date;
}

export interface Content {
  readonly body: Buffer;
  readonly etag: string;
}

/** A write that fails, with no effect, unless the object is as the writer has read it. */
export type Condition = { readonly absent: true } | { readonly etag: string };

export interface ObjectStore {
  /** For messages, without credentials: "s3://backups/prod". */
  readonly name: string;
  /** An object appears when its last byte is stored; a write that is cut off leaves the object as it was. */
  writeStream(key: string, body: Readable, options: { readonly expectedBytes: number }): Promise<void>;
  /** @returns false if the condition does not hold. A store without conditional writes ignores it. */
  write(key: string, body: string, condition?: Condition): Promise<boolean>;
  /** @returns undefined if there is no such object */
  read(key: string): Promise<Content | undefined>;
  /** @throws Failure "no-object" if there is no such object */
  readStream(key: string): Promise<Readable>;
  /** In the order of their keys. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Removing an absent object succeeds. */
  remove(key: string): Promise<void>;
  close(): void;
}

/** Manifests, records and leases are read as a whole. A writer to the store must not be able to fill the memory of a reader. */
export const MAX_READ_BYTES = 64 * 2 ** 20;

/** The code of the failure of a read. */
export const TOO_LARGE = "too-large";

export function tooLarge(name: string, key: string): Failure {
  return new Failure(
    TOO_LARGE,
    1,
    `${key} in ${name} is larger than any manifest, so slipway did not write it. Look at it, and remove it.`,
  );
}

/** The keys that slipway itself keeps in the database of a keyspace. */
export interface InternalKeys {
  /** Hash. Mode guarded: key -> policy and digest of the value that slipway wrote. Mode bulk: digest of a chunk -> hashes of its keys. */
  readonly ledger: string;
  /** Hash with the content digest of the last completed run. */
  readonly version: string;
  readonly lock: string;
  /** Hash: name of a script -> its digest. */
  readonly scripts: string;
  source(sha: string): string;
}

export const INTERNAL_PREFIX = "slipway:{";

/** The braces form a hash tag, which keeps the keys in one slot if the store is sharded. */
export function createInternalKeys({ system, keyspace }: { readonly system: string; readonly keyspace: string }): InternalKeys {
  const name = (part: string) => `${INTERNAL_PREFIX}${system}/${keyspace}}:${part}`;
  return {
    ledger: name("ledger"),
    version: name("version"),
    lock: name("lock"),
    scripts: name("scripts"),
    source: (sha) => name(`source:${sha}`),
  };
}

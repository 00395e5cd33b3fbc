/** What slipway itself keeps in a store: beside the keys, in the same database, all of it under one name. */
export interface InternalKeys {
  /** Hash: key -> policy and digest of what we wrote. Of a bulk keyspace: digest of a chunk -> its keys. */
  readonly ledger: string;
  /** Hash: what the keyspace was last brought to, written when all of it was there. */
  readonly version: string;
  readonly lock: string;
  /** Hash: name of a script -> its digest. */
  readonly scripts: string;
  source(sha: string): string;
}

/** What their names begin with. */
export const INTERNAL_PREFIX = "slipway:{";

/** The braces keep them together, should the store ever be sharded. */
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

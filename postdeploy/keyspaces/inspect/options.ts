/** The options of every run. */
import type { StoreAddress } from "../wire/target.ts";

export interface Store extends StoreAddress {
  /** A cache may evict keys. @default unknown: only the server's own settings are checked */
  readonly class?: "state" | "cache" | undefined;
}

export interface Options {
  /** The folder of keyspace files. */
  readonly folder: string;
  /** Part of the ledger's key. */
  readonly system: string;
  /** By store name. Keyspaces whose store is missing here are skipped. */
  readonly stores: Readonly<Record<string, Store>>;
  /** Only these keyspaces. @default all */
  readonly only?: readonly string[] | undefined;
  /** How long to wait for a store that is unavailable, starting or failing over. @default 60000 */
  readonly patienceMs?: number | undefined;
  /** Compare every key of a bulk keyspace and restore keys that other clients have changed. @default false */
  readonly restore?: boolean | undefined;
  /** Other systems use the stores too, so `verify` does not report databases that this system does not declare. @default false */
  readonly sharedStores?: boolean | undefined;
  readonly onProgress?: ((event: Progress) => void) | undefined;
}

export type Progress =
  | { readonly kind: "keys"; readonly keyspace: string; readonly phase: "compare" | "seed" | "verify"; readonly keys: number }
  | { readonly kind: "unavailable"; readonly keyspace: string; readonly reason: string; readonly retryInMs: number };

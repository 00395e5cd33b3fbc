/** What every run takes. */
import type { StoreAddress } from "../wire/target.ts";

export interface Store extends StoreAddress {
  /** state keeps what it is given, cache may drop it. @default not known, so only the server is asked */
  readonly class?: "state" | "cache" | undefined;
}

export interface Options {
  /** The folder of keyspace files. */
  readonly folder: string;
  /** The system's name: part of the ledger's. */
  readonly system: string;
  /** By the name that a keyspace gives its store. A keyspace whose store is not among them is left out. */
  readonly stores: Readonly<Record<string, Store>>;
  /** Only these keyspaces. @default all */
  readonly only?: readonly string[] | undefined;
  /** How long to wait for a store that is away, starting, or failing over. @default 60000 */
  readonly patienceMs?: number | undefined;
  /** Look at every key of a bulk keyspace, and write anew what others have changed. @default false */
  readonly restore?: boolean | undefined;
  readonly onProgress?: ((event: Progress) => void) | undefined;
}

export type Progress =
  | { readonly kind: "keys"; readonly keyspace: string; readonly phase: "compare" | "seed" | "verify"; readonly keys: number }
  | { readonly kind: "away"; readonly keyspace: string; readonly why: string; readonly inMs: number };

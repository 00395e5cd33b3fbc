/** What is examined in a store. */
import type { StoreAddress } from "../../../postdeploy/keyspaces/wire/target.ts";
import type { Firewall } from "../firewall.ts";

export interface StoreSubject {
  /** "shop/valkey-state" */
  readonly name: string;
  readonly address: StoreAddress;
  /** state: keys must not be lost. cache: they may be. @default unknown */
  readonly class?: "state" | "cache" | undefined;
  /** Without it, keys are not compared. */
  readonly declared?: DeclaredStore | undefined;
  /** Unknown where only a URL is given. */
  readonly firewall?: Firewall | undefined;
}

export interface DeclaredStore {
  readonly system: string;
  /** Its name in the files of the keyspaces. */
  readonly store: string;
  /** The folder of the keyspace files. */
  readonly folder: string;
  /** Database numbers that any of its systems uses. */
  readonly databases: readonly number[];
}

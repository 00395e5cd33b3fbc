import type { Backing } from "../backing.ts";
import type { SecretCipher } from "../store/secret-cipher.ts";
import type { Store } from "../store/store.ts";
import type { Durations } from "./time.ts";

/**
 * One DigitalOcean account. Each kind of resource has a file with its functions, which take the cloud as their first argument. A file named
 * in the singular (`cluster.ts`) holds the stored record; the plural (`clusters.ts`) holds the operations of the API.
 */
export interface Cloud {
  readonly directory: string;
  readonly store: Store;
  readonly backing: Backing;
  readonly secrets: SecretCipher;
  readonly account: Account;
  readonly durations: Durations;
  readonly echoGeneralType: boolean;
  readonly spacesKey: { readonly accessKey: string; readonly secretKey: string } | undefined;
  readonly now: () => number;
  readonly note: (line: string) => void;
  /** Runs `work` while no other work with the same key runs. */
  readonly withLock: <T>(key: string, work: () => Promise<T>) => Promise<T>;
  /** Runs work that continues after the request that started it. */
  readonly background: (what: string, work: () => Promise<void>) => void;
  /** Resolves when no background work is left and all state is on disk. */
  readonly idle: () => Promise<void>;
  /** Aborted when the cloud closes. */
  readonly closing: AbortSignal;
  /** Waits for running work, saves the state and stops the backing's processes. */
  readonly close: () => Promise<void>;
}

export interface Account {
  readonly uuid: string;
  readonly email: string;
  readonly team: { readonly uuid: string; readonly name: string };
}

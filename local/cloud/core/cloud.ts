import type { Backing } from "../backing.ts";
import type { SecretCipher } from "../store/secret-cipher.ts";
import type { Store } from "../store/store.ts";
import type { Durations } from "./time.ts";

/** One account at DigitalOcean, as far as this project needs it. Every noun has its file; each function there takes the cloud first. */
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
  /** One at a time for each key. */
  readonly withLock: <T>(key: string, work: () => Promise<T>) => Promise<T>;
  /** Work that outlives the request that began it. */
  readonly background: (what: string, work: () => Promise<void>) => void;
  /** Resolves once no such work is left and everything is on disk. */
  readonly idle: () => Promise<void>;
  /** Aborted when the cloud closes. */
  readonly closing: AbortSignal;
  /** Lets running work end, saves, ends the backing's processes. The state stays. */
  readonly close: () => Promise<void>;
}

export interface Account {
  readonly uuid: string;
  readonly email: string;
  readonly team: { readonly uuid: string; readonly name: string };
}

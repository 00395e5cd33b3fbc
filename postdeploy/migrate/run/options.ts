/** What every verb is told. */
import type { Connection } from "../../connect/target.ts";
import type { Selection } from "../ledger/compare.ts";
import type { Progress } from "./progress.ts";

export interface MigrateOptions {
  /** The folder of .sql files. */
  folder: string;
  /** Direct, as the role that owns the objects, or as one that may become it. */
  connection: Connection;
  /**
   * The schema of the ledger, one per system where several share a database.
   * @default "slipway"
   */
  ledgerSchema?: string | undefined;
  /** Whose migrations these are; a ledger that belongs to another system refuses them. */
  system?: string | undefined;
  /**
   * The role that is to own what is made, when another one connects.
   * @default the connecting role
   */
  owner?: string | undefined;
  /**
   * Heads the search path, in this order; `public` comes last, for the functions of extensions.
   * @default what the role and the database say
   */
  schemas?: readonly string[] | undefined;
  /** Cancels the statement that runs, rolls its file back and ends the run. */
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
}

export interface RunOptions extends MigrateOptions {
  /**
   * How long a statement may wait for a lock: everybody who comes after it waits behind it.
   * @default 5000
   */
  lockTimeoutMs?: number | undefined;
  /**
   * How often a file is tried again when others hold what it needs.
   * @default 5
   */
  attempts?: number | undefined;
  /**
   * How long to wait for another run to end.
   * @default 60000
   */
  waitMs?: number | undefined;
  /**
   * How long to look for the server after it went away. DigitalOcean waits a minute before it fails over.
   * @default 180000
   */
  reconnectMs?: number | undefined;
}

export interface UpOptions extends RunOptions, Selection {}

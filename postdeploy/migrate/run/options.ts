/** The options of the migration commands. */
import type { Connection } from "../../connect/target.ts";
import type { Selection } from "../ledger/compare.ts";
import type { Progress } from "./progress.ts";

export interface MigrateOptions {
  /** The folder of .sql files. */
  folder: string;
  /** A direct connection as the owner of the objects, or as a member of the owner role. */
  connection: Connection;
  /**
   * The schema of the ledger. Systems that share a database need one each.
   * @default "slipway"
   */
  ledgerSchema?: string | undefined;
  /** The system of the migrations. A run fails if the ledger belongs to another system. */
  system?: string | undefined;
  /**
   * The role that owns the created objects.
   * @default the connecting role
   */
  owner?: string | undefined;
  /**
   * The schemas of the search path, in this order. `public` is added last, for the functions of extensions.
   * @default the search path of the role and the database
   */
  schemas?: readonly string[] | undefined;
  /** Cancels the running statement, rolls back its file and ends the run. */
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Progress) => void) | undefined;
}

export interface RunOptions extends MigrateOptions {
  /**
   * How long a statement waits for a lock. Other sessions queue behind it meanwhile.
   * @default 5000
   */
  lockTimeoutMs?: number | undefined;
  /**
   * How often a file is attempted when other sessions hold conflicting locks.
   * @default 5
   */
  attempts?: number | undefined;
  /**
   * How long to wait for another run to finish.
   * @default 60000
   */
  waitMs?: number | undefined;
  /**
   * How long to try to reconnect. DigitalOcean waits a minute before it fails over.
   * @default 180000
   */
  reconnectMs?: number | undefined;
}

export interface UpOptions extends RunOptions, Selection {}

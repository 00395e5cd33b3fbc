/** What `slipway rollback` works on: one system in one account, with its database and its backups. */
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { Writer } from "../fork/writer.ts";
import type { VerifySubject } from "../verify/verify.ts";

export interface RollbackSubject extends VerifySubject {
  readonly writer: Writer;
  /** To the server of the system's database, as its administrator; undefined where the account has none. */
  readonly admin: Connection | undefined;
  /** A reason in words where no backups can be read from here. */
  readonly backups: BackupSource | string;
  /** The flags that name this system and stack again in a command: "--system shop --stack prod". */
  readonly flags: string;
}

/** The engine of the backups, which this room does not import. */
export interface BackupSource {
  /** Where they are: ".slipway/backups". */
  readonly place: string;
  /** Those of the system's database, the newest first. */
  list(): Promise<readonly BackupFacts[]>;
  /** Makes one of the current state, reads every byte of it again, and holds it, so that no retention removes it. */
  create(reason: string): Promise<BackupFacts>;
  /** Into a database that does not exist, on the same server. Compares every row, and then gives it its name. */
  restore(id: string, database: string): Promise<{ readonly tables: number; readonly rows: number }>;
}

export interface BackupFacts {
  readonly id: string;
  readonly startedAt: Date;
  /** Why it cannot be used: "was not verified". */
  readonly problem?: string | undefined;
  /** The reason for which it is held. */
  readonly hold?: string | undefined;
  /** The rows of each table. */
  readonly tables: ReadonlyMap<string, number>;
}

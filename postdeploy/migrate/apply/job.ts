/** One file on its way to the database, and what became of it. */
import type { DatabaseError } from "../../connect/sqlstate.ts";
import type { NewEvent } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import type { PreparedFile } from "../read/prepare.ts";
import type { Source } from "../run/errors.ts";
import type { Blocker } from "../run/progress.ts";

/** A file and what the ledger is to say of it. */
export interface Job extends PreparedFile {
  readonly event: NewEvent;
}

export interface Failed {
  readonly job: Job;
  readonly error: DatabaseError;
  readonly source: Source;
  readonly statement: Statement | undefined;
  readonly blockers: readonly Blocker[];
}

export interface Done {
  readonly file: string;
  /** Absent where it went in one message with others, or where only the ledger knows. */
  readonly ms?: number;
}

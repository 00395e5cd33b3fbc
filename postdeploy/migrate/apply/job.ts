import type { DatabaseError } from "../../connect/sqlstate.ts";
import type { NewEvent } from "../ledger/ledger.ts";
import type { Statement } from "../read/parse.ts";
import type { PreparedFile } from "../read/prepare.ts";
import type { ErrorSource } from "../run/errors.ts";
import type { Blocker } from "../run/progress.ts";

/** A file to run, and the event to record with it. */
export interface Job extends PreparedFile {
  readonly event: NewEvent;
}

export interface FailedJob {
  readonly job: Job;
  readonly error: DatabaseError;
  readonly source: ErrorSource;
  readonly statement: Statement | undefined;
  readonly blockers: readonly Blocker[];
}

export interface CompletedFile {
  readonly file: string;
  /** Absent if the file was sent together with others, or if its commit is known only from the ledger. */
  readonly ms?: number;
}

/** The file of the process that runs an audited program, and what is known when that process has ended. */
import path from "node:path";

export const CHILD = path.join(import.meta.dirname, `child${path.extname(import.meta.filename)}`);

export interface Ended {
  /** What it sent over its pipe. */
  readonly sent: string;
  /** Why it ended, for the case that it sent no result. */
  readonly reason: string;
}

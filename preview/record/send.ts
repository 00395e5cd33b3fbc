/** The way out of a process that is kept apart: a pipe of its own, so that nothing that is printed is in the way. */
import { writeSync } from "node:fs";

const PIPE = 3;

export function send(told: unknown): void {
  const bytes = Buffer.from(JSON.stringify(told));
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(PIPE, bytes, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

/** Sends a result of a sandboxed process, in one line, over a pipe of its own, apart from stdout. */
import { writeSync } from "node:fs";

const PIPE = 3;

export function send(result: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(result)}\n`);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(PIPE, bytes, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

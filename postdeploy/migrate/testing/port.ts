/** Where a test's server listens. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Free at this moment, and not one that a system gives out by itself, so that a server that was killed is most likely found again where it
 * was: only another test's server that draws the same number in between would take it.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = randomInt(26_000, 32_000);
    const probe = createServer();
    probe.once("error", () => resolve(freePort()));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

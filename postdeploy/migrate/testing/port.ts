import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A free port below the ephemeral range, so that a killed server can most likely listen on it again: only the server of another test can take the
 * port in between.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = randomInt(26_000, 32_000);
    const probe = createServer();
    probe.once("error", () => resolve(freePort()));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

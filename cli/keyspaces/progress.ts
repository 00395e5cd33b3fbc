/** Progress of a keyspace run: on a terminal one line that is rewritten, elsewhere only the waits. */
import type { Progress } from "../../postdeploy/keyspaces/index.ts";
import type { Terminal } from "../shared/terminal.ts";
import { truncate } from "../shared/width.ts";

const EVERY_MS = 200;

export function progressReporter({ log, columns }: Terminal, stream: NodeJS.WriteStream = process.stderr): (event: Progress) => void {
  const start = performance.now();
  let next = start + EVERY_MS;
  return (event) => {
    if (event.kind === "unavailable") return log(`${event.keyspace}: ${event.reason} Retrying in ${event.retryInMs} ms.`);
    const now = performance.now();
    if (!stream.isTTY || now < next) return;
    next = now + EVERY_MS;
    const rate = Math.round((event.keys * 1000) / (now - start)).toLocaleString("en");
    const line = `${event.keyspace}  ${PHASES[event.phase]}  ${event.keys.toLocaleString("en")} keys, ${rate} per second`;
    // The next line, or the result, overwrites this one.
    stream.write(`${truncate(line, columns - 1)}\u001b[K\r`);
  };
}

const PHASES = { compare: "compared", seed: "written", verify: "read back" } as const;

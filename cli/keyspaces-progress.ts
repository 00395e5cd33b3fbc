/** How far a run is: on a terminal one line that is written over and over, elsewhere only what is worth a line of a log. */
import type { Progress } from "../postdeploy/keyspaces/index.ts";
import type { Terminal } from "./terminal.ts";

const EVERY_MS = 200;

export function tellProgress({ say, columns }: Terminal, stream: NodeJS.WriteStream = process.stderr): (event: Progress) => void {
  const start = performance.now();
  let next = start + EVERY_MS;
  return (event) => {
    if (event.kind === "unavailable") return say(`${event.keyspace}: ${event.reason} Retrying in ${event.retryInMs} ms.`);
    const now = performance.now();
    if (!stream.isTTY || now < next) return;
    next = now + EVERY_MS;
    const rate = Math.round((event.keys * 1000) / (now - start)).toLocaleString("en");
    const line = `${event.keyspace}  ${PHASES[event.phase]}  ${event.keys.toLocaleString("en")} keys, ${rate} a second`;
    // Erased again by the next one, and by the report.
    stream.write(`${line.slice(0, columns - 1)}\u001b[K\r`);
  };
}

const PHASES = { compare: "compared", seed: "written", verify: "read back" } as const;

/** Progress of a run: a line every few seconds, with the rate and the remaining time. */
import type { Progress } from "../../data/progress.ts";
import type { Terminal } from "../shared/terminal.ts";

const EVERY_MS = 5000;

/** @param now In milliseconds. */
export function progressReporter({ log }: Pick<Terminal, "log">, now: () => number = () => performance.now()): (event: Progress) => void {
  const start = now();
  let printed = start;
  return (event) => {
    const at = now();
    if (at - printed < EVERY_MS) return;
    printed = at;
    log(formatProgress(event, at - start));
  };
}

export function formatProgress(event: Progress, elapsedMs: number): string {
  switch (event.kind) {
    case "read": {
      const rate = (event.bytes * 1000) / Math.max(1, elapsedMs);
      const left = Math.ceil((event.of - event.bytes) / Math.max(1, rate));
      return `read ${formatBytes(event.bytes)} of ${formatBytes(event.of)}, ${formatBytes(rate)}/s, about ${formatSeconds(left)} left`;
    }
    case "check":
      return "checking all rows against the rules of the tables";
    case "write":
      return `writing ${event.entity}, ${event.rows.toLocaleString("en")} rows`;
    case "compare":
      return `comparing ${event.entity}`;
    case "export":
      return `exporting ${event.entity}`;
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function formatSeconds(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

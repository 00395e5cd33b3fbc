/** Progress of a migration run, a line for each event. */
import { describeBlocker, describeHolder, type Progress } from "../../postdeploy/migrate/run/progress.ts";
import type { Terminal } from "../shared/terminal.ts";

export function progressReporter({ log, style }: Terminal): (event: Progress) => void {
  return (event) => {
    const line = formatEvent(event);
    if (line !== undefined) log(event.kind === "warning" || event.kind === "blocked" || event.kind === "lost" ? style.warn(line) : line);
  };
}

function formatEvent(event: Progress): string | undefined {
  switch (event.kind) {
    case "pending":
      return undefined;
    case "waiting":
      return `waiting for ${describeHolder(event.holder)} to release the lock`;
    case "statement":
      return event.statements === 1
        ? undefined
        : `${event.file}  statement ${event.statement} of ${event.statements}: ${shorten(event.text)}`;
    case "applied":
    case "reverted":
      return `[${event.nth}/${event.of}] ${event.kind === "applied" ? "" : "reverted "}${event.file}${event.ms === undefined ? "" : `  ${Math.round(event.ms)} ms`}`;
    case "notice":
      return `${event.file}${event.line === undefined ? "" : `:${event.line}`}  ${event.notice.severity}: ${event.notice.message}`;
    case "blocked":
      return [
        `${event.file} waits for a lock that other sessions hold:`,
        ...event.by.map((blocker) => `  ${describeBlocker(blocker)}`),
      ].join("\n");
    case "index":
      return `${event.file}  ${event.phase}${event.total > 0 ? ` ${Math.floor((100 * event.done) / event.total)} %` : ""}`;
    case "retry":
      return `${event.file} runs again in ${event.inMs} ms (attempt ${event.attempt} of ${event.of}): ${event.why}`;
    case "lost":
      return `connection lost (${event.why}); reconnecting`;
    case "warning":
      return event.message;
  }
}

function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, " ");
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

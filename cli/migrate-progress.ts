/** What a run says while it runs: a line for each thing that a person would want to know at once. */
import { describeBlocker, describeHolder, type Progress } from "../postdeploy/migrate/run/progress.ts";
import type { Terminal } from "./terminal.ts";

export function tellProgress({ say, style }: Terminal): (event: Progress) => void {
  return (event) => {
    const line = lineOf(event);
    if (line !== undefined) say(event.kind === "warning" || event.kind === "blocked" || event.kind === "lost" ? style.warn(line) : line);
  };
}

function lineOf(event: Progress): string | undefined {
  switch (event.kind) {
    case "pending":
      return undefined;
    case "waiting":
      return `waiting for ${describeHolder(event.holder)} to give up the lock`;
    case "statement":
      return event.statements === 1
        ? undefined
        : `${event.file}  statement ${event.statement} of ${event.statements}: ${firstWords(event.text)}`;
    case "applied":
    case "reverted":
      return `[${event.nth}/${event.of}] ${event.kind === "applied" ? "" : "back "}${event.file}${event.ms === undefined ? "" : `  ${Math.round(event.ms)} ms`}`;
    case "notice":
      return `${event.file}${event.line === undefined ? "" : `:${event.line}`}  ${event.notice.severity}: ${event.notice.message}`;
    case "blocked":
      return [`${event.file} waits for a lock that others hold:`, ...event.by.map((blocker) => `  ${describeBlocker(blocker)}`)].join("\n");
    case "index":
      return `${event.file}  ${event.phase}${event.total > 0 ? ` ${Math.floor((100 * event.done) / event.total)} %` : ""}`;
    case "retry":
      return `${event.file} is tried again in ${event.inMs} ms (${event.attempt} of ${event.of}): ${event.why}`;
    case "lost":
      return `the connection is lost (${event.why}); looking for the server`;
    case "warning":
      return event.message;
  }
}

function firstWords(sql: string): string {
  const line = sql.replace(/\s+/g, " ");
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

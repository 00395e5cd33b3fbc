/** Pulumi's engine event log: one JSON event a line, written by `pulumi preview --event-log`. */
import { ProjectError } from "../../engine/projecterror.ts";

/** Pulumi has the flag only with this variable. */
export const EVENT_LOG_COMMAND = "PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log";

export interface EngineEvent {
  readonly line: number;
  readonly event: Readonly<Record<string, unknown>>;
}

/**
 * @param file for messages
 * @throws {ProjectError} for a line that is not an event
 */
export function readEventLog(text: string, file: string): readonly EngineEvent[] {
  return text
    .split("\n")
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== "")
    .map(({ content, line }) => {
      const event = parse(content);
      if (event === undefined) throw notAnEvent(file, line);
      return { line, event };
    });
}

export function notAnEvent(file: string, line: number): ProjectError {
  return new ProjectError(`${file}:${line}: not an event of Pulumi's engine. Write the log with: ${EVENT_LOG_COMMAND} events.json`);
}

function parse(content: string): EngineEvent["event"] | undefined {
  try {
    const event: unknown = JSON.parse(content);
    return typeof event === "object" && event !== null && "sequence" in event ? (event as EngineEvent["event"]) : undefined;
  } catch {
    return undefined;
  }
}

/** An engine event log, read for secrets in plain text: `PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log events.json`. */
import { ProjectError } from "../../engine/projecterror.ts";
import type { Finding, Station } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { shapesIn } from "../shapes.ts";

/** The flag is there, but only for those who know it. */
export const HOW = "PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log";

/** @throws {ProjectError} for what is no log of events */
export function eventFaults(text: string, name: string): readonly Finding[] {
  return text
    .split("\n")
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== "")
    .flatMap(({ line, number }) => {
      const event = parsed(line, name, number);
      return [...texts(event, "")].flatMap(({ path, text: said }) =>
        shapesIn(said).map(({ what }, nth) => {
          const urn = urnOf(event);
          const station: Station = { what: `event ${number}, ${path}`, path, ...(urn && { urn }) };
          return finding({
            rule: "event-plaintext",
            message: `${name} holds what looks like ${what}, in event ${number}.`,
            flow: [station],
            sink: `${urn ?? ""} ${path} ${what} ${nth}`,
          });
        }),
      );
    });
}

function parsed(line: string, name: string, number: number): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === "object" && event !== null && "sequence" in event) return event as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new ProjectError(`${name}:${number}: this is no engine event. Write the log with: ${HOW} events.json`);
}

function* texts(value: unknown, path: string): Generator<{ readonly path: string; readonly text: string }> {
  if (typeof value === "string") yield { path, text: value };
  else if (value !== null && typeof value === "object")
    for (const [key, inner] of Object.entries(value))
      yield* texts(inner, path === "" ? key : Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
}

function urnOf(event: Readonly<Record<string, unknown>>): string | undefined {
  for (const inner of Object.values(event)) {
    const { urn, metadata } = (inner ?? {}) as { urn?: unknown; metadata?: { urn?: unknown } };
    if (typeof urn === "string") return urn;
    if (typeof metadata?.urn === "string") return metadata.urn;
  }
  return undefined;
}

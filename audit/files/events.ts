/** Searches an engine event log for secrets in plain text. */
import type { Finding, Station } from "../../report/audit.ts";
import { readEventLog } from "../../report/plan/event-log.ts";
import { finding } from "../finding.ts";
import { shapesIn } from "../shapes.ts";

/** @throws {ProjectError} if it is not an event log */
export function eventFaults(log: string, name: string): readonly Finding[] {
  return readEventLog(log, name).flatMap(({ line, event }) =>
    [...texts(event, "")].flatMap(({ path, text }) =>
      shapesIn(text).map(({ what }, nth) => {
        const urn = urnOf(event);
        const station: Station = { what: `event ${line}, ${path}`, path, ...(urn && { urn }) };
        return finding({
          rule: "event-plaintext",
          message: `${name} contains what looks like ${what}, in event ${line}.`,
          flow: [station],
          sink: `${urn ?? ""} ${path} ${what} ${nth}`,
        });
      }),
    ),
  );
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

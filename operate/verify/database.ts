/** The database of a system: its migrations, and the rows that prove where an answer comes from. */
import { existsSync } from "node:fs";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { open, type Session } from "../../postdeploy/connect/session.ts";
import { type Connection, nameOf, targetOf } from "../../postdeploy/connect/target.ts";
import { status } from "../../postdeploy/migrate/index.ts";
import type { System } from "../../systems/definition.ts";
import type { Canary } from "../../systems/verification.ts";
import type { Check } from "./check.ts";

export async function checkMigrations(system: System, connection: Connection, folder: string): Promise<Check> {
  const about = { kind: "migrations", subject: nameOf(targetOf(connection)) } as const;
  if (!existsSync(folder)) return { ...about, outcome: "skipped", evidence: `${folder} does not exist: this system has no migrations` };
  const { schemas, roles } = system.postgres;
  try {
    const found = await status({ folder, connection, system: system.name, owner: roles.owner, schemas });
    const problems = [
      ...(found.pending.length > 0 ? [`${found.pending.join(", ")} ${found.pending.length === 1 ? "is" : "are"} not applied`] : []),
      ...found.mismatches.map(({ kind, file }) => `${file}: ${kind}`),
      ...(found.brokenIndexes.length > 0 ? [`${found.brokenIndexes.length} broken indexes`] : []),
      ...(found.drift !== undefined && found.drift.length > 0 ? [`${found.drift.length} objects were changed outside of the files`] : []),
    ];
    const applied = found.files.filter(({ state }) => state !== "pending" && state !== "missing").length;
    if (problems.length === 0) return { ...about, outcome: "passed", evidence: `${applied} of ${found.files.length} files are applied` };
    const command = `slipway migrate ${found.pending.length > 0 ? "up" : "status"} --system ${system.name}`;
    return { ...about, outcome: "failed", evidence: problems.join("; "), next: { text: "See what differs.", command } };
  } catch (error) {
    return { ...about, ...describeFailure(error) };
  }
}

/** A failure of the server or of the connection to it is a result; any other is a defect. */
export function describeFailure(error: unknown): Pick<Check, "outcome" | "evidence" | "next"> {
  const isOfServer = error instanceof Failure || (error instanceof Error && "code" in error) || isLost(error);
  if (!isOfServer) throw error;
  return { outcome: "failed", evidence: (error as Error).message, next: { text: "See why.", command: "slipway doctor" } };
}

/** What the client of Postgres says when the server goes away has no code. */
const isLost = (error: unknown): boolean => error instanceof Error && /^Connection terminated|^Client has encountered/.test(error.message);

export const canariesOf = (system: System): readonly Canary[] =>
  Object.values(system.apps).flatMap(({ components }) =>
    Object.values(components).flatMap((component) =>
      component.kind === "service" ? (component.checks?.probes ?? []).flatMap(({ lists }) => (lists === undefined ? [] : [lists])) : [],
    ),
  );

export const openVerifier = (connection: Connection): Promise<Session> => open(connection, { application: "slipway verify" });

/** Ends a rollback: commits it, so that the app can be deployed again, or reverts it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { isInProgress } from "../verify/deployed-app.ts";
import { readPin, waitUntilActive } from "./deploy.ts";
import { type AppHistory, readHistories } from "./history.ts";
import type { RollbackSubject } from "./subject.ts";

export interface Release {
  readonly action: "commit" | "revert";
  readonly only?: string | undefined;
  readonly waitMs: number;
}

const ATTEMPTS = 5;
const PAUSE_MS = 1000;

/** @returns a line for each app. An app that is not pinned stays as it is, so that the command can be repeated. */
export async function release(subject: RollbackSubject, { action, only, waitMs }: Release): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const history of await readHistories(subject, { only })) lines.push(await releaseApp(subject, history, { action, waitMs }));
  return lines;
}

async function releaseApp(
  subject: RollbackSubject,
  { app, isPinned, newest }: AppHistory,
  { action, waitMs }: Pick<Release, "action" | "waitMs">,
): Promise<string> {
  if (isPinned) await request(subject, app, action);
  else if (action === "commit" || newest === undefined || !isInProgress(newest))
    return `${app.name} is not pinned by a rollback: nothing to ${action}`;
  if (action === "commit") return `${app.name} stays at the version of the rollback, and can be deployed again`;
  return `${app.name} runs the version from before the rollback again: deployment ${await waitUntilActive(subject, app.id, waitMs)}`;
}

async function request(subject: RollbackSubject, app: AppHistory["app"], action: "commit" | "revert"): Promise<void> {
  let reason = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await subject.writer.send("POST", `/v2/apps/${app.id}/rollback/${action}`, {});
    if (outcome.kind === "done") return;
    if (outcome.kind === "unknown") await sleep(PAUSE_MS);
    // Another process, or an attempt without a reply, has done it.
    if ((await readPin(subject, app.id)) === undefined) return;
    if (outcome.kind === "refused")
      throw new Failure(
        "refused",
        1,
        `App Platform refused to ${action} the rollback of ${app.name} (${outcome.status}): ${outcome.message || "without a reason"}.`,
      );
    reason = outcome.reason;
  }
  throw new Failure(
    "outcome-unknown",
    3,
    `The API did not confirm the ${action} of ${app.name} in ${ATTEMPTS} attempts (${reason}). Run the same command again.`,
  );
}

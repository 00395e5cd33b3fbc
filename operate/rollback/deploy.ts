/** Requests a rollback from App Platform once, and waits for its deployment. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { readCurrentApp } from "../verify/deployed-app.ts";
import { checkDeployment, waitForDeployment } from "../verify/deployment.ts";
import type { AppHistory } from "./history.ts";
import type { RollbackSubject } from "./subject.ts";

const ATTEMPTS = 5;
/** A request that was cut off may still be in progress. */
const PAUSE_MS = 1000;

/** @returns what was done, in words. A request without a reply may have been executed, so the app is read before another one. */
export async function requestRollback(subject: RollbackSubject, { app, target, isPinned, newest }: AppHistory): Promise<string> {
  const hasFailed = newest?.phase === "ERROR" || newest?.phase === "CANCELED";
  if (isPinned && !hasFailed) return `${app.name} is already pinned to ${target!.id}`;
  let reason = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await subject.writer.send("POST", `/v2/apps/${app.id}/rollback`, { deployment_id: target!.id, skip_pin: false });
    if (outcome.kind === "done") return `App Platform returns ${app.name} to ${target!.id}`;
    await sleep(attempt === 1 && outcome.kind === "refused" ? 0 : PAUSE_MS);
    if (!isPinned && (await readPin(subject, app.id)) !== undefined) return `App Platform returns ${app.name} to ${target!.id}`;
    if (outcome.kind === "refused")
      throw new Failure(
        "refused",
        1,
        `App Platform refused to return ${app.name} to deployment ${target!.id} (${outcome.status}): ${outcome.message || "without a reason"}. ` +
          `${isPinned ? `An earlier rollback of it failed. Undo that first: slipway rollback revert ${subject.flags}` : `See: slipway rollback plan ${subject.flags}`}`,
      );
    reason = outcome.reason;
  }
  throw new Failure(
    "outcome-unknown",
    3,
    `The API did not confirm the rollback of ${app.name} in ${ATTEMPTS} attempts (${reason}), and the app is not pinned. Run the same command again: it continues from what it finds.`,
  );
}

export async function readPin({ api }: RollbackSubject, app: string): Promise<string | undefined> {
  return (await readCurrentApp(api, app))?.pinned;
}

/** @returns the id of the deployment that runs. @throws {Failure} with the failing component and its last log lines */
export async function waitUntilActive(subject: RollbackSubject, id: string, waitMs: number): Promise<string> {
  const newest = await waitForDeployment(subject.api, id, waitMs);
  if (newest?.phase === "ACTIVE") return newest.id;
  const app = await readCurrentApp(subject.api, id);
  if (app === undefined) throw new Failure("deleted", 1, `The account has no app ${id} any more.`);
  const { evidence, log = [] } = await checkDeployment(subject.api, app, newest);
  const lines = log.map((line) => `\n  | ${line}`).join("");
  throw new Failure("deployment", 1, `${app.name}: ${evidence}.${lines}`);
}

/** The phase that the running services report. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Phase } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import type { PhaseReport } from "../../systems/verification.ts";
import type { ApiClient } from "../recover/api.ts";
import { findApps } from "../verify/deployed-app.ts";
import { fieldAt, findBadStatus } from "../verify/fields.ts";
import { request } from "../verify/request.ts";
import { phaseWith } from "./phases.ts";

export interface RunningPhase {
  /** "fluxstudio-local/api" */
  readonly service: string;
  /** undefined where `problem` says why. */
  readonly phase: Phase | undefined;
  readonly problem?: string;
}

/** What the services answer that declare where they report their phase. @param suffix What the names of apps end with: "-staging". */
export async function readRunningPhases(api: ApiClient, system: System, suffix: string): Promise<readonly RunningPhase[]> {
  const found: RunningPhase[] = [];
  for (const { declared, name, app } of await findApps(api, system, suffix))
    for (const [component, service] of Object.entries(declared.components)) {
      if (service.kind !== "service" || service.checks?.phase === undefined) continue;
      const about = { service: `${name}/${component}` };
      if (app?.url === undefined || app.active === undefined)
        found.push({ ...about, phase: undefined, problem: "no deployment is active" });
      else found.push({ ...about, ...(await readPhaseAt(`${app.url}${service.health.path}`, service.checks.phase)) });
    }
  return found;
}

async function readPhaseAt(url: string, report: PhaseReport): Promise<Omit<RunningPhase, "service">> {
  const answer = await request(url);
  if (typeof answer === "string") return { phase: undefined, problem: `it does not answer: ${answer}` };
  const bad = findBadStatus(answer.json);
  if (answer.status !== 200)
    return { phase: undefined, problem: `its health answer is ${answer.status}${bad === undefined ? "" : `, status "${bad}"`}` };
  const [usePostgres, dualWrite] = [fieldAt(answer.json, report.usePostgres), fieldAt(answer.json, report.dualWrite)];
  if (typeof usePostgres !== "boolean" || typeof dualWrite !== "boolean")
    return { phase: undefined, problem: `its health answer lacks ${report.usePostgres} or ${report.dualWrite}, true or false` };
  return { phase: phaseWith({ usePostgres, dualWrite }) };
}

const POLL_MS = 300;

/** @returns what was answered last: every service reports the phase, or the time is over */
export async function waitForPhase(
  read: () => Promise<readonly RunningPhase[]>,
  wanted: Phase,
  timeoutMs: number,
): Promise<readonly RunningPhase[]> {
  for (const until = Date.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const running = await read();
    if (running.every(({ phase }) => phase === wanted) || Date.now() >= until) return running;
  }
}

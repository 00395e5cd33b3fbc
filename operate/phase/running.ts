/** The phase that the running services report. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment, Phase } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import type { PhaseReport } from "../../systems/verification.ts";
import type { ApiClient } from "../recover/api.ts";
import { findApps } from "../verify/deployed-app.ts";
import { fieldAt, findBadStatus } from "../verify/fields.ts";
import { request } from "../verify/request.ts";
import { phasesWith } from "./phases.ts";

export interface RunningPhase {
  /** "fluxstudio-local/api" */
  readonly service: string;
  /** Those with the flags that it reports: two phases of a stack can have the same. Empty where `problem` says why. */
  readonly phases: readonly Phase[];
  readonly problem?: string;
}

export interface RunningSystem {
  readonly system: System;
  readonly environment: Environment;
  /** What the names of apps end with: "-staging". */
  readonly suffix: string;
}

/** What the services answer that declare where they report their phase. */
export async function readRunningPhases(api: ApiClient, { system, environment, suffix }: RunningSystem): Promise<readonly RunningPhase[]> {
  const found: RunningPhase[] = [];
  for (const { declared, name, app } of await findApps(api, system, suffix))
    for (const [component, service] of Object.entries(declared.components)) {
      if (service.kind !== "service" || service.checks?.phase === undefined) continue;
      const about = { service: `${name}/${component}` };
      if (app?.url === undefined || app.active === undefined) found.push({ ...about, phases: [], problem: "no deployment is active" });
      else found.push({ ...about, ...(await readPhasesAt(`${app.url}${service.health.path}`, service.checks.phase, environment)) });
    }
  return found;
}

async function readPhasesAt(url: string, report: PhaseReport, environment: Environment): Promise<Omit<RunningPhase, "service">> {
  const answer = await request(url);
  if (typeof answer === "string") return { phases: [], problem: `it does not answer: ${answer}` };
  const bad = findBadStatus(answer.json);
  if (answer.status !== 200)
    return { phases: [], problem: `its health answer is ${answer.status}${bad === undefined ? "" : `, status "${bad}"`}` };
  const [usePostgres, dualWrite] = [fieldAt(answer.json, report.usePostgres), fieldAt(answer.json, report.dualWrite)];
  if (typeof usePostgres !== "boolean" || typeof dualWrite !== "boolean")
    return { phases: [], problem: `its health answer lacks ${report.usePostgres} or ${report.dualWrite}, true or false` };
  const phases = phasesWith({ usePostgres, dualWrite }, environment);
  return phases.length > 0
    ? { phases }
    : {
        phases,
        problem: `it reports ${report.usePostgres} ${usePostgres} and ${report.dualWrite} ${dualWrite}, the flags of no phase in this stack`,
      };
}

const POLL_MS = 300;

/** @returns what was answered last: every service reports the flags of the phase, or the time is over */
export async function waitForPhase(
  read: () => Promise<readonly RunningPhase[]>,
  wanted: Phase,
  timeoutMs: number,
): Promise<readonly RunningPhase[]> {
  for (const until = Date.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const running = await read();
    if (running.every(({ phases }) => phases.includes(wanted)) || Date.now() >= until) return running;
  }
}

/** What the commands of `slipway phase` work on: a system of a stack that has phases, its account, and the engine that deploys it. */
import { stackPath } from "../../engine/stackfile.ts";
import type { PhaseSubject } from "../../operate/phase/change.ts";
import { journalFile } from "../../operate/phase/journal.ts";
import { readRunningPhases } from "../../operate/phase/running.ts";
import { localDeployer } from "../../operate/rotate/deploy-local.ts";
import type { Deployer } from "../../operate/rotate/rotation.ts";
import { configName } from "../../settings/operator.ts";
import { hasPhases, phasesIn } from "../../settings/systems.ts";
import type { Account } from "../shared/local-connections.ts";
import { openPulumiDeployer } from "../shared/stack-account.ts";
import { openStackSystem, type StackSystem } from "../shared/stack-system.ts";
import { openEvidence } from "./evidence.ts";
import type { PhaseOptions } from "./flags.ts";

export interface Subject extends StackSystem {
  phase(): Promise<PhaseSubject>;
}

export async function openSubject(options: PhaseOptions, command: string): Promise<Subject> {
  const chosen = await openStackSystem(options, `phase ${command}`, {
    has: hasPhases,
    lacks: "has no phases: its data has always been in Postgres",
  });
  const { project, system, stack, settings, home, flags } = chosen;
  return { ...chosen, phase: openPhase };

  async function openPhase(): Promise<PhaseSubject> {
    const account = await chosen.openAccount();
    const [file, name] = stackPath(project, stack);
    return {
      system: system.name,
      setting: { path: file, name, key: `slipway:${configName(system.name)}` },
      allowed: phasesIn(settings.environment),
      journal: journalFile(home.state, stack, system.name),
      deployer: await openDeployer(account),
      evidence: openEvidence({ system, account, stack, home }),
      flags,
      readRunning: () => readRunningPhases(account.api, system, account.suffix),
    };
  }

  async function openDeployer(account: Account): Promise<Deployer> {
    const { typedStack, workspace, deployed } = chosen;
    if (!chosen.isLocal) return openPulumiDeployer(project, stack, { stack: typedStack, flags: `-s ${typedStack}` }, "a change of phase");
    // The platform may run fewer systems than the stack declares.
    const running: string[] = [];
    for (const one of deployed) if ((await account.databases(one)) !== undefined) running.push(one.name);
    return localDeployer(workspace, running);
  }
}

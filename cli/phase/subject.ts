/** What the commands of `slipway phase` work on: a system of a stack that has phases, its account, and the engine that deploys it. */
import type { PhaseSubject } from "../../operate/phase/change.ts";
import { journalFile } from "../../operate/phase/journal.ts";
import { readRunningPhases } from "../../operate/phase/running.ts";
import { configName } from "../../settings/operator.ts";
import { hasPhases, phasesIn } from "../../settings/systems.ts";
import { openDeployer, openStackSystem, type StackSystem, stackFileOf } from "../shared/stack-system.ts";
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
  const { system, stack, typedStack, settings, home, flags } = chosen;
  return { ...chosen, phase: openPhase };

  async function openPhase(): Promise<PhaseSubject> {
    const account = await chosen.openAccount();
    return {
      system: system.name,
      setting: { ...stackFileOf(chosen), key: `slipway:${configName(system.name)}` },
      allowed: phasesIn(settings),
      journal: journalFile(home.state, stack, system.name),
      deployer: await openDeployer(chosen, { stack: typedStack, flags: `-s ${typedStack}` }, "a change of phase"),
      evidence: openEvidence({ system, account, stack, home, environment: settings.environment }),
      flags,
      readRunning: () => readRunningPhases(account.api, { system, environment: settings.environment, suffix: account.suffix }),
    };
  }
}

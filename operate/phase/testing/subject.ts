/** A stack's file, a journal and services in a folder. The services report the phase that was deployed last. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Environment, flagsOf, type Phase } from "../../../settings/settings.ts";
import type { PhaseSubject } from "../change.ts";
import type { Evidence } from "../gates.ts";
import { ORDER, phasesWith } from "../phases.ts";
import type { RunningPhase } from "../running.ts";
import { readPhase } from "../stack-file.ts";

export const FLAGS = "--stack prod --system shop";

export interface Records {
  validations?: readonly { readonly at: string; readonly isClean: boolean }[];
  exports?: readonly { readonly at: string }[];
  archives?: readonly { readonly at: string }[];
  restoredBackups?: readonly { readonly id: string; readonly startedAt: string; readonly restoredAt: string }[];
  rounds?: readonly { readonly at: string; readonly problems: number }[];
  lastWrite?: string;
}

export const evidenceOf = (records: Records): Evidence => ({
  validations: async () => records.validations ?? [],
  exports: async () => records.exports ?? [],
  archives: async () => records.archives ?? [],
  restoredBackups: async () => records.restoredBackups ?? [],
  rounds: async () => records.rounds ?? [],
  lastWrite: async () => records.lastWrite,
});

export interface SubjectOptions {
  /** @default "local", where the files of an app last */
  readonly environment?: Environment;
  readonly records?: Records;
  /** Called before each step of the deployer and before each question to the services. */
  readonly onStep?: (step: string) => void;
}

/** @param folder Has Pulumi.prod.yaml, and `deployed`, a file with the phase that the services report. */
export function phaseSubject(
  folder: string,
  { records = {}, environment = "local", onStep = () => {} }: SubjectOptions = {},
): PhaseSubject {
  const setting = { path: join(folder, "Pulumi.prod.yaml"), name: "Pulumi.prod.yaml", key: "slipway:shop" };
  const deployed = join(folder, "deployed");
  return {
    ...{ system: "shop", setting, allowed: ORDER, journal: join(folder, "phase", "prod-shop.jsonl"), flags: FLAGS },
    evidence: evidenceOf(records),
    deployer: {
      requireNoChanges: async () => onStep("preview"),
      async deploy() {
        onStep("deploy");
        writeFileSync(deployed, readPhase(setting).phase);
        onStep("deployed");
      },
      refresh: async () => {},
    },
    async readRunning() {
      onStep("ask");
      const phase = existsSync(deployed) ? (readFileSync(deployed, "utf8") as Phase) : undefined;
      const running: RunningPhase =
        phase === undefined
          ? { service: "shop/api", phases: [], problem: "it does not answer: ECONNREFUSED" }
          : { service: "shop/api", phases: phasesWith(flagsOf(phase, environment), environment) };
      return [running];
    },
  };
}

/** Writes the stack's file and what the services report. */
export function writeStack(folder: string, phase: Phase, { since, reported = phase }: { since?: string; reported?: Phase } = {}): void {
  const lines = ["config:", "  slipway:shop:", `    phase: ${phase} # Of the shop.`];
  if (since !== undefined) lines.push(`    phaseSince: "${since}"`);
  writeFileSync(join(folder, "Pulumi.prod.yaml"), `${lines.join("\n")}\n`);
  writeFileSync(join(folder, "deployed"), reported);
}

/** What the commands of `slipway phase` work on: a system of a stack that has phases, its account, and the engine that deploys it. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject } from "../../engine/project.ts";
import { readStack, stackPath } from "../../engine/stackfile.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { STACK, workspaceAt } from "../../local/platform/workspace.ts";
import type { Home } from "../../local/servers/home.ts";
import type { PhaseSubject } from "../../operate/phase/change.ts";
import { journalFile } from "../../operate/phase/journal.ts";
import { readRunningPhases } from "../../operate/phase/running.ts";
import { localDeployer } from "../../operate/rotate/deploy-local.ts";
import type { Deployer } from "../../operate/rotate/rotation.ts";
import { configName } from "../../settings/operator.ts";
import { hasPhases, phasesIn } from "../../settings/systems.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { type Account, localAccount, stackAccount } from "../shared/local-connections.ts";
import { requireStack } from "../shared/require-stack.ts";
import { openPulumiDeployer } from "../shared/stack-account.ts";
import { readSettings } from "../shared/stack-settings.ts";
import { openEvidence } from "./evidence.ts";
import type { PhaseOptions } from "./flags.ts";

export interface Subject {
  readonly system: System;
  readonly stack: string;
  /** Of the project's state. */
  readonly home: Home;
  /** "--stack prod --system shop" */
  readonly flags: string;
  phase(): Promise<PhaseSubject>;
}

export async function openSubject(options: PhaseOptions, command: string): Promise<Subject> {
  const project = findProject(options.cwd);
  const stack = requireStack(options.stack, project, `phase ${command}`);
  const wanted = options.system === undefined ? undefined : await findSystem(systems, options.system);
  const folder = path.relative(process.cwd(), project.root);
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const config = readStack(project, stack);
  const settings = readSettings(project, stack);
  const deployed = settings.systems.map(({ system }) => system);
  const system = choose(wanted, deployed, stack);
  const flags = ["--stack", stack, "--system", system.name, ...(folder === "" ? [] : ["--cwd", folder])].map(quoteWord).join(" ");
  const workspace = workspaceAt(project.root);
  // `slipway local up` deploys stack local without Pulumi.
  const isLocal = config.stack === STACK && findDaemon(workspace) !== undefined;
  return { system, stack: config.stack, home: workspace.home, flags, phase: openPhase };

  async function openPhase(): Promise<PhaseSubject> {
    const account = (isLocal ? localAccount(workspace) : undefined) ?? (await stackAccount(stack));
    const [file, name] = stackPath(project, config.stack);
    return {
      system: system.name,
      setting: { path: file, name, key: `slipway:${configName(system.name)}` },
      allowed: phasesIn(settings.environment),
      journal: journalFile(workspace.home.state, config.stack, system.name),
      deployer: await openDeployer(account),
      evidence: openEvidence({ system, account, stack: config.stack, home: workspace.home }),
      flags,
      readRunning: () => readRunningPhases(account.api, system, account.suffix),
    };
  }

  async function openDeployer(account: Account): Promise<Deployer> {
    if (!isLocal) return openPulumiDeployer(project, config.stack, { stack, flags: `-s ${stack}` }, "a change of phase");
    // The platform may run fewer systems than the stack declares.
    const running: string[] = [];
    for (const one of deployed) if ((await account.databases(one)) !== undefined) running.push(one.name);
    return localDeployer(workspace, running);
  }
}

function choose(wanted: System | undefined, deployed: readonly System[], stack: string): System {
  const phased = deployed.filter(hasPhases);
  if (wanted !== undefined && !deployed.some(({ name }) => name === wanted.name))
    throw new UsageError(`Stack ${stack} does not have ${wanted.title}. It has: ${deployed.map(({ name }) => name).join(", ")}.`);
  if (wanted !== undefined && !hasPhases(wanted))
    throw new UsageError(`${wanted.title} has no phases: its data has always been in Postgres.`);
  const [only, ...others] = wanted === undefined ? phased : [wanted];
  if (only === undefined) throw new UsageError(`No system of stack ${stack} has phases.`);
  if (others.length > 0) throw new UsageError(`Which system? --system ${phased.map(({ name }) => name).join(" | ")}`);
  return only;
}

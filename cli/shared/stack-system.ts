/** A system of a stack, chosen by --stack and --system, and the account that it is deployed in. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject, type Project } from "../../engine/project.ts";
import { readStack } from "../../engine/stackfile.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { STACK, type Workspace, workspaceAt } from "../../local/platform/workspace.ts";
import type { Home } from "../../local/servers/home.ts";
import type { Settings } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "./errors.ts";
import { findSystem } from "./find-system.ts";
import { type Account, localAccount, stackAccount } from "./local-connections.ts";
import { requireStack } from "./require-stack.ts";
import { readSettings } from "./stack-settings.ts";

export interface StackSystem {
  readonly project: Project;
  readonly system: System;
  /** All of the stack. */
  readonly deployed: readonly System[];
  readonly settings: Settings;
  /** Its name in the file's name. */
  readonly stack: string;
  /** As it was typed. */
  readonly typedStack: string;
  readonly workspace: Workspace;
  readonly home: Home;
  /** "--stack prod --system shop" */
  readonly flags: string;
  /** Whether `slipway local up` deploys it, without Pulumi. */
  readonly isLocal: boolean;
  openAccount(): Promise<Account>;
}

export interface StackOptions {
  readonly stack?: string | undefined;
  readonly system?: string | undefined;
  readonly cwd: string;
}

/** What the system needs to have, and what to say of one that does not. */
export interface Wanted {
  has(system: System): boolean;
  readonly lacks: string;
}

export async function openStackSystem(options: StackOptions, command: string, wanted: Wanted): Promise<StackSystem> {
  const project = findProject(options.cwd);
  const typedStack = requireStack(options.stack, project, command);
  const named = options.system === undefined ? undefined : await findSystem(systems, options.system);
  const folder = path.relative(process.cwd(), project.root);
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const { stack } = readStack(project, typedStack);
  const settings = readSettings(project, typedStack);
  const deployed = settings.systems.map(({ system }) => system);
  const system = choose(named, deployed, typedStack, wanted);
  const flags = ["--stack", typedStack, "--system", system.name, ...(folder === "" ? [] : ["--cwd", folder])].map(quoteWord).join(" ");
  const workspace = workspaceAt(project.root);
  const isLocal = stack === STACK && findDaemon(workspace) !== undefined;
  return {
    ...{ project, system, deployed, settings, stack, typedStack, workspace, home: workspace.home, flags, isLocal },
    openAccount: async () => (isLocal ? localAccount(workspace) : undefined) ?? (await stackAccount(typedStack)),
  };
}

function choose(named: System | undefined, deployed: readonly System[], stack: string, { has, lacks }: Wanted): System {
  if (named !== undefined && !deployed.some(({ name }) => name === named.name))
    throw new UsageError(`Stack ${stack} does not have ${named.title}. It has: ${deployed.map(({ name }) => name).join(", ")}.`);
  if (named !== undefined && !has(named)) throw new UsageError(`${named.title} ${lacks}.`);
  const having = deployed.filter(has);
  const [only, ...others] = named === undefined ? having : [named];
  if (only === undefined) throw new UsageError(`No system of stack ${stack} can be chosen: each ${lacks}.`);
  if (others.length > 0) throw new UsageError(`Which system? --system ${having.map(({ name }) => name).join(" | ")}`);
  return only;
}

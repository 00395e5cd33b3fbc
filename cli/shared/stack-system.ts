/** A stack and a system of it, chosen by --stack and --system, the account that it is deployed in, and what deploys it. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject, type Project } from "../../engine/project.ts";
import { readStack, type StackConfig, stackPath } from "../../engine/stackfile.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import type { DaemonConnection } from "../../local/platform/daemon/control.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { STACK, type Workspace, workspaceAt } from "../../local/platform/workspace.ts";
import type { Home } from "../../local/servers/home.ts";
import { openApi } from "../../operate/recover/api.ts";
import { listDatabases } from "../../operate/recover/cluster.ts";
import type { Deployer } from "../../operate/rotate/rotation.ts";
import type { StackFile } from "../../operate/stack-file.ts";
import type { Settings } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "./errors.ts";
import { findSystem } from "./find-system.ts";
import { type Account, localAccount, stackAccount } from "./local-connections.ts";
import { requireStack } from "./require-stack.ts";
import { openPulumiDeployer, type Target } from "./stack-account.ts";
import { readSettings } from "./stack-settings.ts";

export interface OpenStack {
  readonly project: Project;
  /** As it was typed. */
  readonly typedStack: string;
  readonly config: StackConfig;
  readonly settings: Settings;
  /** That of --system. */
  readonly named: System | undefined;
  /** The flag with the project's folder, where it is another one than the user's: "--cwd", "../shop". */
  readonly cwd: readonly string[];
  readonly workspace: Workspace;
  /** The local platform, where it deploys the stack without Pulumi. */
  readonly daemon: DaemonConnection | undefined;
}

export interface StackSystem extends OpenStack {
  readonly system: System;
  /** Its name in the file's name. */
  readonly stack: string;
  readonly home: Home;
  /** "--stack prod --system shop" */
  readonly flags: string;
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

/** From then on, the working directory is that of the project. */
export async function openStack(options: StackOptions, command: string): Promise<OpenStack> {
  const project = findProject(options.cwd);
  const typedStack = requireStack(options.stack, project, command);
  const named = options.system === undefined ? undefined : await findSystem(systems, options.system);
  const folder = path.relative(process.cwd(), project.root);
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const config = readStack(project, typedStack);
  const settings = readSettings(project, typedStack);
  const workspace = workspaceAt(project.root);
  const daemon = config.stack === STACK ? findDaemon(workspace) : undefined;
  return { project, typedStack, config, settings, named, cwd: folder === "" ? [] : ["--cwd", folder], workspace, daemon };
}

export async function openStackSystem(options: StackOptions, command: string, wanted: Wanted): Promise<StackSystem> {
  const opened = await openStack(options, command);
  const { typedStack, config, settings, named, cwd, workspace, daemon } = opened;
  const deployed = settings.systems.map(({ system }) => system);
  const system = choose(named, deployed, typedStack, wanted);
  return {
    ...{ ...opened, system, stack: config.stack, home: workspace.home },
    flags: ["--stack", typedStack, "--system", system.name, ...cwd].map(quoteWord).join(" "),
    openAccount: async () => (daemon === undefined ? undefined : localAccount(workspace)) ?? (await stackAccount(typedStack)),
  };
}

/** @param target What a printed command names. @param purpose What deploys: "a rotation". */
export async function openDeployer(
  { project, config, settings, workspace, daemon }: OpenStack,
  target: Target,
  purpose?: string,
): Promise<Deployer> {
  if (daemon === undefined) return openPulumiDeployer(project, config.stack, target, purpose);
  const databases = await listDatabases(openApi({ endpoint: daemon.api, token: API_TOKEN }));
  // The platform may run fewer systems than the stack declares.
  const running = settings.systems.map(({ system }) => system).filter(({ postgres }) => databases.includes(postgres.database));
  // Loads the local platform, which no other command of a stack needs.
  const { localDeployer } = await import("../../operate/rotate/deploy-local.ts");
  return localDeployer(
    workspace,
    running.map(({ name }) => name),
  );
}

export function stackFileOf({ project, config }: OpenStack): StackFile {
  const [file, name] = stackPath(project, config.stack);
  return { path: file, name };
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

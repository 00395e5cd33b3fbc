/** What a comparison needs: the stack's plan, its state, and the account's address and token. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import type { Plan, PlannedResource } from "../../engine/plan.ts";
import { findProject, type Project, stackNames } from "../../engine/project.ts";
import { readStack } from "../../engine/stackfile.ts";
import { planStack } from "../../engine/stackplan.ts";
import { sameAddress } from "../../local/platform/stack-endpoint.ts";
import { openApi } from "../../operate/recover/api.ts";
import type { Comparison, Missing } from "../../operate/recover/comparison.ts";
import { RecoverError } from "../../operate/recover/error.ts";
import type { PulumiCli } from "../../operate/recover/pulumi-cli.ts";
import { readStatusOf } from "../../operate/recover/readiness.ts";
import { reconcile, type Siblings } from "../../operate/recover/reconcile.ts";
import type { RolesDrift } from "../../operate/recover/roles-drift.ts";
import { parseState, type State } from "../../operate/recover/state.ts";
import { UsageError } from "../shared/errors.ts";
import { requireStack } from "../shared/require-stack.ts";
import { endpointOf, openProjectCli, readToken } from "../shared/stack-account.ts";

export interface SubjectOptions {
  readonly stack?: string | undefined;
  readonly state?: string | undefined;
  readonly cwd: string;
}

export interface Subject {
  readonly project: Project;
  readonly plan: Plan;
  /** As Pulumi's CLI takes it, with its organization if one was given. */
  readonly stackName: string;
  /** The flag with the project's folder, where it is another one than the user's: "--cwd", "../shop". */
  readonly cwd: readonly string[];
  /** What a printed command needs: "-s acme/qa --cwd ../shop". */
  readonly flags: string;
  /** The same for another stack. */
  flagsOf(stack: string): string;
  /** undefined with --state. */
  readonly pulumi: PulumiCli | undefined;
  readState(): Promise<State>;
  /** @param shared Whether to import what another stack declares too. @default false */
  compare(state: State, options?: { readonly shared?: boolean }): Promise<Comparison>;
  /** Connects to the databases of the stack. */
  compareRoles(state: State): Promise<readonly RolesDrift[]>;
  /** Of a cluster or a replica; after a comparison. */
  readStatus(missing: Missing): Promise<string | undefined>;
}

export async function openSubject(options: SubjectOptions, command: "recover" | "drift"): Promise<Subject> {
  // Before the working directory changes: the path is relative to where the command was typed.
  const exported = options.state === undefined ? undefined : readExport(options.state, command);
  const project = findProject(options.cwd);
  const stackName = requireStack(options.stack, project, command);
  const folder = path.relative(process.cwd(), project.root);
  const cwd = folder === "" ? [] : ["--cwd", folder];
  const flagsOf = (stack: string) => ["-s", stack, ...cwd].map(quoteWord).join(" ");
  const flags = flagsOf(stackName);
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const config = readStack(project, stackName);
  const endpoint = endpointOf(config, { stack: stackName, flags });
  const cli = openProjectCli(project, { stack: stackName, flags });
  if (exported === undefined && cli === undefined) throw new UsageError(noCli(flags, command));
  const plan = await planStack(project, { stack: stackName, placeholders: true });
  let token: string | undefined;
  return {
    project,
    plan,
    stackName,
    cwd,
    flags,
    flagsOf,
    pulumi: exported === undefined ? cli : undefined,
    readState,
    compare,
    compareRoles: async (state) => {
      token ??= await readToken(config, cli, { stack: stackName, flags });
      const { compareRoles } = await import("../../operate/recover/database-roles.ts");
      return await compareRoles({ plan, state, api: openApi({ endpoint, token }) });
    },
    readStatus,
  };

  async function readState(): Promise<State> {
    const source = options.state ?? `The state of stack ${stackName}`;
    return parseState(exported ?? (await cli!.run(["stack", "export", "-s", stackName])), { ...plan, flags }, source);
  }

  async function compare(state: State, { shared = false }: { readonly shared?: boolean } = {}): Promise<Comparison> {
    token ??= await readToken(config, cli, { stack: stackName, flags });
    const siblings = () => planSiblings(project, plan.stack, endpoint);
    const comparison = await reconcile({ plan, state, endpoint, token, flags, root: project.root, siblings, importsShared: shared });
    const notes = comparison.unplanned.map(
      (name) =>
        `Stack ${name} cannot be planned, so slipway does not know whether it declares the same names. Before you import, see why: slipway plan ${flagsOf(name)}`,
    );
    return { ...comparison, notes: [...comparison.notes, ...notes] };
  }

  async function readStatus(missing: Missing): Promise<string | undefined> {
    token ??= await readToken(config, cli, { stack: stackName, flags });
    return await readStatusOf(openApi({ endpoint, token }), missing);
  }
}

function readExport(file: string, command: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--state: ${file} cannot be read (${code}). Write it with Pulumi's CLI: pulumi stack export -s prod --file ${file}. Then: slipway ${command} -s prod --state ${file}`,
    );
  }
}

const noCli = (flags: string, command: string): string =>
  `Pulumi's CLI, which reads the state, is neither on the PATH nor in ~/.pulumi/bin. Install it (https://www.pulumi.com/docs/install), or export the state where it is installed:\n` +
  `  pulumi stack export ${flags} > state.json\n  slipway ${command} ${flags} --state state.json`;

/** Of the stacks with the same endpoint: another one is another account. */
async function planSiblings(project: Project, own: string, endpoint: string): Promise<Siblings> {
  const unplanned: string[] = [];
  const plans = new Map<string, readonly PlannedResource[]>();
  for (const name of stackNames(project)) {
    if (name === own) continue;
    try {
      if (!sameAddress(endpointOf(readStack(project, name), { stack: name, flags: "" }), endpoint)) continue;
      plans.set(name, (await planStack(project, { stack: name, placeholders: true })).resources);
    } catch (error) {
      if (error instanceof RecoverError) throw error;
      unplanned.push(name);
    }
  }
  return { plans, unplanned };
}

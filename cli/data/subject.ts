/** What the commands of `slipway data` work on: the mapping of a system, its database, and the folder for rejected rows and records. */
import { existsSync } from "node:fs";
import path from "node:path";
import { evidenceFolder } from "../../data/evidence.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { STACK, type Workspace, workspaceAt } from "../../local/platform/workspace.ts";
import { findHome, type Home } from "../../local/servers/home.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { dataMappings } from "../../systems/data/index.ts";
import type { DataMapping } from "../../systems/data/mapping.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { inProject } from "../shared/in-project.ts";
import { type Account, localAccount, stackAccount } from "../shared/local-connections.ts";
import { namedConnection } from "../shared/named-connection.ts";
import type { DataOptions } from "./flags.ts";

export interface DataSubject {
  readonly system: System;
  readonly mapping: DataMapping;
  readonly connection: Connection;
  /** undefined for the database of a URL, of which no record is kept. */
  readonly stack: string | undefined;
  readonly home: Home;
  /** Has the records and the lists of rejected rows. */
  readonly folder: string;
  readonly rejectedFile: string;
}

/** @param workspace Of the local platform. @default that of this project */
export async function openSubject(options: DataOptions, workspace?: Workspace): Promise<DataSubject> {
  const { system: name, stack, url, rejected, cwd } = options;
  const withMapping = Object.keys(dataMappings);
  if (name === undefined) throw new UsageError(`Which system? --system ${withMapping.join(" | ")}`);
  const system = await findSystem(systems, name);
  const mapping = dataMappings[system.name];
  if (mapping === undefined)
    throw new UsageError(`${system.title} has no mapping of JSON files in systems/data. These have one: ${withMapping.join(", ")}.`);
  if (stack !== undefined && url !== undefined)
    throw new UsageError("Where is the database? --url names it, and --stack finds it over the account's API: use one of the two.");
  if (rejected !== undefined && existsSync(rejected))
    throw new UsageError(`${rejected} exists. Name a new file for rejected rows, or leave out --rejected.`);
  // Paths in flags are of the folder where the command is typed.
  const rejectedFile = rejected === undefined ? undefined : path.resolve(rejected);
  const project = findRoot(cwd);
  const { connection, from } = await findDatabase(options, system, project, workspace);
  const home = workspace?.home ?? findHome(project ?? cwd);
  const folder = evidenceFolder(home.state, from ?? "url", system.name);
  return {
    ...{ system, mapping, connection, stack: from, home, folder },
    rejectedFile: rejectedFile ?? path.join(folder, `rejected-${new Date().toISOString().replace(/[-:.]/g, "")}.ndjson`),
  };
}

function findRoot(cwd: string): string | undefined {
  try {
    return findProject(cwd).root;
  } catch (error) {
    // A database with a URL needs no project.
    if (error instanceof ProjectError) return undefined;
    throw error;
  }
}

async function findDatabase(
  options: DataOptions,
  system: System,
  project: string | undefined,
  workspace: Workspace | undefined,
): Promise<{ readonly connection: Connection; readonly from: string | undefined }> {
  const named = options.stack === undefined ? await namedConnection(options) : undefined;
  if (named !== undefined) return { connection: named, from: undefined };
  const stack = options.stack ?? STACK;
  const isLocal = stack === STACK;
  const local = isLocal
    ? await inProject(() => localAccount(workspace ?? (project === undefined ? undefined : workspaceAt(project))))
    : undefined;
  if (local === undefined && options.stack === undefined)
    throw new UsageError(
      "Which database? --stack <name>, --url postgres://user:password@host:25060/database, or set DATABASE_URL; or start the local platform, whose database is the default: npm start",
    );
  const account = local ?? (await openStack(stack, project));
  const connections = await account.databases(system);
  if (connections === undefined)
    throw new UsageError(`${account.name} has no database of ${system.name}. Deploy it first: ${isLocal ? "npm start" : "pulumi up"}`);
  return { connection: connections.owner, from: stack };
}

/** The settings of a stack are read where the project is; printed paths stay those of the folder where the command is typed. */
async function openStack(stack: string, project: string | undefined): Promise<Account> {
  const typedIn = process.cwd();
  if (project !== undefined) process.chdir(project);
  try {
    return await stackAccount(stack);
  } finally {
    process.chdir(typedIn);
  }
}

/** The systems that `slipway verify` looks at: those of a stack's account, or of the local platform. */
import path from "node:path";
import { STACK, type Workspace } from "../../local/platform/workspace.ts";
import type { Check } from "../../operate/verify/check.ts";
import type { VerifySubject } from "../../operate/verify/verify.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { inProject } from "../shared/in-project.ts";
import { type Account, localAccount, stackAccount } from "../shared/local-connections.ts";
import { readBackups } from "../shared/read-backups.ts";
import type { VerifyOptions } from "./flags.ts";

/** @param workspace Of the local platform. @default that of this project */
export async function findSubjects(
  options: Pick<VerifyOptions, "system" | "stack">,
  workspace?: Workspace,
): Promise<readonly VerifySubject[]> {
  const wanted = options.system === undefined ? systems : [await findSystem(systems, options.system)];
  const isLocal = options.stack === undefined || options.stack === STACK;
  const account = options.stack === undefined ? await inProject(() => localAccount(workspace)) : await stackAccount(options.stack);
  if (account === undefined)
    throw new UsageError("Which deployment? --stack <name>, or start the local platform, which is the default: npm start");
  const names = new Set((await account.api.list("/v2/apps", "apps")).map(({ spec }) => (spec as { name: string }).name));
  const isDeployed = (system: System) => Object.values(system.apps).some(({ name }) => names.has(`${name}${account.suffix}`));
  const deployed = options.system === undefined ? wanted.filter(isDeployed) : wanted;
  if (deployed.length === 0)
    throw new UsageError(
      `${account.name} has no app of ${wanted.map(({ name }) => name).join(", ")}. Deploy it first: ${isLocal ? "npm start" : "pulumi up"}`,
    );
  return await Promise.all(deployed.map((system) => subjectOf(system, account, isLocal)));
}

async function subjectOf(system: System, account: Account, isLocal: boolean): Promise<VerifySubject> {
  const database = await account.databases(system);
  return {
    ...{ system, isLocal, api: account.api, account: account.name, suffix: account.suffix },
    database: database === undefined ? undefined : { cluster: database.cluster, owner: database.owner },
    stores: await account.stores(system),
    folders: { migrations: path.join("sql", system.name), keyspaces: path.join("keyspaces", system.name) },
    readBackups: () => checkBackups(system, isLocal),
  };
}

async function checkBackups(system: System, isLocal: boolean): Promise<readonly Check[]> {
  const about = { kind: "backups", subject: `${system.name}/backups` } as const;
  const [status] = await readBackups([system], isLocal);
  if (status === undefined)
    return [
      {
        ...about,
        outcome: "unproved",
        evidence: "no place of backups is named here",
        next: { text: "Name it, as docs/backups.md describes; then see:", command: "slipway backup status" },
      },
    ];
  const { findings, facts } = status;
  if (findings.length === 0)
    return facts.map(({ name, value }) => ({ ...about, subject: name, outcome: "passed" as const, evidence: value }));
  return findings.map(({ subject, evidence, next: { text, command } }) => ({
    ...about,
    subject,
    outcome: "failed" as const,
    evidence,
    next: command === undefined ? { text } : { text, command },
  }));
}

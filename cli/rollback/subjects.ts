/** The system that `slipway rollback` is about: in a stack's account, or on the local platform. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { STACK, type Workspace } from "../../local/platform/workspace.ts";
import type { RollbackSubject } from "../../operate/rollback/subject.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { inProject } from "../shared/in-project.ts";
import { localAccount, stackAccount } from "../shared/local-connections.ts";
import { openBackups } from "./backups.ts";
import type { RollbackOptions } from "./flags.ts";

type Options = RollbackOptions & { readonly identity?: string | undefined };

/** @param workspace Of the local platform. @default that of this project */
export async function findSubject(options: Options, workspace?: Workspace): Promise<RollbackSubject> {
  const { system: name, stack, identity } = options;
  if (name === undefined) throw new UsageError(`Which system? --system ${systems.map((system) => system.name).join(" | ")}`);
  const system = await findSystem(systems, name);
  const account = stack === undefined ? await inProject(() => localAccount(workspace)) : await stackAccount(stack);
  if (account === undefined)
    throw new UsageError("Which deployment? --stack <name>, or start the local platform, which is the default: npm start");
  const database = await account.databases(system);
  const isLocal = stack === undefined || stack === STACK;
  const { api, writer, suffix } = account;
  return {
    ...{ system, api, writer, suffix, isLocal, account: account.name, admin: database?.admin },
    database: database && { cluster: database.cluster, owner: database.owner },
    stores: await account.stores(system),
    folders: { migrations: path.join("sql", system.name), keyspaces: path.join("keyspaces", system.name) },
    readBackups: async () => [],
    backups:
      database === undefined
        ? "The account has no database to restore."
        : await openBackups(system, { database, isLocal, identity, workspace }),
    flags: `--system ${system.name}${stack === undefined ? "" : ` --stack ${quoteWord(stack)}`}`,
  };
}

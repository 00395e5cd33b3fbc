/** What `slipway doctor` examines: the databases and stores of --url and the environment, of a stack's account, or of the local platform. */
import { existsSync } from "node:fs";
import path from "node:path";
import { userIn } from "../../catalog/alternate-user.ts";
import { rotateCommand } from "../../catalog/credential-age.ts";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import type { Examination } from "../../operate/doctor/finding.ts";
import type { ConnectionBudget, CredentialSubject, DatabaseSubject } from "../../operate/doctor/postgres/subject.ts";
import type { StoreSubject } from "../../operate/doctor/valkey/subject.ts";
import { type Connection, targetOf } from "../../postdeploy/connect/target.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import { activeUser, ROLE_KINDS, type Settings, type SystemSettings } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { inProject } from "../shared/in-project.ts";
import { type Account, localAccount, stackAccount } from "../shared/local-connections.ts";
import { namedConnection, namedStores } from "../shared/named-connection.ts";
import { readBackups } from "../shared/read-backups.ts";
import { openDrift } from "../shared/read-drift.ts";
import type { DoctorOptions } from "./flags.ts";

export interface Subjects {
  readonly databases: readonly DatabaseSubject[];
  readonly stores: readonly StoreSubject[];
  /** Empty where no copies of backups are configured. */
  readBackups(): Promise<readonly Examination[]>;
  /** Empty unless the databases are those of a stack that Pulumi deploys. */
  readDrift(): Promise<readonly Examination[]>;
  /** What could not be found, although a definition declares it. */
  readonly notices: readonly string[];
}

type SubjectOptions = Pick<DoctorOptions, "system" | "stack"> & Partial<Pick<DoctorOptions, "url" | "ca">>;

/** @param workspace Of the local platform. @default that of this project */
export async function findSubjects(options: SubjectOptions, workspace?: Workspace): Promise<Subjects> {
  const wanted = options.system === undefined ? systems : [await findSystem(systems, options.system)];
  if (options.stack !== undefined && options.url !== undefined)
    throw new UsageError("Where is the database? --url names it, and --stack finds it over the account's API: use one of the two.");
  if (options.stack !== undefined) return await findInStack(options.stack, wanted);
  return (await findNamed(options, wanted)) ?? (await findLocal(wanted, workspace));
}

/** @returns undefined where neither a flag nor the environment names a server. */
async function findNamed(options: SubjectOptions, wanted: readonly System[]): Promise<Subjects | undefined> {
  const named = await namedConnection(options);
  const stores = wanted.map((system): SystemStores => ({ system, stores: namedStores(Object.keys(system.stores)) }));
  const hasStores = stores.some((one) => one.stores.size > 0);
  if (named === undefined && !hasStores) return undefined;
  if (options.system === undefined && hasStores)
    throw new UsageError(`Which system are the stores of? --system ${systems.map(({ name }) => name).join(" | ")}`);
  const [system] = options.system === undefined ? [] : wanted;
  const databases =
    named === undefined ? [] : [system === undefined ? { name: nameOfDatabase(named), connection: named } : databaseOf(system, named)];
  return {
    databases,
    stores: storesOf(stores),
    readBackups: async () => (system === undefined ? [] : await readBackups(wanted, false)),
    readDrift: async () => [],
    notices: [],
  };
}

const nameOfDatabase = (connection: Connection): string => targetOf(connection).database;

async function findLocal(wanted: readonly System[], workspace: Workspace | undefined): Promise<Subjects> {
  const account = await inProject(() => localAccount(workspace));
  if (account === undefined)
    throw new UsageError(
      "Which database? --url postgres://user:password@host:25060/database, or set DATABASE_URL, and SLIPWAY_STORE_<STORE>_URL for a store; --stack <name>; or start the local platform, whose databases and stores are the default: npm start",
    );
  return await findInAccount(account, wanted, await settingsOf("local"), true);
}

async function findInStack(stack: string, wanted: readonly System[]): Promise<Subjects> {
  const account = await stackAccount(stack);
  const subjects = await findInAccount(account, wanted, await settingsOf(stack), false);
  const readDrift = openDrift(stack);
  return { ...subjects, readDrift: async () => [await readDrift()] };
}

interface SystemFacts {
  readonly budget: ConnectionBudget;
  credentialsOf(createdAt: string): readonly CredentialSubject[];
}

type Facts = ReadonlyMap<string, SystemFacts>;

async function findInAccount(account: Account, wanted: readonly System[], facts: Facts, isLocal: boolean): Promise<Subjects> {
  const databases: DatabaseSubject[] = [];
  const stores: SystemStores[] = [];
  const missing: string[] = [];
  for (const system of wanted) {
    const connections = await account.databases(system);
    if (connections === undefined) missing.push(system.name);
    else {
      const { admin, cluster, createdAt } = connections;
      const known = facts.get(system.name);
      const database = databaseOf(system, connectionTo(admin, system.postgres.database), known?.budget);
      databases.push({
        ...database,
        credentials: known?.credentialsOf(createdAt),
        firewall: { cluster, rules: await account.sources(cluster) },
      });
    }
    const found = new Map<string, FoundStore>();
    for (const [store, { url, ca, cluster }] of await account.stores(system))
      found.set(store, { url, ca, firewall: { cluster, rules: await account.sources(cluster) } });
    stores.push({ system, stores: found });
  }
  if (databases.length === 0 && storesOf(stores).length === 0)
    throw new UsageError(
      `${account.name} has no database of ${missing.join(", ")}. Deploy it first: ${isLocal ? "npm start" : "pulumi up"}`,
    );
  return {
    databases,
    stores: storesOf(stores),
    readBackups: () => readBackups(wanted, isLocal),
    readDrift: async () => [],
    notices: missing.map((name) => `${account.name} has no database of ${name}.`),
  };
}

function databaseOf(system: System, connection: Connection, budget?: ConnectionBudget): DatabaseSubject {
  const { name, postgres } = system;
  const { database, schemas, extensions, roles, statementTimeoutSeconds, slowStatementMs } = postgres;
  const folder = path.join("sql", name);
  return {
    name: `${name}/postgres`,
    connection,
    declared: { system: name, database, schemas, extensions, roles, statementTimeoutSeconds, slowStatementMs },
    migrations: existsSync(folder) ? folder : undefined,
    budget,
  };
}

type FoundStore = StoreAddress & Pick<StoreSubject, "firewall">;

interface SystemStores {
  readonly system: System;
  readonly stores: ReadonlyMap<string, FoundStore>;
}

/** Several stores can be one cluster, whose databases are then those of all of them. */
function storesOf(found: readonly SystemStores[]): StoreSubject[] {
  const clusters = new Map<string, { databases: Set<number>; isState: boolean }>();
  for (const { system, stores } of found)
    for (const [store, { url }] of stores) {
      const cluster = clusters.get(addressOf(url)) ?? { databases: new Set(), isState: false };
      for (const keyspace of Object.values(system.keyspaces)) if (keyspace.store === store) cluster.databases.add(keyspace.database);
      cluster.isState ||= system.stores[store]?.class === "state";
      clusters.set(addressOf(url), cluster);
    }
  return found.flatMap(({ system, stores }) =>
    [...stores].map(([store, { firewall, ...address }]): StoreSubject => {
      const folder = path.join("keyspaces", system.name);
      const { databases, isState } = clusters.get(addressOf(address.url))!;
      return {
        name: `${system.name}/valkey-${store}`,
        address,
        firewall,
        class: isState ? "state" : system.stores[store]?.class,
        declared: existsSync(folder) ? { system: system.name, store, folder, databases: [...databases] } : undefined,
      };
    }),
  );
}

function addressOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Of each system that the stack selects. Empty where there is no such stack, or its settings have problems. */
async function settingsOf(stack: string): Promise<Facts> {
  const [{ readSettings }, { consumersOf }, { SettingsError }] = await Promise.all([
    import("../shared/stack-settings.ts"),
    import("../../settings/connections.ts"),
    import("../../settings/problems.ts"),
  ]);
  try {
    const settings = readSettings(findProject(process.cwd()), stack);
    return new Map(
      settings.systems.map((selected) => {
        const { system, connections } = selected;
        const direct = consumersOf(system, selected).filter(({ pooled }) => !pooled);
        const runtime = direct.reduce(
          (sum, { name, wish, processes, overflow }) => sum + ((connections[name] ?? wish) + overflow) * processes,
          0,
        );
        const pools = Object.fromEntries(
          Object.entries(system.postgres.pools).map(([name, { wish }]) => [name, connections[name] ?? wish]),
        );
        return [system.name, { budget: { runtime, pools }, credentialsOf: (createdAt) => credentialsOf(selected, createdAt, settings) }];
      }),
    );
  } catch (error) {
    if (error instanceof ProjectError || error instanceof SettingsError) return new Map();
    throw error;
  }
}

function credentialsOf(selected: SystemSettings, createdAt: string, { stack, environment }: Settings): readonly CredentialSubject[] {
  const { system, credentials } = selected;
  return ROLE_KINDS.map((role) => {
    const { since, retiring } = credentials[role] ?? {};
    return {
      role,
      user: activeUser(selected, role),
      since: since ?? createdAt,
      isRotated: since !== undefined,
      retiring: retiring === undefined ? undefined : userIn(retiring, system.postgres.roles[role]),
      command: rotateCommand({ flags: `-s ${quoteWord(stack)}`, system: system.name, role }),
      isLocal: environment === "local",
    };
  });
}

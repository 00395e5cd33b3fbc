/** What a command backs up, and over which connections. */

import type { Source } from "../../backup/create.ts";
import type { SourceState } from "../../backup/ensure.ts";
import type { DataSet } from "../../backup/names.ts";
import type { PostgresClients } from "../../backup/postgres/clients.ts";
import type { Home } from "../../local/servers/home.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import type { DataMapping } from "../../systems/data/mapping.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { inProject } from "../shared/in-project.ts";
import { namedConnection, namedStores } from "../shared/named-connection.ts";
import type { CreateOptions } from "./flags.ts";

export const POSTGRES = "postgres";
export const JSON_EXPORT = "json-export" as const;

/** A command needs one of them, seldom both. */
const loadPostgres = () => import("../../backup/postgres/source.ts");
const loadValkey = () => import("../../backup/valkey/source.ts");

export interface NamedSource {
  readonly set: DataSet;
  readonly open: () => Promise<Source>;
  readonly inspect: () => Promise<SourceState>;
}

export const clientsIn =
  (home: Home) =>
  async (major: number): Promise<PostgresClients> =>
    await (await import("../../backup/postgres/clients.ts")).findPostgresClients(major, home);

export async function findSources(options: CreateOptions, home: Home): Promise<NamedSource[]> {
  const { system: name, part } = options;
  const named = await namedConnection(options);
  const { systems } = await import("../../systems/index.ts");
  if (named !== undefined && name === undefined)
    throw new UsageError(`Which system is the database of? --system ${systems.map((one) => one.name).join(" | ")}`);
  const wanted = name === undefined ? systems : [await findSystem(systems, name)];
  const sources: NamedSource[] = [];
  for (const system of wanted) sources.push(...(await sourcesOf(system, named, home)));
  const selected = sources.filter(({ set }) => part === undefined || set.part === part);
  if (selected.length > 0) return selected;
  if (sources.length > 0)
    throw new UsageError(`There is no part "${part}". There are: ${[...new Set(sources.map(({ set }) => set.part))].join(", ")}.`);
  throw new UsageError(
    "Which database? --url postgres://user:password@host:25060/database, or set DATABASE_URL, and SLIPWAY_STORE_<STORE>_URL for a store; or start the local platform, whose databases are the default: npm start",
  );
}

export interface ExportSource {
  readonly system: System;
  readonly mapping: DataMapping;
  readonly connection: Connection;
}

/** The databases that are exported as JSON: those of systems with a mapping of their files. */
export async function findExportSources(options: Pick<CreateOptions, "system" | "url" | "ca">): Promise<ExportSource[]> {
  const [{ systems }, { dataMappings }] = await Promise.all([import("../../systems/index.ts"), import("../../systems/data/index.ts")]);
  const wanted = options.system === undefined ? systems : [await findSystem(systems, options.system)];
  const named = await namedConnection(options);
  const sources: ExportSource[] = [];
  for (const system of wanted) {
    const mapping = dataMappings[system.name];
    const connection = mapping === undefined ? undefined : (named ?? (await findLocalConnections(system))?.backup);
    if (mapping !== undefined && connection !== undefined) sources.push({ system, mapping, connection });
  }
  if (sources.length > 0) return sources;
  throw new UsageError(
    `--json-export has nothing to export: ${options.system === undefined ? "no system" : `${options.system} has no mapping of JSON files in systems/data, or it`} has a database here. These systems have a mapping: ${Object.keys(dataMappings).join(", ")}.`,
  );
}

/**
 * The URLs come from --url and the environment. Where neither names one, they are those of the local platform. A store that may lose its keys is
 * not backed up.
 */
async function sourcesOf(system: System, named: Connection | undefined, home: Home): Promise<NamedSource[]> {
  const names = Object.keys(system.stores).filter((store) => system.stores[store]!.class === "state");
  const given = namedStores(names);
  const isNamed = named !== undefined || given.size > 0;
  const connection = isNamed ? named : (await findLocalConnections(system))?.backup;
  const stores = isNamed
    ? given
    : ((await inProject(async () => (await loadLocal()).localStores(system))) ?? new Map<string, StoreAddress>());
  return [
    ...(connection === undefined
      ? []
      : [
          {
            set: { system: system.name, part: POSTGRES },
            open: async () => (await loadPostgres()).openPostgresSource(connection, clientsIn(home)),
            inspect: async () => (await loadPostgres()).inspectPostgres(connection),
          },
        ]),
    ...names.flatMap((store) => {
      const address = stores.get(store);
      return address === undefined
        ? []
        : [
            {
              set: { system: system.name, part: `valkey-${store}` },
              open: async () => (await loadValkey()).openValkeySource(address),
              inspect: async () => (await loadValkey()).inspectValkey(address),
            },
          ];
    }),
  ];
}

export const findLocalConnections = (system: System) => inProject(async () => (await loadLocal()).localConnections(system));

const loadLocal = () => import("../shared/local-connections.ts");

/** What a command backs up, and over which connections. */

import type { Source } from "../../backup/create.ts";
import type { DataSet } from "../../backup/names.ts";
import { findPostgresClients, type PostgresClients } from "../../backup/postgres/clients.ts";
import { openPostgresSource } from "../../backup/postgres/source.ts";
import type { Home } from "../../local/servers/home.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { localConnections } from "../shared/local-connections.ts";
import { readCa } from "../shared/read-ca.ts";
import type { CreateOptions } from "./flags.ts";

export const POSTGRES = "postgres";

export interface NamedSource {
  readonly set: DataSet;
  readonly open: () => Promise<Source>;
}

export const clientsIn =
  (home: Home) =>
  (major: number): Promise<PostgresClients> =>
    findPostgresClients(major, home);

export async function findSources(options: CreateOptions, home: Home): Promise<NamedSource[]> {
  const { system: name, part } = options;
  const named = namedConnection(options);
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
    "Which database? --url postgres://user:password@host:25060/database, or set DATABASE_URL; or start the local platform, whose databases are the default: npm start",
  );
}

async function sourcesOf(system: System, named: Connection | undefined, home: Home): Promise<NamedSource[]> {
  const connection = named ?? (await localConnections(system))?.backup;
  if (connection === undefined) return [];
  return [{ set: { system: system.name, part: POSTGRES }, open: () => openPostgresSource(connection, clientsIn(home)) }];
}

export function namedConnection({
  url = process.env.DATABASE_URL,
  ca = process.env.PGSSLROOTCERT,
}: Pick<CreateOptions, "url" | "ca">): Connection | undefined {
  if (url === undefined || url === "") return undefined;
  return ca === undefined || ca === "" ? { url } : { url, ca: readCa(ca) };
}

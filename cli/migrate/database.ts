/** The files and the database of a command: those of a system, or a folder and a URL. */
import path from "node:path";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { readFolder } from "../../postdeploy/migrate/read/files.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "../shared/errors.ts";
import { foldersWith } from "../shared/folders-with.ts";
import type { LocalConnections } from "../shared/local-connections.ts";
import { namedConnection } from "../shared/named-connection.ts";
import type { MigrateOptions } from "./flags.ts";

export interface Files {
  readonly folder: string;
  readonly system?: System;
}

export async function findFiles({ system: name, dir }: MigrateOptions): Promise<Files> {
  if (name === undefined && dir === undefined)
    throw new UsageError(
      `Which files? --system ${(await loadSystems()).map((one) => one.name).join(" | ")}, or --dir <folder of .sql files>`,
    );
  const system = name === undefined ? undefined : await (await import("../shared/find-system.ts")).findSystem(await loadSystems(), name);
  const folder = dir ?? path.join("sql", system!.name);
  return { folder, ...(system === undefined ? {} : { system }) };
}

/** A folder without migrations is a mistake in the command line, not a result. */
export function refuseEmpty(folder: string): void {
  const { files, findings } = readFolder(folder);
  if (files.length > 0 || findings.length > 0) return;
  const filled = foldersWith(/\.sql$/, folder);
  throw new UsageError(
    filled.length > 0
      ? `There is no migration in ${folder}. Name a folder that has some: ${filled.map((name) => `--dir ${name}`).join(", ")}`
      : `There is no migration in ${folder}: no file such as 001_create_users.sql or R_active_users.sql. Create one: slipway migrate new <name> --dir ${folder}`,
  );
}

/** The named database; else, for a system, the one on the local platform. */
export async function requireConnection(options: MigrateOptions, system: System | undefined): Promise<Connection> {
  const named = await namedConnection(options);
  if (named !== undefined) return named;
  const local = system === undefined ? undefined : (await readLocalConnections(system))?.owner;
  if (local !== undefined) return local;
  throw new UsageError(
    `Which database? --url postgres://user:password@host:25060/database, or set DATABASE_URL, which no list of processes shows${system === undefined ? "" : "; or start the local platform, whose database is the default: npm start"}`,
  );
}

/** @returns undefined where the local platform is not running, or does not have this system. */
export async function readLocalConnections(system: System): Promise<LocalConnections | undefined> {
  const { localConnections } = await import("../shared/local-connections.ts");
  return await localConnections(system);
}

/** The role that owns what migrations create. */
export function ownerOf({ owner }: MigrateOptions, system: System | undefined): string | undefined {
  const role = owner ?? system?.postgres.roles.owner;
  return role === "none" ? undefined : role;
}

/** Loaded on demand: a run on a folder needs no system. */
async function loadSystems(): Promise<readonly System[]> {
  return (await import("../../systems/index.ts")).systems;
}

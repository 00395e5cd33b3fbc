/** Which files and which database are meant: from a system's name, or from a folder and a URL. */
import path from "node:path";
import type { Connection } from "../postdeploy/connect/target.ts";
import { readFolder } from "../postdeploy/migrate/read/files.ts";
import type { System } from "../systems/definition.ts";
import { readCa } from "./ca.ts";
import { UsageError } from "./command.ts";
import { foldersWith } from "./folder.ts";
import type { LocalConnections } from "./local-databases.ts";
import { systemNamed } from "./system.ts";

export interface Place {
  readonly folder: string;
  readonly system?: System;
}

export type Flags = Readonly<Partial<Record<string, string | boolean | readonly string[]>>>;

/** A flag that takes one text. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

export async function placeOf(flags: Flags): Promise<Place> {
  const [name, dir] = [text(flags, "system"), text(flags, "dir")];
  if (name === undefined && dir === undefined)
    throw new UsageError(
      `Which files? --system ${(await systemsHere()).map((one) => one.name).join(" | ")}, or --dir <folder of .sql files>`,
    );
  const system = name === undefined ? undefined : systemNamed(await systemsHere(), name);
  const folder = dir ?? path.join("sql", system!.name);
  return { folder, ...(system === undefined ? {} : { system }) };
}

/** For verbs that read migrations: a folder without any is a mistake in the command, not a result. */
export function refuseEmpty(folder: string): void {
  const { files, findings } = readFolder(folder);
  if (files.length > 0 || findings.length > 0) return;
  const filled = foldersWith(/\.sql$/, folder);
  throw new UsageError(
    filled.length > 0
      ? `There is no migration in ${folder}. Name a folder that has some: ${filled.map((name) => `--dir ${name}`).join(", ")}`
      : `There is no migration in ${folder}: no file such as 001_create_users.sql or R_active_users.sql. Write one: slipway migrate new <name> --dir ${folder}`,
  );
}

/** @returns undefined where none is named. */
export function connectionOf(flags: Flags, flag = "url"): Connection | undefined {
  const url = text(flags, flag) ?? (flag === "url" ? process.env.DATABASE_URL : undefined);
  if (url === undefined || url === "") return undefined;
  const file = text(flags, "ca") ?? process.env.PGSSLROOTCERT;
  return { url, ...(flag !== "url" || file === undefined || file === "" ? {} : { ca: readCa(file) }) };
}

/** The one that is named; else, of a system, the one on the local platform. */
export async function neededConnection(flags: Flags, system: System | undefined): Promise<Connection> {
  const named = connectionOf(flags);
  if (named !== undefined) return named;
  const local = system === undefined ? undefined : (await localOf(system))?.owner;
  if (local !== undefined) return local;
  throw new UsageError(
    `Which database? --url postgres://user:password@host:25060/database, or DATABASE_URL in the environment (nobody reads it there in a list of processes)${system === undefined ? "" : "; or start the local platform, whose database is taken where none is named: npm start"}.`,
  );
}

/** The local platform's, where it runs and holds this system. */
export async function localOf(system: System): Promise<LocalConnections | undefined> {
  const { localConnections } = await import("./local-databases.ts");
  return await localConnections(system);
}

/** The role that is to own what is made: the system's, unless told otherwise. */
export function ownerOf(flags: Flags, system: System | undefined): string | undefined {
  const owner = text(flags, "owner") ?? system?.postgres.roles.owner;
  return owner === "none" ? undefined : owner;
}

/** Not before they are asked for: a run on a folder needs none. */
async function systemsHere(): Promise<readonly System[]> {
  return (await import("../systems/index.ts")).systems;
}

/** Which files and which stores are meant: from a system's name, or from a folder and URLs. */
import { existsSync } from "node:fs";
import path from "node:path";
import { storeVariable } from "../../catalog/connection-variables.ts";
import { isSeeded, type Keyspace, type Options, readKeyspaces, type Store } from "../../postdeploy/keyspaces/index.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { readCa } from "../shared/ca.ts";
import { UsageError } from "../shared/command.ts";
import { foldersWith } from "../shared/folder.ts";
import { wholeNumber } from "../shared/number.ts";
import { systemNamed } from "../shared/system.ts";

export type Flags = Readonly<
  Partial<{
    system: string;
    dir: string;
    patience: string;
    url: string[];
    ca: string[];
    only: string[];
    json: boolean;
    out: string;
    secrets: boolean;
    restore: boolean;
  }>
>;

export interface Place {
  readonly options: Options;
  readonly keyspaces: readonly Keyspace[];
  /** Stores that have something to be seeded with, and nobody said where they are. */
  readonly missing: readonly string[];
}

export async function connectedOf(flags: Flags): Promise<Options> {
  const { options, missing } = await placeOf(flags);
  if (missing.length === 0) return options;
  throw new UsageError(whereAre(missing, flags));
}

/** @param stores That are needed, and that nobody named. */
export function whereAre(stores: readonly string[], { system }: Flags): string {
  const flags = stores.map((store) => `--url ${store}=rediss://default:password@host:25061 --ca ${store}=ca.pem`).join(" ");
  const local = system === undefined ? "" : "; or start the local platform, whose stores are taken where none is named: npm start";
  return `Where is ${stores.join(" and ")}? ${flags}, or ${stores.map((store) => storeVariable(store, "URL")).join(", ")} in the environment (nobody reads it there in a list of processes)${local}.`;
}

/**
 * A store is where a flag says, else where the environment says. Where nobody names any, a system's are on the local platform: never some of
 * them there and others elsewhere.
 */
export async function placeOf(flags: Flags): Promise<Place> {
  const { system, name, folder } = filesOf(flags);
  const patienceMs = patienceOf(flags);
  const keyspaces = readKeyspaces(folder, name);
  if (keyspaces.length === 0 && flags.dir !== undefined) throw new UsageError(nothingIn(folder));
  const wanted = keyspaces.filter(({ keyspace }) => flags.only === undefined || flags.only.includes(keyspace));
  const names = [...new Set(wanted.map(({ store }) => store))];
  const named = namedStores(flags, names);
  const known = system !== undefined && named.size === 0 ? await localOf(system) : named;
  const stores: Record<string, Store> = {};
  for (const store of names) {
    const where = known.get(store);
    if (where !== undefined) stores[store] = { ...where, class: systems.find((one) => one.name === name)?.stores[store]?.class };
  }
  const seeded = new Set(wanted.filter(isSeeded).map(({ store }) => store));
  return {
    keyspaces: wanted,
    options: { system: name, folder, stores, only: flags.only, patienceMs, restore: flags.restore },
    missing: [...seeded].filter((store) => stores[store] === undefined),
  };
}

function filesOf({ system: asked, dir }: Flags): { readonly system: System | undefined; readonly name: string; readonly folder: string } {
  const system = asked === undefined ? undefined : systemNamed(systems, asked);
  const folder = dir ?? (system === undefined ? undefined : path.join("keyspaces", system.name));
  if (folder === undefined)
    throw new UsageError(`Which files? --system ${systems.map(({ name }) => name).join(" | ")}, or --dir <folder of keyspaces>`);
  // A system may have no keyspaces; then the project that says so is here.
  if (!existsSync(folder) && (dir !== undefined || !existsSync("Pulumi.yaml")))
    throw new UsageError(
      `There is no folder ${folder} in ${process.cwd()}. Be in the project's folder, or name the one with the keyspaces: --dir <folder>`,
    );
  return { system, name: system?.name ?? path.basename(path.resolve(folder)), folder };
}

/** A system may have no keyspaces; a folder that is named for its keyspaces has some. */
function nothingIn(folder: string): string {
  const filled = foldersWith(/\.ya?ml$/, folder);
  return filled.length > 0
    ? `There is no keyspace in ${folder}. Name a folder that has some: ${filled.map((name) => `--dir ${name}`).join(", ")}`
    : `There is no keyspace in ${folder}: no file such as sessions.yaml. See docs/keyspaces.md for what one holds.`;
}

function namedStores(flags: Flags, names: readonly string[]): ReadonlyMap<string, Pick<Store, "url" | "ca">> {
  const urls = byStore(flags.url ?? [], names, "--url");
  // With the URL of one store goes the certificate of that one.
  const files = byStore(flags.ca ?? [], urls.size === 1 ? [...urls.keys()] : names, "--ca");
  const stores = new Map<string, Pick<Store, "url" | "ca">>();
  for (const name of names) {
    const url = urls.get(name) ?? process.env[storeVariable(name, "URL")];
    if (url === undefined || url === "") continue;
    const file = files.get(name);
    stores.set(name, { url, ca: file === undefined ? process.env[storeVariable(name, "CA")] : readCa(file) });
  }
  return stores;
}

async function localOf(system: System): Promise<ReadonlyMap<string, Pick<Store, "url" | "ca">>> {
  const { localStores } = await import("../shared/local-connections.ts");
  return await localStores(system);
}

/** "state=rediss://…", or the bare value where there is one store and no doubt. */
function byStore(given: readonly string[], names: readonly string[], flag: string): Map<string, string> {
  return new Map(
    given.map((text) => {
      const [, store, value] = /^([A-Za-z][\w-]*)=(.*)$/s.exec(text) ?? [];
      if (store !== undefined && value !== undefined) {
        if (!names.includes(store))
          throw new UsageError(`${flag} is for the store "${store}", and there are: ${names.join(", ") || "none"}.`);
        return [store, value] as const;
      }
      if (names.length !== 1)
        throw new UsageError(`${flag} is for which store? There are ${names.join(", ") || "none"}. Write ${flag} ${names[0] ?? "store"}=…`);
      return [names[0] as string, text] as const;
    }),
  );
}

function patienceOf({ patience }: Flags): number | undefined {
  if (patience === undefined) return undefined;
  return wholeNumber(patience, { flag: "--patience", from: 0, to: 9999, unit: "seconds", example: "--patience 120" }) * 1000;
}

/** The files and the stores of a command: those of a system, or a folder and URLs. */
import { existsSync } from "node:fs";
import path from "node:path";
import { storeVariable } from "../../catalog/connection-variables.ts";
import { isSeeded, type Keyspace, type Options, readKeyspaces, type Store } from "../../postdeploy/keyspaces/index.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { foldersWith } from "../shared/folders-with.ts";
import { readCa } from "../shared/read-ca.ts";
import type { SeedOptions } from "./flags.ts";

export interface FoundKeyspaces {
  readonly engineOptions: Options;
  readonly keyspaces: readonly Keyspace[];
  /** Stores with something to seed, and without a URL. */
  readonly missing: readonly string[];
}

export async function requireStores(options: SeedOptions): Promise<Options> {
  const { engineOptions, missing } = await findKeyspaces(options);
  if (missing.length === 0) return engineOptions;
  throw new UsageError(describeMissingStores(missing, options));
}

/** @param stores Needed, and without a URL. */
export function describeMissingStores(stores: readonly string[], { system }: SeedOptions): string {
  const flags = stores.map((store) => `--url ${store}=rediss://default:password@host:25061 --ca ${store}=ca.pem`).join(" ");
  const local = system === undefined ? "" : "; or start the local platform, whose stores are the default: npm start";
  return `Which URL has ${stores.join(" and ")}? ${flags}, or set ${stores.map((store) => storeVariable(store, "URL")).join(", ")}, which no list of processes shows${local}`;
}

/**
 * The URL of a store comes from --url, else from the environment. Where neither names any store, a system's stores are those of the local
 * platform: never some of them there and others elsewhere.
 */
export async function findKeyspaces(options: SeedOptions): Promise<FoundKeyspaces> {
  const { system, name, folder } = await findFiles(options);
  const { dir, only, restore } = options;
  const patienceMs = options.patience === undefined ? undefined : options.patience * 1000;
  const keyspaces = readKeyspaces(folder, name);
  if (keyspaces.length === 0 && dir !== undefined) throw new UsageError(describeEmptyFolder(folder));
  const wanted = keyspaces.filter(({ keyspace }) => only === undefined || only.includes(keyspace));
  const names = [...new Set(wanted.map(({ store }) => store))];
  const named = namedStores(options, names);
  const known = system !== undefined && named.size === 0 ? await readLocalStores(system) : named;
  const stores: Record<string, Store> = {};
  for (const store of names) {
    const where = known.get(store);
    if (where !== undefined) stores[store] = { ...where, class: systems.find((one) => one.name === name)?.stores[store]?.class };
  }
  const seeded = new Set(wanted.filter(isSeeded).map(({ store }) => store));
  return {
    keyspaces: wanted,
    engineOptions: { system: name, folder, stores, only, patienceMs, restore },
    missing: [...seeded].filter((store) => stores[store] === undefined),
  };
}

interface Files {
  readonly system: System | undefined;
  readonly name: string;
  readonly folder: string;
}

async function findFiles({ system: given, dir }: SeedOptions): Promise<Files> {
  const system = given === undefined ? undefined : await findSystem(systems, given);
  const folder = dir ?? (system === undefined ? undefined : path.join("keyspaces", system.name));
  if (folder === undefined)
    throw new UsageError(`Which files? --system ${systems.map(({ name }) => name).join(" | ")}, or --dir <folder of keyspaces>`);
  // A system may have no keyspaces; then this directory is that of its project.
  if (!existsSync(folder) && (dir !== undefined || !existsSync("Pulumi.yaml")))
    throw new UsageError(
      `There is no folder ${folder} in ${process.cwd()}. Change to the project's folder, or name the folder of keyspaces: --dir <folder>`,
    );
  return { system, name: system?.name ?? path.basename(path.resolve(folder)), folder };
}

/** A system may have no keyspaces; a folder named with --dir must have some. */
function describeEmptyFolder(folder: string): string {
  const filled = foldersWith(/\.ya?ml$/, folder);
  return filled.length > 0
    ? `There is no keyspace in ${folder}. Name a folder that has some: ${filled.map((name) => `--dir ${name}`).join(", ")}`
    : `There is no keyspace in ${folder}: no file such as sessions.yaml. docs/keyspaces.md describes the files.`;
}

function namedStores({ url = [], ca = [] }: SeedOptions, names: readonly string[]): ReadonlyMap<string, Pick<Store, "url" | "ca">> {
  const urls = byStore(url, names, "--url");
  // Where one URL is given, --ca without a store is the certificate of that store.
  const files = byStore(ca, urls.size === 1 ? [...urls.keys()] : names, "--ca");
  const stores = new Map<string, Pick<Store, "url" | "ca">>();
  for (const name of names) {
    const address = urls.get(name) ?? process.env[storeVariable(name, "URL")];
    if (address === undefined || address === "") continue;
    const file = files.get(name);
    stores.set(name, { url: address, ca: file === undefined ? process.env[storeVariable(name, "CA")] : readCa(file) });
  }
  return stores;
}

async function readLocalStores(system: System): Promise<ReadonlyMap<string, Pick<Store, "url" | "ca">>> {
  const { localStores } = await import("../shared/local-connections.ts");
  return await localStores(system);
}

/** "state=rediss://…", or the bare value where there is only one store. */
function byStore(given: readonly string[], names: readonly string[], flag: string): Map<string, string> {
  return new Map(
    given.map((text) => {
      const [, store, value] = /^([A-Za-z][\w-]*)=(.*)$/s.exec(text) ?? [];
      if (store !== undefined && value !== undefined) {
        if (!names.includes(store)) throw new UsageError(`${flag} names the store "${store}". There are: ${names.join(", ") || "none"}.`);
        return [store, value] as const;
      }
      if (names.length !== 1)
        throw new UsageError(
          `Which store is ${flag} for? There are: ${names.join(", ") || "none"}. Write ${flag} ${names[0] ?? "store"}=…`,
        );
      return [names[0] as string, text] as const;
    }),
  );
}

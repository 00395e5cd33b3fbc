/** Keyspaces as a step of a deployment. */
import { type Inputs, target } from "../step.ts";
import type { Store } from "./inspect/options.ts";
import { countChangedKeys, type KeyDigests, digestDeclaredKeys as keysOf } from "./read/key-digests.ts";
import type { KeyspaceResult } from "./seed/seed.ts";

export const identity = ({ digest, stores }: Inputs): unknown => ({
  digest,
  stores: Object.fromEntries(
    Object.entries(storesOf(stores)).map(([store, { url, class: kind }]) => [store, { target: target(url), class: kind }]),
  ),
});

export const noted = async ({ folder, system }: Inputs): Promise<Inputs> => ({ keys: await keysOf(String(folder), String(system)) });

/** "sessions: 3 keys and 1 script change (changed sessions.yaml, new sessions/cleanup.lua); userData: 1 file changes (new userData.yaml)" */
export function pending(olds: Inputs, news: Inputs): string {
  const [before, after] = [filesOf(olds), filesOf(news)];
  const changes = new Map<string, string[]>();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    if (before.get(name) === after.get(name)) continue;
    const what = !before.has(name) ? "new" : after.has(name) ? "changed" : "removed";
    const keyspace = name.split("/")[0]?.replace(/\.[^.]*$/, "") ?? name;
    changes.set(keyspace, [...(changes.get(keyspace) ?? []), `${what} ${name}`]);
  }
  if (changes.size === 0) return "nothing";
  return [...changes]
    .map(([keyspace, files]) => `${keyspace}: ${summary(files, keysChanged(olds, news, keyspace))} (${files.join(", ")})`)
    .join("; ");
}

export async function apply({ system, folder, stores }: Inputs): Promise<Record<string, unknown>> {
  const { seed } = await import("./seed/seed.ts");
  const results = await seed({ system: String(system), folder: String(folder), stores: storesOf(stores) });
  return { seeded: results.map(outcome) };
}

/** What a deployment keeps of it: no name of a key. */
export interface Seeded {
  readonly keyspace: string;
  readonly database: number;
  readonly keys: number;
  readonly written: number;
  readonly removed: number;
  readonly kept: number;
  readonly scripts: readonly string[];
  readonly notes: readonly string[];
}

function outcome({ keyspace, database, tally, scripts, notes }: KeyspaceResult): Seeded {
  const { write, update, restore, ttl, remove } = tally.changes;
  return {
    keyspace,
    database,
    keys: tally.keys,
    written: write + update + restore + ttl,
    removed: remove,
    kept: tally.kept,
    scripts,
    notes,
  };
}

const storesOf = (stores: unknown) => (stores ?? {}) as Readonly<Record<string, Store>>;

/** How many keys change; undefined where nobody knows, because one of the two was not noted. */
function keysChanged(olds: Inputs, news: Inputs, keyspace: string): number | undefined {
  const [before, after] = [olds, news].map(({ keys }) => (keys as KeyDigests | undefined)?.[keyspace]);
  if (before === undefined && after === undefined) return undefined;
  // A keyspace that was not there had no keys.
  const none = ({ files = [] }: Inputs) => ((files as readonly string[]).some((file) => file.startsWith(`${keyspace}.`)) ? undefined : []);
  return countChangedKeys(before ?? none(olds), after ?? none(news));
}

function summary(files: readonly string[], keys: number | undefined): string {
  const scripts = files.filter((file) => file.endsWith(".lua")).length;
  const counts = [
    keys === undefined ? ([files.length - scripts, "file"] as const) : ([keys, "key"] as const),
    [scripts, "script"] as const,
  ];
  const told = counts.filter(([count]) => count > 0);
  if (told.length === 0) return "no key changes";
  const one = told.length === 1 && told[0]?.[0] === 1;
  return `${told.map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`).join(" and ")} change${one ? "s" : ""}`;
}

/** The program lists each file as "name digest". */
function filesOf({ files }: Inputs): Map<string, string> {
  return new Map(
    ((files ?? []) as readonly string[]).map((file) => [file.slice(0, file.lastIndexOf(" ")), file.slice(file.lastIndexOf(" ") + 1)]),
  );
}

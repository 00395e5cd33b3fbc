/** The post-deploy step that seeds keyspaces. */
import { type Inputs, target } from "../step.ts";
import type { Store } from "./inspect/options.ts";
import { countChangedKeys, digestDeclaredKeys, type KeyDigests } from "./read/key-digests.ts";
import type { KeyspaceResult } from "./seed/seed.ts";

export const identity = ({ digest, stores }: Inputs): unknown => ({
  digest,
  stores: Object.fromEntries(
    Object.entries(readStores(stores)).map(([store, { url, class: kind }]) => [store, { target: target(url), class: kind }]),
  ),
});

export const collectPreviewData = async ({ folder, system }: Inputs): Promise<Inputs> => ({
  keys: await digestDeclaredKeys(String(folder), String(system)),
});

/** "sessions: 3 keys and 1 script change (changed sessions.yaml, new sessions/cleanup.lua); userData: 1 file changes (new userData.yaml)" */
export function pending(olds: Inputs, news: Inputs): string {
  const [before, after] = [parseFiles(olds), parseFiles(news)];
  const changes = new Map<string, string[]>();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    if (before.get(name) === after.get(name)) continue;
    const change = !before.has(name) ? "new" : after.has(name) ? "changed" : "removed";
    const keyspace = name.split("/")[0]?.replace(/\.[^.]*$/, "") ?? name;
    changes.set(keyspace, [...(changes.get(keyspace) ?? []), `${change} ${name}`]);
  }
  if (changes.size === 0) return "nothing";
  return [...changes]
    .map(([keyspace, files]) => `${keyspace}: ${describeChanges(files, countKeyChanges(olds, news, keyspace))} (${files.join(", ")})`)
    .join("; ");
}

export async function apply({ system, folder, stores }: Inputs): Promise<Record<string, unknown>> {
  const { seed } = await import("./seed/seed.ts");
  const results = await seed({ system: String(system), folder: String(folder), stores: readStores(stores) });
  return { seeded: results.map(summarizeResult) };
}

/** What the state of a deployment keeps. Contains no key names. */
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

function summarizeResult({ keyspace, database, tally, scripts, notes }: KeyspaceResult): Seeded {
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

const readStores = (stores: unknown) => (stores ?? {}) as Readonly<Record<string, Store>>;

/** Counts changed keys; undefined if either side has no digests. */
function countKeyChanges(olds: Inputs, news: Inputs, keyspace: string): number | undefined {
  const [before, after] = [olds, news].map(({ keys }) => (keys as KeyDigests | undefined)?.[keyspace]);
  if (before === undefined && after === undefined) return undefined;
  // An added or removed keyspace has no keys on the other side.
  const none = ({ files = [] }: Inputs) => ((files as readonly string[]).some((file) => file.startsWith(`${keyspace}.`)) ? undefined : []);
  return countChangedKeys(before ?? none(olds), after ?? none(news));
}

function describeChanges(files: readonly string[], keys: number | undefined): string {
  const scripts = files.filter((file) => file.endsWith(".lua")).length;
  const counts = [
    keys === undefined ? ([files.length - scripts, "file"] as const) : ([keys, "key"] as const),
    [scripts, "script"] as const,
  ];
  const nonZero = counts.filter(([count]) => count > 0);
  if (nonZero.length === 0) return "no key changes";
  const isSingle = nonZero.length === 1 && nonZero[0]?.[0] === 1;
  return `${nonZero.map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`).join(" and ")} change${isSingle ? "s" : ""}`;
}

/** Parses the file list of the program: "name digest". */
function parseFiles({ files }: Inputs): Map<string, string> {
  return new Map(
    ((files ?? []) as readonly string[]).map((file) => [file.slice(0, file.lastIndexOf(" ")), file.slice(file.lastIndexOf(" ") + 1)]),
  );
}

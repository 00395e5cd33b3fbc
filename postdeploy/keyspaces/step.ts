/** Keyspaces as a step of a deployment. */
import { type Inputs, target } from "../step.ts";
import type { Store } from "./options.ts";
import type { KeyspaceResult } from "./seed.ts";

export const identity = ({ digest, stores }: Inputs): unknown => ({
  digest,
  stores: Object.fromEntries(
    Object.entries(storesOf(stores)).map(([store, { url, class: kind }]) => [store, { target: target(url), class: kind }]),
  ),
});

/** "sessions: 1 file and 1 script change (sessions.yaml, sessions/cleanup.lua); userData: 1 file new (userData.yaml)" */
export function pending(olds: Inputs, news: Inputs): string {
  const before = filesOf(olds);
  const after = filesOf(news);
  const changes = new Map<string, string[]>();
  const tell = (name: string, what: string) => {
    const keyspace = name.split("/")[0]?.replace(/\.[^.]*$/, "") ?? name;
    changes.set(keyspace, [...(changes.get(keyspace) ?? []), `${isScript(name) ? "script" : "keys"} ${what} ${name}`]);
  };
  for (const [name, digest] of after) {
    if (!before.has(name)) tell(name, "new");
    else if (before.get(name) !== digest) tell(name, "changed");
  }
  for (const name of before.keys()) if (!after.has(name)) tell(name, "removed");
  if (changes.size === 0) return "nothing";
  return [...changes].map(([keyspace, all]) => `${keyspace}: ${summary(all)}`).join("; ");
}

export async function apply({ system, folder, stores }: Inputs): Promise<Record<string, unknown>> {
  const { seed } = await import("./seed.ts");
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

const isScript = (name: string): boolean => name.endsWith(".lua");

function summary(changes: readonly string[]): string {
  const of = (kind: string) => changes.filter((change) => change.startsWith(`${kind} `));
  const many = (count: number, one: string) => (count === 0 ? [] : [`${count} ${one}${count === 1 ? "" : "s"}`]);
  const names = changes.map((change) => change.split(" ").slice(1).reverse().join(" "));
  return `${[...many(of("keys").length, "file"), ...many(of("script").length, "script")].join(" and ")} (${names.join(", ")})`;
}

/** The program lists each file as "name digest". */
function filesOf({ files }: Inputs): Map<string, string> {
  return new Map(
    ((files ?? []) as readonly string[]).map((file) => [file.slice(0, file.lastIndexOf(" ")), file.slice(file.lastIndexOf(" ") + 1)]),
  );
}

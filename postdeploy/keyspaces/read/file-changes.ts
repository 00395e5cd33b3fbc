/**
 * What a change to a folder of keyspaces would do, told from the files alone: no store is asked.
 *
 * Values are never told, and of keys whose pattern is secret not even the names.
 */

import { readScripts, type Script } from "../seed/scripts.ts";
import { formatDuration } from "./duration.ts";
import { readBatches } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import type { Pattern } from "./pattern.ts";
import { digestValue } from "./value.ts";

export interface KeyspaceDifference {
  readonly system: string;
  readonly keyspace: string;
  readonly store: string;
  /** What of it: a key, a script, or how it is kept. */
  readonly kind: "key" | "script" | "keyspace";
  /** "limit:free"; "12 keys of session:<id>" where names are secret; "340 more keys" where there are too many to name. */
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  /** What is different, and what that does to the store. */
  readonly detail: string;
  /** danger: data is lost, exposed or left behind; care: somebody may notice; routine: what seeding is for. */
  readonly risk: "danger" | "care" | "routine";
}

type Change = Pick<KeyspaceDifference, "kind" | "name" | "change" | "detail" | "risk">;

/** Of each change in a keyspace. */
const MAX_NAMED_KEYS = 50;

/** @param base folder of keyspace files before the change; one that is not there declares none, on either side. */
export async function compareKeyspaces(base: string, head: string, system: string): Promise<KeyspaceDifference[]> {
  const [before, after] = [base, head].map((folder) => new Map(readKeyspaces(folder, system).map((one) => [one.keyspace, one])));
  const differences: KeyspaceDifference[] = [];
  for (const name of new Set([...(before as Keyspaces).keys(), ...(after as Keyspaces).keys()])) {
    const [old, now] = [(before as Keyspaces).get(name), (after as Keyspaces).get(name)];
    const { store } = (now ?? old) as Keyspace;
    const told = [...compareDeclarations(old, now), ...(await compareKeys(old, now)), ...compareScripts(old, now)];
    differences.push(...told.map((one) => ({ system, keyspace: name, store, ...one })));
  }
  return differences;
}

type Keyspaces = ReadonlyMap<string, Keyspace>;

function compareDeclarations(old: Keyspace | undefined, now: Keyspace | undefined): Change[] {
  if (old === undefined && now !== undefined)
    return [
      { kind: "keyspace", name: now.keyspace, change: "added", detail: `${formatPlacement(now)}, ${formatStorage(now)}`, risk: "routine" },
    ];
  if (old !== undefined && now === undefined)
    return [
      {
        kind: "keyspace",
        name: old.keyspace,
        change: "removed",
        detail: "its keys stay where they are, and nothing looks at them any more",
        risk: "care",
      },
    ];
  if (old === undefined || now === undefined) return [];
  const changed = (name: string, from: string, to: string, risk: Change["risk"], means = ""): Change[] =>
    from === to ? [] : [{ kind: "keyspace", name, change: "changed", detail: `${from} → ${to}${means && `; ${means}`}`, risk }];
  return [
    ...changed(
      "place",
      formatPlacement(old),
      formatPlacement(now),
      "danger",
      "it is seeded there anew, and what applications wrote stays behind",
    ),
    ...changed("durable", String(old.durable), String(now.durable), now.durable ? "routine" : "danger"),
    ...changed("mode", old.mode, now.mode, "care", now.mode === "bulk" ? "whatever others changed under its prefix is overwritten" : ""),
    ...changed("prefix", formatPrefix(old.prefix), formatPrefix(now.prefix), "care"),
    ...changed("needs", JSON.stringify(old.needs), JSON.stringify(now.needs), "routine"),
    ...changedRegistries(old, now).flatMap(([from, to]) =>
      changed("registry of scripts", from, to, "care", "who calls scripts looks there"),
    ),
    ...comparePatterns(old.patterns, now.patterns),
  ];
}

const formatPlacement = ({ store, database }: Keyspace): string => `store ${store}, database ${database}`;
const formatStorage = ({ durable, mode }: Keyspace): string => `${durable ? "durable" : "may be lost"}, ${mode}`;
const formatPrefix = (prefix: string): string => (prefix === "" ? "none" : prefix);

/** One that is new or gone is told with its scripts. */
const changedRegistries = ({ scripts: old }: Keyspace, { scripts: now }: Keyspace): (readonly [string, string])[] =>
  old === undefined || now === undefined ? [] : [[old.registry, now.registry]];

function comparePatterns(old: readonly Pattern[], now: readonly Pattern[]): Change[] {
  const before = new Map(old.map((pattern) => [pattern.text, pattern]));
  const after = new Map(now.map((pattern) => [pattern.text, pattern]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((text): Change[] => {
    const [one, other] = [before.get(text), after.get(text)];
    const told = { kind: "keyspace", name: text } as const;
    if (one === undefined) return [{ ...told, change: "added", detail: formatPattern(other as Pattern), risk: "routine" }];
    if (other === undefined) return [{ ...told, change: "removed", detail: formatPattern(one), risk: "care" }];
    const said = [
      ...(one.type === other.type ? [] : [`${one.type} → ${other.type}`]),
      ...(one.ttl === other.ttl ? [] : [`ttl ${one.ttlText} → ${other.ttlText}`]),
      ...(one.owner === other.owner ? [] : [`owner ${one.owner} → ${other.owner}`]),
      ...(one.secret === other.secret ? [] : [other.secret ? "secret from now on" : "secret no more: its values are shown from now on"]),
    ];
    if (said.length === 0) return [];
    const risk = one.secret && !other.secret ? "danger" : one.type !== other.type ? "care" : "routine";
    return [{ ...told, change: "changed", detail: said.join("; "), risk }];
  });
}

const formatPattern = ({ type, ttlText, owner, secret }: Pattern): string =>
  `${type}, ${ttlText === "none" ? "for ever" : ttlText}, owner ${owner}${secret ? ", secret" : ""}`;

/** What of an entry decides whether it is another one. */
interface EntrySummary {
  readonly type: Entry["value"]["type"];
  readonly ttl: number;
  readonly policy: Entry["policy"];
  readonly digest: string;
}

async function compareKeys(old: Keyspace | undefined, now: Keyspace | undefined): Promise<Change[]> {
  const [before, after] = [await summarizeEntries(old), await summarizeEntries(now)];
  const listed = new KeyChanges([...(now?.patterns ?? []), ...(old?.patterns ?? [])]);
  for (const [key, one] of after) {
    const other = before.get(key);
    if (other === undefined) listed.add(key, "added", `${one.type}, ${formatTtl(one.ttl)}, ${one.policy}`, "routine");
    else listed.addIfChanged(key, other, one);
  }
  for (const [key, one] of before) if (!after.has(key)) listed.add(key, "removed", REMOVED[one.policy].detail, REMOVED[one.policy].risk);
  return listed.list();
}

const REMOVED = {
  own: { detail: "removed from the store", risk: "danger" },
  ensure: { detail: "removed from the store where nobody else has changed it", risk: "care" },
  once: { detail: "stays in the store", risk: "routine" },
} as const satisfies Record<Entry["policy"], Pick<Change, "detail" | "risk">>;

const formatTtl = (ttl: number): string => (ttl === 0 ? "for ever" : formatDuration(ttl));

async function summarizeEntries(keyspace: Keyspace | undefined): Promise<Map<string, EntrySummary>> {
  const known = new Map<string, EntrySummary>();
  if (keyspace === undefined) return known;
  for await (const batch of readBatches(keyspace))
    for (const { key, value, ttl, policy } of batch) known.set(key, { type: value.type, ttl, policy, digest: digestValue(value) });
  return known;
}

/** Changes of keys, of which the first few are named, the others counted, and those of secret patterns only counted. */
class KeyChanges {
  readonly #patterns: readonly Pattern[];
  readonly #named: Change[] = [];
  /** By what makes them one line. */
  readonly #counted = new Map<string, { count: number; readonly of: string } & Omit<Change, "kind" | "name">>();

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
  }

  addIfChanged(key: string, old: EntrySummary, now: EntrySummary): void {
    const said = [
      ...(old.type === now.type ? [] : [`${old.type} → ${now.type}: a run stops where it is there already`]),
      ...(old.digest === now.digest || old.type !== now.type ? [] : ["another value"]),
      ...(old.ttl === now.ttl ? [] : [`ttl ${formatTtl(old.ttl)} → ${formatTtl(now.ttl)}`]),
      ...(old.policy === now.policy ? [] : [`policy ${old.policy} → ${now.policy}`]),
    ];
    const toOwn = old.policy !== now.policy && now.policy === "own";
    if (said.length > 0) this.add(key, "changed", said.join("; "), old.type !== now.type ? "danger" : toOwn ? "care" : "routine");
  }

  add(key: string, change: Change["change"], detail: string, risk: Change["risk"]): void {
    const secret = this.#patterns.find((pattern) => pattern.secret && pattern.matches(key));
    if (secret !== undefined) this.#count(`keys of ${secret.text}`, change, detail, risk);
    else if (this.#named.filter((one) => one.change === change).length >= MAX_NAMED_KEYS) this.#count("more keys", change, detail, risk);
    else this.#named.push({ kind: "key", name: key, change, detail, risk });
  }

  #count(of: string, change: Change["change"], detail: string, risk: Change["risk"]): void {
    const line = JSON.stringify([of, change, detail]);
    const counted = this.#counted.get(line) ?? { of, change, detail, risk, count: 0 };
    counted.count++;
    this.#counted.set(line, counted);
  }

  list(): Change[] {
    return [
      ...this.#named,
      ...[...this.#counted.values()].map(({ count, of, ...told }) => ({
        ...told,
        kind: "key" as const,
        name: `${count.toLocaleString("en")} ${count === 1 ? of.replace("keys", "key") : of}`,
      })),
    ];
  }
}

function compareScripts(old: Keyspace | undefined, now: Keyspace | undefined): Change[] {
  const [before, after] = [old, now].map((keyspace) => new Map((keyspace ? readScripts(keyspace) : []).map((one) => [one.name, one])));
  return [...new Set([...(before as Scripts).keys(), ...(after as Scripts).keys()])].flatMap((name): Change[] => {
    const [one, other] = [(before as Scripts).get(name), (after as Scripts).get(name)];
    if (one === undefined) return [{ kind: "script", name, change: "added", detail: `digest ${other?.sha}`, risk: "routine" }];
    if (other === undefined)
      return [{ kind: "script", name, change: "removed", detail: "its digest and its source stay in the store", risk: "care" }];
    const said = [
      ...(one.sha === other.sha ? [] : [`digest ${one.sha} → ${other.sha}: who reads the registry calls the new one at once`]),
      ...(one.needs.join() === other.needs.join() ? [] : [`needs ${other.needs.join(", ") || "no key any more"}`]),
    ];
    return said.length === 0 ? [] : [{ kind: "script", name, change: "changed", detail: said.join("; "), risk: "care" }];
  });
}

type Scripts = ReadonlyMap<string, Script>;

/**
 * What a change to a folder of keyspaces would do, told from the files alone: no store is asked.
 *
 * Values are never told, and of keys whose pattern is secret not even the names.
 */

import { readScripts, type Script } from "../seed/scripts.ts";
import { formatDuration } from "./duration.ts";
import { batchesOf } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import type { Pattern } from "./pattern.ts";
import { digestOf } from "./value.ts";

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

type Told = Pick<KeyspaceDifference, "kind" | "name" | "change" | "detail" | "risk">;

/** Of each change in a keyspace. */
const NAMED = 50;

/** @param base folder of keyspace files before the change; one that is not there declares none, on either side. */
export async function compareKeyspaces(base: string, head: string, system: string): Promise<KeyspaceDifference[]> {
  const [before, after] = [base, head].map((folder) => new Map(readKeyspaces(folder, system).map((one) => [one.keyspace, one])));
  const differences: KeyspaceDifference[] = [];
  for (const name of new Set([...(before as Spaces).keys(), ...(after as Spaces).keys()])) {
    const [old, now] = [(before as Spaces).get(name), (after as Spaces).get(name)];
    const { store } = (now ?? old) as Keyspace;
    const told = [...declarations(old, now), ...(await keys(old, now)), ...scripts(old, now)];
    differences.push(...told.map((one) => ({ system, keyspace: name, store, ...one })));
  }
  return differences;
}

type Spaces = ReadonlyMap<string, Keyspace>;

function declarations(old: Keyspace | undefined, now: Keyspace | undefined): Told[] {
  if (old === undefined && now !== undefined)
    return [{ kind: "keyspace", name: now.keyspace, change: "added", detail: `${placeOf(now)}, ${keptText(now)}`, risk: "routine" }];
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
  const changed = (name: string, from: string, to: string, risk: Told["risk"], means = ""): Told[] =>
    from === to ? [] : [{ kind: "keyspace", name, change: "changed", detail: `${from} → ${to}${means && `; ${means}`}`, risk }];
  return [
    ...changed("place", placeOf(old), placeOf(now), "danger", "it is seeded there anew, and what applications wrote stays behind"),
    ...changed("durable", String(old.durable), String(now.durable), now.durable ? "routine" : "danger"),
    ...changed("mode", old.mode, now.mode, "care", now.mode === "bulk" ? "whatever others changed under its prefix is overwritten" : ""),
    ...changed("prefix", shown(old.prefix), shown(now.prefix), "care"),
    ...changed("needs", JSON.stringify(old.needs), JSON.stringify(now.needs), "routine"),
    ...registries(old, now).flatMap(([from, to]) => changed("registry of scripts", from, to, "care", "who calls scripts looks there")),
    ...patterns(old.patterns, now.patterns),
  ];
}

const placeOf = ({ store, database }: Keyspace): string => `store ${store}, database ${database}`;
const keptText = ({ durable, mode }: Keyspace): string => `${durable ? "durable" : "may be lost"}, ${mode}`;
const shown = (prefix: string): string => (prefix === "" ? "none" : prefix);

/** One that is new or gone is told with its scripts. */
const registries = ({ scripts: old }: Keyspace, { scripts: now }: Keyspace): (readonly [string, string])[] =>
  old === undefined || now === undefined ? [] : [[old.registry, now.registry]];

function patterns(old: readonly Pattern[], now: readonly Pattern[]): Told[] {
  const before = new Map(old.map((pattern) => [pattern.text, pattern]));
  const after = new Map(now.map((pattern) => [pattern.text, pattern]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((text): Told[] => {
    const [one, other] = [before.get(text), after.get(text)];
    const told = { kind: "keyspace", name: text } as const;
    if (one === undefined) return [{ ...told, change: "added", detail: patternText(other as Pattern), risk: "routine" }];
    if (other === undefined) return [{ ...told, change: "removed", detail: patternText(one), risk: "care" }];
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

const patternText = ({ type, ttlText, owner, secret }: Pattern): string =>
  `${type}, ${ttlText === "none" ? "for ever" : ttlText}, owner ${owner}${secret ? ", secret" : ""}`;

/** What of an entry decides whether it is another one. */
interface Known {
  readonly type: Entry["value"]["type"];
  readonly ttl: number;
  readonly policy: Entry["policy"];
  readonly digest: string;
}

async function keys(old: Keyspace | undefined, now: Keyspace | undefined): Promise<Told[]> {
  const [before, after] = [await knownOf(old), await knownOf(now)];
  const listed = new Listed([...(now?.patterns ?? []), ...(old?.patterns ?? [])]);
  for (const [key, one] of after) {
    const other = before.get(key);
    if (other === undefined) listed.add(key, "added", `${one.type}, ${livesText(one.ttl)}, ${one.policy}`, "routine");
    else listed.addChanged(key, other, one);
  }
  for (const [key, one] of before) if (!after.has(key)) listed.add(key, "removed", REMOVED[one.policy].detail, REMOVED[one.policy].risk);
  return listed.told();
}

const REMOVED = {
  own: { detail: "removed from the store", risk: "danger" },
  ensure: { detail: "removed from the store where nobody else has changed it", risk: "care" },
  once: { detail: "stays in the store", risk: "routine" },
} as const satisfies Record<Entry["policy"], Pick<Told, "detail" | "risk">>;

const livesText = (ttl: number): string => (ttl === 0 ? "for ever" : formatDuration(ttl));

async function knownOf(keyspace: Keyspace | undefined): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  if (keyspace === undefined) return known;
  for await (const batch of batchesOf(keyspace))
    for (const { key, value, ttl, policy } of batch) known.set(key, { type: value.type, ttl, policy, digest: digestOf(value) });
  return known;
}

/** Changes of keys, of which the first few are named, the others counted, and those of secret patterns only counted. */
class Listed {
  readonly #patterns: readonly Pattern[];
  readonly #named: Told[] = [];
  /** By what makes them one line. */
  readonly #counted = new Map<string, { count: number; readonly of: string } & Omit<Told, "kind" | "name">>();

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
  }

  addChanged(key: string, old: Known, now: Known): void {
    const said = [
      ...(old.type === now.type ? [] : [`${old.type} → ${now.type}: a run stops where it is there already`]),
      ...(old.digest === now.digest || old.type !== now.type ? [] : ["another value"]),
      ...(old.ttl === now.ttl ? [] : [`ttl ${livesText(old.ttl)} → ${livesText(now.ttl)}`]),
      ...(old.policy === now.policy ? [] : [`policy ${old.policy} → ${now.policy}`]),
    ];
    const toOwn = old.policy !== now.policy && now.policy === "own";
    if (said.length > 0) this.add(key, "changed", said.join("; "), old.type !== now.type ? "danger" : toOwn ? "care" : "routine");
  }

  add(key: string, change: Told["change"], detail: string, risk: Told["risk"]): void {
    const secret = this.#patterns.find((pattern) => pattern.secret && pattern.matches(key));
    if (secret !== undefined) this.#count(`keys of ${secret.text}`, change, detail, risk);
    else if (this.#named.filter((one) => one.change === change).length >= NAMED) this.#count("more keys", change, detail, risk);
    else this.#named.push({ kind: "key", name: key, change, detail, risk });
  }

  #count(of: string, change: Told["change"], detail: string, risk: Told["risk"]): void {
    const line = JSON.stringify([of, change, detail]);
    const counted = this.#counted.get(line) ?? { of, change, detail, risk, count: 0 };
    counted.count++;
    this.#counted.set(line, counted);
  }

  told(): Told[] {
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

function scripts(old: Keyspace | undefined, now: Keyspace | undefined): Told[] {
  const [before, after] = [old, now].map((keyspace) => new Map((keyspace ? readScripts(keyspace) : []).map((one) => [one.name, one])));
  return [...new Set([...(before as Scripts).keys(), ...(after as Scripts).keys()])].flatMap((name): Told[] => {
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

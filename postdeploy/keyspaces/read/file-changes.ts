/**
 * Compares two versions of a folder of keyspaces and describes what the change does to the stores, without a connection.
 *
 * Reports no values, and no names of keys that match a secret pattern.
 */

import { readBatches } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import type { Pattern } from "./pattern.ts";
import { formatDuration } from "./pattern.ts";
import { readScripts, type Script } from "./scripts.ts";
import { digestValue } from "./value.ts";

export interface KeyspaceDifference {
  readonly system: string;
  readonly keyspace: string;
  readonly store: string;
  readonly kind: "key" | "script" | "keyspace";
  /** "limit:free"; "12 keys of session:<id>" for secret patterns; "340 more keys" beyond the limit of names. */
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  /** The difference and its effect on the store. */
  readonly detail: string;
  /** danger: data is lost, exposed or left behind; care: users may notice; routine: expected when seeding. */
  readonly risk: "danger" | "care" | "routine";
}

type Change = Pick<KeyspaceDifference, "kind" | "name" | "change" | "detail" | "risk">;

/** Per kind of change in a keyspace. */
const MAX_NAMED_KEYS = 50;

/** @param base the folder before the change. A folder that does not exist declares no keyspaces. */
export async function compareKeyspaces(base: string, head: string, system: string): Promise<KeyspaceDifference[]> {
  const [before, after] = [base, head].map((folder) => new Map(readKeyspaces(folder, system).map((one) => [one.keyspace, one])));
  const differences: KeyspaceDifference[] = [];
  for (const name of new Set([...(before as Keyspaces).keys(), ...(after as Keyspaces).keys()])) {
    const [old, now] = [(before as Keyspaces).get(name), (after as Keyspaces).get(name)];
    const { store } = (now ?? old) as Keyspace;
    const changes = [...compareDeclarations(old, now), ...(await compareKeys(old, now)), ...compareScripts(old, now)];
    differences.push(...changes.map((change) => ({ system, keyspace: name, store, ...change })));
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
        detail: "its keys stay in the store, and slipway no longer manages them",
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
      "slipway seeds the new place; data that applications wrote stays in the old one",
    ),
    ...changed("durable", String(old.durable), String(now.durable), now.durable ? "routine" : "danger"),
    ...changed("mode", old.mode, now.mode, "care", now.mode === "bulk" ? "changes by other clients under its prefix are overwritten" : ""),
    ...changed("prefix", formatPrefix(old.prefix), formatPrefix(now.prefix), "care"),
    ...changed("needs", JSON.stringify(old.needs), JSON.stringify(now.needs), "routine"),
    ...changedRegistries(old, now).flatMap(([from, to]) =>
      changed("registry of scripts", from, to, "care", "clients look up script digests there"),
    ),
    ...comparePatterns(old.patterns, now.patterns),
  ];
}

const formatPlacement = ({ store, database }: Keyspace): string => `store ${store}, database ${database}`;
const formatStorage = ({ durable, mode }: Keyspace): string => `${durable ? "durable" : "may be lost"}, ${mode}`;
const formatPrefix = (prefix: string): string => (prefix === "" ? "none" : prefix);

/** An added or removed registry is reported with its scripts. */
const changedRegistries = ({ scripts: old }: Keyspace, { scripts: now }: Keyspace): (readonly [string, string])[] =>
  old === undefined || now === undefined ? [] : [[old.registry, now.registry]];

function comparePatterns(old: readonly Pattern[], now: readonly Pattern[]): Change[] {
  const olds = new Map(old.map((pattern) => [pattern.text, pattern]));
  const news = new Map(now.map((pattern) => [pattern.text, pattern]));
  return [...new Set([...olds.keys(), ...news.keys()])].flatMap((text): Change[] => {
    const [before, after] = [olds.get(text), news.get(text)];
    const common = { kind: "keyspace", name: text } as const;
    if (before === undefined) return [{ ...common, change: "added", detail: formatPattern(after as Pattern), risk: "routine" }];
    if (after === undefined) return [{ ...common, change: "removed", detail: formatPattern(before), risk: "care" }];
    const details = [
      ...(before.type === after.type ? [] : [`${before.type} → ${after.type}`]),
      ...(before.ttl === after.ttl ? [] : [`ttl ${before.ttlText} → ${after.ttlText}`]),
      ...(before.owner === after.owner ? [] : [`owner ${before.owner} → ${after.owner}`]),
      ...(before.secret === after.secret ? [] : [after.secret ? "now secret" : "no longer secret: its values are shown"]),
    ];
    if (details.length === 0) return [];
    const risk =
      before.secret && !after.secret ? "danger" : before.type !== after.type || isOtherLifetime(before.ttl, after.ttl) ? "care" : "routine";
    return [{ ...common, change: "changed", detail: details.join("; "), risk }];
  });
}

/** Keys that never expire fill the memory; keys that expire earlier, or that used to stay, are gone for a client that counts on them. */
const isOtherLifetime = (old: number, now: number): boolean => old !== now && (old === 0 || now === 0 || now < old);

const formatPattern = ({ type, ttlText, owner, secret }: Pattern): string =>
  `${type}, ${ttlText === "none" ? "no TTL" : ttlText}, owner ${owner}${secret ? ", secret" : ""}`;

/** The properties of an entry that are compared. */
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
  ensure: { detail: "removed from the store unless another client changed it", risk: "care" },
  once: { detail: "stays in the store", risk: "routine" },
} as const satisfies Record<Entry["policy"], Pick<Change, "detail" | "risk">>;

const formatTtl = (ttl: number): string => (ttl === 0 ? "no TTL" : formatDuration(ttl));

async function summarizeEntries(keyspace: Keyspace | undefined): Promise<Map<string, EntrySummary>> {
  const known = new Map<string, EntrySummary>();
  if (keyspace === undefined) return known;
  for await (const batch of readBatches(keyspace))
    for (const { key, value, ttl, policy } of batch) known.set(key, { type: value.type, ttl, policy, digest: digestValue(value) });
  return known;
}

/** Collects changes of keys: names the first ones, and only counts the rest and keys of secret patterns. */
class KeyChanges {
  readonly #patterns: readonly Pattern[];
  readonly #named: Change[] = [];
  /** By the text of their common line. */
  readonly #counted = new Map<string, { count: number; readonly of: string } & Omit<Change, "kind" | "name">>();

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
  }

  addIfChanged(key: string, old: EntrySummary, now: EntrySummary): void {
    const details = [
      ...(old.type === now.type ? [] : [`${old.type} → ${now.type}: the run stops if the key exists`]),
      ...(old.digest === now.digest || old.type !== now.type ? [] : ["value changed"]),
      ...(old.ttl === now.ttl ? [] : [`ttl ${formatTtl(old.ttl)} → ${formatTtl(now.ttl)}`]),
      ...(old.policy === now.policy ? [] : [`policy ${old.policy} → ${now.policy}`]),
    ];
    const toOwn = old.policy !== now.policy && now.policy === "own";
    const needsCare = toOwn || isOtherLifetime(old.ttl, now.ttl);
    if (details.length > 0) this.add(key, "changed", details.join("; "), old.type !== now.type ? "danger" : needsCare ? "care" : "routine");
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
      ...[...this.#counted.values()].map(({ count, of, ...change }) => ({
        ...change,
        kind: "key" as const,
        name: `${count.toLocaleString("en")} ${count === 1 ? of.replace("keys", "key") : of}`,
      })),
    ];
  }
}

function compareScripts(old: Keyspace | undefined, now: Keyspace | undefined): Change[] {
  const [olds, news] = [old, now].map(
    (keyspace) => new Map((keyspace ? readScripts(keyspace) : []).map((script) => [script.name, script])),
  );
  return [...new Set([...(olds as Scripts).keys(), ...(news as Scripts).keys()])].flatMap((name): Change[] => {
    const [before, after] = [(olds as Scripts).get(name), (news as Scripts).get(name)];
    if (before === undefined) return [{ kind: "script", name, change: "added", detail: `digest ${after?.sha}`, risk: "routine" }];
    if (after === undefined)
      return [{ kind: "script", name, change: "removed", detail: "its digest and source stay in the store", risk: "care" }];
    const details = [
      ...(before.sha === after.sha
        ? []
        : [`digest ${before.sha} → ${after.sha}: clients that read the registry call the new script at once`]),
      ...(before.needs.join() === after.needs.join() ? [] : [`needs ${after.needs.join(", ") || "no keys"}`]),
    ];
    return details.length === 0 ? [] : [{ kind: "script", name, change: "changed", detail: details.join("; "), risk: "care" }];
  });
}

type Scripts = ReadonlyMap<string, Script>;

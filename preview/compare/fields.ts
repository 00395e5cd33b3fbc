/**
 * Compares two values: variables by key, components by name, rules as a set.
 *
 * The order of such lists makes no difference, and paths contain names in place of indexes, which move.
 */
import { Asset, Reference, Secret, Unknown, type Value } from "../../engine/plan.ts";
import type { Shown } from "../../report/review.ts";
import { fingerprintOf } from "../record/parse.ts";

export interface Leaf {
  /** `spec.service api.env LOG_LEVEL.value` */
  readonly path: string;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
}

type Items = readonly Value[];
type Fields = Readonly<Record<string, Value>>;

/** By the name of a list: the word for one item, and the item's key. */
const KEYED: Readonly<Record<string, readonly [one: string, key: (item: Fields) => Value | undefined]>> = {
  alerts: ["alert", ({ rule }) => rule],
  databases: ["database", ({ name }) => name],
  domainNames: ["domain", ({ name }) => name],
  envs: ["env", ({ key }) => key],
  functions: ["function", ({ name }) => name],
  grants: ["grant", ({ bucket, permission }) => `${bucket} ${permission}`],
  jobs: ["job", ({ name }) => name],
  logDestinations: ["log destination", ({ name }) => name],
  rules: ["rule", ruleKey],
  services: ["service", ({ name }) => name],
  staticSites: ["site", ({ name }) => name],
  workers: ["worker", ({ name }) => name],
};

/** A firewall rule is its own key. The key of an ingress rule is its path. */
function ruleKey({ type, value, match }: Fields): Value | undefined {
  if (type !== undefined) return `${type} ${value}`;
  const { path, authority } = (match ?? {}) as Readonly<Record<string, { prefix?: Value; exact?: Value } | undefined>>;
  return path === undefined && authority === undefined ? undefined : `${authority?.exact ?? ""}${path?.prefix ?? path?.exact ?? ""}`;
}

/** Lists of strings without an order. */
const SETS = new Set([
  "channels",
  "domains",
  "emails",
  "extensions",
  "features",
  "files",
  "regions",
  "resources",
  "sources",
  "tags",
  "vpcIds",
]);

/** @param path of both values */
export function differences(before: Value | undefined, after: Value | undefined, path = ""): Leaf[] {
  if (isSame(before, after)) return [];
  if (isFields(before) && isFields(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => {
      const inner = path === "" ? name : `${path}.${name}`;
      return differences(
        Object.hasOwn(before, name) ? before[name] : undefined,
        Object.hasOwn(after, name) ? after[name] : undefined,
        inner,
      );
    });
  }
  const inLists = itemsOf(before) && itemsOf(after) ? lists(itemsOf(before)!, itemsOf(after)!, path) : undefined;
  return inLists ?? [{ path, before, after }];
}

function lists(before: Items, after: Items, path: string): Leaf[] | undefined {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const keyed = Object.hasOwn(KEYED, name) ? KEYED[name] : undefined;
  const [old, now] = keyed ? [byKey(before, keyed[1]), byKey(after, keyed[1])] : [];
  if (keyed && old && now) {
    const above = path.slice(0, path.length - name.length);
    return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
      differences(old.get(key), now.get(key), `${above}${keyed[0]} ${key}`),
    );
  }
  if (SETS.has(name) && [...before, ...after].every((item) => typeof item === "string")) {
    const [removed, added] = [before.filter((item) => !after.includes(item)), after.filter((item) => !before.includes(item))];
    return [
      ...removed.map((item) => ({ path: `${path}.${item}`, before: item, after: undefined })),
      ...added.map((item) => ({ path: `${path}.${item}`, before: undefined, after: item })),
    ];
  }
  if (before.length !== after.length) return undefined;
  return before.flatMap((item, index) => differences(item, after[index], `${path}[${index}]`));
}

/** Undefined if a key is missing or not unique. */
function byKey(items: Items, keyOf: (item: Fields) => Value | undefined): ReadonlyMap<string, Value> | undefined {
  const found = new Map<string, Value>();
  for (const item of items) {
    const key = isFields(item) ? keyOf(item) : undefined;
    if (typeof key !== "string" || found.has(key)) return undefined;
    found.set(key, item);
  }
  return found;
}

/** To the provider, an empty list and an absent one are equal. */
function itemsOf(value: Value | undefined): Items | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : undefined;
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  if (one === other) return true;
  if (one instanceof Secret && other instanceof Secret) {
    const [a, b] = [fingerprintOf(one), fingerprintOf(other)];
    return a.print === b.print && a.of.join("\n") === b.of.join("\n");
  }
  if (one instanceof Unknown) return other instanceof Unknown;
  if (one instanceof Asset) return other instanceof Asset && one.kind === other.kind && one.hash === other.hash;
  if (one instanceof Reference) return other instanceof Reference && one.urn === other.urn;
  return isEmpty(one) && isEmpty(other);
}

function isEmpty(value: Value | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function isFields(value: Value | undefined): value is Fields {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

const LONGEST = 300;

/** For display. A plain value is hidden if the other side is secret. */
export function shown(value: Value | undefined, other: Value | undefined): Shown {
  if (value === undefined || value === null) return { kind: "absent" };
  if (value instanceof Secret) return { kind: "secret" };
  if (value instanceof Unknown) return { kind: "unknown" };
  if (other instanceof Secret) return { kind: "plain", text: "not marked secret (not shown here: the other side keeps it secret)" };
  const text = textOf(value);
  return { kind: "plain", text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text };
}

function textOf(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(toJson(value));
}

function toJson(value: Value): unknown {
  if (value instanceof Secret) return "[secret]";
  if (value instanceof Unknown) return "[unknown]";
  if (value instanceof Asset) return `[${value.kind} ${value.hash.slice(0, 12)}]`;
  if (value instanceof Reference) return value.urn;
  if (Array.isArray(value)) return value.map(toJson);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
}

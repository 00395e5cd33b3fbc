/**
 * Two values, compared by what they mean: variables by their key, components by their name, rules as a set.
 *
 * An order that nobody reads is no difference, and a path holds no index that moves when something is put in front.
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

/** By the list's name: what one item is called, and what tells it from the others. */
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

/** Of a firewall, a rule is all that it is; of an app's ingress, it is the path that it serves. */
function ruleKey({ type, value, match }: Fields): Value | undefined {
  if (type !== undefined) return `${type} ${value}`;
  const { path, authority } = (match ?? {}) as Readonly<Record<string, { prefix?: Value; exact?: Value } | undefined>>;
  return path === undefined && authority === undefined ? undefined : `${authority?.exact ?? ""}${path?.prefix ?? path?.exact ?? ""}`;
}

/** Plain lists in which nothing comes before anything. */
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

/** @param path Of both. */
export function differences(before: Value | undefined, after: Value | undefined, path = ""): Leaf[] {
  if (isSame(before, after)) return [];
  if (isFields(before) && isFields(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => {
      const there = path === "" ? name : `${path}.${name}`;
      return differences(
        Object.hasOwn(before, name) ? before[name] : undefined,
        Object.hasOwn(after, name) ? after[name] : undefined,
        there,
      );
    });
  }
  const listed = itemsOf(before) && itemsOf(after) ? lists(itemsOf(before)!, itemsOf(after)!, path) : undefined;
  return listed ?? [{ path, before, after }];
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
    const [gone, come] = [before.filter((item) => !after.includes(item)), after.filter((item) => !before.includes(item))];
    return [
      ...gone.map((item) => ({ path: `${path}.${item}`, before: item, after: undefined })),
      ...come.map((item) => ({ path: `${path}.${item}`, before: undefined, after: item })),
    ];
  }
  if (before.length !== after.length) return undefined;
  return before.flatMap((item, index) => differences(item, after[index], `${path}[${index}]`));
}

/** undefined where a key is missing or not alone. */
function byKey(items: Items, keyOf: (item: Fields) => Value | undefined): ReadonlyMap<string, Value> | undefined {
  const found = new Map<string, Value>();
  for (const item of items) {
    const key = isFields(item) ? keyOf(item) : undefined;
    if (typeof key !== "string" || found.has(key)) return undefined;
    found.set(key, item);
  }
  return found;
}

/** An empty list and no list are the same to the provider. */
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
  return isNothing(one) && isNothing(other);
}

function isNothing(value: Value | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function isFields(value: Value | undefined): value is Fields {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

const LONGEST = 300;

/** As a reader may see it. A value of what is secret on the other side is not shown either. */
export function shown(value: Value | undefined, other: Value | undefined): Shown {
  if (value === undefined || value === null) return { kind: "absent" };
  if (value instanceof Secret) return { kind: "secret" };
  if (value instanceof Unknown) return { kind: "unknown" };
  if (other instanceof Secret) return { kind: "plain", text: "not marked secret (not shown here: the other side keeps it secret)" };
  const text = textOf(value);
  return { kind: "plain", text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text };
}

function textOf(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(plainly(value));
}

function plainly(value: Value): unknown {
  if (value instanceof Secret) return "[secret]";
  if (value instanceof Unknown) return "[unknown]";
  if (value instanceof Asset) return `[${value.kind} ${value.hash.slice(0, 12)}]`;
  if (value instanceof Reference) return value.urn;
  if (Array.isArray(value)) return value.map(plainly);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainly(inner)]));
}

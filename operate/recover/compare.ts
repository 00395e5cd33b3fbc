/**
 * Compares what the program declares, what the state knows and what the account holds. The plan decides which names belong to the stack; the state
 * decides which objects are managed; the account is the truth. A difference between program and state is none here: the next `up` deploys it.
 */
import type { PlannedResource, Value } from "../../engine/plan.ts";
import { type AccountObject, isAccountWide, KINDS, type Kind, kindOf, TYPES } from "./kinds.ts";
import type { PendingOperation, State, StateResource } from "./state.ts";

/** One resource of the stack, as it is named in messages. */
export interface Subject {
  readonly urn: string;
  readonly type: string;
  /** Its name in the account: "candlefish_owner", or that of its cluster where it has none. */
  readonly name: string;
  /** The name of what contains it. */
  readonly within?: string;
}

export interface Missing extends Subject {
  /** What the provider's importer takes. */
  readonly importId: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly version?: string;
  /** "creating", where it is not ready yet: the provider would read it without its addresses and passwords. */
  readonly status?: string;
}

/** It exists under a declared name, and differs in what cannot be changed in place: once imported, `up` would have to replace it. */
export interface Conflicting extends Subject {
  readonly id: string;
  readonly properties: readonly { readonly property: string; readonly program: string; readonly account: unknown }[];
}

/** A second one of the same name. */
export interface Duplicate extends Subject {
  readonly id: string;
  /** Deletes it. */
  readonly command: string;
}

/** It exists, and cannot be added to the state. */
export interface Unimportable extends Subject {
  readonly id: string;
}

/** The plan of another stack declares the same name. */
export interface Shared extends Missing {
  readonly stacks: readonly string[];
}

export interface Gone extends Subject {
  readonly id: string;
  readonly isDeclared: boolean;
}

export interface Changed extends Subject {
  readonly id: string;
  readonly properties: readonly ChangedProperty[];
  /** After a refresh, `up` would replace it. */
  readonly replaces: boolean;
}

export interface ChangedProperty {
  readonly property: string;
  readonly state: unknown;
  readonly account: unknown;
}

/** Created again outside of the stack: the same name with another id. */
export interface Recreated extends Subject {
  readonly state: string;
  readonly account: string;
}

export interface Comparison {
  readonly toImport: readonly Missing[];
  readonly unimportable: readonly Unimportable[];
  readonly shared: readonly Shared[];
  readonly conflicting: readonly Conflicting[];
  readonly duplicates: readonly Duplicate[];
  readonly gone: readonly Gone[];
  readonly recreated: readonly Recreated[];
  readonly changed: readonly Changed[];
  readonly pending: readonly PendingOperation[];
  /** In state and account alike, with generated credentials that only a refresh compares. */
  readonly users: readonly string[];
  readonly notes: readonly string[];
}

export interface ComparisonInput {
  readonly resources: readonly PlannedResource[];
  readonly state: State;
  readonly account: readonly AccountObject[];
  /** Other stacks of this project in the same account, by type and name as `sharedKey` writes them. */
  readonly siblings?: ReadonlyMap<string, readonly string[]>;
}

export const sharedKey = (type: string, name: string): string => `${type} ${name}`;

export function compare({ resources, state, account, siblings = new Map() }: ComparisonInput): Comparison {
  const declared = new Map(resources.filter(isCompared).map((resource) => [resource.urn, resource]));
  const managed = new Map(state.resources.map((resource) => [resource.urn, resource]));
  const byIdentity = new Map(account.map((object) => [keyOf(object.type, object.identity), object]));
  const byName = groupByName(account);
  const matches = new Map<string, AccountObject | undefined>();

  const found: Mutable<Comparison> = {
    ...{ toImport: [], unimportable: [], shared: [], conflicting: [], duplicates: [], gone: [], recreated: [], changed: [] },
    ...{ pending: [...state.pending], users: [], notes: [] },
  };
  for (const resource of declared.values()) classify(resource);
  const used = new Set([...declared.values()].map(({ urn, options }) => stateOf(urn, options.aliases)?.urn));
  for (const resource of state.resources) if (!used.has(resource.urn)) classifyUndeclared(resource);
  if (found.toImport.some(({ type }) => type === TYPES.app)) found.notes.push(...noteLostPasswords(resources, managed));
  found.notes = [...found.notes, ...noteUndeclared(account, [...matches.values()], [...declared.values()])];
  return found;

  function classify(resource: PlannedResource): void {
    const kind = kindOf(resource.type)!;
    const existing = stateOf(resource.urn, resource.options.aliases);
    const object = match(resource);
    const subject = subjectOf(resource, object);
    if (object !== undefined) addDuplicates(kind, subject, object);
    if (existing === undefined) {
      if (object !== undefined && exists(object)) classifyMissing(kind, resource, subject, object);
      return;
    }
    const identity = kind.identityOf(existing);
    if (object === undefined) found.gone.push({ ...subject, urn: existing.urn, id: existing.id, isDeclared: true });
    else if (object.identity !== identity) {
      found.recreated.push({ ...subject, urn: existing.urn, state: identity, account: object.identity });
      if (exists(object)) classifyMissing(kind, resource, subject, object);
    } else {
      const properties = changesOf(kind, existing, object, resource.options.ignoreChanges ?? []);
      const replaces = properties.some(({ property }) => kind.compared.some((one) => one.property === property && one.replaces));
      if (properties.length > 0) found.changed.push({ ...subject, urn: existing.urn, id: existing.id, properties, replaces });
      if (kind.type === TYPES.user) found.users.push(existing.urn);
    }
  }

  function classifyMissing(kind: Kind, resource: PlannedResource, subject: Subject, object: AccountObject): void {
    if (kind.missing === "up") return;
    if (kind.missing === "never") {
      found.unimportable.push({ ...subject, id: object.identity });
      return;
    }
    const { parent, options } = resource;
    const missing: Missing = {
      ...subject,
      importId: object.importId,
      ...(parent === undefined ? {} : { parent }),
      ...(options.provider === undefined ? {} : { provider: options.provider }),
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(object.status === undefined || ["", "online"].includes(object.status) ? {} : { status: object.status }),
    };
    const conflicts = conflictsOf(kind, resource, object);
    if (conflicts.length > 0) {
      found.conflicting.push({ ...subject, id: object.identity, properties: conflicts });
      return;
    }
    const stacks = isAccountWide(kind) ? (siblings.get(sharedKey(kind.type, object.name)) ?? []) : [];
    if (stacks.length > 0) found.shared.push({ ...missing, stacks });
    else if (!isInsideAnother(resource)) found.toImport.push(missing);
  }

  /** What is in a cluster that is not imported is not imported either. */
  function isInsideAnother(resource: PlannedResource): boolean {
    const owner = ownerOf(resource);
    return owner !== undefined && [...found.shared, ...found.conflicting].some(({ urn }) => urn === owner.urn);
  }

  function addDuplicates(kind: Kind, subject: Subject, object: AccountObject): void {
    const { deleteDuplicate } = kind;
    if (deleteDuplicate === undefined) return;
    const managedIds = new Set(state.resources.filter(({ type }) => type === kind.type).map(({ id }) => id));
    const others = (byName.get(nameKey(object)) ?? []).filter((other) => other !== object && !managedIds.has(other.identity));
    found.duplicates.push(...others.map((other) => ({ ...subject, id: other.identity, command: deleteDuplicate(other) })));
  }

  /** A resource that the state has and the program does not declare: `up` deletes it, which fails where it is gone already. */
  function classifyUndeclared(resource: StateResource): void {
    const kind = kindOf(resource.type);
    if (kind === undefined || !resource.custom || byIdentity.has(keyOf(resource.type, kind.identityOf(resource)))) return;
    const name = typeof resource.outputs.name === "string" ? resource.outputs.name : (resource.urn.split("::").at(-1) ?? "");
    found.gone.push({ urn: resource.urn, type: resource.type, name, id: resource.id, isDeclared: false });
  }

  /** By the id that the state or the program names, else by its name in what contains it. */
  function match(resource: PlannedResource): AccountObject | undefined {
    if (matches.has(resource.urn)) return matches.get(resource.urn);
    // Set before the owner is looked up: a plan with a circle of owners must not recurse for ever.
    matches.set(resource.urn, undefined);
    const kind = kindOf(resource.type)!;
    const existing = stateOf(resource.urn, resource.options.aliases);
    const identity = existing === undefined ? resource.options.importId : kind.identityOf(existing);
    const object = (identity === undefined ? undefined : byIdentity.get(keyOf(resource.type, identity))) ?? byNameIn(kind, resource);
    matches.set(resource.urn, object);
    return object;
  }

  function byNameIn(kind: Kind, resource: PlannedResource): AccountObject | undefined {
    const name = kind.name === undefined ? "" : inputAt(resource.inputs, kind.name);
    if (name === undefined) return undefined;
    if (kind.owner === undefined) return byName.get(nameKey({ type: resource.type, name }))?.[0];
    const owner = ownerId(kind.owner, resource);
    return owner === undefined ? undefined : byName.get(nameKey({ type: resource.type, name, owner }))?.[0];
  }

  function ownerId(input: string, resource: PlannedResource): string | undefined {
    const owner = ownerOf(resource);
    if (owner === undefined) return inputAt(resource.inputs, input);
    const object = match(owner);
    return object?.contains ?? object?.identity;
  }

  /** The cluster, replica, project or check that an input depends on. */
  function ownerOf(resource: PlannedResource): PlannedResource | undefined {
    const input = kindOf(resource.type)?.owner;
    if (input === undefined) return undefined;
    const owners = (resource.propertyDependencies[input] ?? []).flatMap((urn) => declared.get(urn) ?? []);
    const types = [TYPES.replica, TYPES.cluster, TYPES.check, TYPES.project];
    return owners
      .filter(({ type }) => types.some((one) => one === type))
      .sort((a, b) => types.indexOf(a.type as never) - types.indexOf(b.type as never))[0];
  }

  function stateOf(urn: string, aliases: readonly string[] = []): StateResource | undefined {
    return [urn, ...aliases].flatMap((one) => managed.get(one) ?? [])[0];
  }

  function subjectOf(resource: PlannedResource, object: AccountObject | undefined): Subject {
    const kind = kindOf(resource.type)!;
    const owner = ownerOf(resource);
    const ownerName = owner === undefined ? undefined : (inputAt(owner.inputs, kindOf(owner.type)?.name ?? "name") ?? owner.name);
    const name =
      (kind.name === undefined ? undefined : (inputAt(resource.inputs, kind.name) ?? object?.name)) ?? ownerName ?? resource.name;
    return {
      ...{ urn: resource.urn, type: resource.type, name },
      ...(ownerName === undefined || ownerName === name ? {} : { within: ownerName }),
    };
  }
}

/** Names that other stacks of the project declare, by `sharedKey`. */
export function siblingNames(plans: ReadonlyMap<string, readonly PlannedResource[]>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [stack, resources] of plans) {
    for (const resource of resources.filter(isCompared)) {
      const kind = kindOf(resource.type)!;
      const name = kind.name === undefined ? undefined : inputAt(resource.inputs, kind.name);
      if (!isAccountWide(kind) || name === undefined) continue;
      const key = sharedKey(kind.type, name);
      found.set(key, [...(found.get(key) ?? []), stack]);
    }
  }
  return found;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

const isCompared = ({ type, custom, read }: PlannedResource): boolean => custom && !read && kindOf(type) !== undefined;

/** A cluster always has a list of sources; an empty one is what `up` is about to fill. */
const exists = ({ type, properties }: AccountObject): boolean =>
  type !== TYPES.firewall || (properties.rules as readonly string[]).length > 0;

const keyOf = (type: string, identity: string): string => `${type} ${identity}`;
const nameKey = ({ type, name, owner = "" }: Pick<AccountObject, "type" | "name" | "owner">): string => `${type} ${owner} ${name}`;

/** A text of the plan by its path: "spec.name". Secret and unknown ones are none. */
export function inputAt(inputs: Readonly<Record<string, Value>>, path: string): string | undefined {
  const value = path.split(".").reduce<unknown>((within, key) => (within as Record<string, unknown> | undefined)?.[key], inputs);
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof single === "string" ? single : undefined;
}

function groupByName(account: readonly AccountObject[]): ReadonlyMap<string, readonly AccountObject[]> {
  const groups = new Map<string, AccountObject[]>();
  for (const object of account) groups.set(nameKey(object), [...(groups.get(nameKey(object)) ?? []), object]);
  return groups;
}

function conflictsOf(kind: Kind, { inputs, options }: PlannedResource, { properties }: AccountObject): Conflicting["properties"] {
  return kind.compared.flatMap(({ property, replaces, input = property }) => {
    const [program, account] = [inputAt(inputs, input), properties[property]];
    const isSame = program === undefined || !isComparable(account) || canonical(program) === canonical(account);
    return !replaces || isSame || options.ignoreChanges?.includes(property) ? [] : [{ property, program, account }];
  });
}

function changesOf(kind: Kind, { outputs }: StateResource, object: AccountObject, ignored: readonly string[]): readonly ChangedProperty[] {
  return kind.compared.flatMap(({ property, ofState = (values) => values[property] }) => {
    const [before, now] = [ofState(outputs), object.properties[property]];
    const isIgnored = ignored.some((path) => path === property || (path === "maintenanceWindows" && property === "maintenance"));
    if (isIgnored || !isComparable(before) || !isComparable(now) || canonical(before) === canonical(now)) return [];
    return [{ property, state: before, account: now }];
  });
}

/** What either side leaves out is not compared, and neither is a secret. */
function isComparable(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isComparable) : ["string", "number", "boolean"].includes(typeof value);
}

function canonical(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify(value.map(String).sort()) : String(value);
}

/** They exist in the state only: DigitalOcean has them inside of the apps' encrypted variables. */
function noteLostPasswords(resources: readonly PlannedResource[], managed: ReadonlyMap<string, unknown>): readonly string[] {
  return resources
    .filter(({ type, urn }) => type === "random:index/randomPassword:RandomPassword" && !managed.has(urn))
    .map(
      ({ name }) =>
        `${name} is not in the state, and a generated secret cannot be read back. The next \`up\` generates a new one and sends it to the apps: what was signed or encrypted with the old one is no longer accepted.`,
    );
}

/** Of these types, names that look like the stack's are worth a note. */
const NOTED = [TYPES.cluster, TYPES.app, TYPES.vpc, TYPES.project, TYPES.check, TYPES.database, TYPES.user, TYPES.pool, TYPES.replica];
/** DigitalOcean creates these itself. */
const BUILT_IN = ["doadmin", "defaultdb", "_dodb"];

/** What no program of this stack declares, in its own clusters or under a name with the prefix and the suffix of a declared one. */
function noteUndeclared(
  account: readonly AccountObject[],
  matched: readonly (AccountObject | undefined)[],
  declared: readonly PlannedResource[],
): readonly string[] {
  const used = new Set(matched);
  const own = new Set(matched.flatMap((object) => (object === undefined ? [] : [object.identity])));
  const wide = KINDS.filter(isAccountWide).map(({ type }) => type);
  const names = declared.flatMap((resource) =>
    wide.includes(resource.type) ? (inputAt(resource.inputs, kindOf(resource.type)?.name ?? "") ?? []) : [],
  );
  const prefixes = new Set(names.map((name) => name.split("-")[0]));
  const suffix = commonSuffix(declared.flatMap(({ type, inputs }) => (type === TYPES.cluster ? (inputAt(inputs, "name") ?? []) : [])));
  return account
    .filter((object) => NOTED.some((type) => type === object.type) && !used.has(object) && !BUILT_IN.includes(object.name))
    .filter(({ name, owner }) =>
      owner === undefined ? suffix !== "" && prefixes.has(name.split("-")[0]) && name.endsWith(suffix) : own.has(owner),
    )
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name} exists and no program of this stack declares it. slipway leaves it alone.`)
    .sort();
}

/** "-staging", where every cluster's name ends with it. Production has none, so its names look like those of any stack. */
function commonSuffix(names: readonly string[]): string {
  const [first, ...others] = names.map((name) => /-[a-z0-9]+$/.exec(name)?.[0] ?? "");
  return first !== undefined && others.every((one) => one === first) && !["-postgres", "-valkey"].includes(first) ? first : "";
}

/** How many resources differ. What another stack declares too is none of them: it may be that stack's. */
export function countDrift({ toImport, unimportable, conflicting, duplicates, gone, recreated, changed, pending }: Comparison): number {
  return (
    toImport.length +
    unimportable.length +
    conflicting.length +
    duplicates.length +
    gone.length +
    recreated.length +
    changed.length +
    pending.length
  );
}

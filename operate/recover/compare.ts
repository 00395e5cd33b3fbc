/**
 * Compares what the program declares, what the state knows and what the account holds. The plan decides which names belong to the stack; the state
 * decides which objects are managed; the account is the truth. A difference between program and state is none here: the next `up` deploys it.
 */

import type { PlannedResource } from "../../engine/plan.ts";
import { nameOf } from "../../engine/urn.ts";
import type { Comparison, Missing, Subject } from "./comparison.ts";
import { type AccountObject, isAccountWide, type Kind, kindOf, TYPES } from "./kinds.ts";
import { noteLostPasswords, noteOtherProviders, noteUndeclared } from "./notes.ts";
import { changesOf, conflictsOf, inputAt } from "./properties.ts";
import type { State, StateResource } from "./state.ts";

export interface ComparisonInput {
  readonly resources: readonly PlannedResource[];
  readonly state: State;
  readonly account: readonly AccountObject[];
  /** Other stacks of this project in the same account, by type and name as `sharedKey` writes them. */
  readonly siblings?: ReadonlyMap<string, readonly string[]>;
  /** Stacks of this project that cannot be planned. No command is offered that deletes what may be theirs. */
  readonly unplanned?: readonly string[];
  /** Whether to import what another stack declares too. Nothing else of another stack is claimed. @default false */
  readonly importsShared?: boolean;
}

export const sharedKey = (type: string, name: string): string => `${type} ${name}`;

export function compare(input: ComparisonInput): Comparison {
  const { resources, state, account, siblings = new Map(), unplanned = [], importsShared = false } = input;
  const elsewhere = resources.filter((resource) => isKnown(resource) && resource.options.provider !== undefined);
  const declared = new Map(resources.filter(isCompared).map((resource) => [resource.urn, resource]));
  const managed = new Map(state.resources.map((resource) => [resource.urn, resource]));
  const entries = new Map(
    [...(state.deleting ?? []), ...state.resources].flatMap((entry) => {
      const kind = kindOf(entry.type);
      return kind === undefined || !entry.custom ? [] : [[keyOf(kind.type, kind.identityOf(entry)), entry] as const];
    }),
  );
  const byIdentity = new Map(account.map((object) => [keyOf(object.type, object.identity), object]));
  const byName = groupByName(account);
  const matches = new Map<string, AccountObject | undefined>();

  const found: Mutable<Comparison> = {
    ...{
      toImport: [],
      unimportable: [],
      shared: [],
      conflicting: [],
      renamed: [],
      duplicates: [],
      gone: [],
      recreated: [],
      changed: [],
      incomplete: [],
    },
    ...{ pending: [...state.pending], unplanned: [...unplanned], users: [], notes: [] },
  };
  for (const resource of declared.values()) classify(resource);
  const used = new Set([...declared.values(), ...elsewhere].map(({ urn, options }) => stateOf(urn, options.aliases)?.urn));
  for (const resource of state.resources) if (!used.has(resource.urn) && resource.provider === undefined) classifyUndeclared(resource);
  if (found.toImport.some(({ type }) => type === TYPES.app)) found.notes.push(...noteLostPasswords(resources, managed));
  const own = account.filter(({ type, name }) => !elsewhere.some((other) => other.type === type && declaredName(other) === name));
  found.notes = [...found.notes, ...noteOtherProviders(elsewhere), ...noteUndeclared(own, [...matches.values()], [...declared.values()])];
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
      if (existing.incomplete) found.incomplete.push({ ...subject, urn: existing.urn, id: existing.id });
      if (kind.type === TYPES.user) found.users.push(existing.urn);
    }
  }

  function classifyMissing(kind: Kind, resource: PlannedResource, subject: Subject, object: AccountObject): void {
    if (kind.missing === "up") return;
    const other = entries.get(keyOf(kind.type, object.identity));
    if (other !== undefined) {
      const isDeleting = state.deleting?.includes(other) ?? false;
      found.renamed.push({ ...subject, id: object.identity, stateUrn: other.urn, isDeleting });
      return;
    }
    const stacks = stacksWith(kind, object);
    if (kind.missing === "never") {
      // Such names need not be unique, so the one in the account may be the other stack's.
      if (stacks.length === 0) found.unimportable.push({ ...subject, id: object.identity, ...deletion(kind, object) });
      return;
    }
    const { parent, options } = resource;
    const missing: Missing = {
      ...subject,
      importId: object.importId,
      ...(parent === undefined ? {} : { parent }),
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(options.protect === undefined ? {} : { protect: options.protect }),
      ...(object.status === undefined || ["", "online"].includes(object.status) ? {} : { status: object.status }),
    };
    const conflicts = conflictsOf(kind, resource, object);
    if (conflicts.length > 0) {
      found.conflicting.push({ ...subject, id: object.identity, properties: conflicts });
      return;
    }
    if (stacks.length > 0 && !importsShared) found.shared.push({ ...missing, stacks });
    else if (!isInsideAnother(resource)) found.toImport.push(missing);
  }

  /** What is in a cluster that is not imported is not imported either. */
  function isInsideAnother(resource: PlannedResource): boolean {
    const owner = ownerOf(resource);
    if (owner === undefined) return false;
    return [...found.shared, ...found.conflicting, ...found.renamed].some(({ urn }) => urn === owner.urn) || isInsideAnother(owner);
  }

  /** The other stacks that declare this name in the account. */
  function stacksWith(kind: Kind, { name }: AccountObject): readonly string[] {
    return isAccountWide(kind) ? (siblings.get(sharedKey(kind.type, name)) ?? []) : [];
  }

  function addDuplicates(kind: Kind, subject: Subject, object: AccountObject): void {
    // An alert of no entity, or of several, has no owner: others of its name may be another stack's.
    if (kind.owner !== undefined && !object.owner) return;
    if (kind.missing === "never" || kind.deleteCommand === undefined || stacksWith(kind, object).length > 0) return;
    const others = (byName.get(nameKey(object)) ?? []).filter(
      (other) => other !== object && !entries.has(keyOf(kind.type, other.identity)),
    );
    found.duplicates.push(...others.map((other) => ({ ...subject, id: other.identity, ...deletion(kind, other) })));
  }

  function deletion(kind: Kind, object: AccountObject): { readonly command?: string } {
    const isUnverified = isAccountWide(kind) && unplanned.length > 0;
    return kind.deleteCommand === undefined || isUnverified ? {} : { command: kind.deleteCommand(object) };
  }

  /** A resource that the state has and the program does not declare: `up` deletes it, which fails where it is gone already. */
  function classifyUndeclared(resource: StateResource): void {
    const kind = kindOf(resource.type);
    if (kind === undefined || !resource.custom || byIdentity.has(keyOf(resource.type, kind.identityOf(resource)))) return;
    const name = typeof resource.outputs.name === "string" ? resource.outputs.name : nameOf(resource.urn);
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
      const name = declaredName(resource);
      if (!isAccountWide(kind) || name === undefined) continue;
      const key = sharedKey(kind.type, name);
      found.set(key, [...(found.get(key) ?? []), stack]);
    }
  }
  return found;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

/** In the account. */
function declaredName({ type, inputs }: PlannedResource): string | undefined {
  const input = kindOf(type)?.name;
  return input === undefined ? undefined : inputAt(inputs, input);
}

const isKnown = ({ type, custom, read }: PlannedResource): boolean => custom && !read && kindOf(type) !== undefined;

/** An explicit provider may have the token of another account. */
const isCompared = (resource: PlannedResource): boolean => isKnown(resource) && resource.options.provider === undefined;

/** A cluster always has a list of sources; an empty one is what `up` is about to fill. */
const exists = ({ type, properties }: AccountObject): boolean =>
  type !== TYPES.firewall || (properties.rules as readonly string[]).length > 0;

const keyOf = (type: string, identity: string): string => `${type} ${identity}`;
const nameKey = ({ type, name, owner = "" }: Pick<AccountObject, "type" | "name" | "owner">): string => `${type} ${owner} ${name}`;

function groupByName(account: readonly AccountObject[]): ReadonlyMap<string, readonly AccountObject[]> {
  const groups = new Map<string, AccountObject[]>();
  for (const object of account) groups.set(nameKey(object), [...(groups.get(nameKey(object)) ?? []), object]);
  return groups;
}

/** URNs, as Pulumi's engine gives them to resources. */

const STACK = "pulumi:pulumi:Stack";

export interface StackId {
  readonly project: string;
  readonly stack: string;
}

/** The type is prefixed with the parent's qualified type, unless the parent is the stack. */
export function urnOf(stack: StackId, type: string, name: string, parent?: string): string {
  const parentType = parent ? qualifiedType(parent) : STACK;
  return `urn:pulumi:${stack.stack}::${stack.project}::${parentType === STACK ? type : `${parentType}$${type}`}::${name}`;
}

export function stackUrn(stack: StackId): string {
  return urnOf(stack, STACK, `${stack.project}-${stack.stack}`);
}

/** The type with those of its parents. */
export function qualifiedType(urn: string): string {
  return urn.split("::")[2] ?? "";
}

export function typeOf(urn: string): string {
  return qualifiedType(urn).split("$").at(-1) ?? "";
}

/** A name can contain "::". */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** "DatabaseUser" of "digitalocean:index/databaseUser:DatabaseUser" */
export const shortType = (type: string): string => type.split(":").at(-1) ?? type;

/** Fields that are missing are as in the resource's current URN. `parent: null` stands for no parent. */
export interface Alias {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly project?: string | undefined;
  readonly stack?: string | undefined;
  readonly parent?: string | null | undefined;
}

export interface Named {
  readonly type: string;
  readonly name: string;
  readonly parent?: string | undefined;
}

export function formerUrn(stack: StackId, current: Named, alias: Alias): string {
  const parent = alias.parent === null ? undefined : (alias.parent ?? current.parent);
  return urnOf(
    { project: alias.project ?? stack.project, stack: alias.stack ?? stack.stack },
    alias.type ?? current.type,
    alias.name ?? current.name,
    parent,
  );
}

/**
 * Every former URN of a resource: its own aliases, and its URNs under each former URN of its parent. A child whose name starts with its
 * parent's name had the parent's former name in its own.
 */
export function formerUrns(
  stack: StackId,
  current: Named,
  own: readonly (string | Alias)[],
  parentAliases: readonly string[],
): readonly string[] {
  const ownUrns = own.map((alias) => (typeof alias === "string" ? alias : formerUrn(stack, current, alias)));
  const inherited = parentAliases.flatMap((formerParent) =>
    [current, ...ownUrns.map((urn) => ({ type: typeOf(urn), name: nameOf(urn) }))].map((self) => {
      const parentName = current.parent ? nameOf(current.parent) : "";
      const name = parentName && self.name.startsWith(parentName) ? nameOf(formerParent) + self.name.slice(parentName.length) : self.name;
      return formerUrn(stack, current, { type: self.type, name, parent: formerParent });
    }),
  );
  return [...new Set([...ownUrns, ...inherited])];
}

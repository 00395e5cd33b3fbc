/** The names Pulumi's engine gives to resources: what a thing is called is who it is. */

const STACK = "pulumi:pulumi:Stack";

export interface Place {
  readonly project: string;
  readonly stack: string;
}

/** The parent's whole type stands in front, unless the parent is the stack itself. */
export function urnOf(place: Place, type: string, name: string, parent?: string): string {
  const above = parent ? qualifiedType(parent) : STACK;
  return `urn:pulumi:${place.stack}::${place.project}::${above === STACK ? type : `${above}$${type}`}::${name}`;
}

export function stackUrn(place: Place): string {
  return urnOf(place, STACK, `${place.project}-${place.stack}`);
}

function qualifiedType(urn: string): string {
  return urn.split("::")[2] ?? "";
}

export function typeOf(urn: string): string {
  return qualifiedType(urn).split("$").at(-1) ?? "";
}

/** A name may itself hold "::". */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** What an alias leaves unsaid is as it is today. `parent: null` says that it stood at the top. */
export interface Former {
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

export function formerUrn(place: Place, now: Named, former: Former): string {
  const parent = former.parent === null ? undefined : (former.parent ?? now.parent);
  return urnOf(
    { project: former.project ?? place.project, stack: former.stack ?? place.stack },
    former.type ?? now.type,
    former.name ?? now.name,
    parent,
  );
}

/**
 * Every name a resource may have had: its own aliases, and for each name its parent had, the child's under that parent.
 * A child named after its parent follows the parent's old name.
 */
export function formerUrns(
  place: Place,
  now: Named,
  own: readonly (string | Former)[],
  parentFormerly: readonly string[],
): readonly string[] {
  const mine = own.map((alias) => (typeof alias === "string" ? alias : formerUrn(place, now, alias)));
  const inherited = parentFormerly.flatMap((formerParent) =>
    [now, ...mine.map((urn) => ({ type: typeOf(urn), name: nameOf(urn) }))].map((self) => {
      const parentName = now.parent ? nameOf(now.parent) : "";
      const name = parentName && self.name.startsWith(parentName) ? nameOf(formerParent) + self.name.slice(parentName.length) : self.name;
      return formerUrn(place, now, { type: self.type, name, parent: formerParent });
    }),
  );
  return [...new Set([...mine, ...inherited])];
}

/** The result of a comparison: a list for each kind of difference. */
import { shortType } from "../../engine/urn.ts";
import { isAccountWide, kindOf } from "./kinds.ts";
import type { PendingOperation } from "./state.ts";

/** One resource of the stack, as it is named in messages. */
export interface Subject {
  readonly urn: string;
  readonly type: string;
  /** Its name in the account: "candlefish_owner", or that of its cluster where it has none. */
  readonly name: string;
  /** The name of what contains it. */
  readonly within?: string;
}

/** "DatabaseUser shop_owner in shop-postgres" */
export const describeSubject = ({ type, name, within }: Subject): string =>
  `${shortType(type)} ${name}${within === undefined ? "" : ` in ${within}`}`;

export interface Missing extends Subject {
  /** What the provider's importer takes. */
  readonly importId: string;
  readonly parent?: string;
  readonly version?: string;
  /** Whether the program protects it from deletion. */
  readonly protect?: boolean;
  /** "creating", where it is not ready yet: the provider would read it without its addresses and passwords. */
  readonly status?: string;
}

/** It exists under a declared name, and differs in what cannot be changed in place: once imported, `up` would have to replace it, or move it to another region. */
export interface Conflicting extends Subject {
  readonly id: string;
  readonly properties: readonly { readonly property: string; readonly program: string; readonly account: unknown }[];
}

/** A second one of the same name. */
export interface Duplicate extends Subject {
  readonly id: string;
  /** Deletes it. Absent where it may be another stack's. */
  readonly command?: string;
}

/** It exists, and cannot be added to the state. */
export interface Unimportable extends Subject {
  readonly id: string;
  /** Deletes it. Absent where it may be another stack's. */
  readonly command?: string;
}

/** The plan of another stack declares the same name. */
export interface Shared extends Missing {
  readonly stacks: readonly string[];
}

/** The state manages it under another name, so after an import the next `up` would delete it. */
export interface Renamed extends Subject {
  readonly id: string;
  /** Its URN in the state. */
  readonly stateUrn: string;
  /** The old half of a replacement. */
  readonly isDeleting: boolean;
}

export interface Gone extends Subject {
  readonly id: string;
  readonly isDeclared: boolean;
}

/** It exists, and the state holds the error of the run that created it. */
export interface Incomplete extends Subject {
  readonly id: string;
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
  /** No drift: state and account agree. */
  readonly renamed: readonly Renamed[];
  readonly duplicates: readonly Duplicate[];
  readonly gone: readonly Gone[];
  readonly recreated: readonly Recreated[];
  readonly changed: readonly Changed[];
  readonly incomplete: readonly Incomplete[];
  readonly pending: readonly PendingOperation[];
  /** Other stacks of the project that cannot be planned: they may declare the names in any of these lists. */
  readonly unplanned: readonly string[];
  /** In state and account alike, with generated credentials that only a refresh compares. */
  readonly users: readonly string[];
  readonly notes: readonly string[];
}

/** How many resources differ. What another stack declares too is none of them: it may be that stack's. */
export function countDrift(comparison: Comparison): number {
  const { toImport, unimportable, conflicting, duplicates, gone, recreated, changed, incomplete, pending } = comparison;
  return (
    toImport.length +
    unimportable.length +
    conflicting.length +
    duplicates.length +
    gone.length +
    recreated.length +
    changed.length +
    incomplete.length +
    pending.length
  );
}

/** What is to be imported although a stack that cannot be planned may declare it too. */
export function findUnverified({ toImport, unplanned }: Comparison): readonly Missing[] {
  return unplanned.length === 0 ? [] : toImport.filter(({ type }) => isAccountWide(kindOf(type)!));
}

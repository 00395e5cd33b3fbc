/**
 * The file for `pulumi import --file`. An import is preferred to an edited state: the provider reads every field itself, encrypts what is secret,
 * and the engine checks the result, so a wrong id fails instead of being stored. Verified with the CLI: after it, `up` updates in place (a cluster's
 * maintenance window, an app's page size) and replaces nothing.
 */
import type { PlannedResource } from "../../engine/plan.ts";
import { nameOf, qualifiedType } from "../../engine/urn.ts";
import type { Missing } from "./comparison.ts";
import { RecoverError } from "./error.ts";
import type { State } from "./state.ts";

export interface ImportFile {
  /** URNs by the names that the resources use for what exists in the state. */
  readonly nameTable: Readonly<Record<string, string>>;
  readonly resources: readonly ImportEntry[];
}

export interface ImportEntry {
  readonly type: string;
  /** Unique in the file. */
  readonly name: string;
  /** The name in the program. */
  readonly logicalName: string;
  readonly id?: string;
  readonly component?: true;
  readonly parent?: string;
  readonly version?: string;
}

export function createImportFile(missing: readonly Missing[], resources: readonly PlannedResource[], state: State): ImportFile {
  const planned = new Map(resources.map((resource) => [resource.urn, resource]));
  const managed = new Set(state.resources.map(({ urn }) => urn));
  const imported = new Set(missing.map(({ urn }) => urn));
  const entryName = uniqueNames();
  const nameTable: Record<string, string> = {};
  const components = new Map<string, ImportEntry>();
  const entries = missing.map((one): ImportEntry => {
    const { urn, type, importId, version } = one;
    return {
      ...{ type, name: entryName(urn), logicalName: nameOf(urn), id: importId },
      ...parentOf(one),
      ...(version === undefined ? {} : { version }),
    };
  });
  return { nameTable, resources: [...components.values(), ...entries] };

  function parentOf({ parent }: { readonly parent?: string }): { readonly parent?: string } {
    return parent === undefined ? {} : { parent: imported.has(parent) ? entryName(parent) : reference(parent) };
  }

  /** The name of something in the state; a component that is missing there is added to the file, after its own parents. */
  function reference(urn: string): string {
    const name = entryName(urn);
    if (managed.has(urn)) nameTable[name] = urn;
    else if (!components.has(urn)) addComponent(urn, name);
    return name;
  }

  function addComponent(urn: string, name: string): void {
    const component = planned.get(urn);
    if (component === undefined || component.custom)
      throw new RecoverError(
        `${nameOf(urn)} is neither in the state nor in the account, so what belongs to it cannot be imported. Create it first: pulumi up --target '${urn}'`,
      );
    const parent = parentOf(component);
    components.set(urn, { type: component.type, name, logicalName: nameOf(urn), component: true, ...parent });
  }
}

/**
 * Names by URN. Each is of the type and the name, because a component and its resource may share a name, and has a number where another URN has the
 * same one: "a-b" and "a_b".
 */
function uniqueNames(): (urn: string) => string {
  const names = new Map<string, string>();
  const used = new Set<string>();
  return (urn) => {
    const known = names.get(urn);
    if (known !== undefined) return known;
    const base = `${qualifiedType(urn)} ${nameOf(urn)}`.replace(/[^A-Za-z0-9]+/g, "_");
    let name = base;
    for (let number = 2; used.has(name); number++) name = `${base}_${number}`;
    names.set(urn, name);
    used.add(name);
    return name;
  };
}

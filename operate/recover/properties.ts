/** Compares the properties of one resource, each as the state, the account or the program writes it. */
import type { PlannedResource, Value } from "../../engine/plan.ts";
import type { ChangedProperty, Conflicting } from "./comparison.ts";
import type { AccountObject, Kind } from "./kinds.ts";
import type { StateResource } from "./state.ts";

/** A text of the plan by its path: "spec.name". Secret and unknown ones are none. */
export function inputAt(inputs: Readonly<Record<string, Value>>, path: string): string | undefined {
  const value = path.split(".").reduce<unknown>((within, key) => (within as Record<string, unknown> | undefined)?.[key], inputs);
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof single === "string" ? single : undefined;
}

export function conflictsOf(kind: Kind, { inputs, options }: PlannedResource, { properties }: AccountObject): Conflicting["properties"] {
  return kind.compared.flatMap(({ property, replaces, isImportConflict, input = property }) => {
    const [program, account] = [inputAt(inputs, input), properties[property]];
    const isSame = program === undefined || !isComparable(account) || canonical(program) === canonical(account);
    const isConflict = replaces || isImportConflict;
    return !isConflict || isSame || options.ignoreChanges?.includes(property) ? [] : [{ property, program, account }];
  });
}

export function changesOf(
  kind: Kind,
  { outputs }: StateResource,
  object: AccountObject,
  ignored: readonly string[],
): readonly ChangedProperty[] {
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

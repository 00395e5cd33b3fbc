/** A plan as lines, for a comparison with a committed text. */
import { Asset, type Plan, type PlannedResource, Reference, Secret, Unknown } from "../engine/plan.ts";

export type Texts = Readonly<Record<string, string>>;

/** By type and name, in the order of registration; last the stack's outputs. */
export function textsOf(plan: Plan): Texts {
  const resources = plan.resources.map((resource) => [titleOf(resource.urn), describeResource(resource, plan)] as const);
  return Object.fromEntries([...resources, ["outputs of the stack", linesOf(plan.outputs, "").join("\n")]]);
}

function describeResource(resource: PlannedResource, plan: Plan): string {
  const { parent, inputs, options, outputs, id } = resource;
  const { deletedWith, aliases = [], provider, version: _, ...more } = options;
  return [
    ...(parent === undefined ? [] : [`in ${titleOf(parent)}`]),
    ...directlyAfter(resource, plan).map((urn) => `after ${titleOf(urn)}`),
    ...(id === undefined ? [] : [`reads ${id}`]),
    ...(deletedWith === undefined ? [] : [`deleted with ${titleOf(deletedWith)}`]),
    ...(provider === undefined ? [] : [`provider ${titleOf(provider)}`]),
    ...aliases.map((alias) => `was ${alias}`),
    ...linesOf(more, "option "),
    ...linesOf(inputs, ""),
    ...(outputs === undefined ? [] : linesOf(outputs, "output ")),
  ].join("\n");
}

const titleOf = (urn: string) => `${urn.split("::")[2]?.split(/[$:]/).at(-1)} ${urn.split("::")[3]}`;

/** Without those that another dependency or the parent waits for. */
function directlyAfter({ dependencies, parent }: PlannedResource, plan: Plan): readonly string[] {
  const before = (urn: string, found = new Set<string>()): Set<string> => {
    for (const next of plan.resources.find((one) => one.urn === urn)?.dependencies ?? [])
      if (!found.has(next)) before(next, found.add(next));
    return found;
  };
  const implied = new Set([...dependencies, ...(parent === undefined ? [] : [parent])].flatMap((urn) => [...before(urn)]));
  return dependencies.filter((urn) => !implied.has(urn));
}

/** A line for each value, and for each object of single values. */
function linesOf(value: unknown, path: string): readonly string[] {
  if (value === undefined) return [];
  const isLine = isPlainObject(value) && path !== "" && !path.endsWith(" ") && Object.values(value).every(isSingle);
  if (isSingle(value) || isLine) return [`${path}: ${format(value, path)}`];
  return Object.entries(value as object).flatMap(([key, inner]) => linesOf(inner, join(path, key, inner)));
}

function join(path: string, key: string, value: unknown): string {
  if (!/^\d+$/.test(key)) return path === "" || path.endsWith(" ") ? `${path}${key}` : `${path}.${key}`;
  const { name, key: variable } = (isPlainObject(value) ? value : {}) as { name?: unknown; key?: unknown };
  return `${path}[${typeof variable === "string" ? variable : typeof name === "string" ? name : ""}]`;
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length > 0;

/** A mark, a text, a number, and what is empty. */
const isSingle = (value: unknown): boolean =>
  typeof value !== "object" || value === null || isMark(value) || Object.keys(value).length === 0;

const isMark = (value: unknown) =>
  value instanceof Secret || value instanceof Unknown || value instanceof Reference || value instanceof Asset;

const OF_FILES = /^(digest$|files\[)/;

function format(value: unknown, path = ""): string {
  const mark = (one: unknown): unknown => {
    if (one instanceof Secret) return `secret ${format(one.value)}`;
    if (one instanceof Unknown) return "unknown";
    if (one instanceof Reference) return `reference to ${titleOf(one.urn)}`;
    if (one instanceof Asset) return `${one.kind} ${one.text ?? ""}`;
    if (Array.isArray(one)) return one.map(mark);
    return isPlainObject(one) ? Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, mark(inner)])) : one;
  };
  // Digests follow the files that they are of, and an app's own mark is random.
  return JSON.stringify(mark(value)).replaceAll(OF_FILES.test(path) ? /\b[0-9a-f]{12,64}\b/g : /\b[0-9a-f]{16}\b/g, "<digest>");
}

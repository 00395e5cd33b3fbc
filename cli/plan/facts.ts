/** The inputs of a resource that identify it, such as size, region and nodes, and how many secrets it holds. */
import { type Masked, type MaskedResource, type MaskedValues, SECRET, UNKNOWN } from "../../engine/mask.ts";

/** These come first; then secrets, then all other inputs, and last the values that are not known yet. */
const FIRST = ["engine", "version", "size", "nodeCount", "region", "mode", "type", "services", "workers", "staticSites", "jobs", "rules"];
/** Longer lists are counted. */
const LISTED = 6;
const LONGEST = 60;

export function describeFacts(resource: MaskedResource): readonly string[] {
  const inputs = unwrap(resource.inputs);
  const keys = Object.keys(inputs)
    .filter((key) => key !== "__provider" && !(key === "name" && resource.name.endsWith(String(inputs.name))))
    .sort((a, b) => rank(a, inputs) - rank(b, inputs) || (a < b ? -1 : 1));
  const facts = keys.map((key) => ({ rank: rank(key, inputs), text: fact(key, inputs[key] ?? null) }));
  return [
    ...facts.filter(({ rank }) => rank < PLAIN).map(({ text }) => text),
    ...countMarks(inputs, SECRET),
    ...facts.filter(({ rank }) => rank >= PLAIN).map(({ text }) => text),
    ...countMarks(inputs, UNKNOWN),
  ].filter((text) => text !== "");
}

/** A resource in a protected component is protected with it, so only the difference from the component is a flag. */
export function describeFlags({ options, read }: MaskedResource, parent: MaskedResource | undefined): readonly string[] {
  const isProtected = options.protect ?? false;
  const isExpected = isProtected === (parent?.options.protect ?? false);
  return [
    ...(read ? ["read only"] : []),
    ...(isExpected || read ? [] : [isProtected ? "protected" : "not protected"]),
    ...(options.retainOnDelete ? ["kept on delete"] : []),
    ...(options.importId ? [`adopts ${options.importId}`] : []),
    ...(options.ignoreChanges ?? []).map((path) => `ignores ${path}`),
  ];
}

/** An app has one input, `spec`; its facts are inside. */
function unwrap(inputs: MaskedValues): MaskedValues {
  const [only, ...more] = Object.values(inputs);
  return more.length === 0 && isRecord(only) ? only : inputs;
}

const SECRETS = FIRST.length;
const PLAIN = SECRETS + 1;
const UNKNOWNS = PLAIN + 1;

function rank(key: string, inputs: MaskedValues): number {
  if (inputs[key] === SECRET) return SECRETS;
  if (inputs[key] === UNKNOWN) return UNKNOWNS;
  const index = FIRST.indexOf(key);
  return index < 0 ? PLAIN : index;
}

function fact(key: string, value: Masked): string {
  const shown = summary(value);
  return shown === "" ? "" : `${key} ${shown}`;
}

function summary(value: Masked): string {
  if (value === null) return "";
  if (isList(value)) return listSummary(value);
  if (isRecord(value)) return "reference" in value ? "" : `{${Object.keys(value).length}}`;
  return shorten(String(value));
}

function listSummary(list: readonly Masked[]): string {
  const names = list.map((item) => (isRecord(item) ? (item.name ?? item.key ?? item.value) : isList(item) ? undefined : item));
  const named = names.every((name) => name !== undefined && name !== null);
  return named && list.length <= LISTED ? shorten(names.join(", ")) : `×${list.length}`;
}

/** Marks nested below the inputs that are printed as facts. */
function countMarks(inputs: MaskedValues, mark: string): readonly string[] {
  const deep = Object.values(inputs).reduce((sum: number, value) => sum + (value === mark ? 0 : count(value, mark)), 0);
  return deep > 0 ? [`${mark} ×${deep}`] : [];
}

function count(value: Masked, mark: string): number {
  if (value === mark) return 1;
  if (isList(value)) return value.reduce((sum: number, item) => sum + count(item, mark), 0);
  return isRecord(value) ? count(Object.values(value), mark) : 0;
}

function shorten(text: string): string {
  if (/^[0-9a-f]{32,}$/.test(text)) return `${text.slice(0, 12)}…`;
  const line = text.replace(/\s+/g, " ");
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

function isList(value: Masked | undefined): value is readonly Masked[] {
  return Array.isArray(value);
}

function isRecord(value: Masked | undefined): value is { readonly [key: string]: Masked } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

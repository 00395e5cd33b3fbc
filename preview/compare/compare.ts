/** Compares the resources of two plans, and follows a replacement to the resources that depend on it. */
import type { Options, Plan, PlannedResource, Value } from "../../engine/plan.ts";
import type { ResourceChange, Risk } from "../../report/review.ts";
import { differences, type Leaf } from "./fields.ts";
import { labelsOf, normalizeReferences, type Pair, referencesIn } from "./references.ts";
import { replacingInputs } from "./replacements.ts";

export interface Compared {
  readonly change: ResourceChange["change"];
  readonly before?: PlannedResource;
  readonly after?: PlannedResource;
  /** At head; at base if it is deleted. */
  readonly resource: PlannedResource;
  /** The last part of its type: DatabaseCluster. */
  readonly kind: string;
  /** Its name in references of other resources. */
  readonly label: string;
  readonly leaves: readonly Leaf[];
  /** Top-level inputs whose change replaces it. */
  readonly replacedFor: readonly string[];
  /** Labels of replaced resources that change this one, although its inputs in the program are equal. */
  readonly because: readonly string[];
}

export interface Consequence {
  readonly risk: Risk;
  readonly note?: string;
}

export interface Comparison {
  readonly base: Plan;
  readonly head: Plan;
  readonly all: readonly Compared[];
}

export function compare(baseRaw: Plan, headRaw: Plan): Comparison {
  const { base, head, pairs } = normalizeReferences(baseRaw, headRaw);
  const labels = labelsOf(pairs);
  const custom = pairs.filter(({ before, after }) => (after ?? before)!.custom);
  const drafts = custom.map((pair) => draftOf(pair, labels));
  spreadReplacements(drafts);
  return { base, head, all: drafts.map(finish) };
}

interface Draft extends Pair {
  readonly resource: PlannedResource;
  readonly kind: string;
  readonly label: string;
  readonly leaves: Leaf[];
  readonly replacing: readonly string[];
  readonly replacedFor: Set<string>;
  readonly because: Set<string>;
}

function draftOf({ before, after }: Pair, labels: ReadonlyMap<string, string>): Draft {
  const resource = (after ?? before)!;
  const replacing = [...replacingInputs(resource.type), ...(after?.options.replaceOnChanges ?? [])];
  const leaves =
    before && after ? [...withoutIgnored(differences(before.inputs, after.inputs), after.options), ...optionLeaves(before, after)] : [];
  const replacedFor = new Set(leaves.map(({ path }) => topOf(path)).filter((top) => isIn(top, replacing)));
  // DigitalOcean renamed the engine; the provider suppresses this change.
  if (isRedisToValkey(before, after)) replacedFor.delete("engine");
  return {
    ...(before && { before }),
    ...(after && { after }),
    ...{ resource, kind: resource.type.slice(resource.type.lastIndexOf(":") + 1), label: labels.get(resource.urn)! },
    ...{ leaves, replacing, replacedFor, because: new Set() },
  };
}

/** A replaced resource has new outputs, so every resource that refers to one changes too. */
function spreadReplacements(drafts: readonly Draft[]): void {
  const queue = drafts.filter(({ before, after, replacedFor }) => before && after && replacedFor.size > 0);
  const done = new Set<Draft>();
  for (let cause = queue.pop(); cause !== undefined; cause = queue.pop()) {
    if (done.has(cause)) continue;
    done.add(cause);
    for (const draft of drafts) {
      if (draft === cause || !draft.before || !draft.after) continue;
      for (const [input, value] of Object.entries(draft.after.inputs)) {
        if (!referencesIn(value).has(cause.label)) continue;
        draft.because.add(cause.label);
        if (isIn(input, draft.replacing)) {
          draft.replacedFor.add(input);
          queue.push(draft);
        }
      }
    }
  }
}

function finish({ replacedFor, because, replacing: _, ...draft }: Draft): Compared {
  return { ...draft, change: changeOf({ ...draft, replacedFor, because }), replacedFor: [...replacedFor], because: [...because] };
}

function changeOf({ before, after, kind, leaves, replacedFor, because }: Omit<Draft, "replacing">): Compared["change"] {
  if ((after ?? before)!.read) return leaves.length === 0 && before && after ? "same" : "read";
  if (!before) return after?.options.importId === undefined ? "create" : "import";
  if (!after) return "delete";
  if (replacedFor.size > 0) return "replace";
  if (leaves.length === 0 && because.size === 0) return "same";
  const isSent = because.size > 0 || leaves.some(({ path }) => !path.startsWith(OPTIONS));
  return kind === "App" && isSent ? "redeploy" : "update";
}

/** Prefix of the paths of resource options, which are not inputs. */
export const OPTIONS = "options.";
const COMPARED_OPTIONS: readonly (keyof Options)[] = ["protect", "retainOnDelete", "ignoreChanges", "importId"];

function optionLeaves(before: PlannedResource, after: PlannedResource): Leaf[] {
  return COMPARED_OPTIONS.flatMap((option) => {
    const [old, now] = [before, after].map(({ options }) => options[option] as Value | undefined);
    // An absent option is false. A finished import changes nothing.
    if ((old ?? false) === (now ?? false) || option === "importId") return [];
    return differences(old, now, `${OPTIONS}${option}`);
  });
}

function withoutIgnored(leaves: Leaf[], { ignoreChanges = [] }: Options): Leaf[] {
  const ignored = ignoreChanges.map((path) => path.replace(/^\*$/, ""));
  return leaves.filter(({ path }) => !ignored.some((one) => one === "" || path === one || path.startsWith(`${one}.`)));
}

/** The top-level input of a path: `spec` of `spec.service api.env X`. */
export function topOf(path: string): string {
  if (path.startsWith(OPTIONS)) return "";
  return /^[^.[ ]+/.exec(path.replace(/^rule .*/, "rules"))?.[0] ?? path;
}

function isIn(top: string, replacing: readonly string[]): boolean {
  return top !== "" && (replacing.includes(top) || replacing.includes("*"));
}

function isRedisToValkey(before?: PlannedResource, after?: PlannedResource): boolean {
  return before?.inputs.engine === "redis" && after?.inputs.engine === "valkey";
}

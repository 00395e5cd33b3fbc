/** What happens to each resource: matched, compared, and with what a replacement drags along. */
import type { Options, Plan, PlannedResource, Value } from "../../engine/plan.ts";
import type { ResourceChange } from "../../report/review.ts";
import { differences, type Leaf } from "./fields.ts";
import { inSameWords, labelsOf, type Pair, referredIn } from "./references.ts";
import { replacingInputs } from "./replacements.ts";

export interface Compared {
  readonly change: ResourceChange["change"];
  readonly before?: PlannedResource;
  readonly after?: PlannedResource;
  /** The head's, or the base's of what is gone. */
  readonly resource: PlannedResource;
  /** The last part of its type: DatabaseCluster. */
  readonly kind: string;
  /** What it is called where others refer to it. */
  readonly label: string;
  readonly leaves: readonly Leaf[];
  /** Top-level inputs for which it is replaced. */
  readonly replacedFor: readonly string[];
  /** Labels of replaced resources for which this one changes although its program does not. */
  readonly because: readonly string[];
}

export interface Comparison {
  readonly base: Plan;
  readonly head: Plan;
  readonly all: readonly Compared[];
}

export function compare(baseRaw: Plan, headRaw: Plan): Comparison {
  const { base, head, pairs } = inSameWords(baseRaw, headRaw);
  const labels = labelsOf(pairs);
  const custom = pairs.filter(({ before, after }) => (after ?? before)!.custom);
  const drafts = custom.map((pair) => draftOf(pair, labels));
  spread(drafts);
  return { base, head, all: drafts.map(settled) };
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
    before && after ? [...ignoring(differences(before.inputs, after.inputs), after.options), ...optionLeaves(before, after)] : [];
  const replacedFor = new Set(leaves.map(({ path }) => topOf(path)).filter((top) => isIn(top, replacing)));
  // A former engine that is only called otherwise by now (pulumi-digitalocean suppresses it).
  if (isRedisToValkey(before, after)) replacedFor.delete("engine");
  return {
    ...(before && { before }),
    ...(after && { after }),
    ...{ resource, kind: resource.type.slice(resource.type.lastIndexOf(":") + 1), label: labels.get(resource.urn)! },
    ...{ leaves, replacing, replacedFor, because: new Set() },
  };
}

/** What is replaced has other outputs, and so has whatever takes one of them in. */
function spread(drafts: readonly Draft[]): void {
  const waiting = drafts.filter(({ before, after, replacedFor }) => before && after && replacedFor.size > 0);
  const spreadFrom = new Set<Draft>();
  for (let cause = waiting.pop(); cause !== undefined; cause = waiting.pop()) {
    if (spreadFrom.has(cause)) continue;
    spreadFrom.add(cause);
    for (const draft of drafts) {
      if (draft === cause || !draft.before || !draft.after) continue;
      for (const [input, value] of Object.entries(draft.after.inputs)) {
        if (!referredIn(value).has(cause.label)) continue;
        draft.because.add(cause.label);
        if (isIn(input, draft.replacing)) {
          draft.replacedFor.add(input);
          waiting.push(draft);
        }
      }
    }
  }
}

function settled({ replacedFor, because, replacing: _, ...draft }: Draft): Compared {
  return { ...draft, change: changeOf({ ...draft, replacedFor, because }), replacedFor: [...replacedFor], because: [...because] };
}

function changeOf({ before, after, kind, leaves, replacedFor, because }: Omit<Draft, "replacing">): Compared["change"] {
  if ((after ?? before)!.read) return leaves.length === 0 && before && after ? "same" : "read";
  if (!before) return after?.options.importId === undefined ? "create" : "import";
  if (!after) return "delete";
  if (replacedFor.size > 0) return "replace";
  if (leaves.length === 0 && because.size === 0) return "same";
  const sent = because.size > 0 || leaves.some(({ path }) => !path.startsWith(OPTIONS));
  return kind === "App" && sent ? "redeploy" : "update";
}

/** Paths of what is Pulumi's own and no input. */
export const OPTIONS = "options.";
const TOLD: readonly (keyof Options)[] = ["protect", "retainOnDelete", "ignoreChanges", "importId"];

function optionLeaves(before: PlannedResource, after: PlannedResource): Leaf[] {
  return TOLD.flatMap((option) => {
    const [old, now] = [before, after].map(({ options }) => options[option] as Value | undefined);
    // What is not said is false, and an import that is done is nothing any more.
    if ((old ?? false) === (now ?? false) || option === "importId") return [];
    return differences(old, now, `${OPTIONS}${option}`);
  });
}

function ignoring(leaves: Leaf[], { ignoreChanges = [] }: Options): Leaf[] {
  const ignored = ignoreChanges.map((path) => path.replace(/^\*$/, ""));
  return leaves.filter(({ path }) => !ignored.some((one) => one === "" || path === one || path.startsWith(`${one}.`)));
}

/** `spec.service api.env X` is of `spec`. */
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

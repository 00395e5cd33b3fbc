/**
 * What changes in an app, from the event log of Pulumi's engine. Pulumi hides the values of a spec, and the component `slipway:index:App` states them as
 * text without secrets (components/readable.ts).
 */
import { nameOf } from "../engine/urn.ts";
import type { EngineVerdict } from "../report/review.ts";

export interface AppStep {
  readonly op: string;
  readonly urn: string;
  readonly type?: string | undefined;
  readonly old?: { readonly inputs?: Readonly<Record<string, unknown>> | undefined } | null | undefined;
  readonly new?: { readonly inputs?: Readonly<Record<string, unknown>> | undefined } | null | undefined;
}

export type AppChange = NonNullable<EngineVerdict["apps"]>[number];

export function appChanges(steps: readonly AppStep[]): AppChange[] {
  return steps.filter(({ op, type }) => op === "update" && type === "slipway:index:App").flatMap(changesOf);
}

function changesOf({ urn, old, new: now }: AppStep): AppChange[] {
  const app = nameOf(urn);
  const [before, after] = [old, now].map((state) => textsOf(state?.inputs ?? {})) as [
    ReadonlyMap<string, string>,
    ReadonlyMap<string, string>,
  ];
  // An earlier slipway registered no inputs: there is nothing to compare with.
  if (before.size === 0) return [];
  const parts = [...new Set([...before.keys(), ...after.keys()])];
  return parts.flatMap((part) => lineChanges(before.get(part) ?? "", after.get(part) ?? "").map((change) => ({ app, part, ...change })));
}

/** By component; the app itself is "". */
function textsOf({ app, components }: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const all = Object.entries({ "": app, ...(typeof components === "object" ? components : {}) });
  return new Map(all.flatMap(([part, text]) => (typeof text === "string" ? [[part, text] as const] : [])));
}

function lineChanges(before: string, after: string): Pick<AppChange, "fact" | "before" | "after">[] {
  const [old, now] = [factsOf(before), factsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((fact) => {
    const [was, is] = [old.get(fact), now.get(fact)];
    if (was === is) return [];
    return [{ fact, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) }];
  });
}

/** Lines such as `instances 2`, `alert CPU_UTILIZATION above 80 for TEN_MINUTES` and `LOG_LEVEL=info`. */
function factsOf(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line, index) => {
      const [, variable, value = ""] = /^(\w+(?: \([A-Z_]+\))?)=([\s\S]*)$/.exec(line) ?? [];
      if (variable !== undefined) return [variable, value];
      const [, fact = line, rest = ""] = /^((?:alert|database|image) \S+|route \S+|\w+) ?([\s\S]*)$/.exec(line) ?? [];
      return index === 0 && rest === "" ? ["kind", line] : [fact, rest];
    }),
  );
}

/**
 * Compares the event log of a real `pulumi preview` with the plans of base and head.
 *
 * Pulumi's engine knows what exists, and the programs know what is declared. A difference means that a resource was changed by hand, that the last
 * `up` failed, or that the provider replaces what its schema calls an update.
 */

import { z } from "zod";
import { SENT_VARIABLES } from "../catalog/step-types.ts";
import type { Plan } from "../engine/plan.ts";
import { notAnEvent, readEventLog } from "../report/plan/event-log.ts";
import type { EngineVerdict, ResourceChange } from "../report/review.ts";
import { type AppChange, appChanges } from "./app-changes.ts";

const step = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string().optional(),
  keys: z.array(z.string()).nullish(),
  diffs: z.array(z.string()).nullish(),
  detailedDiff: z.record(z.string(), z.unknown()).nullish(),
  old: z.object({ inputs: z.record(z.string(), z.unknown()).optional() }).nullish(),
  new: z.object({ inputs: z.record(z.string(), z.unknown()).optional() }).nullish(),
});

const policy = z.object({
  resourceUrn: z.string().optional(),
  message: z.string(),
  policyName: z.string(),
  policyPackName: z.string().optional(),
  enforcementLevel: z.string(),
});

const event = z.object({
  resourcePreEvent: z.object({ metadata: step }).optional(),
  policyEvent: policy.optional(),
});

export interface Logged {
  readonly steps: readonly z.infer<typeof step>[];
  readonly policies: readonly z.infer<typeof policy>[];
}

/**
 * @param file for messages
 * @returns by stack
 */
export function readEvents(text: string, file: string): ReadonlyMap<string, Logged> {
  const byStack = new Map<string, { steps: z.infer<typeof step>[]; policies: z.infer<typeof policy>[] }>();
  const of = (urn: string) => {
    const stack = /^urn:pulumi:([^:]+)::/.exec(urn)?.[1] ?? "";
    const logged = byStack.get(stack) ?? { steps: [], policies: [] };
    byStack.set(stack, logged);
    return logged;
  };
  for (const { line, event: logged } of readEventLog(text, file)) {
    const { success, data } = event.safeParse(logged);
    if (!success) throw notAnEvent(file, line);
    if (data.resourcePreEvent) of(data.resourcePreEvent.metadata.urn).steps.push(data.resourcePreEvent.metadata);
    if (data.policyEvent) of(data.policyEvent.resourceUrn ?? "").policies.push(data.policyEvent);
  }
  return byStack;
}

/** The operations that change something. */
const CHANGES: Readonly<Record<string, ResourceChange["change"]>> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  import: "import",
  "import-replacement": "replace",
};

/** The stack itself and its providers. */
const PULUMI_INTERNAL = /::pulumi:(pulumi:Stack|providers:[^:]+)::/;

/** The token of an app's variables (components/quiet.ts). It changes with them, and the app shows it. */
const TOKEN = `${SENT_VARIABLES}::`;

/** Pulumi logs these as well as the `replace` that they belong to. */
const REPLACEMENT_PARTS = ["create-replacement", "delete-replaced"];

export function engineVerdict({ steps, policies }: Logged, resources: readonly ResourceChange[], head: Plan): EngineVerdict {
  const done = steps.filter(({ op, urn }) => op in CHANGES && !PULUMI_INTERNAL.test(urn) && !isComponent(urn, head));
  const theirs = new Map<string, string>();
  for (const { urn, op } of done) if (theirs.get(urn) !== "replace") theirs.set(urn, CHANGES[op]!);
  const apps = appChanges(steps);
  const first = steps.every(({ op, urn }) => op === "create" || op === "read" || PULUMI_INTERNAL.test(urn));
  return {
    steps: done
      .filter(({ op, urn }) => !REPLACEMENT_PARTS.includes(op) || !done.some((one) => one.urn === urn && one.op === "replace"))
      .map(({ op, urn, type, keys, diffs }) => ({ op, urn, type: type ?? "", keys: [...(keys ?? diffs ?? [])] })),
    apps,
    contradictions: first ? neverUp(done.length) : contradictions(resources, theirs, steps, apps),
    policies: policies.map(({ policyName, policyPackName, enforcementLevel, resourceUrn, message }) => ({
      policy: policyPackName === undefined ? policyName : `${policyPackName} ${policyName}`,
      level: enforcementLevel,
      ...(resourceUrn === undefined ? {} : { urn: resourceUrn }),
      message,
    })),
  };
}

function isComponent(urn: string, { resources }: Plan): boolean {
  return resources.some((resource) => resource.urn === urn && !resource.custom);
}

type Contradictions = EngineVerdict["contradictions"];

/** The stack is empty: the engine creates everything, whatever the base declares. */
function neverUp(count: number): Contradictions {
  if (count === 0) return [];
  return [
    {
      urn: "the stack",
      ours: "a change",
      engines: "everything is new",
      meaning: "this stack does not exist yet, so nothing can be lost",
      risk: "routine",
    },
  ];
}

function contradictions(
  resources: readonly ResourceChange[],
  theirs: ReadonlyMap<string, string>,
  steps: Logged["steps"],
  apps: readonly AppChange[],
): Contradictions {
  const ours = new Map(resources.filter(({ change }) => change !== "same" && change !== "read").map((one) => [one.urn, one]));
  const known = new Map(resources.map((one) => [one.urn, one]));
  const detail = new Map(
    steps.map(({ urn, detailedDiff, diffs }) => [urn, Object.keys(detailedDiff ?? {}).concat(detailedDiff ? [] : (diffs ?? []))]),
  );
  const found: Contradictions = [];
  for (const [urn, engines] of theirs) {
    const mine = ours.get(urn);
    const expected = mine?.change === "redeploy" ? "update" : mine?.change;
    if (expected === engines || urn.includes(TOKEN)) continue;
    const keys = (detail.get(urn) ?? []).slice(0, 5).join(", ");
    found.push({
      urn,
      ours: mine?.change ?? (known.has(urn) ? "no change" : "not declared"),
      ...meaningOf(engines, expected, known.get(urn), keys, apps),
    });
  }
  for (const [urn, { change }] of ours) {
    if (theirs.has(urn) || urn.includes(TOKEN)) continue;
    const meaning =
      change === "delete" ? "it is already deleted, or was never created" : "it already has this state, or Pulumi ignores the difference";
    found.push({
      urn,
      ours: change,
      engines: "no change",
      meaning,
      risk: change === "replace" || change === "delete" ? "care" : "routine",
    });
  }
  return found;
}

function meaningOf(
  engines: string,
  ours: string | undefined,
  resource: ResourceChange | undefined,
  keys: string,
  apps: readonly AppChange[],
): Omit<Contradictions[number], "urn" | "ours"> {
  const because = keys === "" ? "" : ` (${keys})`;
  if (engines === "replace")
    return { engines, meaning: `Pulumi replaces it${because}, which the programs do not show: its contents are lost`, risk: "danger" };
  if (engines === "delete")
    return { engines, meaning: "it exists, and the head does not declare it: an earlier change was never applied", risk: "danger" };
  if (ours === undefined && engines === "update" && resource?.type.endsWith(":App")) {
    const waiting = apps.filter(({ app }) => resource.name === `${app}-app`).map(({ part, fact }) => `${part} ${fact}`.trim());
    if (waiting.length > 0) {
      const meaning = `an earlier change was never applied: ${waiting.slice(0, 5).join(", ")}; it is redeployed, and its jobs run again`;
      return { engines, meaning, risk: "care" };
    }
    return {
      engines,
      meaning: `DigitalOcean encrypted its SECRET variables again, which Pulumi takes for a change (terraform-provider-digitalocean#1603), or it was changed by hand${because}; it is redeployed, and its jobs run again`,
      risk: "care",
    };
  }
  if (ours === undefined)
    return {
      engines,
      meaning: `it differs from what the base declares${because}: it was changed by hand, or an earlier change was never applied`,
      risk: "care",
    };
  return {
    engines,
    meaning: engines === "create" ? "it does not exist yet" : `it differs from what the base declares${because}`,
    risk: "care",
  };
}

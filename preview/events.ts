/**
 * What the real engine wrote while it previewed the same stack (`PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log <file>`), beside what the programs alone tell.
 *
 * It knows what stands; the programs know what is meant. Where the two differ, that is worth a line: something was changed by hand, the last
 * `up` did not get through, or the provider replaces what its schema calls an update.
 */
import { z } from "zod";
import { HOW } from "../audit/files/events.ts";
import type { Plan } from "../engine/plan.ts";
import { ProjectError } from "../engine/projecterror.ts";
import type { EngineVerdict, ResourceChange } from "../report/review.ts";

const step = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string().optional(),
  keys: z.array(z.string()).nullish(),
  diffs: z.array(z.string()).nullish(),
  detailedDiff: z.record(z.string(), z.unknown()).nullish(),
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

/** By stack, as their URNs say. @param file for messages */
export function readEvents(text: string, file: string): ReadonlyMap<string, Logged> {
  const byStack = new Map<string, { steps: z.infer<typeof step>[]; policies: z.infer<typeof policy>[] }>();
  const of = (urn: string) => {
    const stack = /^urn:pulumi:([^:]+)::/.exec(urn)?.[1] ?? "";
    const logged = byStack.get(stack) ?? { steps: [], policies: [] };
    byStack.set(stack, logged);
    return logged;
  };
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const { success, data } = event.safeParse(jsonOf(line));
    if (!success) {
      throw new ProjectError(`${file}, line ${index + 1}: this is no event of Pulumi's engine. Write the file with: ${HOW} ${file}`);
    }
    if (data.resourcePreEvent) of(data.resourcePreEvent.metadata.urn).steps.push(data.resourcePreEvent.metadata);
    if (data.policyEvent) of(data.policyEvent.resourceUrn ?? "").policies.push(data.policyEvent);
  }
  return byStack;
}

/** Steps that do something, by what they come to. */
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
const PULUMIS_OWN = /::pulumi:(pulumi:Stack|providers:[^:]+)::/;

/** A replacement is told as one step; these are its parts. */
const PARTS = ["create-replacement", "delete-replaced"];

export function engineVerdict({ steps, policies }: Logged, resources: readonly ResourceChange[], head: Plan): EngineVerdict {
  const done = steps.filter(({ op, urn }) => op in CHANGES && !PULUMIS_OWN.test(urn) && !isComponent(urn, head));
  const theirs = new Map<string, string>();
  for (const { urn, op } of done) if (theirs.get(urn) !== "replace") theirs.set(urn, CHANGES[op]!);
  const first = steps.every(({ op, urn }) => op === "create" || op === "read" || PULUMIS_OWN.test(urn));
  return {
    steps: done
      .filter(({ op, urn }) => !PARTS.includes(op) || !done.some((one) => one.urn === urn && one.op === "replace"))
      .map(({ op, urn, type, keys, diffs }) => ({ op, urn, type: type ?? "", keys: [...(keys ?? diffs ?? [])] })),
    contradictions: first ? neverUp(done.length) : contradictions(resources, theirs, steps),
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

/** Nothing stands: the engine creates all, whatever the base was. */
function neverUp(count: number): Contradictions {
  if (count === 0) return [];
  return [
    {
      urn: "the stack",
      ours: "a change",
      engines: "all is new",
      meaning: "nothing of this stack stands yet, so nothing can be lost",
      risk: "routine",
    },
  ];
}

function contradictions(resources: readonly ResourceChange[], theirs: ReadonlyMap<string, string>, steps: Logged["steps"]): Contradictions {
  const ours = new Map(resources.filter(({ change }) => change !== "same" && change !== "read").map((one) => [one.urn, one]));
  const known = new Map(resources.map((one) => [one.urn, one]));
  const detail = new Map(
    steps.map(({ urn, detailedDiff, diffs }) => [urn, Object.keys(detailedDiff ?? {}).concat(detailedDiff ? [] : (diffs ?? []))]),
  );
  const told: Contradictions = [];
  for (const [urn, engines] of theirs) {
    const mine = ours.get(urn);
    const said = mine?.change === "redeploy" ? "update" : mine?.change;
    if (said === engines) continue;
    const keys = (detail.get(urn) ?? []).slice(0, 5).join(", ");
    told.push({
      urn,
      ours: mine?.change ?? (known.has(urn) ? "no change" : "nothing of it"),
      ...meaningOf(engines, said, known.get(urn), keys),
    });
  }
  for (const [urn, { change }] of ours) {
    if (theirs.has(urn)) continue;
    const meaning =
      change === "delete" ? "it is gone already, or was never made" : "it stands like that already, or Pulumi ignores the difference";
    told.push({ urn, ours: change, engines: "no change", meaning, risk: change === "replace" || change === "delete" ? "care" : "routine" });
  }
  return told;
}

function meaningOf(
  engines: string,
  ours: string | undefined,
  resource: ResourceChange | undefined,
  keys: string,
): Omit<Contradictions[number], "urn" | "ours"> {
  const because = keys === "" ? "" : ` (${keys})`;
  if (engines === "replace")
    return { engines, meaning: `Pulumi replaces it${because}, which the programs do not tell: what it holds is lost`, risk: "danger" };
  if (engines === "delete")
    return { engines, meaning: "it stands, and the head does not declare it: an earlier change was never applied", risk: "danger" };
  if (ours === undefined && engines === "update" && resource?.type.endsWith(":App")) {
    return {
      engines,
      meaning: `DigitalOcean encrypts SECRET variables anew, so Pulumi sees a change where none is (terraform-provider-digitalocean#1603), or it was changed by hand${because}; it is redeployed, and its jobs run again`,
      risk: "care",
    };
  }
  if (ours === undefined)
    return {
      engines,
      meaning: `what stands is not what the base declares${because}: it was changed by hand, or an earlier change was never applied`,
      risk: "care",
    };
  return {
    engines,
    meaning: engines === "create" ? "it does not stand yet" : `what stands is not what the base declares${because}`,
    risk: "care",
  };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

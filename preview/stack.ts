/** One stack, base and head, as a reviewer is told of it. */
import type { Plan } from "../engine/plan.ts";
import { owners } from "../report/plan/owner.ts";
import type { KeyspaceChange, MigrationChange, ResourceChange, StackReview } from "../report/review.ts";
import { type Compared, type Comparison, compare } from "./compare/compare.ts";
import { costChange } from "./compare/costs.ts";
import { shown } from "./compare/fields.ts";
import { firewallChanges } from "./compare/firewalls.ts";
import { meaningOf } from "./compare/meaning.ts";
import { pictureOf } from "./compare/picture.ts";
import { restartsOf } from "./compare/restarts.ts";
import { secretChanges } from "./compare/secrets.ts";
import { engineVerdict, type Logged } from "./events.ts";
import type { Recorded } from "./record/parse.ts";
import { verdict } from "./verdict.ts";

export interface Joined {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  /** Keys of settings whose ciphertext is another. */
  readonly reencrypted: readonly string[];
  /** Of the run itself, such as packages that are not the base's own. */
  readonly caveats: readonly string[];
  /** What the real engine wrote of this stack. */
  readonly log?: Logged;
}

export const NOTHING_JOINED: Joined = { migrations: [], keyspaces: [], reencrypted: [], caveats: [] };

export function reviewStack(stack: string, base: Recorded, head: Recorded, joined: Joined = NOTHING_JOINED): StackReview {
  const failed =
    "failure" in head ? { side: "head" as const, ...head } : "failure" in base ? { side: "base" as const, ...base } : undefined;
  const caveats = joined.caveats.map((text) => ({ severity: "warning" as const, text }));
  if ("failure" in base || "failure" in head)
    return verdict({ ...empty(stack), messages: caveats, failure: { side: failed!.side, message: failed!.failure } });
  const comparison = compare(base.plan, head.plan);
  const resources = resourceChanges(comparison);
  return verdict({
    stack,
    resources,
    migrations: [...joined.migrations],
    keyspaces: [...joined.keyspaces],
    secrets: secretChanges(comparison, joined.reencrypted),
    firewalls: firewallChanges(comparison),
    cost: costChange(comparison),
    restarts: restartsOf(comparison),
    placeholders: [...new Set([...base.plan.placeholders, ...head.plan.placeholders])].sort(),
    messages: [...caveats, ...newMessages(comparison)],
    picture: pictureOf(comparison.base, comparison.head),
    ...(joined.log && { engine: engineVerdict(joined.log, resources, head.plan) }),
  });
}

function empty(stack: string) {
  return {
    ...{ stack, resources: [], migrations: [], keyspaces: [], secrets: [], firewalls: [], restarts: [], placeholders: [], messages: [] },
    cost: costChange({ base: NO_PLAN, head: NO_PLAN, all: [] }),
  };
}

/** A stack that one of the two does not have. */
export const NO_PLAN: Plan = {
  project: "",
  stack: "",
  resources: [],
  outputs: {},
  placeholders: [],
  messages: [],
  secretConfig: {},
  secrets: [],
};

function resourceChanges(comparison: Comparison): ResourceChange[] {
  const ownerOf = owners(comparison.base, comparison.head);
  return comparison.all.map((compared): ResourceChange => {
    const { change, resource, before } = compared;
    const system = ownerOf(resource);
    return {
      change,
      urn: resource.urn,
      ...(before && before.urn !== resource.urn && { formerUrn: before.urn }),
      type: resource.type,
      name: resource.name,
      ...(system === undefined ? {} : { system }),
      ...meaningOf(compared, comparison),
      fields: fieldsOf(compared),
      ...(resource.source && { source: resource.source }),
    };
  });
}

function fieldsOf({ leaves, replacedFor }: Compared): ResourceChange["fields"] {
  return leaves.map(({ path, before, after }) => ({
    path,
    before: shown(before, after),
    after: shown(after, before),
    replaces: replacedFor.some((input) => path === input || path.startsWith(`${input}.`)),
  }));
}

/** What it did not say before; what it says to everybody is no news. */
function newMessages({ base, head }: Comparison): StackReview["messages"] {
  const old = new Set(base.messages.map(({ text }) => text));
  return head.messages.filter(({ text }) => !old.has(text)).map(({ severity, text }) => ({ severity, text }));
}

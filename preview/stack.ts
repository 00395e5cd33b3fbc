/** Reviews one stack: compares its plans at base and head. */
import { quoteWord } from "../catalog/shell.ts";
import { isPartOf } from "../engine/placeholder.ts";
import type { Plan } from "../engine/plan.ts";
import { componentsOf, field } from "../report/plan/app-spec.ts";
import { owners } from "../report/plan/owner.ts";
import type { KeyspaceChange, MigrationChange, ResourceChange, Restart, StackReview } from "../report/review.ts";
import { type Compared, type Comparison, compare } from "./compare/compare.ts";
import { consequenceOf } from "./compare/consequence.ts";
import { costChange } from "./compare/costs.ts";
import { shown } from "./compare/fields.ts";
import { firewallChanges } from "./compare/firewalls.ts";
import { pictureOf } from "./compare/picture.ts";
import { secretChanges } from "./compare/secrets.ts";
import { engineVerdict, type Logged } from "./events.ts";
import type { Recorded } from "./record/parse.ts";
import { verdict } from "./verdict.ts";

export interface Additions {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  /** Keys of settings whose ciphertext has changed. */
  readonly reencrypted: readonly string[];
  /** The encrypted settings in the stack's file of each side, by whole key. @default unknown */
  readonly encrypted?: Readonly<Record<"base" | "head", readonly string[]>>;
  /** Limits of the comparison itself, such as packages of another commit. */
  readonly caveats: readonly string[];
  /** From a real `pulumi preview` of this stack. */
  readonly log?: Logged;
}

export const NO_ADDITIONS: Additions = { migrations: [], keyspaces: [], reencrypted: [], caveats: [] };

export function reviewStack(stack: string, base: Recorded, head: Recorded, additions: Additions = NO_ADDITIONS): StackReview {
  const failed =
    "failure" in head ? { side: "head" as const, ...head } : "failure" in base ? { side: "base" as const, ...base } : undefined;
  const caveats = additions.caveats.map((text) => ({ severity: "warning" as const, text }));
  if ("failure" in base || "failure" in head)
    return verdict({ ...empty(stack), messages: caveats, failure: { side: failed!.side, message: failed!.failure } });
  const comparison = compare(base.plan, head.plan);
  const resources = resourceChanges(comparison);
  return verdict({
    stack,
    resources,
    migrations: [...additions.migrations],
    keyspaces: [...additions.keyspaces],
    secrets: secretChanges(comparison, additions.reencrypted),
    firewalls: firewallChanges(comparison),
    cost: costChange(comparison),
    restarts: restartsOf(comparison),
    placeholders: [...new Set([...base.plan.placeholders, ...head.plan.placeholders])].sort(),
    ...missingSettings(stack, comparison, additions.encrypted),
    messages: [...caveats, ...newMessages(comparison)],
    picture: pictureOf(comparison.base, comparison.head),
    ...(additions.log && { engine: engineVerdict(additions.log, resources, head.plan) }),
  });
}

function empty(stack: string) {
  return {
    ...{ stack, resources: [], migrations: [], keyspaces: [], secrets: [], firewalls: [], restarts: [], placeholders: [], messages: [] },
    cost: costChange({ base: NO_PLAN, head: NO_PLAN, all: [] }),
  };
}

/** The plan of a stack that does not exist on one side. */
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
      ...consequenceOf(compared, comparison),
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

/** A setting without a ciphertext has a placeholder because it is missing. */
function missingSettings(stack: string, { base, head }: Comparison, encrypted: Additions["encrypted"]): Pick<StackReview, "missing"> {
  if (encrypted === undefined) return {};
  const lacking = ({ placeholders }: Plan, keys: readonly string[]) =>
    placeholders.filter((key) => !keys.some((one) => isPartOf(key, one) || isPartOf(one, key)));
  const before = new Set(lacking(base, encrypted.base));
  const missing = lacking(head, encrypted.head).filter((key) => !before.has(key));
  return missing.length === 0 ? {} : { missing: missing.map((setting) => ({ setting, command: formatCommand(setting, stack) })) };
}

/** The head chooses both names, and a reader of the review types the command. */
const formatCommand = (setting: string, stack: string): string =>
  `pulumi config set --secret ${quoteWord(setting)} --stack ${quoteWord(stack)}`;

/** Messages that the program did not log at base. */
function newMessages({ base, head }: Comparison): StackReview["messages"] {
  const old = new Set(base.messages.map(({ text }) => text));
  return head.messages.filter(({ text }) => !old.has(text)).map(({ severity, text }) => ({ severity, text }));
}

/** A deployment restarts every component of an app, whichever of them changed. */
function restartsOf({ all }: Comparison): Restart[] {
  return all.filter(({ change, kind }) => kind === "App" && (change === "redeploy" || change === "replace")).flatMap(restartsOfApp);
}

const RERUN = new Map([
  ["PRE_DEPLOY", "before each deployment"],
  ["POST_DEPLOY", "after each deployment"],
]);

/** Fields that change the image. */
const BUILDS = /\.(github|gitlab|git|sourceDir|buildCommand|dockerfilePath|environmentSlug)\b/;

function restartsOfApp({ after, leaves, because, resource }: Compared): Restart[] {
  return componentsOf(after!).flatMap(({ kind, name, fields }): Restart[] => {
    const own = leaves.filter(({ path }) => path === `spec.${kind} ${name}` || path.startsWith(`spec.${kind} ${name}.`));
    const shared = leaves.filter(({ path }) => !/^spec\.(service|worker|job|site|function) /.test(path));
    const paths = (own.length > 0 ? own : shared).map(({ path }) => path.replace(/^spec\./, "").replace(`${kind} ${name}.`, ""));
    const what =
      paths.length > 0 ? listed(paths) : because.length > 0 ? `follows ${because.join(", ")}` : "a deployment starts every component";
    const at = { app: resource.name, component: name };
    if (kind === "job") {
      const when = RERUN.get(String(field(fields, "kind")));
      return when === undefined ? [] : [{ ...at, kind: "job", why: `runs ${when}` }];
    }
    return [{ ...at, kind: kind === "site" || own.some(({ path }) => BUILDS.test(path)) ? "build" : "restart", why: what }];
  });
}

function listed(paths: readonly string[]): string {
  const first = [...new Set(paths)].slice(0, 3).join(", ");
  return paths.length > 3 ? `${first} and ${paths.length - 3} more` : first;
}

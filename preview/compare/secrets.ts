/** The origins and the readers of secrets, compared between base and head. The wiring list of a platform names them; App specs show who reads what. */
import { type Plan, Secret, type Value } from "../../engine/plan.ts";
import * as appSpec from "../../report/plan/app-spec.ts";
import { declaredSecrets } from "../../report/plan/declared.ts";
import type { SecretChange } from "../../report/review.ts";
import { fingerprintOf } from "../record/parse.ts";
import type { Comparison } from "./compare.ts";
import { differences } from "./fields.ts";
import { UNMARKED } from "./references.ts";

type Change = SecretChange;

interface Variable {
  /** The app's name in the program. */
  readonly app: string;
  readonly place: string;
  /** Marked by the program, so that Pulumi encrypts it. */
  readonly marked: boolean;
  /** Hidden by App Platform. */
  readonly hidden: boolean;
  /** Available while an image is built. */
  readonly built: boolean;
  /** ‹a resource.its output›, ‹a setting›, or a database login. */
  readonly origins: readonly string[];
  readonly print: string;
  /** The secret that the wiring list gives to this variable. */
  readonly wired?: string;
}

/** @param reencrypted Keys of settings whose ciphertext in the stack's file has changed. */
export function secretChanges(comparison: Comparison, reencrypted: readonly string[]): Change[] {
  const { base, head, all } = comparison;
  const names = namesOf(base, head);
  const nameOf = (origins: readonly string[], otherwise: string, wired?: string): string =>
    [...new Set(origins.map((origin) => names.get(ownerOf(origin)) ?? ((isLogin(origin) && wired) || plainName(origin))))].join(", ") ||
    otherwise;
  const sources = new Map(all.map(({ resource }) => [resource.name, resource.source]));
  const fresh = base.resources.length === 0;

  return [...declared(), ...rotated(), ...readers(), ...unmarked()];

  function* declared(): Generator<Change> {
    const [old, now] = [base, head].map((plan) => new Set(declaredSecrets(plan).map(({ secret }) => secret)));
    if (old!.size === 0 || now!.size === 0) return;
    for (const secret of now!) if (!old!.has(secret)) yield { secret, change: "declared", risk: "routine" };
    for (const secret of old!)
      if (!now!.has(secret)) yield { secret, change: "dropped", risk: "care", note: "a component that still needs it does not receive it" };
  }

  function* rotated(): Generator<Change> {
    for (const key of reencrypted) {
      const secret = names.get(`‹${key}›`) ?? key;
      yield { secret, change: "rotated", risk: "care", note: "its ciphertext has changed: a new secret, or the same one encrypted again" };
    }
    for (const { change, kind, label, resource } of all) {
      if (change !== "replace" || !(resource.options.additionalSecretOutputs ?? []).length || kind === "DatabaseConnectionPool") continue;
      yield {
        secret: names.get(`‹${label}›`) ?? label,
        change: "rotated",
        risk: "care",
        note: "re-created with the resource that it comes from",
        ...(resource.source && { source: resource.source }),
      };
    }
  }

  function* readers(): Generator<Change> {
    // An app that an alias renames has the same readers.
    const renamed = new Map(
      all.flatMap(({ kind, before, after }) =>
        kind === "App" && before && after && before.name !== after.name ? [[before.name, after.name]] : [],
      ),
    );
    const [old, now] = [variablesOf(base, renamed), variablesOf(head)];
    for (const [key, after] of now) {
      const before = old.get(key);
      const at = { ...(sources.get(after.app) && { source: sources.get(after.app)! }) };
      if (before !== undefined) for (const change of changed(before, after)) yield { ...change, ...at };
      else if (holds(after)) yield { ...added(after), ...at };
    }
    for (const [key, before] of old) {
      if (now.has(key) || !holds(before)) continue;
      yield { secret: nameOf(before.origins, before.place, before.wired), change: "reader removed", before: before.place, risk: "routine" };
    }
  }

  function added(after: Variable): Change {
    const bare = after.marked && !after.hidden;
    const note = [bare ? CLEAR : "", after.built ? BUILT : ""].filter((text) => text !== "").join("; ");
    return {
      secret: nameOf(after.origins, after.place, after.wired),
      change: "reader added",
      after: after.place,
      risk: bare || after.built ? "danger" : fresh ? "routine" : "care",
      ...(note && { note }),
    };
  }

  function* changed(before: Variable, after: Variable): Generator<Change> {
    if (!holds(before) && !holds(after)) return;
    const secret = nameOf(after.origins.length === 0 ? before.origins : after.origins, after.place, after.wired ?? before.wired);
    const [old, now] = [before.place, after.place];
    if (isSecret(before) && before.hidden && !after.hidden) {
      yield { secret, change: "turned plain", before: "SECRET", after: "GENERAL", risk: "danger", note: `${now}: ${CLEAR}` };
    } else if (before.marked && !after.marked) {
      const note = `${now}: the program no longer marks it, so that Pulumi keeps it in clear text in its state`;
      yield { secret, change: "turned plain", before: "marked", after: "not marked", risk: "danger", note };
    } else if ((!before.hidden && after.hidden) || (!isSecret(before) && isSecret(after))) {
      yield { secret, change: "turned secret", before: old, after: now, risk: "routine" };
    }
    if (!before.built && after.built) {
      yield { secret, change: "scope widened", before: "RUN_TIME", after: "RUN_AND_BUILD_TIME", risk: "danger", note: `${now}: ${BUILT}` };
    } else if (before.built && !after.built) {
      yield { secret, change: "scope narrowed", before: "RUN_AND_BUILD_TIME", after: "RUN_TIME", risk: "routine", note: now };
    }
    const [from, to] = [before.origins.join(", "), after.origins.join(", ")];
    if (from !== to && (holds(after) || isSecret(before))) {
      const origins = { before: from || "a value of the program", after: to || "a value of the program" };
      yield { secret, change: "origin", ...origins, risk: "care", note: `the origin of ${now} has changed` };
    } else if (isSecret(before) && isSecret(after) && before.marked === after.marked && before.print !== after.print) {
      yield { secret, change: "rotated", risk: "care", note: `the value of ${now} has changed` };
    }
  }

  /** Every other place where a secret loses its mark: inputs, stack outputs, and copies in clear text. */
  function* unmarked(): Generator<Change> {
    const secretOutputs = new Set(
      all.flatMap(({ label, resource }) => (resource.options.additionalSecretOutputs ?? []).map((output) => `‹${label}.${output}›`)),
    );
    for (const { before, after, label, resource, leaves } of all) {
      const changes = before ? leaves : differences({}, after?.inputs as Value);
      if (!after) continue;
      for (const leaf of changes) {
        if (/\benv [^.]+(\.value)?$/.test(leaf.path) && before && leaf.before instanceof Secret) continue;
        const change = bared(leaf, `${label} ${leaf.path}`);
        if (change) yield { ...change, ...(resource.source && { source: resource.source }) };
      }
    }
    for (const leaf of differences(base.outputs as Value, head.outputs as Value)) {
      const change = bared(leaf, `the stack's output ${leaf.path}`);
      if (change) yield change;
    }

    function bared({ before, after }: { before: Value | undefined; after: Value | undefined }, place: string): Change | undefined {
      const copied = copiesIn(after, secretOutputs);
      if (before instanceof Secret && !(after instanceof Secret) && after !== undefined && after !== null) {
        const secret = nameOf(fingerprintOf(before).of, place);
        return {
          secret,
          change: "turned plain",
          before: "marked",
          after: "not marked",
          risk: "danger",
          note: `${place}: in clear text from now on`,
        };
      }
      if (copied.length === 0 || copiesIn(before, secretOutputs).length > 0) return undefined;
      return {
        secret: nameOf(copied, place),
        change: "reader added",
        after: place,
        risk: "danger",
        note: "in clear text: the program removes its mark",
      };
    }
  }
}

const CLEAR = "App Platform shows it in clear text in its control panel and its API";
const BUILT = "it is available while images are built, and can remain in an image";

const isSecret = ({ marked, hidden }: Variable): boolean => marked || hidden;
/** A secret, or a login that App Platform inserts. */
const holds = (variable: Variable): boolean => isSecret(variable) || variable.origins.length > 0;

/** By app, component and name. @param renamed The names of apps in the other plan, where they differ. */
function variablesOf(plan: Plan, renamed: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, Variable> {
  const wiring = new Map(
    declaredSecrets(plan).flatMap(({ secret, readers }) =>
      readers.map((reader) => [`${reader.app} ${reader.component} ${reader.variable}`, secret]),
    ),
  );
  return new Map(
    appSpec.variablesOf(plan).map((variable): [string, Variable] => {
      const { resource, component, key, value, text, scope, type, references } = variable;
      const secret = value instanceof Secret ? fingerprintOf(value) : undefined;
      const wired = wiring.get(`${variable.app} ${component} ${key}`);
      const place = [resource.name, component, key].filter((part) => part !== "").join(" ");
      return [
        `${renamed.get(resource.name) ?? resource.name}\n${component}\n${key}`,
        {
          app: resource.name,
          place,
          marked: secret !== undefined && !secret.print.startsWith(UNMARKED),
          hidden: type === "SECRET",
          // An unset scope means both (digitalocean/terraform-provider-digitalocean, app_spec.go).
          built: scope === "UNSET" || scope.includes("BUILD"),
          origins: secret ? secret.of : [...new Set(references.filter(appSpec.holdsLogin).map(loginText))],
          print: secret?.print ?? text,
          ...(wired !== undefined && { wired }),
        },
      ];
    }),
  );
}

const LOGIN = "the login of ";
const isLogin = (origin: string): boolean => origin.startsWith(LOGIN);
const loginText = ({ alias, login }: appSpec.Reference): string => {
  // A Valkey cluster has one login, whose name says nothing.
  const user = login === undefined || login.engine !== "PG" ? "" : `${login.user} at `;
  return `${LOGIN}${user}${login?.cluster ?? alias}`;
};

/** ‹a.password› belongs to ‹a›. */
function ownerOf(origin: string): string {
  return origin.includes(":") ? origin : origin.replace(/\.[A-Za-z0-9]+›/, "›");
}

/** ‹orders.uri› is orders.uri. A generated secret has no other output than its result. */
function plainName(origin: string): string {
  return origin.replace(/[‹›]/g, "").replace(/\.result$/, "");
}

/** Secret outputs that a value contains without a mark. */
function copiesIn(value: Value | undefined, secretOutputs: ReadonlySet<string>): readonly string[] {
  if (typeof value === "string") return [...value.matchAll(/‹[^‹›]{1,400}›/g)].flatMap(([name]) => (secretOutputs.has(name) ? [name] : []));
  if (value === null || typeof value !== "object" || value instanceof Secret) return [];
  return Object.values(value).flatMap((inner) => copiesIn(inner as Value, secretOutputs));
}

/** The declared name of each secret, by its origin. */
function namesOf(...plans: readonly Plan[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const plan of plans) {
    const byUrn = new Map(plan.resources.map(({ urn, name }) => [urn, name]));
    for (const { secret, urn, config } of declaredSecrets(plan)) {
      if (config !== undefined) names.set(`‹${config}›`, secret);
      if (urn !== undefined && byUrn.has(urn)) names.set(`‹${byUrn.get(urn)}›`, secret);
    }
  }
  return names;
}

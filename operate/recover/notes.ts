/** What an operator should know, and what no step of a recovery changes. */

import type { PlannedResource } from "../../engine/plan.ts";
import { shortType } from "../../engine/urn.ts";
import { type AccountObject, isAccountWide, KINDS, kindOf, TYPES } from "./kinds.ts";
import { inputAt } from "./properties.ts";

/** They exist in the state only: DigitalOcean has them inside of the apps' encrypted variables. */
export function noteLostPasswords(resources: readonly PlannedResource[], managed: ReadonlyMap<string, unknown>): readonly string[] {
  return resources
    .filter(({ type, urn }) => type === "random:index/randomPassword:RandomPassword" && !managed.has(urn))
    .map(
      ({ name }) =>
        `${name} is not in the state, and a generated secret cannot be read back. The next \`up\` generates a new one and sends it to the apps: what was signed or encrypted with the old one is no longer accepted.`,
    );
}

/** Their account may be another one, and the program has its token. */
export function noteOtherProviders(resources: readonly PlannedResource[]): readonly string[] {
  if (resources.length === 0) return [];
  const names = resources.map(({ type, name }) => `${shortType(type)} ${name}`).join(", ");
  return [`Not compared, because the program gives them a provider of their own, which may have the token of another account: ${names}.`];
}

/** Of these types, names that look like the stack's are worth a note. */
const NOTED = [TYPES.cluster, TYPES.app, TYPES.vpc, TYPES.project, TYPES.check, TYPES.database, TYPES.user, TYPES.pool, TYPES.replica];
/** DigitalOcean creates these itself. */
const BUILT_IN = ["doadmin", "default", "defaultdb", "_dodb"];

/** What no program of this stack declares, in its own clusters or under a name with the prefix and the suffix of a declared one. */
export function noteUndeclared(
  account: readonly AccountObject[],
  matched: readonly (AccountObject | undefined)[],
  declared: readonly PlannedResource[],
): readonly string[] {
  const used = new Set(matched);
  const own = new Set(matched.flatMap((object) => (object === undefined ? [] : [object.identity])));
  const wide = KINDS.filter(isAccountWide).map(({ type }) => type);
  const names = declared.flatMap((resource) =>
    wide.includes(resource.type) ? (inputAt(resource.inputs, kindOf(resource.type)?.name ?? "") ?? []) : [],
  );
  const prefixes = new Set(names.map((name) => name.split("-")[0]));
  const suffix = commonSuffix(declared.flatMap(({ type, inputs }) => (type === TYPES.cluster ? (inputAt(inputs, "name") ?? []) : [])));
  return account
    .filter((object) => NOTED.some((type) => type === object.type) && !used.has(object) && !BUILT_IN.includes(object.name))
    .filter(({ name, owner }) =>
      owner === undefined ? suffix !== "" && prefixes.has(name.split("-")[0]) && name.endsWith(suffix) : own.has(owner),
    )
    .map(({ type, name }) => `${shortType(type)} ${name} exists and no program of this stack declares it. slipway leaves it alone.`)
    .sort();
}

/** "-staging", where every cluster's name ends with it. Production has none, so its names look like those of any stack. */
function commonSuffix(names: readonly string[]): string {
  const [first, ...others] = names.map((name) => /-[a-z0-9]+$/.exec(name)?.[0] ?? "");
  return first !== undefined && others.every((one) => one === first) && !["-postgres", "-valkey"].includes(first) ? first : "";
}

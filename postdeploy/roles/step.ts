/** The post-deploy step that grants roles their privileges. */
import { type Inputs, target } from "../step.ts";
import type { RolesOptions } from "./privileges.ts";

export const identity = ({ database, schemas, extensions, roles, statementTimeoutSeconds, url }: Inputs): unknown => ({
  ...{ database, schemas, extensions, roles, statementTimeoutSeconds },
  target: target(url),
});

/** A role that was created again has another password, and none of its objects and privileges. */
export const trigger = "users";

/** "rights of shop_owner, shop_app, … in shop" */
export function pending(olds: Inputs, news: Inputs): string {
  const relevantInputs = ({ database, schemas, extensions, roles, statementTimeoutSeconds, users }: Inputs) =>
    JSON.stringify([database, schemas, extensions, roles, statementTimeoutSeconds, users]);
  if (relevantInputs(olds) === relevantInputs(news)) return "nothing";
  return `rights of ${Object.values((news.roles ?? {}) as Record<string, string>).join(", ")} in ${news.database}`;
}

/** A preview on a machine that the firewall does not admit waits no longer. */
const PREVIEW_TIMEOUT_MS = 3000;

export async function findDrift(inputs: Inputs): Promise<readonly string[]> {
  const { rolesPlan } = await import("./index.ts");
  try {
    return (await rolesPlan(optionsOf(inputs), { connectTimeoutMs: PREVIEW_TIMEOUT_MS })).statements;
  } catch {
    // Not reachable, or a role that this `up` creates again: the step itself reports it.
    return [];
  }
}

export async function apply(inputs: Inputs): Promise<Record<string, unknown>> {
  const { applyRoles } = await import("./index.ts");
  const { statements, notices } = await applyRoles(optionsOf(inputs));
  return { applied: statements.length, notices };
}

const optionsOf = ({ url, ca, database, schemas, extensions, roles, statementTimeoutSeconds }: Inputs): RolesOptions =>
  ({
    connection: { url: String(url), ca: String(ca) },
    ...{ database, schemas, extensions, roles, statementTimeoutSeconds },
  }) as unknown as RolesOptions;

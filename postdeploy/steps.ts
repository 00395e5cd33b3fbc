/**
 * The door through which a deployment comes: roles, migrations and keyspaces as steps that know what they last did.
 *
 * The shape is that of a dynamic provider (check, diff, create, update, delete), but nothing here imports Pulumi: it is plain data in and out.
 * What reaches the state is names and digests; the connection is an input and stays an encrypted one.
 */
import { createHash } from "node:crypto";
import type { Inputs, StepKind } from "./step.ts";

/** Loaded only when asked for: a provider process that runs one kind pays for one. */
const KINDS = {
  Roles: () => import("./roles/step.ts"),
  Migrations: () => import("./migrate/step.ts"),
  Keyspaces: () => import("./keyspaces/step.ts"),
} satisfies Record<string, () => Promise<StepKind>>;

/** Pulumi's stand-in for what is not known before the cluster exists. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export async function step(kind: string, method: string, ...args: unknown[]): Promise<unknown> {
  if (!Object.hasOwn(KINDS, kind))
    throw new Error(
      `There is no post-deploy step "${kind}". Known: ${Object.keys(KINDS).join(", ")}. Was the state written by a newer slipway?`,
    );
  const it: StepKind = await KINDS[kind as keyof typeof KINDS]();
  const of = (index: number) => (args[index] ?? {}) as Inputs;
  switch (method) {
    case "check": {
      const news = { ...of(1), ...(await it.noted?.(of(1))) };
      return { inputs: { ...news, pending: it.pending(of(0), news) }, failures: [] };
    }
    case "diff":
      return { changes: differs(it, of(1), of(2)), replaces: [], deleteBeforeReplace: false };
    case "create":
      return { id: `${of(0).system}/${kind.toLowerCase()}`, outs: await outcome(it, of(0)) };
    case "update":
      return { outs: await outcome(it, of(2)) };
    case "read":
      // The ledgers in the databases are the truth, and each run reads them; a refresh has nothing to ask.
      return { id: args[0], props: of(1) };
    case "delete":
      // Forgetting a step never drops a table, a role or a key.
      return undefined;
    default:
      throw new Error(`A post-deploy step has no method "${method}".`);
  }
}

/** One step outside of a deployment's state: the job inside the VPC runs them so. A second call changes nothing. */
export async function run(kind: keyof typeof KINDS, inputs: Inputs): Promise<Record<string, unknown>> {
  return (await KINDS[kind]()).apply(inputs);
}

async function outcome(kind: StepKind, inputs: Inputs): Promise<Record<string, unknown>> {
  const { url: _url, ca: _ca, stores: _stores, pending: _pending, __provider, ...shown } = inputs;
  return { ...shown, ...(await kind.apply(inputs)), identity: identity(kind, inputs), __provider };
}

function differs(kind: StepKind, olds: Inputs, news: Inputs): boolean {
  return JSON.stringify(news).includes(UNKNOWN) || olds.identity !== identity(kind, news);
}

function identity(kind: StepKind, inputs: Inputs): string {
  return createHash("sha256")
    .update(JSON.stringify(kind.identity(inputs)))
    .digest("hex");
}

/** One comparison of a stack: its plan, its state and its account. */
import { PROJECT_HEADER, PROJECT_PATH, projectId } from "../../catalog/local-api.ts";
import type { Plan, PlannedResource } from "../../engine/plan.ts";
import { readAccount, type Wanted } from "./account.ts";
import { type ApiClient, openApi } from "./api.ts";
import { compare, siblingNames } from "./compare.ts";
import type { Comparison } from "./comparison.ts";
import { RecoverError } from "./error.ts";
import { kindOf, TYPES } from "./kinds.ts";
import { inputAt } from "./properties.ts";
import type { State } from "./state.ts";

export interface ReconcileOptions {
  readonly plan: Pick<Plan, "project" | "stack" | "resources">;
  readonly state: State;
  readonly endpoint: string;
  readonly token: string;
  /** What a printed command needs: "-s acme/qa --cwd ../shop". */
  readonly flags: string;
  /** The folder of Pulumi.yaml. */
  readonly root: string;
  /** The other stacks that use the same account; planned only where the account holds what the state does not know. @default none */
  readonly siblings?: () => Promise<Siblings>;
  /** @default false */
  readonly importsShared?: boolean;
  /** @default process's timers */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

export interface Siblings {
  readonly plans: ReadonlyMap<string, readonly PlannedResource[]>;
  /** Stacks that cannot be planned. */
  readonly unplanned: readonly string[];
}

export async function reconcile(options: ReconcileOptions): Promise<Comparison> {
  const { plan, state, endpoint, token, flags, root, siblings, importsShared = false, pause } = options;
  await checkOwner(endpoint, { root, stack: plan.stack, flags });
  const api = openApi({ endpoint, token, ...(pause === undefined ? {} : { pause }) });
  const account = await readAccountOf(api, plan.resources, state);
  const input = { resources: plan.resources, state, account, importsShared };
  const first = compare(input);
  const isClaimed = first.toImport.length + first.unimportable.length + first.duplicates.length > 0;
  if (!isClaimed || siblings === undefined) return first;
  const { plans, unplanned } = await siblings();
  return compare({ ...input, siblings: siblingNames(plans), unplanned });
}

async function readAccountOf(api: ApiClient, resources: readonly PlannedResource[], state: State) {
  const names = new Set(resources.flatMap(({ type, inputs }) => `${type} ${inputAt(inputs, kindOf(type)?.name ?? "")}`));
  const ids = new Set([
    ...state.resources.map(({ type, id }) => `${type} ${id}`),
    ...resources.flatMap(({ type, options }) => (options.importId === undefined ? [] : [`${type} ${options.importId}`])),
  ]);
  const wanted: Wanted = {
    types: new Set([...resources, ...state.resources].map(({ type }) => type)),
    isWanted: (type, { name, identity }) => names.has(`${type} ${name}`) || ids.has(`${type} ${identity}`),
    buckets: new Map([
      ...state.resources.flatMap(({ type, id, outputs }) => (type === TYPES.bucket ? [[id, String(outputs.region)] as const] : [])),
      ...resources.flatMap(({ type, inputs }) => bucketOf(type, inputs)),
    ]),
  };
  return readAccount(api, wanted);
}

function bucketOf(type: string, inputs: PlannedResource["inputs"]): readonly (readonly [string, string])[] {
  const [name, region] = [inputAt(inputs, "name"), inputAt(inputs, "region")];
  return type === TYPES.bucket && name !== undefined && region !== undefined ? [[name, region]] : [];
}

interface Owner extends Pick<ReconcileOptions, "root" | "flags"> {
  readonly stack: string;
}

/**
 * A local API belongs to one project, and every local API accepts the same token: what another project's holds under our names is not ours. It
 * answers this without a token, so that none is sent to it.
 */
async function checkOwner(endpoint: string, { root, stack, flags }: Owner): Promise<void> {
  if (!URL.canParse(endpoint)) throw new RecoverError(`"${endpoint}" is not an address. Set one: ${setEndpoint(flags)}`);
  if (!isLoopback(new URL(endpoint))) return;
  const answer = await fetch(new URL(PROJECT_PATH, endpoint), { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
  if (answer === undefined)
    throw new RecoverError(
      `No API answers at ${endpoint} (digitalocean:apiEndpoint of stack ${stack}). Start it: npx slipway local up, or npx slipway local api`,
    );
  await answer.body?.cancel();
  const owner = answer.headers.get(PROJECT_HEADER);
  if (owner === null || owner === projectId(root)) return;
  throw new RecoverError(
    `What answers at ${endpoint} (digitalocean:apiEndpoint of stack ${stack}) is the local API of another project. ` +
      `See where this project's own API is: npx slipway local status. Then type: ${setEndpoint(flags)}`,
  );
}

const setEndpoint = (flags: string): string => `pulumi config set digitalocean:apiEndpoint <its address> ${flags}`;

const isLoopback = ({ hostname }: URL): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(hostname);

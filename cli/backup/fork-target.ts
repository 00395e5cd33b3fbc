/** Which account and which cluster `slipway backup fork` is about. */
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import type { Plan, PlannedResource } from "../../engine/plan.ts";
import { findProject } from "../../engine/project.ts";
import { readStack } from "../../engine/stackfile.ts";
import { planStack } from "../../engine/stackplan.ts";
import { TYPES } from "../../operate/recover/kinds.ts";
import { systems } from "../../systems/index.ts";
import { UsageError } from "../shared/errors.ts";
import { DIGITALOCEAN, endpointOf, openProjectCli, readToken } from "../shared/stack-account.ts";
import type { ForkOptions } from "./flags.ts";

export interface ForkTarget {
  readonly endpoint: string;
  readonly token: string;
  /** Its id or name. */
  readonly cluster: string;
  /** What a printed command needs to reach the same account: "-s prod --cwd ../shop"; "" without a stack. */
  readonly flags: string;
}

export async function findTarget(options: ForkOptions): Promise<ForkTarget> {
  const { stack, cluster, part = "postgres" } = options;
  if (part !== "postgres")
    throw new UsageError(
      `--part ${part}: DigitalOcean forks clusters of Postgres only. To restore a store from slipway's backups: slipway backup restore --part ${part}`,
    );
  if (stack !== undefined && stack !== "") return await findInStack({ ...options, stack });
  if (!cluster) throw new UsageError("Which cluster? --stack <name>, with --system <name> if it has several; or --cluster <id or name>");
  const token = process.env.DIGITALOCEAN_TOKEN || process.env.DIGITALOCEAN_ACCESS_TOKEN;
  if (!token)
    throw new UsageError("Set DIGITALOCEAN_TOKEN to a token of the account that has the cluster, or name its stack: --stack <name>");
  return { endpoint: process.env.DIGITALOCEAN_API_URL || DIGITALOCEAN, token, cluster, flags: "" };
}

async function findInStack({ stack, cluster, system, cwd }: ForkOptions & { readonly stack: string }): Promise<ForkTarget> {
  const project = findProject(cwd);
  const folder = path.relative(process.cwd(), project.root);
  const flags = ["-s", stack, ...(folder === "" ? [] : ["--cwd", folder])].map(quoteWord).join(" ");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const config = readStack(project, stack);
  const endpoint = endpointOf(config, { stack, flags });
  const wanted = cluster || findPlanned(await planStack(project, { stack, placeholders: true }), system);
  return { endpoint, token: await readToken(config, openProjectCli(project, { stack, flags }), { stack, flags }), cluster: wanted, flags };
}

/** The id of an adopted cluster, or the name of one that the stack creates. */
export function findPlanned({ stack, resources }: Pick<Plan, "stack" | "resources">, system: string | undefined): string {
  const clusters = resources.filter(({ type, inputs }) => type === TYPES.cluster && inputs.engine === "pg");
  if (clusters.length === 0)
    throw new UsageError(`Stack ${stack} has no Postgres cluster. Name one of the account: --cluster <id or name>`);
  const chosen = system === undefined ? clusters : clusters.filter((cluster) => contains(cluster, resources, system));
  const [first, other] = chosen;
  if (first !== undefined && other === undefined) return identify(first);
  const names = clusters.map(identify).join(", ");
  throw new UsageError(
    first === undefined
      ? `Stack ${stack} has no Postgres cluster for system ${system}. Its clusters: ${names}. Name one: --cluster <id or name>`
      : `Stack ${stack} has several Postgres clusters: ${names}. Choose one: --system <name>, or --cluster <id or name>`,
  );
}

/** Whether a system's database is declared in this cluster. */
function contains(cluster: PlannedResource, resources: readonly PlannedResource[], system: string): boolean {
  const database = systems.find(({ name }) => name === system)?.postgres.database ?? system;
  return resources.some(
    ({ type, inputs, propertyDependencies }) =>
      type === TYPES.database && inputs.name === database && (propertyDependencies.clusterId ?? []).includes(cluster.urn),
  );
}

const identify = ({ options, inputs, name }: PlannedResource): string =>
  options.importId ?? (typeof inputs.name === "string" ? inputs.name : name);

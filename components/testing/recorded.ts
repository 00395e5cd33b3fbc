/** For the tests of components: a program recorded before anything exists, or as if DigitalOcean had answered. */
import { ProgramError } from "../../engine/error.ts";
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import { type Program, record } from "../../engine/record.ts";

/** What is known while a program runs: nothing of the provider's before the first `up`, everything after it. */
export type Moment = "before the first up" | "after an up";
export const MOMENTS: readonly Moment[] = ["before the first up", "after an up"];

/** Every character that a URL gives a meaning to. */
export const PASSWORD = "p@ss:w/o#r?d%41&=+ ";
export const ENCODED_PASSWORD = "p%40ss%3Aw%2Fo%23r%3Fd%2541%26%3D%2B%20";
export const CA = "-----BEGIN CERTIFICATE-----";

export interface Recording {
  readonly plan: Plan;
  /** The stack's outputs: what the program returned. */
  readonly outputs: Readonly<Record<string, Value>>;
}

type Answers = (resource: PlannedResource) => Readonly<Record<string, unknown>> | undefined;

/** @param answers replaces what DigitalOcean says of some resources */
export async function recorded(program: Program, moment: Moment = "after an up", answers: Answers = () => undefined): Promise<Recording> {
  const preview = moment === "before the first up";
  const plan = await record(program, {
    project: "test",
    stack: "test",
    preview,
    ...(preview ? {} : { outputs: (resource: PlannedResource) => ({ ...digitalOcean(resource), ...answers(resource) }) }),
    ...(preview ? {} : { invokes: () => ({ certificate: CA, id: "ca" }) }),
  });
  return { plan, outputs: plan.outputs };
}

/** What a person reads when the program is refused. */
export async function refusal(program: Program, answers?: Answers): Promise<string> {
  try {
    await recorded(program, "after an up", answers);
  } catch (error) {
    if (error instanceof ProgramError) return error.message;
    throw error;
  }
  throw new Error("The program was not refused.");
}

/** Type and name of every resource, in the order of their registration. */
export function listed(plan: Plan): string[] {
  return plan.resources.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`);
}

/** @param name as in `listed`, which is unique in a test's small programs */
export function find(plan: Plan, name: string): PlannedResource {
  const found = plan.resources.find((resource) => `${resource.type.split(":").at(-1)} ${resource.name}` === name);
  if (found === undefined) throw new Error(`The plan holds no ${name}. It holds ${listed(plan).join(", ")}.`);
  return found;
}

/** Names, as in `listed`, of what a resource waits for; nothing that groups. */
export function waitsFor(plan: Plan, name: string): string[] {
  const urns = find(plan, name).dependencies;
  return plan.resources
    .filter(({ urn, custom }) => custom && urns.includes(urn))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`);
}

function digitalOcean({ type, name, inputs, id, options }: PlannedResource): Readonly<Record<string, unknown>> {
  const own = { id: id ?? options.importId ?? `${name}-id` };
  switch (type.split(":").at(-1)) {
    case "DatabaseCluster": {
      const host = `${inputs.name}.db.test`;
      const user = inputs.engine === "valkey" ? "default" : "doadmin";
      const port = inputs.engine === "valkey" ? 25061 : 25060;
      const reached = { host, privateHost: `private-${host}`, port, user, password: PASSWORD, database: "defaultdb" };
      return { ...own, ...reached, clusterUrn: `do:dbaas:${own.id}` };
    }
    case "DatabaseUser":
      return { ...own, password: PASSWORD };
    case "DatabaseConnectionPool":
      return { ...own, host: "pool.db.test", privateHost: "private-pool.db.test", port: 25061 };
    case "DatabaseReplica":
      return { ...own, uuid: `${name}-uuid`, host: "replica.db.test", privateHost: "private-replica.db.test", port: 25060 };
    case "Vpc":
      return { ...own, ipRange: inputs.ipRange ?? "10.99.0.0/20", region: inputs.region ?? "ams3" };
    case "RandomPassword":
      return { ...own, result: "x".repeat(Number(inputs.length)) };
    case "SpacesBucket":
      return { ...own, bucketUrn: `do:space:${inputs.name}`, bucketDomainName: `${inputs.name}.spaces.test` };
    case "Cdn":
      return { ...own, endpoint: `${name}.cdn.test` };
    case "SpacesKey":
      return { ...own, accessKey: `${name}-access`, secretKey: `${name}-secret` };
    default:
      return own;
  }
}

/** A small program with one resource of every type that the provider can replace, and secrets in every place. slipway's own components would refuse it. */
import { randomBytes } from "node:crypto";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { record } from "../../engine/record.ts";
import type { StackReview } from "../../report/review.ts";
import { emit } from "../record/emitted.ts";
import { parseEmission, type Recorded } from "../record/parse.ts";
import { symbolicInvoke, symbolicOutputs } from "../record/symbols.ts";
import { reviewStack } from "../stack.ts";

export interface Env {
  key: string;
  value: pulumi.Input<string>;
  scope?: string;
  type?: string;
}

/** The arguments of its resources. `undefined` removes one. */
export interface SampleProgram {
  network: digitalocean.VpcArgs;
  postgres: digitalocean.DatabaseClusterArgs;
  postgresOptions: pulumi.CustomResourceOptions;
  postgresName: string;
  other: digitalocean.DatabaseClusterArgs;
  valkey: digitalocean.DatabaseClusterArgs;
  valkeyConfig: Omit<digitalocean.DatabaseValkeyConfigArgs, "clusterId">;
  database: Omit<digitalocean.DatabaseDbArgs, "clusterId"> | undefined;
  databaseOptions: pulumi.CustomResourceOptions;
  user: Omit<digitalocean.DatabaseUserArgs, "clusterId">;
  pool: Omit<digitalocean.DatabaseConnectionPoolArgs, "clusterId">;
  replica: Omit<digitalocean.DatabaseReplicaArgs, "clusterId"> | undefined;
  rules: { type: string; value: string }[];
  firewallOptions: pulumi.CustomResourceOptions;
  /** The cluster of the database, user, pool and firewall. */
  owner: "postgres" | "other";
  bucket: digitalocean.SpacesBucketArgs;
  bucketOptions: pulumi.CustomResourceOptions;
  password: random.RandomPasswordArgs;
  app: { name: string; region: string; projectId?: string; databaseUser: string };
  api: { size: string; count: number; branch: string };
  worker: boolean;
  job: boolean;
  /** The variables of the api. */
  envs(made: { jwt: random.RandomPassword; postgres: digitalocean.DatabaseCluster; stripe: pulumi.Output<string> }): Env[];
  outputs(made: { jwt: random.RandomPassword; postgres: digitalocean.DatabaseCluster }): Record<string, unknown>;
}

function defaults(): SampleProgram {
  return {
    network: { name: "harbour", region: "nyc1", ipRange: "10.20.0.0/20" },
    postgres: { name: "orders", engine: "pg", version: "16", region: "nyc1", size: "db-s-2vcpu-4gb", nodeCount: 2 },
    postgresOptions: {},
    postgresName: "orders",
    other: { name: "other", engine: "pg", version: "16", region: "nyc1", size: "db-s-1vcpu-1gb", nodeCount: 1 },
    valkey: {
      name: "sessions",
      engine: "valkey",
      version: "8",
      region: "nyc1",
      size: "db-s-1vcpu-2gb",
      nodeCount: 1,
      evictionPolicy: "noeviction",
    },
    valkeyConfig: { persistence: "rdb", numberOfDatabases: 16, ssl: true },
    database: { name: "orders" },
    databaseOptions: {},
    user: { name: "orders_app" },
    pool: { name: "orders_pool", mode: "transaction", size: 10, dbName: "orders", user: "orders_app" },
    replica: { name: "orders-read", region: "nyc1", size: "db-s-1vcpu-2gb" },
    rules: [
      { type: "ip_addr", value: "10.20.0.0/20" },
      { type: "ip_addr", value: "203.0.113.7" },
    ],
    firewallOptions: { retainOnDelete: true },
    owner: "postgres",
    bucket: { name: "orders-backups", region: "nyc3", acl: "private", versioning: { enabled: true } },
    bucketOptions: {},
    password: { length: 48, special: false },
    app: { name: "orders", region: "nyc", databaseUser: "orders_app" },
    api: { size: "apps-s-1vcpu-1gb", count: 2, branch: "main" },
    worker: false,
    job: true,
    envs: ({ jwt, stripe }) => [
      { key: "JWT_SECRET", value: jwt.result, scope: "RUN_TIME", type: "SECRET" },
      { key: "STRIPE_KEY", value: stripe, scope: "RUN_TIME", type: "SECRET" },
      { key: "DATABASE_URL", value: "${db.DATABASE_URL}", scope: "RUN_TIME" },
      { key: "LOG_LEVEL", value: "info", scope: "RUN_TIME" },
    ],
    outputs: ({ postgres }) => ({ host: postgres.host, url: postgres.uri }),
  };
}

export type Change = (sample: SampleProgram) => void;

const STRIPE = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

function program(sample: SampleProgram) {
  return function harbour(): Record<string, unknown> {
    const network = new digitalocean.Vpc("network", sample.network);
    const privateNetworkUuid = network.id;
    const postgres = new digitalocean.DatabaseCluster(
      sample.postgresName,
      { privateNetworkUuid, ...sample.postgres },
      sample.postgresOptions,
    );
    const other = new digitalocean.DatabaseCluster("other", { privateNetworkUuid, ...sample.other });
    const valkey = new digitalocean.DatabaseCluster("sessions", { privateNetworkUuid, ...sample.valkey });
    new digitalocean.DatabaseValkeyConfig("sessions-config", { clusterId: valkey.id, ...sample.valkeyConfig });
    const clusterId = { postgres, other }[sample.owner].id;
    if (sample.database) new digitalocean.DatabaseDb("orders-db", { clusterId, ...sample.database }, sample.databaseOptions);
    new digitalocean.DatabaseUser("orders-user", { clusterId, ...sample.user });
    new digitalocean.DatabaseConnectionPool("orders-pool", { clusterId, ...sample.pool });
    if (sample.replica) new digitalocean.DatabaseReplica("orders-replica", { clusterId, ...sample.replica });
    new digitalocean.DatabaseFirewall("orders-firewall", { clusterId, rules: sample.rules }, sample.firewallOptions);
    new digitalocean.SpacesBucket("orders-bucket", sample.bucket, sample.bucketOptions);
    const jwt = new random.RandomPassword("orders-jwt", sample.password);
    const stripe = pulumi.secret(STRIPE);
    const github = { repo: "acme/orders", branch: sample.api.branch, deployOnPush: true };
    const instanceSizeSlug = sample.api.size;
    const { projectId, name, region, databaseUser } = sample.app;
    new digitalocean.App("orders-app", {
      ...(projectId === undefined ? {} : { projectId }),
      spec: {
        name,
        region,
        databases: [{ name: "db", engine: "PG", production: true, clusterName: "orders", dbName: "orders", dbUser: databaseUser }],
        services: [
          { name: "api", github, instanceSizeSlug, instanceCount: sample.api.count, envs: sample.envs({ jwt, postgres, stripe }) },
        ],
        workers: sample.worker
          ? [
              {
                name: "mailer",
                github,
                instanceSizeSlug,
                envs: [{ key: "JWT_SECRET", value: jwt.result, scope: "RUN_TIME", type: "SECRET" }],
              },
            ]
          : [],
        jobs: sample.job ? [{ name: "migrate", kind: "PRE_DEPLOY", github, instanceSizeSlug, envs: [] }] : [],
      },
    });
    return sample.outputs({ jwt, postgres });
  };
}

const STACK = "prod";

export async function reviewSample(base: Change, head: Change): Promise<StackReview> {
  const key = randomBytes(32);
  const [before, after] = [await recorded(base, key), await recorded(head, key)];
  return reviewStack(STACK, before, after);
}

class Any extends pulumi.CustomResource {}

/** Reviews one resource of any type whose inputs change. */
export async function reviewPair(type: string, before: pulumi.Inputs, after: pulumi.Inputs): Promise<StackReview> {
  const key = randomBytes(32);
  const declaring = (inputs: pulumi.Inputs) => () => void new Any(type, "one", inputs);
  return reviewStack(STACK, await recordedOf(declaring(before), key), await recordedOf(declaring(after), key));
}

async function recorded(change: Change, key: Buffer): Promise<Recorded> {
  const sample = defaults();
  change(sample);
  return recordedOf(program(sample), key);
}

async function recordedOf(declare: () => unknown, key: Buffer): Promise<Recorded> {
  const plan = await record(declare, { project: "harbour", stack: STACK, outputs: symbolicOutputs, invokes: symbolicInvoke });
  return parseEmission(JSON.stringify([{ stack: STACK, plan: emit(plan, key) }]), [STACK]).get(STACK)!;
}

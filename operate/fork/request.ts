/** Requests the fork once. A second cluster would cost money, so the name is looked up before each attempt, and after each outcome that is unknown. */
import { setTimeout as wait } from "node:timers/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient, Json } from "../recover/api.ts";
import { type Cluster, listClusters, toCluster } from "./clusters.ts";
import type { TrustedSource } from "./firewall.ts";
import { formatTime } from "./time.ts";
import type { Writer } from "./writer.ts";

export interface ForkRequest {
  readonly source: Cluster;
  readonly name: string;
  readonly time: Date;
  readonly rules: readonly TrustedSource[];
}

export interface RequestOptions {
  readonly api: ApiClient;
  readonly writer: Writer;
  readonly report: (line: string) => void;
  /** @default process's timers */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

const ATTEMPTS = 5;
/** A request that was cut off may still be in progress, so its cluster may appear in the list a little later. */
const LOOK_UP_PAUSES_MS = [2_000, 5_000, 10_000];

/** @returns the new cluster, which is being created. @throws {Failure} with exit code 3 if it is unknown whether one is */
export async function requestFork(request: ForkRequest, { api, writer, report, pause = wait }: RequestOptions): Promise<Cluster> {
  const { name } = request;
  let reason = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await writer.send("POST", "/v2/databases", bodyOf(request));
    if (outcome.kind === "done") {
      const created = toCluster((outcome.body.database ?? {}) as Json);
      if (created.id !== "") return created;
    }
    if (outcome.kind === "refused") {
      // An earlier attempt without a reply may have created it after the name was looked up.
      const created = attempt > 1 ? await findNamed(api, name) : undefined;
      if (created !== undefined) return created;
      throw refusal(outcome.status, outcome.message, request);
    }
    reason = outcome.kind === "unknown" ? outcome.reason : "a reply without a cluster";
    report(`The request for ${name} has no usable reply (${reason}). Looking for a cluster of that name before another attempt.`);
    for (const milliseconds of LOOK_UP_PAUSES_MS) {
      await pause(milliseconds);
      const created = await findNamed(api, name);
      if (created !== undefined) return created;
    }
  }
  throw new Failure(
    "outcome-unknown",
    3,
    `DigitalOcean did not confirm the fork in ${ATTEMPTS} attempts (${reason}), and no cluster ${name} is in the account. One may still appear, and would cost money. Look for it before you try again: doctl databases list`,
  );
}

const findNamed = async (api: ApiClient, name: string): Promise<Cluster | undefined> =>
  (await listClusters(api)).find((cluster) => cluster.name === name);

/** The size and network of the source, so that the new cluster can replace it. Its trusted sources are in the request, so that it never starts without them. */
function bodyOf({ source, name, time, rules }: ForkRequest): Json {
  return {
    name,
    engine: source.engine,
    version: source.version,
    region: source.region,
    size: source.size,
    num_nodes: source.nodes,
    ...(source.storageMib > 0 && { storage_size_mib: source.storageMib }),
    ...(source.network !== "" && { private_network_uuid: source.network }),
    ...(source.project !== "" && { project_id: source.project }),
    ...(rules.length > 0 && { rules }),
    backup_restore: { database_name: source.name, backup_created_at: formatTime(time) },
  };
}

function refusal(status: number, message: string, { source, time }: ForkRequest): Failure {
  const text = message === "" ? "" : `: ${message.replace(/\.$/, "")}`;
  return new Failure(
    "refused",
    1,
    `DigitalOcean refused to fork ${source.name} as of ${formatTime(time)} (${status})${text}. Nothing was created. ` +
      `If it is about the time, use that of a backup: doctl databases backups ${source.id}`,
  );
}

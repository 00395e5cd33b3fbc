import { z } from "zod";
import type { Cloud } from "../core/cloud.ts";
import { newPassword } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { findCluster } from "./cluster.ts";
import { baseStorageMib, ENGINES, type Engine, MAX_NODES, sizesFor } from "./engines.ts";

/** Base64 of the PEM, as the API gives it. */
export const readCa = (cloud: Cloud, id: string) => ({ certificate: Buffer.from(findCluster(cloud, id).endpoint.ca).toString("base64") });

/** Newest first. */
export const listEvents = (cloud: Cloud, id: string) => {
  const { name, events } = findCluster(cloud, id);
  return events.map(({ id, event_type, at }) => ({ id, cluster_name: name, event_type, create_time: formatTimestamp(at) })).reverse();
};

const DAY = 86_400_000;
const MAX_BACKUPS = 7;

/** One a day, the last seven, as a clock would have made them: nothing is copied here. Valkey has none. */
export function listBackups(cloud: Cloud, id: string) {
  const { engine, createdAt, size } = findCluster(cloud, id);
  if (engine !== "pg") return [];
  const count = Math.floor((cloud.now() - createdAt) / DAY) + 1;
  const size_gigabytes = Math.max(0.03, baseStorageMib(engine, size) / 1024 / 1000);
  return Array.from({ length: Math.min(count, MAX_BACKUPS) }, (_, days) => ({
    created_at: formatTimestamp(createdAt + (count - 1 - days) * DAY),
    size_gigabytes,
    incremental: false,
  }));
}

/** What DigitalOcean makes a new cluster with on this day. */
export function availableVersions({ now }: Cloud, engine: Engine): string[] {
  const open = ENGINES[engine].versions.filter(
    ({ endOfAvailability }) => endOfAvailability === null || now() < Date.parse(endOfAvailability) + DAY,
  );
  return open.map(({ version }) => version);
}

/** Those that can be run here. Asking for another one is answered by what runs the servers, which knows how to add it. */
function runnableVersions({ backing }: Cloud, engine: Engine, versions: readonly string[]): readonly string[] {
  const { postgresMajors: majors } = backing;
  return engine === "pg" && majors ? versions.filter((version) => majors.includes(version)) : versions;
}

export const viewOptions = (cloud: Cloud) => ({
  options: forEachEngine(({ regions }, engine) => ({
    regions,
    versions: runnableVersions(cloud, engine, availableVersions(cloud, engine)),
    layouts: Array.from({ length: MAX_NODES }, (_, more) => ({ num_nodes: more + 1, sizes: sizesFor(engine, more + 1) })),
  })),
  version_availability: forEachEngine(({ versions }) =>
    versions.map(({ version, endOfLife, endOfAvailability }) => ({
      version,
      end_of_life: endOfLife,
      end_of_availability: endOfAvailability,
    })),
  ),
});

function forEachEngine<T>(view: (offer: (typeof ENGINES)[Engine], engine: Engine) => T): Record<Engine, T> {
  return { pg: view(ENGINES.pg, "pg"), valkey: view(ENGINES.valkey, "valkey") };
}

export const MetricsCredentialsRequest = z.object({
  credentials: z.object({ basic_auth_username: z.string().min(1), basic_auth_password: z.string().min(1) }),
});
type Credentials = z.infer<typeof MetricsCredentialsRequest>["credentials"];

const metricsCredentials = (cloud: Cloud) => cloud.store.collection<Credentials>("metrics-credentials");

/** The account's, for every cluster's metrics endpoint; made when somebody first asks. */
export function readMetricsCredentials(cloud: Cloud): Credentials {
  const known = metricsCredentials(cloud).get("account");
  if (known) return known;
  const fresh = { basic_auth_username: "metrics", basic_auth_password: newPassword() };
  metricsCredentials(cloud).put("account", fresh);
  return fresh;
}

export const setMetricsCredentials = (cloud: Cloud, { credentials }: z.infer<typeof MetricsCredentialsRequest>): void =>
  metricsCredentials(cloud).put("account", credentials);

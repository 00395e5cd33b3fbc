import { z } from "zod";
import { MOST_NODES } from "../../../catalog/limits.ts";
import type { Cloud } from "../core/cloud.ts";
import { newPassword } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { findCluster } from "./cluster.ts";
import { baseStorageMib, ENGINES, type Engine, sizesFor } from "./engines.ts";

/** The PEM in base64, as in the API. */
export const readCa = (cloud: Cloud, id: string) => ({ certificate: Buffer.from(findCluster(cloud, id).endpoint.ca).toString("base64") });

/** Newest first. */
export const listEvents = (cloud: Cloud, id: string) => {
  const { name, events } = findCluster(cloud, id);
  return events.map(({ id, event_type, at }) => ({ id, cluster_name: name, event_type, create_time: formatTimestamp(at) })).reverse();
};

const DAY = 86_400_000;
const MAX_BACKUPS = 7;

/** Lists one backup per day, for the last seven days, computed from the clock: no data is copied. Valkey has no backups. */
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

/** The versions that DigitalOcean offers for new clusters at this date. */
export function availableVersions({ now }: Cloud, engine: Engine): string[] {
  const open = ENGINES[engine].versions.filter(
    ({ endOfAvailability }) => endOfAvailability === null || now() < Date.parse(endOfAvailability) + DAY,
  );
  return open.map(({ version }) => version);
}

/** The versions that run on this machine. A request for another version fails in the backing, whose error explains how to add it. */
function runnableVersions({ backing }: Cloud, engine: Engine, versions: readonly string[]): readonly string[] {
  const { postgresMajors: majors } = backing;
  return engine === "pg" && majors ? versions.filter((version) => majors.includes(version)) : versions;
}

export const viewOptions = (cloud: Cloud) => ({
  options: forEachEngine(({ regions }, engine) => ({
    regions,
    versions: runnableVersions(cloud, engine, availableVersions(cloud, engine)),
    layouts: Array.from({ length: MOST_NODES }, (_, more) => ({ num_nodes: more + 1, sizes: sizesFor(engine, more + 1) })),
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

/** Reads the account's credentials for all metrics endpoints; creates them on the first request. */
export function readMetricsCredentials(cloud: Cloud): Credentials {
  const existing = metricsCredentials(cloud).get("account");
  if (existing) return existing;
  const created = { basic_auth_username: "metrics", basic_auth_password: newPassword() };
  metricsCredentials(cloud).put("account", created);
  return created;
}

export const setMetricsCredentials = (cloud: Cloud, { credentials }: z.infer<typeof MetricsCredentialsRequest>): void =>
  metricsCredentials(cloud).put("account", credentials);

import { MOST_NODES } from "../../catalog/limits.ts";
import { findCluster } from "./cluster.ts";
import type { Cloud } from "./handle.ts";
import { baseStorageMib, ENGINES, type Engine, sizesFor } from "./offer.ts";
import { stamp } from "./waits.ts";

/** Base64 of the PEM, as the API gives it. */
export const readCa = (cloud: Cloud, id: string) => ({ certificate: Buffer.from(findCluster(cloud, id).endpoint.ca).toString("base64") });

/** Newest first. */
export const listEvents = (cloud: Cloud, id: string) => {
  const { name, events } = findCluster(cloud, id);
  return events.map(({ id, event_type, at }) => ({ id, cluster_name: name, event_type, create_time: stamp(at) })).reverse();
};

const DAY = 86_400_000;
const KEPT_BACKUPS = 7;

/** One a day, the last seven, as a clock would have made them: nothing is copied here. Valkey has none. */
export function listBackups(cloud: Cloud, id: string) {
  const { engine, createdAt, size } = findCluster(cloud, id);
  if (engine !== "pg") return [];
  const made = Math.floor((cloud.now() - createdAt) / DAY) + 1;
  const size_gigabytes = Math.max(0.03, baseStorageMib(engine, size) / 1024 / 1000);
  return Array.from({ length: Math.min(made, KEPT_BACKUPS) }, (_, days) => ({
    created_at: stamp(createdAt + (made - 1 - days) * DAY),
    size_gigabytes,
    incremental: false,
  }));
}

/** What DigitalOcean makes a new cluster with on this day. */
export function versionsToday({ now }: Cloud, engine: Engine): string[] {
  const open = ENGINES[engine].versions.filter(
    ({ endOfAvailability }) => endOfAvailability === null || now() < Date.parse(endOfAvailability) + DAY,
  );
  return open.map(({ version }) => version);
}

/** Those that can be run here. Asking for another one is answered by what runs the servers, which knows how to add it. */
function runnable({ backing }: Cloud, engine: Engine, versions: readonly string[]): readonly string[] {
  const { postgresMajors: majors } = backing;
  return engine === "pg" && majors ? versions.filter((version) => majors.includes(version)) : versions;
}

export const viewOptions = (cloud: Cloud) => ({
  options: each(({ regions }, engine) => ({
    regions,
    versions: runnable(cloud, engine, versionsToday(cloud, engine)),
    layouts: Array.from({ length: MOST_NODES }, (_, more) => ({ num_nodes: more + 1, sizes: sizesFor(engine, more + 1) })),
  })),
  version_availability: each(({ versions }) =>
    versions.map(({ version, endOfLife, endOfAvailability }) => ({
      version,
      end_of_life: endOfLife,
      end_of_availability: endOfAvailability,
    })),
  ),
});

function each<T>(show: (offer: (typeof ENGINES)[Engine], engine: Engine) => T): Record<Engine, T> {
  return { pg: show(ENGINES.pg, "pg"), valkey: show(ENGINES.valkey, "valkey") };
}

import { z } from "zod";
import { notFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { changeOnline, findCluster, patchCluster, requirePostgres } from "./cluster.ts";

export const OnlineMigrationRequest = z.object({
  source: z.object({
    host: z.string().min(1),
    port: z.number().int().min(1).max(65_535),
    dbname: z.string().optional(),
    username: z.string().optional(),
    password: z.string().optional(),
  }),
  disable_ssl: z.boolean().optional(),
  ignore_dbs: z.array(z.string()).optional(),
});

/** Only recorded: no data is copied, and the status is `syncing` at once. The source's password is not stored. */
export async function startMigration(cloud: Cloud, id: string) {
  requirePostgres(findCluster(cloud, id), "online migrations");
  await changeOnline(cloud, id, async () => ({ migration: { id: newId(), canceled: false, createdAt: cloud.now() } }));
  return readMigration(cloud, id);
}

export function readMigration(cloud: Cloud, id: string) {
  const { migration } = findCluster(cloud, id);
  if (!migration) throw notFound("no online migration was started on this cluster");
  return { id: migration.id, status: migration.canceled ? "canceled" : "syncing", created_at: formatTimestamp(migration.createdAt) };
}

export function stopMigration(cloud: Cloud, id: string, migrationId: string): void {
  const { migration } = findCluster(cloud, id);
  if (migration?.id !== migrationId) throw notFound("online migration not found");
  if (migration.canceled) throw unprocessable("the online migration is stopped already");
  patchCluster(cloud, id, { migration: { ...migration, canceled: true } });
}

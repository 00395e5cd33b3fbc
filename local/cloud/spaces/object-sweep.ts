import type { Cloud } from "../core/cloud.ts";
import { listBuckets } from "./buckets.ts";
import { sweepContent } from "./object-files.ts";
import { objectFiles } from "./objects.ts";
import { uploadedFiles } from "./uploads.ts";

/** At the start: files that no record names are removed. */
export async function sweepObjects(cloud: Cloud): Promise<void> {
  const recorded = listBuckets(cloud).flatMap(({ name }) => [...objectFiles(cloud, name), ...uploadedFiles(cloud, name)]);
  await sweepContent(cloud, new Set(recorded));
}

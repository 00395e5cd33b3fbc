import { assignToProject, unassignFromProject } from "../account/projects.ts";
import { ApiError } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { isDatacenter } from "../core/validation.ts";

/** A Spaces bucket. Lifecycle rules are stored and returned, but not applied. */
export interface Bucket {
  readonly name: string;
  readonly region: string;
  readonly acl: Acl;
  /** Empty until versioning is first enabled; after that it can only be suspended. */
  readonly versioning: "" | "Enabled" | "Suspended";
  readonly createdAt: number;
  /** XML. */
  readonly lifecycle?: string;
  readonly cors?: string;
}

export type Acl = "private" | "public-read";

const buckets = (cloud: Cloud) => cloud.store.collection<Bucket>("buckets");

export const listBuckets = (cloud: Cloud): Bucket[] => buckets(cloud).all();

export function findBucket(cloud: Cloud, name: string): Bucket {
  const bucket = buckets(cloud).get(name);
  if (!bucket) throw new ApiError(404, "NoSuchBucket", `The specified bucket "${name}" does not exist`);
  return bucket;
}

export function createBucket(cloud: Cloud, name: string, region: string, acl: Acl): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes("..")) {
    throw new ApiError(400, "InvalidBucketName", "A bucket's name is 3 to 63 lower-case letters, digits, dashes and single periods");
  }
  if (!isDatacenter(region)) throw new ApiError(400, "InvalidLocationConstraint", `There is no Spaces region "${region}"`);
  if (buckets(cloud).get(name)) throw new ApiError(409, "BucketAlreadyExists", `The bucket "${name}" exists already`);
  buckets(cloud).put(name, { name, region, acl, versioning: "", createdAt: cloud.now() });
  assignToProject(cloud, `do:space:${name}`);
}

export function changeBucket(cloud: Cloud, name: string, change: Partial<Pick<Bucket, "acl" | "versioning" | "lifecycle" | "cors">>): void {
  buckets(cloud).put(name, { ...findBucket(cloud, name), ...change });
}

export function deleteBucketRules(cloud: Cloud, name: string, which: "lifecycle" | "cors"): void {
  const { [which]: _, ...rest } = findBucket(cloud, name);
  buckets(cloud).put(name, rest);
}

export function deleteBucket(cloud: Cloud, name: string): void {
  findBucket(cloud, name);
  const hasRecords = (collection: string) => cloud.store.collection(`${collection} of ${name}`).all().length > 0;
  if (hasRecords("objects")) throw new ApiError(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
  buckets(cloud).delete(name);
  for (const upload of cloud.store.collection<{ id: string }>(`uploads of ${name}`).all())
    cloud.store.collection(`uploads of ${name}`).delete(upload.id);
  unassignFromProject(cloud, `do:space:${name}`);
}

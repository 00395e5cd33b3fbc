import { z } from "zod";
import { badRequest, orNotFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newSpacesAccessKey, newSpacesSecretKey } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";

export interface SpacesKey {
  readonly name: string;
  readonly access_key: string;
  readonly secret_key: string;
  readonly grants: readonly Grant[];
  readonly createdAt: number;
}

interface Grant {
  /** Empty for every bucket. */
  readonly bucket: string;
  readonly permission: "read" | "readwrite" | "fullaccess";
}

const grants = z.array(z.object({ bucket: z.string(), permission: z.enum(["read", "readwrite", "fullaccess"]) }));
export const CreateSpacesKeyRequest = z.object({ name: z.string().min(1), grants: grants.optional() });
export const UpdateSpacesKeyRequest = z.object({ name: z.string().min(1).optional(), grants: grants.optional() });

const keys = (cloud: Cloud) => cloud.store.collection<SpacesKey>("spaces-keys");

export const listSpacesKeys = (cloud: Cloud, { name, bucket }: { name?: string | undefined; bucket?: string | undefined }) =>
  keys(cloud)
    .all()
    .filter((key) => (!name || key.name === name) && (!bucket || key.grants.some((grant) => grant.bucket === bucket)))
    .map(view)
    .reverse();

export const readSpacesKey = (cloud: Cloud, accessKey: string) => view(find(cloud, accessKey));

/** Only this reply contains the secret. */
export function createSpacesKey(cloud: Cloud, request: z.infer<typeof CreateSpacesKeyRequest>) {
  const key = {
    name: request.name,
    access_key: newSpacesAccessKey(),
    secret_key: newSpacesSecretKey(),
    grants: checkGrants(cloud, request.grants ?? []),
    createdAt: cloud.now(),
  };
  keys(cloud).put(key.access_key, key);
  return { ...view(key), secret_key: key.secret_key };
}

export function updateSpacesKey(cloud: Cloud, accessKey: string, change: z.infer<typeof UpdateSpacesKeyRequest>) {
  const key = find(cloud, accessKey);
  const changed = { ...key, name: change.name ?? key.name, grants: change.grants ? checkGrants(cloud, change.grants) : key.grants };
  keys(cloud).put(accessKey, changed);
  return view(changed);
}

export function deleteSpacesKey(cloud: Cloud, accessKey: string): void {
  find(cloud, accessKey);
  keys(cloud).delete(accessKey);
}

/** Finds the key that signed a request: an API key, or the account's own key, which is never listed. */
export function findSigner(cloud: Cloud, accessKey: string): Pick<SpacesKey, "secret_key" | "grants"> | undefined {
  const { spacesKey } = cloud;
  if (spacesKey?.accessKey === accessKey) return { secret_key: spacesKey.secretKey, grants: [{ bucket: "", permission: "fullaccess" }] };
  return keys(cloud).get(accessKey);
}

export const mayRead = (key: Pick<SpacesKey, "grants">, bucket: string): boolean =>
  key.grants.some((grant) => grant.permission === "fullaccess" || grant.bucket === bucket);

export const mayWrite = (key: Pick<SpacesKey, "grants">, bucket: string): boolean =>
  key.grants.some((grant) => grant.permission === "fullaccess" || (grant.bucket === bucket && grant.permission === "readwrite"));

/** Creating, configuring and deleting buckets requires a fullaccess grant. */
export const mayManage = (key: Pick<SpacesKey, "grants">): boolean => key.grants.some((grant) => grant.permission === "fullaccess");

function checkGrants(cloud: Cloud, grants: readonly Grant[]): readonly Grant[] {
  for (const { bucket, permission } of grants) {
    if (permission === "fullaccess" && bucket) throw badRequest("fullaccess is for all buckets: leave the bucket empty");
    if (permission !== "fullaccess" && !bucket) throw badRequest(`${permission} needs a bucket`);
    if (bucket && !cloud.store.collection("buckets").get(bucket)) throw badRequest(`bucket ${bucket} does not exist`);
  }
  return grants;
}

const find = (cloud: Cloud, accessKey: string): SpacesKey => orNotFound(keys(cloud).get(accessKey), "key not found");

const view = ({ name, access_key, grants, createdAt }: SpacesKey) => ({ name, access_key, grants, created_at: formatTimestamp(createdAt) });

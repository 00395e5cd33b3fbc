import type { Readable } from "node:stream";
import { ApiError } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { type Acl, findBucket } from "./buckets.ts";
import { deleteContent, type StoredFile, storeContent } from "./object-files.ts";

/** A version of an object. Without versioning an object has a single version named "null". */
export interface ObjectVersion {
  readonly key: string;
  readonly version: string;
  /** Increases within the bucket: the newer of two versions has the higher order. */
  readonly order: number;
  readonly createdAt: number;
  readonly acl: Acl;
  /** A delete marker has no content. */
  readonly content?: Content;
}

export interface Content {
  readonly file: string;
  readonly size: number;
  readonly etag: string;
  /** `content-type`, similar headers, and `x-amz-meta-*`. */
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_KEY_BYTES = 1024;

const objects = (cloud: Cloud, bucket: string) => cloud.store.collection<ObjectVersion>(`objects of ${bucket}`);
const idOf = ({ key, version }: Pick<ObjectVersion, "key" | "version">) => `${version} ${key}`;

/** In S3's order: by key, then newest first. */
export function listVersions(cloud: Cloud, bucket: string, prefix = ""): ObjectVersion[] {
  findBucket(cloud, bucket);
  return objects(cloud, bucket)
    .all()
    .filter(({ key }) => key.startsWith(prefix))
    .sort((one, other) => compareKeys(one.key, other.key) || other.order - one.order);
}

export function listCurrent(cloud: Cloud, bucket: string, prefix = ""): (ObjectVersion & { readonly content: Content })[] {
  const versions = listVersions(cloud, bucket, prefix);
  return versions.filter(({ key }, index) => versions[index - 1]?.key !== key).filter(hasContent);
}

export const compareKeys = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

export function findObject(cloud: Cloud, bucket: string, key: string, version?: string): ObjectVersion & { readonly content: Content } {
  findBucket(cloud, bucket);
  const found = version ? objects(cloud, bucket).get(idOf({ key, version })) : current(cloud, bucket, key);
  if (!found && version) throw new ApiError(404, "NoSuchVersion", "The specified version does not exist");
  if (!found || !hasContent(found)) throw new ApiError(404, "NoSuchKey", "The specified key does not exist");
  return found;
}

export interface NewObject {
  readonly key: string;
  readonly acl: Acl;
  readonly headers: Readonly<Record<string, string>>;
}

/** `check` may reject the stored content before it becomes an object. */
export async function putObject(cloud: Cloud, bucket: string, object: NewObject, body: Readable, check: (stored: StoredFile) => void) {
  findBucket(cloud, bucket);
  checkKey(object.key);
  const stored = await storeContent(cloud, body);
  try {
    check(stored);
    return await recordObject(cloud, bucket, object, { ...stored, etag: stored.md5 });
  } catch (error) {
    await deleteContent(cloud, [stored.file]);
    throw error;
  }
}

export async function recordObject(
  cloud: Cloud,
  bucket: string,
  { key, acl, headers }: NewObject,
  { file, size, etag }: Omit<Content, "headers">,
) {
  const { versioning } = findBucket(cloud, bucket);
  const replaced = versioning === "Enabled" ? undefined : objects(cloud, bucket).get(idOf({ key, version: "null" }));
  const created = put(cloud, bucket, { key, acl, content: { file, size, etag, headers } });
  if (replaced?.content) await deleteContent(cloud, [replaced.content.file]);
  return created;
}

/** With versioning, deletion adds a delete marker. Deleting an unknown key succeeds. */
export async function deleteObject(cloud: Cloud, bucket: string, key: string, version?: string): Promise<ObjectVersion | undefined> {
  const { versioning } = findBucket(cloud, bucket);
  if (versioning === "Enabled" && !version) return put(cloud, bucket, { key, acl: "private" });
  const deleted = objects(cloud, bucket).get(idOf({ key, version: version ?? "null" }));
  objects(cloud, bucket).delete(idOf({ key, version: version ?? "null" }));
  const marker = versioning === "Suspended" && !version ? put(cloud, bucket, { key, acl: "private" }) : undefined;
  if (deleted?.content) await deleteContent(cloud, [deleted.content.file]);
  return marker ?? deleted;
}

/** Returns the file names of a bucket's objects. */
export const objectFiles = (cloud: Cloud, bucket: string): string[] =>
  objects(cloud, bucket)
    .all()
    .flatMap(({ content }) => (content ? [content.file] : []));

export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new ApiError(400, "KeyTooLongError", "Your key is too long");
}

function put(cloud: Cloud, bucket: string, object: Omit<ObjectVersion, "version" | "order" | "createdAt">): ObjectVersion {
  const order = nextOrder(cloud, bucket);
  const version = findBucket(cloud, bucket).versioning === "Enabled" ? order.toString(36).padStart(8, "0") : "null";
  const created = { ...object, version, order, createdAt: cloud.now() };
  // Delete first: a new record goes to the end, so records stay in version order.
  objects(cloud, bucket).delete(idOf(created));
  objects(cloud, bucket).put(idOf(created), created);
  return created;
}

function nextOrder(cloud: Cloud, bucket: string): number {
  const counters = cloud.store.collection<number>("counters");
  const order = (counters.get(`objects of ${bucket}`) ?? 0) + 1;
  counters.put(`objects of ${bucket}`, order);
  return order;
}

function current(cloud: Cloud, bucket: string, key: string): ObjectVersion | undefined {
  const plain = objects(cloud, bucket).get(idOf({ key, version: "null" }));
  if (findBucket(cloud, bucket).versioning === "") return plain;
  return objects(cloud, bucket)
    .all()
    .filter((version) => version.key === key)
    .reduce<ObjectVersion | undefined>((newest, version) => (newest && newest.order > version.order ? newest : version), undefined);
}

const hasContent = (version: ObjectVersion): version is ObjectVersion & { readonly content: Content } => version.content !== undefined;

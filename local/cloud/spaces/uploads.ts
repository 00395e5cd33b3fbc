import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { ApiError } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { findBucket } from "./buckets.ts";
import { deleteContent, readConcatenated, type StoredFile, storeContent } from "./object-files.ts";
import { checkKey, type NewObject, type ObjectVersion, recordObject } from "./objects.ts";

/** A multipart upload in progress. Each part is a file until the upload is completed. */
export interface Upload {
  readonly id: string;
  readonly object: NewObject;
  readonly parts: Readonly<Record<string, Part>>;
  readonly createdAt: number;
}

export interface Part {
  readonly file: string;
  readonly size: number;
  readonly etag: string;
  readonly createdAt: number;
}

const uploads = (cloud: Cloud, bucket: string) => cloud.store.collection<Upload>(`uploads of ${bucket}`);
const MIN_PART_BYTES = 5 * 1024 * 1024;

export function listUploads(cloud: Cloud, bucket: string): Upload[] {
  findBucket(cloud, bucket);
  return uploads(cloud, bucket).all();
}

export function findUpload(cloud: Cloud, bucket: string, key: string, id: string): Upload {
  findBucket(cloud, bucket);
  const upload = uploads(cloud, bucket).get(id);
  if (upload?.object.key !== key) throw new ApiError(404, "NoSuchUpload", "The specified multipart upload does not exist");
  return upload;
}

export function startUpload(cloud: Cloud, bucket: string, object: NewObject): Upload {
  findBucket(cloud, bucket);
  checkKey(object.key);
  const upload = { id: newId(), object, parts: {}, createdAt: cloud.now() };
  uploads(cloud, bucket).put(upload.id, upload);
  return upload;
}

export async function putPart(
  cloud: Cloud,
  bucket: string,
  { key, id, number }: { readonly key: string; readonly id: string; readonly number: number },
  body: Readable,
  check: (stored: StoredFile) => void,
): Promise<Part> {
  findUpload(cloud, bucket, key, id);
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw new ApiError(400, "InvalidArgument", "Part numbers go from 1 to 10000");
  const stored = await storeContent(cloud, body);
  try {
    check(stored);
    const upload = findUpload(cloud, bucket, key, id);
    const part = { file: stored.file, size: stored.size, etag: stored.md5, createdAt: cloud.now() };
    const replaced = upload.parts[number];
    uploads(cloud, bucket).put(id, { ...upload, parts: { ...upload.parts, [number]: part } });
    if (replaced) await deleteContent(cloud, [replaced.file]);
    return part;
  } catch (error) {
    await deleteContent(cloud, [stored.file]);
    throw error;
  }
}

export async function completeUpload(
  cloud: Cloud,
  bucket: string,
  { key, id }: { readonly key: string; readonly id: string },
  requested: readonly { readonly number: number; readonly etag: string }[],
): Promise<ObjectVersion> {
  const upload = findUpload(cloud, bucket, key, id);
  const parts = requested.map(({ number, etag }) => {
    const part = upload.parts[number];
    if (part?.etag !== etag) throw new ApiError(400, "InvalidPart", `Part ${number} could not be found, or its ETag is another one`);
    return part;
  });
  if (parts.length === 0) throw new ApiError(400, "MalformedXML", "At least one part is needed");
  if (requested.some(({ number }, index) => number <= (requested[index - 1]?.number ?? 0))) {
    throw new ApiError(400, "InvalidPartOrder", "The parts are not in ascending order");
  }
  if (parts.slice(0, -1).some(({ size }) => size < MIN_PART_BYTES)) {
    throw new ApiError(400, "EntityTooSmall", "Every part but the last must have at least 5 MiB");
  }
  const whole = await storeContent(
    cloud,
    readConcatenated(
      cloud,
      parts.map(({ file }) => file),
    ),
  );
  const digest = createHash("md5");
  for (const { etag } of parts) digest.update(Buffer.from(etag, "hex"));
  uploads(cloud, bucket).delete(id);
  const created = await recordObject(cloud, bucket, upload.object, { ...whole, etag: `${digest.digest("hex")}-${parts.length}` });
  await deleteContent(cloud, filesOf(upload));
  return created;
}

export async function abortUpload(cloud: Cloud, bucket: string, key: string, id: string): Promise<void> {
  const upload = findUpload(cloud, bucket, key, id);
  uploads(cloud, bucket).delete(id);
  await deleteContent(cloud, filesOf(upload));
}

export const uploadedFiles = (cloud: Cloud, bucket: string): string[] => uploads(cloud, bucket).all().flatMap(filesOf);

const filesOf = ({ parts }: Upload): string[] => Object.values(parts).map(({ file }) => file);

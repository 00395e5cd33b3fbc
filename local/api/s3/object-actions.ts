import type { IncomingMessage } from "node:http";
import { ApiError } from "../../cloud/core/api-error.ts";
import { findBucket } from "../../cloud/spaces/buckets.ts";
import { readContent } from "../../cloud/spaces/object-files.ts";
import { deleteObject, findObject, listCurrent, type ObjectVersion, putObject } from "../../cloud/spaces/objects.ts";
import { abortUpload, completeUpload, findUpload, putPart, startUpload } from "../../cloud/spaces/uploads.ts";
import { parseCannedAcl, viewAcl } from "./acl.ts";
import type { Actions, SpacesReply, SpacesRequest } from "./action.ts";
import { accessDenied, isAllowed } from "./action.ts";
import { bodyStream, checkContent, readXml, storedHeaders } from "./body.ts";
import { children, tag, textOf } from "./xml.ts";

/** The actions on an object. */
export const objectActions: Actions = {
  "GET ?uploadId": { permission: "read", run: listParts },
  "PUT ?uploadId": { permission: "write", run: uploadPart },
  "POST ?uploadId": { permission: "write", run: completeMultipartUpload },
  "DELETE ?uploadId": {
    permission: "write",
    run: async ({ cloud, address: { bucket, key, query } }) => {
      await abortUpload(cloud, bucket, key, query.get("uploadId")!);
      return { status: 204 };
    },
  },
  "POST ?uploads": {
    permission: "write",
    run: ({ cloud, message, address: { bucket, key } }) => {
      const { id } = startUpload(cloud, bucket, newObject(message, key));
      return { xml: tag("InitiateMultipartUploadResult", tag("Bucket", bucket), tag("Key", key), tag("UploadId", id)) };
    },
  },
  "GET ?acl": { permission: "manage", run: (request) => ({ xml: viewAcl(request.cloud, findRequestedObject(request).acl) }) },

  HEAD: { permission: "read", run: readObject },
  GET: { permission: "read", run: readObject },
  PUT: { permission: "write", run: writeObject },
  DELETE: {
    permission: "write",
    run: async ({ cloud, address: { bucket, key, query } }) => {
      const deletedOrMarker = await deleteObject(cloud, bucket, key, query.get("versionId") ?? undefined);
      return {
        status: 204,
        headers: deletedOrMarker
          ? { ...versionHeader(deletedOrMarker), ...(!deletedOrMarker.content && { "x-amz-delete-marker": "true" }) }
          : {},
      };
    },
  },
};

/** Whether the requested object or bucket is readable without a key. */
export function isPublic(request: SpacesRequest): boolean {
  const { cloud, address } = request;
  if (!address.key) return findBucket(cloud, address.bucket).acl === "public-read";
  try {
    return findRequestedObject(request).acl === "public-read";
  } catch {
    // Do not reveal to unsigned clients which keys exist.
    return false;
  }
}

const findRequestedObject = ({ cloud, address: { bucket, key, query } }: SpacesRequest) =>
  findObject(cloud, bucket, key, query.get("versionId") ?? undefined);

const newObject = (message: IncomingMessage, key: string) => ({
  key,
  acl: parseCannedAcl(message.headers["x-amz-acl"]),
  headers: storedHeaders(message),
});

function readObject(request: SpacesRequest): SpacesReply {
  const { cloud, message } = request;
  const object = findRequestedObject(request);
  const { file, size, etag, headers: savedHeaders } = object.content;
  const headers = {
    ...savedHeaders,
    ...versionHeader(object),
    etag: `"${etag}"`,
    "last-modified": new Date(object.createdAt).toUTCString(),
    "accept-ranges": "bytes",
  };
  if (message.headers["if-none-match"] === `"${etag}"`) return { status: 304, headers };
  if (message.headers["if-match"] && message.headers["if-match"] !== `"${etag}"`) {
    throw new ApiError(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold");
  }
  const range = rangeOf(message.headers.range, size);
  if (!range) return { status: 200, headers: { ...headers, "content-length": String(size) }, content: readContent(cloud, file) };
  return {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(range.end - range.start + 1),
      "content-range": `bytes ${range.start}-${range.end}/${size}`,
    },
    content: readContent(cloud, file, range),
  };
}

function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (!from && !to) return undefined;
  const start = from ? Number(from) : Math.max(0, size - Number(to));
  const end = Math.min(from && to ? Number(to) : size - 1, size - 1);
  if (start >= size || end < start) throw new ApiError(416, "InvalidRange", "The requested range cannot be satisfied");
  return { start, end };
}

async function writeObject(request: SpacesRequest): Promise<SpacesReply> {
  const { cloud, message, address } = request;
  const source = message.headers["x-amz-copy-source"];
  if (typeof source === "string") return copyObject(request, source);
  const [checkBody, checkConditions] = [checkContent(message), conditionsOf(request)];
  // Nothing is awaited between the check and the write, so of several writers with the same condition one wins.
  const created = await putObject(cloud, address.bucket, newObject(message, address.key), bodyStream(message), (stored) => {
    checkBody(stored);
    checkConditions();
  });
  return { status: 200, headers: { etag: `"${created.content!.etag}"`, ...versionHeader(created) } };
}

/** Conditional writes, as in S3. Whether Spaces has them is not documented. */
function conditionsOf({ cloud, message: { headers }, address: { bucket, key } }: SpacesRequest): () => void {
  return () => {
    const etag = listCurrent(cloud, bucket, key).find((object) => object.key === key)?.content.etag;
    const isWrong =
      (headers["if-none-match"] === "*" && etag !== undefined) ||
      (headers["if-match"] !== undefined && headers["if-match"] !== `"${etag}"`);
    if (!isWrong) return;
    if (headers["if-match"] !== undefined && etag === undefined) throw new ApiError(404, "NoSuchKey", "The specified key does not exist");
    throw new ApiError(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold");
  };
}

async function copyObject({ cloud, message, address, signer }: SpacesRequest, source: string): Promise<SpacesReply> {
  const [path = "", query = ""] = source.split("?");
  const [, bucket = "", key = ""] = /^\/?([^/]+)\/(.+)$/.exec(decodeURIComponent(path)) ?? [];
  if (!isAllowed("read", signer, bucket)) throw accessDenied();
  const from = findObject(cloud, bucket, key, new URLSearchParams(query).get("versionId") ?? undefined);
  const replaces = message.headers["x-amz-metadata-directive"] === "REPLACE";
  const object = { ...newObject(message, address.key), ...(!replaces && { headers: from.content.headers }) };
  const created = await putObject(cloud, address.bucket, object, readContent(cloud, from.content.file), () => {});
  const result = tag(
    "CopyObjectResult",
    tag("ETag", `"${created.content!.etag}"`),
    tag("LastModified", new Date(created.createdAt).toISOString()),
  );
  return { xml: result, headers: versionHeader(created) };
}

// ── Multipart uploads ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function uploadPart({ cloud, message, address: { bucket, key, query } }: SpacesRequest): Promise<SpacesReply> {
  const part = { key, id: query.get("uploadId")!, number: Number(query.get("partNumber")) };
  const { etag } = await putPart(cloud, bucket, part, bodyStream(message), checkContent(message));
  return { status: 200, headers: { etag: `"${etag}"` } };
}

async function completeMultipartUpload({ cloud, message, address: { bucket, key, query } }: SpacesRequest): Promise<SpacesReply> {
  const requestedParts = children(await readXml(message, "CompleteMultipartUpload"), "Part").map((part) => ({
    number: Number(textOf(part, "PartNumber")),
    etag: (textOf(part, "ETag") ?? "").replaceAll('"', ""),
  }));
  const created = await completeUpload(cloud, bucket, { key, id: query.get("uploadId")! }, requestedParts);
  const result = tag(
    "CompleteMultipartUploadResult",
    tag("Location", `/${bucket}/${key}`),
    tag("Bucket", bucket),
    tag("Key", key),
    tag("ETag", `"${created.content!.etag}"`),
  );
  return { xml: result, headers: versionHeader(created) };
}

function listParts({ cloud, address: { bucket, key, query } }: SpacesRequest): SpacesReply {
  const { id, parts } = findUpload(cloud, bucket, key, query.get("uploadId")!);
  const listed = Object.entries(parts)
    .map(([number, part]) => ({ number: Number(number), ...part }))
    .sort((one, other) => one.number - other.number)
    .map(({ number, etag, size, createdAt }) =>
      tag(
        "Part",
        tag("PartNumber", number),
        tag("LastModified", new Date(createdAt).toISOString()),
        tag("ETag", `"${etag}"`),
        tag("Size", size),
      ),
    );
  return { xml: tag("ListPartsResult", tag("Bucket", bucket), tag("Key", key), tag("UploadId", id), tag("IsTruncated", false), listed) };
}

const versionHeader = ({ version }: ObjectVersion): Record<string, string> => (version === "null" ? {} : { "x-amz-version-id": version });

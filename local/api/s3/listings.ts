import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { listBuckets } from "../../cloud/spaces/buckets.ts";
import { compareKeys, listCurrent, listVersions, type ObjectVersion } from "../../cloud/spaces/objects.ts";
import { listUploads } from "../../cloud/spaces/uploads.ts";
import type { SpacesReply, SpacesRequest } from "./action.ts";
import { type Element, tag } from "./xml.ts";

const MAX_KEYS = 1000;
const formatTime = (milliseconds: number) => new Date(milliseconds).toISOString();

export function listAllBuckets(cloud: Cloud): SpacesReply {
  const buckets = listBuckets(cloud).map(({ name, createdAt }) =>
    tag("Bucket", tag("Name", name), tag("CreationDate", formatTime(createdAt))),
  );
  return { xml: tag("ListAllMyBucketsResult", owner(cloud), tag("Buckets", buckets)) };
}

/** Lists objects in version 2 of the API if requested, else in version 1. They differ in their continuation parameters. */
export function listObjects({ cloud, address: { bucket, query } }: SpacesRequest): SpacesReply {
  const isVersion2 = query.get("list-type") === "2";
  const token = query.get("continuation-token");
  const after = (token === null ? undefined : decodeToken(token)) ?? query.get(isVersion2 ? "start-after" : "marker") ?? "";
  const window = listWindow(listCurrent(cloud, bucket, query.get("prefix") ?? ""), query, (key) => compareKeys(key, after) > 0);
  const encode = encoder(query);
  const contents = window.items.map(({ key, createdAt, content }) =>
    tag(
      "Contents",
      tag("Key", encode(key)),
      tag("LastModified", formatTime(createdAt)),
      tag("ETag", `"${content.etag}"`),
      tag("Size", content.size),
      tag("StorageClass", "STANDARD"),
      !isVersion2 || query.get("fetch-owner") === "true" ? owner(cloud) : undefined,
    ),
  );
  const continuation = isVersion2
    ? [
        tag("KeyCount", contents.length + window.prefixes.length),
        token !== null ? tag("ContinuationToken", token) : undefined,
        query.has("start-after") ? tag("StartAfter", encode(query.get("start-after")!)) : undefined,
        window.last !== undefined ? tag("NextContinuationToken", encodeToken(window.last)) : undefined,
      ]
    : [tag("Marker", encode(query.get("marker") ?? "")), window.last !== undefined ? tag("NextMarker", encode(window.last)) : undefined];
  return { xml: tag("ListBucketResult", listHeader(bucket, query, window), continuation, contents, prefixes(window, encode)) };
}

export function listObjectVersions({ cloud, address: { bucket, query } }: SpacesRequest): SpacesReply {
  const [afterKey, afterVersion] = [query.get("key-marker") ?? "", query.get("version-id-marker") ?? ""];
  const all = listVersions(cloud, bucket, query.get("prefix") ?? "");
  const marker = all.findIndex(({ key, version }) => key === afterKey && version === afterVersion);
  const rest = afterVersion && marker >= 0 ? all.slice(marker + 1) : all;
  const window = listWindow(rest, query, (key) => (afterVersion && marker >= 0) || compareKeys(key, afterKey) > 0);
  const encode = encoder(query);
  const latest = new Map<string, ObjectVersion>();
  for (const version of all) if (!latest.has(version.key)) latest.set(version.key, version);
  const versions = window.items.map((version) =>
    tag(
      version.content ? "Version" : "DeleteMarker",
      tag("Key", encode(version.key)),
      tag("VersionId", version.version),
      tag("IsLatest", latest.get(version.key) === version),
      tag("LastModified", formatTime(version.createdAt)),
      version.content
        ? [tag("ETag", `"${version.content.etag}"`), tag("Size", version.content.size), tag("StorageClass", "STANDARD")]
        : undefined,
      owner(cloud),
    ),
  );
  const lastVersion = window.items.at(-1);
  const next =
    window.last === undefined
      ? []
      : [tag("NextKeyMarker", encode(window.last)), lastVersion ? tag("NextVersionIdMarker", lastVersion.version) : undefined];
  return {
    xml: tag(
      "ListVersionsResult",
      listHeader(bucket, query, window),
      tag("KeyMarker", encode(afterKey)),
      tag("VersionIdMarker", afterVersion),
      next,
      versions,
      prefixes(window, encode),
    ),
  };
}

export function listMultipartUploads({ cloud, address: { bucket, query } }: SpacesRequest): SpacesReply {
  const encode = encoder(query);
  const uploads = listUploads(cloud, bucket)
    .filter(({ object }) => object.key.startsWith(query.get("prefix") ?? ""))
    .map(({ id, object, createdAt }) =>
      tag(
        "Upload",
        tag("Key", encode(object.key)),
        tag("UploadId", id),
        owner(cloud),
        tag("StorageClass", "STANDARD"),
        tag("Initiated", formatTime(createdAt)),
      ),
    );
  return { xml: tag("ListMultipartUploadsResult", tag("Bucket", bucket), tag("MaxUploads", MAX_KEYS), tag("IsTruncated", false), uploads) };
}

// ── Pagination ────────────────────────────────────────────────────────────────────────────────────────────

interface Window<T> {
  readonly items: readonly T[];
  /** Keys with the same part up to the delimiter count once, as a common prefix. */
  readonly prefixes: readonly string[];
  readonly limit: number;
  /** Set if there are more items: the last returned key or common prefix. */
  readonly last?: string;
}

function listWindow<T extends { readonly key: string }>(
  list: readonly T[],
  query: URLSearchParams,
  isAfter: (key: string) => boolean,
): Window<T> {
  const [prefix, delimiter] = [query.get("prefix") ?? "", query.get("delimiter") ?? ""];
  const limit = limitOf(query);
  const items: T[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  for (const item of list) {
    const at = delimiter ? item.key.indexOf(delimiter, prefix.length) : -1;
    const common = at < 0 ? undefined : item.key.slice(0, at + delimiter.length);
    if (!isAfter(common ?? item.key) || (common !== undefined && prefixes.at(-1) === common)) continue;
    if (items.length + prefixes.length >= limit) return { items, prefixes, limit, ...(last !== undefined && { last }) };
    if (common === undefined) items.push(item);
    else prefixes.push(common);
    last = common ?? item.key;
  }
  return { items, prefixes, limit };
}

function limitOf(query: URLSearchParams): number {
  const requested = query.get("max-keys") ?? String(MAX_KEYS);
  if (!/^\d{1,9}$/.test(requested)) throw new ApiError(400, "InvalidArgument", "max-keys must be a number");
  return Math.min(Number(requested), MAX_KEYS);
}

const listHeader = (bucket: string, query: URLSearchParams, window: Window<unknown>) => [
  tag("Name", bucket),
  tag("Prefix", encoder(query)(query.get("prefix") ?? "")),
  query.has("delimiter") ? tag("Delimiter", encoder(query)(query.get("delimiter")!)) : undefined,
  query.has("encoding-type") ? tag("EncodingType", "url") : undefined,
  tag("MaxKeys", window.limit),
  tag("IsTruncated", window.last !== undefined),
];

const prefixes = (window: Window<unknown>, encode: (key: string) => string): Element[] =>
  window.prefixes.map((prefix) => tag("CommonPrefixes", tag("Prefix", encode(prefix))));

const encoder = (query: URLSearchParams) => (key: string) =>
  query.get("encoding-type") === "url" ? encodeURIComponent(key).replaceAll("%2F", "/") : key;

const owner = (cloud: Cloud): Element => tag("Owner", tag("ID", cloud.account.uuid), tag("DisplayName", cloud.account.uuid));

const encodeToken = (key: string): string => Buffer.from(key).toString("base64url");
const decodeToken = (token: string): string => Buffer.from(token, "base64url").toString("utf8");

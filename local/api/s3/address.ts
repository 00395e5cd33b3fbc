import type { IncomingMessage } from "node:http";

/** The region, bucket and key of a request. */
export interface Address {
  readonly region: string;
  /** Empty in a request that lists buckets. */
  readonly bucket: string;
  /** Empty in a request for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** Not decoded: the signature covers the bytes as sent. */
  readonly path: string;
  readonly host: string;
}

const SPACES_HOST = /^(?:(.+)\.)?([a-z]{3}\d)\.digitaloceanspaces\.[a-z]+$/;
const DEFAULT_REGION = "nyc3";

/**
 * A request to Spaces has a `*.digitaloceanspaces.*` host (and arrives here through the HTTP proxy setting), or an S3 signature. A browser's preflight has
 * neither if the signature of the request that follows is in a header; no path of DigitalOcean's API takes OPTIONS.
 */
export function isSpacesRequest(message: IncomingMessage): boolean {
  const { host, path } = parseTarget(message);
  return (
    SPACES_HOST.test(hostName(host)) ||
    (message.headers.authorization ?? "").startsWith("AWS4-HMAC-SHA256") ||
    /[?&]X-Amz-Algorithm=AWS4-HMAC-SHA256/.test(path) ||
    (message.method === "OPTIONS" && message.headers["access-control-request-method"] !== undefined)
  );
}

export function parseAddress(message: IncomingMessage): Address {
  const { host, path: whole } = parseTarget(message);
  const [path = "/", query = ""] = splitOnce(whole, "?");
  const [, virtualBucket, region = DEFAULT_REGION] = SPACES_HOST.exec(hostName(host)) ?? [];
  const decoded = decode(path.slice(1));
  const [bucket = "", key = ""] = virtualBucket ? [virtualBucket, decoded] : splitOnce(decoded, "/");
  return { region, bucket, key, query: new URLSearchParams(query), path, host };
}

/** A proxied request has the absolute URL in its request line. */
function parseTarget(message: IncomingMessage): { host: string; path: string } {
  const absolute = /^https?:\/\/([^/?#]+)(\/?[^#]*)/.exec(message.url ?? "/");
  if (absolute) return { host: absolute[1]!, path: absolute[2]!.startsWith("/") ? absolute[2]! : `/${absolute[2]}` };
  return { host: message.headers.host ?? "", path: message.url ?? "/" };
}

const hostName = (host: string): string => host.replace(/:\d+$/, "").toLowerCase();

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

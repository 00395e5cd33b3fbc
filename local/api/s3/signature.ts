import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { findSigner, type SpacesKey } from "../../cloud/spaces/spaces-keys.ts";
import type { Address } from "./address.ts";

/**
 * Returns the key that signed a request with AWS Signature Version 4, in the Authorization header or the query; undefined if unsigned.
 * The request's age and the signatures of streamed chunks are not checked.
 */
export function authenticate(cloud: Cloud, message: IncomingMessage, address: Address): Pick<SpacesKey, "grants"> | undefined {
  const signed = fromHeader(message) ?? fromQuery(address);
  if (!signed) return undefined;
  const key = findSigner(cloud, signed.accessKey);
  if (!key) throw new ApiError(403, "InvalidAccessKeyId", "The access key id you provided does not exist in our records");
  if (!isEqual(sign(key.secret_key, signed, canonicalRequest(message, address, signed)), signed.signature)) {
    throw new ApiError(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided");
  }
  return key;
}

interface Signed {
  readonly accessKey: string;
  /** date/region/s3/aws4_request */
  readonly scope: string;
  readonly headers: readonly string[];
  readonly signature: string;
  readonly time: string;
  readonly payload: string;
}

function fromHeader({ headers }: IncomingMessage): Signed | undefined {
  const { authorization = "" } = headers;
  if (!authorization.startsWith("AWS4-HMAC-SHA256 ")) return undefined;
  const part = (name: string) => new RegExp(`${name}=([^,\\s]+)`).exec(authorization)?.[1] ?? "";
  const [accessKey = "", ...scope] = part("Credential").split("/");
  return {
    accessKey,
    scope: scope.join("/"),
    headers: part("SignedHeaders").split(";"),
    signature: part("Signature"),
    time: String(headers["x-amz-date"] ?? headers.date ?? ""),
    payload: String(headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD"),
  };
}

function fromQuery({ query }: Address): Signed | undefined {
  if (query.get("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256") return undefined;
  const [accessKey = "", ...scope] = (query.get("X-Amz-Credential") ?? "").split("/");
  return {
    accessKey,
    scope: scope.join("/"),
    headers: (query.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: query.get("X-Amz-Signature") ?? "",
    time: query.get("X-Amz-Date") ?? "",
    payload: "UNSIGNED-PAYLOAD",
  };
}

function canonicalRequest(message: IncomingMessage, { path, query, host }: Address, { headers, payload }: Signed): string {
  const headerOf = (name: string) => (name === "host" ? host : String(message.headers[name] ?? ""));
  const lines = headers.map((name) => `${name}:${headerOf(name).trim().replace(/\s+/g, " ")}\n`).join("");
  const parameters = [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  return [message.method, path, parameters, lines, headers.join(";"), payload].join("\n");
}

function sign(secret: string, { scope, time }: Signed, request: string): string {
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(request).digest("hex")].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>((result, part) => createHmac("sha256", result).update(part).digest(), `AWS4${secret}`);
  return createHmac("sha256", key).update(text).digest("hex");
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

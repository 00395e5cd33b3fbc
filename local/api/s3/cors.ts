/** Cross-origin requests of browsers, as the CORS rules of a bucket allow them. */
import type { IncomingMessage } from "node:http";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { findBucket } from "../../cloud/spaces/buckets.ts";
import type { SpacesReply } from "./action.ts";
import type { Address } from "./address.ts";
import { children, type Element, parseXml, textOf } from "./xml.ts";

type Headers = Readonly<Record<string, string>>;

/** A browser sends it before a request that the page's site may not send without permission. It is not signed. */
export const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined;

export function answerPreflight(cloud: Cloud, message: IncomingMessage, { bucket }: Address): SpacesReply {
  const { headers } = message;
  const asked = String(headers["access-control-request-headers"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  const method = String(headers["access-control-request-method"]);
  const rule = ruleFor(cloud, bucket, headers.origin!, method, asked);
  if (!rule) throw new ApiError(403, "AccessForbidden", "CORSResponse: This CORS request is not allowed.");
  const age = textOf(rule, "MaxAgeSeconds");
  return {
    status: 200,
    headers: {
      ...allowedBy(rule, headers.origin!),
      ...(asked.length > 0 && { "access-control-allow-headers": asked.join(", ") }),
      ...(age !== undefined && { "access-control-max-age": age }),
    },
  };
}

/** The headers of a reply to a page of another site, also of a reply with an error. Without them, a browser hides the reply from the page. */
export function corsHeaders(cloud: Cloud, { method, headers }: IncomingMessage, { bucket }: Address): Headers {
  if (headers.origin === undefined || bucket === "") return {};
  const rule = ruleFor(cloud, bucket, headers.origin, method ?? "", []);
  return rule ? allowedBy(rule, headers.origin) : {};
}

function ruleFor(cloud: Cloud, bucket: string, origin: string, method: string, headers: readonly string[]): Element | undefined {
  let xml: string | undefined;
  try {
    xml = findBucket(cloud, bucket).cors;
  } catch {
    return undefined;
  }
  if (!xml) return undefined;
  return children(parseXml(xml, "CORSConfiguration"), "CORSRule").find(
    (rule) =>
      valuesOf(rule, "AllowedOrigin").some((pattern) => isMatch(pattern, origin)) &&
      valuesOf(rule, "AllowedMethod").includes(method) &&
      headers.every((header) => valuesOf(rule, "AllowedHeader").some((pattern) => isMatch(pattern.toLowerCase(), header))),
  );
}

function allowedBy(rule: Element, origin: string): Headers {
  const exposed = valuesOf(rule, "ExposeHeader");
  return {
    "access-control-allow-origin": valuesOf(rule, "AllowedOrigin").includes("*") ? "*" : origin,
    "access-control-allow-methods": valuesOf(rule, "AllowedMethod").join(", "),
    ...(exposed.length > 0 && { "access-control-expose-headers": exposed.join(", ") }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}

const valuesOf = (rule: Element, name: string): string[] => children(rule, name).map(({ text }) => text.trim());

/** A pattern contains at most one "*". */
function isMatch(pattern: string, text: string): boolean {
  const [start = "", end] = pattern.split("*");
  if (end === undefined) return pattern === text;
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

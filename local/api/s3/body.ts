import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { StoredFile } from "../../cloud/spaces/object-files.ts";
import { readBody } from "../request.ts";
import { unchunk } from "./chunked.ts";
import { type Element, parseXml } from "./xml.ts";

const isChunked = ({ headers }: IncomingMessage): boolean =>
  /aws-chunked/.test(String(headers["content-encoding"] ?? "")) || String(headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-");

/** The content of an object, without what its transport wrapped around it. */
export function contentOf(message: IncomingMessage): Readable {
  // What goes wrong on the way is reported by whoever reads the result.
  return isChunked(message) ? pipeline(message, unchunk(), () => {}) : message;
}

/** What a client said about its content must be so. */
export const checkContent =
  ({ headers }: IncomingMessage) =>
  (stored: StoredFile): void => {
    const declared = headers["x-amz-decoded-content-length"] ?? headers["content-length"];
    if (declared !== undefined && Number(declared) !== stored.size)
      throw new ApiError(400, "IncompleteBody", "The body is not as long as was declared");
    const md5 = headers["content-md5"];
    if (md5 !== undefined && Buffer.from(String(md5), "base64").toString("hex") !== stored.md5) {
      throw new ApiError(400, "BadDigest", "The Content-MD5 you specified did not match what we received");
    }
    const sha256 = String(headers["x-amz-content-sha256"] ?? "");
    if (/^[0-9a-f]{64}$/.test(sha256) && sha256 !== stored.sha256) {
      throw new ApiError(400, "XAmzContentSHA256Mismatch", "The provided x-amz-content-sha256 header does not match what was computed");
    }
  };

export async function xmlOf(message: IncomingMessage, root: string): Promise<Element> {
  return parseXml((await readBody(message)).toString("utf8"), root);
}

const KEPT = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/** What is kept of a request's headers and given back with the object. */
export function keptHeaders({ headers }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => KEPT.includes(name) || name.startsWith("x-amz-meta-"));
  const plain = kept.map(([name, value]) => [name, name === "content-encoding" ? withoutChunked(String(value)) : String(value)] as const);
  return { "content-type": "binary/octet-stream", ...Object.fromEntries(plain.filter(([, value]) => value !== "")) };
}

const withoutChunked = (encodings: string): string =>
  encodings
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "aws-chunked")
    .join(",");

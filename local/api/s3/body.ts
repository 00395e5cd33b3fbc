import type { IncomingMessage } from "node:http";
import { pipeline, type Readable, Transform } from "node:stream";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { StoredFile } from "../../cloud/spaces/object-files.ts";
import { readBody } from "../request.ts";
import { type Element, parseXml } from "./xml.ts";

const isChunked = ({ headers }: IncomingMessage): boolean =>
  /aws-chunked/.test(String(headers["content-encoding"] ?? "")) || String(headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-");

/** Returns the content of the body, decoded if it is `aws-chunked`. */
export function bodyStream(message: IncomingMessage): Readable {
  // The reader of the result gets the errors of the pipeline.
  return isChunked(message) ? pipeline(message, decodeChunked(), () => {}) : message;
}

/** Checks the declared length and digests against the stored content. */
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

export async function readXml(message: IncomingMessage, root: string): Promise<Element> {
  return parseXml((await readBody(message)).toString("utf8"), root);
}

const STORED_HEADERS = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/** Returns the request headers that are stored with the object. */
export function storedHeaders({ headers }: IncomingMessage): Record<string, string> {
  const stored = Object.entries(headers).filter(([name]) => STORED_HEADERS.includes(name) || name.startsWith("x-amz-meta-"));
  const plain = stored.map(
    ([name, value]) => [name, name === "content-encoding" ? removeAwsChunked(String(value)) : String(value)] as const,
  );
  return { "content-type": "binary/octet-stream", ...Object.fromEntries(plain.filter(([, value]) => value !== "")) };
}

const removeAwsChunked = (encodings: string): string =>
  encodings
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "aws-chunked")
    .join(",");

/** Decodes an `aws-chunked` body: each chunk follows a line with its length in hex; trailers may follow the empty last chunk. */
function decodeChunked(): Transform {
  let rest: Buffer = Buffer.alloc(0);
  let remaining = 0;
  let ended = false;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      while (rest.length > 0 && !ended) {
        if (remaining > 0) {
          const piece = rest.subarray(0, remaining);
          this.push(piece);
          rest = rest.subarray(piece.length);
          remaining -= piece.length;
          continue;
        }
        const end = rest.indexOf("\r\n");
        if (end < 0) break;
        const line = rest.toString("latin1", 0, end);
        rest = rest.subarray(end + 2);
        if (line === "") continue;
        const length = /^([0-9a-fA-F]{1,8})(;|$)/.exec(line)?.[1];
        if (length === undefined) return done(incomplete());
        remaining = Number.parseInt(length, 16);
        ended = remaining === 0;
      }
      done();
    },
    flush: (done) => done(ended ? null : incomplete()),
  });
}

const incomplete = () => new ApiError(400, "IncompleteBody", "The request body ended before its last chunk");

import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { ApiError, badRequest, unprocessable } from "../cloud/core/api-error.ts";
import { validate } from "../cloud/core/validation.ts";
import type { Cloud } from "../cloud/open-cloud.ts";

/** The argument of a route handler. */
export interface Request {
  readonly cloud: Cloud;
  /** The decoded `{…}` segments of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The request URL, for links to other pages. */
  readonly url: URL;
  /** Parses the body with the schema. Throws a 422 that names the wrong field. */
  body<T extends z.ZodType>(schema: T): z.infer<T>;
}

/** The result of a route handler: a status, with or without a body. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  /** In place of a body that is JSON. */
  readonly text?: string;
}

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const created = (body: unknown): Reply => ({ status: 201, body });
export const noContent: Reply = { status: 204 };

/** Replies with a status and no body once the work is done. */
export const replyEmpty = async (work: void | Promise<void>, status = 204): Promise<Reply> => {
  await work;
  return { status };
};

const MAX_BODY_BYTES = 1024 * 1024;

export async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new ApiError(413, "request_entity_too_large", `The request body is larger than ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A missing body counts as an empty object; godo sends null for it. */
export function parseBody<T extends z.ZodType>(bytes: Buffer, schema: T): z.infer<T> {
  let raw: unknown;
  try {
    raw = bytes.length === 0 ? {} : JSON.parse(bytes.toString("utf8"));
  } catch {
    throw badRequest("The request body is not valid JSON.");
  }
  return validate(schema, raw ?? {});
}

// ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const DEFAULT_PER_PAGE = 20;
const MAX_PER_PAGE = 200;

/** Returns one page of a list, with links to the other pages. */
export function paginate(request: Request, name: string, items: readonly unknown[]): Reply {
  const total = items.length;
  const perPage = positiveNumber(request.query, "per_page", DEFAULT_PER_PAGE);
  if (perPage > MAX_PER_PAGE) throw unprocessable(`per_page must not exceed ${MAX_PER_PAGE}`);
  const current = positiveNumber(request.query, "page", 1);
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (number: number) => {
    const url = new URL(request.url);
    url.searchParams.set("page", String(number));
    url.searchParams.set("per_page", String(perPage));
    return url.href;
  };
  const pages = {
    ...(current > 1 && { first: link(1), prev: link(Math.min(current - 1, last)) }),
    ...(current < last && { next: link(current + 1), last: link(last) }),
  };
  return ok({
    [name]: items.slice((current - 1) * perPage, current * perPage),
    links: Object.keys(pages).length > 0 ? { pages } : {},
    meta: { total },
  });
}

/** For lists that the API document describes without pages: paginated only if the request has page parameters. */
export const paginateIfRequested = (request: Request, name: string, items: readonly unknown[]): Reply =>
  request.query.has("page") || request.query.has("per_page")
    ? paginate(request, name, items)
    : ok({ [name]: items, links: {}, meta: { total: items.length } });

function positiveNumber(query: URLSearchParams, name: string, fallback: number): number {
  const value = query.get(name);
  if (value === null || value === "") return fallback;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw unprocessable(`${name} must be a positive number`);
  return Number(value);
}

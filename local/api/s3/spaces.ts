import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { mayManage } from "../../cloud/spaces/spaces-keys.ts";
import { accessDenied, isAllowed, type SpacesReply, type SpacesRequest } from "./action.ts";
import { parseAddress } from "./address.ts";
import { bucketActions } from "./bucket-actions.ts";
import { answerPreflight, corsHeaders, isPreflight } from "./cors.ts";
import { listAllBuckets } from "./listings.ts";
import { isPublic, objectActions } from "./object-actions.ts";
import { authenticate } from "./signature.ts";
import { tag, writeXml } from "./xml.ts";

/** Handles a request to Spaces, which uses the S3 protocol. Returns the status. */
export async function handleSpacesRequest(cloud: Cloud, message: IncomingMessage, response: ServerResponse): Promise<number> {
  const id = randomUUID();
  const address = parseAddress(message);
  let reply: SpacesReply;
  try {
    reply = isPreflight(message)
      ? answerPreflight(cloud, message, address)
      : await dispatch({ cloud, message, address, signer: authenticate(cloud, message, address) });
    await cloud.store.saved();
  } catch (error) {
    reply = errorReply(error, id, cloud);
  }
  const { status = reply.xml || reply.content ? 200 : 204, headers = {}, xml, content } = reply;
  response.writeHead(status, {
    "x-amz-request-id": id,
    server: "slipway",
    ...(xml && { "content-type": "application/xml" }),
    ...(!isPreflight(message) && corsHeaders(cloud, message, address)),
    ...headers,
  });
  if (message.method === "HEAD") {
    content?.destroy();
    response.end();
  } else if (content) await pipeline(content, response);
  else response.end(xml && writeXml(xml));
  return status;
}

async function dispatch(request: SpacesRequest): Promise<SpacesReply> {
  const { cloud, message, address, signer } = request;
  if (!address.bucket) {
    if (!signer || !mayManage(signer)) throw accessDenied();
    return listAllBuckets(cloud);
  }
  const actions = address.key ? objectActions : bucketActions;
  const subresource = Object.keys(actions).find(
    (name) => name.includes("?") && name.startsWith(`${message.method} `) && address.query.has(name.split("?")[1]!),
  );
  const action = actions[subresource ?? String(message.method)];
  if (!action) throw new ApiError(405, "MethodNotAllowed", "The specified method is not allowed against this resource");
  if (!isAllowed(action.permission, signer, address.bucket) && !(action.permission === "read" && isPublic(request))) throw accessDenied();
  return await action.run(request);
}

function errorReply(error: unknown, id: string, cloud: Cloud): SpacesReply {
  const apiError = error instanceof ApiError ? error : undefined;
  if (!apiError) cloud.note(`Spaces request ${id} failed: ${(error as Error).message}`);
  const xml = tag(
    "Error",
    tag("Code", apiError?.id ?? "InternalError"),
    tag("Message", apiError?.message ?? "Internal error"),
    tag("RequestId", id),
  );
  return { status: apiError?.status ?? 500, xml };
}

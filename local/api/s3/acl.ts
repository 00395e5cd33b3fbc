import type { IncomingMessage } from "node:http";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import type { Acl } from "../../cloud/spaces/buckets.ts";
import { readBody } from "../request.ts";
import { child, children, type Element, parseXml, tag, textOf } from "./xml.ts";

const ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers";

/** Reads an ACL from the header or from the grants in the body. Spaces supports only `private` and `public-read`. */
export async function readAcl(message: IncomingMessage, root = "AccessControlPolicy"): Promise<Acl> {
  const canned = message.headers["x-amz-acl"];
  const body = (await readBody(message)).toString("utf8");
  const document = body.trim() ? parseXml(body, root) : undefined;
  if (canned !== undefined) return parseCannedAcl(canned);
  if (!document || root !== "AccessControlPolicy") return "private";
  const grants = children(child(document, "AccessControlList") ?? document, "Grant");
  const isPublic = grants.some(
    (grant) => textOf(child(grant, "Grantee") ?? grant, "URI") === ALL_USERS && textOf(grant, "Permission") === "READ",
  );
  return isPublic ? "public-read" : "private";
}

export function parseCannedAcl(canned: string | readonly string[] | undefined): Acl {
  if (canned === undefined || canned === "private") return "private";
  if (canned === "public-read") return "public-read";
  throw new ApiError(400, "InvalidArgument", `The ACL "${canned}" is not supported: use private or public-read`);
}

export function viewAcl(cloud: Cloud, acl: Acl): Element {
  const owner = [tag("ID", cloud.account.uuid), tag("DisplayName", cloud.account.uuid)];
  const grant = (grantee: Element, permission: string) => tag("Grant", grantee, tag("Permission", permission));
  return tag(
    "AccessControlPolicy",
    tag("Owner", owner),
    tag(
      "AccessControlList",
      grant(tag("Grantee", owner, tag("Type", "CanonicalUser")), "FULL_CONTROL"),
      acl === "public-read" ? grant(tag("Grantee", tag("Type", "Group"), tag("URI", ALL_USERS)), "READ") : undefined,
    ),
  );
}

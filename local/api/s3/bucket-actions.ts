import { ApiError } from "../../cloud/core/api-error.ts";
import { changeBucket, createBucket, deleteBucket, deleteBucketRules, findBucket } from "../../cloud/spaces/buckets.ts";
import { deleteObject } from "../../cloud/spaces/objects.ts";
import { readAcl, viewAcl } from "./acl.ts";
import type { Actions, SpacesReply, SpacesRequest } from "./action.ts";
import { readXml } from "./body.ts";
import { listMultipartUploads, listObjects, listObjectVersions } from "./listings.ts";
import { child, children, type Element, parseXml, tag, textOf, writeXml } from "./xml.ts";

/** The actions on a bucket. If a request has several subresources, the first in this order applies. */
export const bucketActions: Actions = {
  "GET ?location": {
    permission: "read",
    run: ({ cloud, address }) => ({ xml: tag("LocationConstraint", findBucket(cloud, address.bucket).region) }),
  },

  "GET ?acl": { permission: "manage", run: ({ cloud, address }) => ({ xml: viewAcl(cloud, findBucket(cloud, address.bucket).acl) }) },
  "PUT ?acl": {
    permission: "manage",
    run: async ({ cloud, address, message }) => {
      findBucket(cloud, address.bucket);
      changeBucket(cloud, address.bucket, { acl: await readAcl(message) });
      return { status: 200 };
    },
  },

  "GET ?versioning": {
    permission: "read",
    run: ({ cloud, address }) => {
      const { versioning } = findBucket(cloud, address.bucket);
      return { xml: tag("VersioningConfiguration", versioning ? tag("Status", versioning) : undefined) };
    },
  },
  "PUT ?versioning": {
    permission: "manage",
    run: async ({ cloud, address, message }) => {
      const status = textOf(await readXml(message, "VersioningConfiguration"), "Status");
      if (status !== "Enabled" && status !== "Suspended") throw malformed("Status must be Enabled or Suspended");
      const isUnversioned = status === "Suspended" && findBucket(cloud, address.bucket).versioning === "";
      if (!isUnversioned) changeBucket(cloud, address.bucket, { versioning: status });
      return { status: 200 };
    },
  },

  ...rulesActions("lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration", checkLifecycle),
  ...rulesActions("cors", "CORSConfiguration", "NoSuchCORSConfiguration", checkCors),

  "GET ?versions": { permission: "read", run: listObjectVersions },
  "GET ?uploads": { permission: "read", run: listMultipartUploads },
  "POST ?delete": { permission: "write", run: deleteObjects },

  HEAD: {
    permission: "read",
    run: ({ cloud, address }) => {
      findBucket(cloud, address.bucket);
      return { status: 200 };
    },
  },
  GET: { permission: "read", run: listObjects },
  PUT: {
    permission: "manage",
    run: async ({ cloud, address, message }) => {
      createBucket(cloud, address.bucket, address.region, await readAcl(message, "CreateBucketConfiguration"));
      return { status: 200, headers: { location: `/${address.bucket}` } };
    },
  },
  DELETE: {
    permission: "manage",
    run: ({ cloud, address }) => {
      deleteBucket(cloud, address.bucket);
      return { status: 204 };
    },
  },
};

/** Rules are stored and returned as XML. */
function rulesActions(which: "lifecycle" | "cors", root: string, notFoundCode: string, check: (document: Element) => void): Actions {
  return {
    [`GET ?${which}`]: {
      permission: "read",
      run: ({ cloud, address }) => {
        const xml = findBucket(cloud, address.bucket)[which];
        if (!xml) throw new ApiError(404, notFoundCode, `The ${which} configuration does not exist`);
        return { xml: parseXml(xml, root) };
      },
    },
    [`PUT ?${which}`]: {
      permission: "manage",
      run: async ({ cloud, address, message }) => {
        findBucket(cloud, address.bucket);
        const document = await readXml(message, root);
        check(document);
        changeBucket(cloud, address.bucket, { [which]: writeXml(document) });
        return { status: 200 };
      },
    },
    [`DELETE ?${which}`]: {
      permission: "manage",
      run: ({ cloud, address }) => {
        deleteBucketRules(cloud, address.bucket, which);
        return { status: 204 };
      },
    },
  };
}

function checkLifecycle(document: Element): void {
  const rulesActions = children(document, "Rule");
  if (rulesActions.length === 0) throw malformed("a lifecycle needs at least one Rule");
  for (const rule of rulesActions) {
    if (!["Enabled", "Disabled"].includes(textOf(rule, "Status") ?? "")) throw malformed("a Rule's Status must be Enabled or Disabled");
    const days = textOf(child(rule, "Expiration") ?? rule, "Days");
    if (days !== undefined && !/^[1-9]\d*$/.test(days)) throw new ApiError(400, "InvalidArgument", "Days must be a positive number");
  }
}

function checkCors(document: Element): void {
  const rulesActions = children(document, "CORSRule");
  if (rulesActions.length === 0) throw malformed("a CORS configuration needs at least one CORSRule");
  for (const rule of rulesActions) {
    if (!child(rule, "AllowedMethod") || !child(rule, "AllowedOrigin"))
      throw malformed("a CORSRule needs an AllowedMethod and an AllowedOrigin");
  }
}

async function deleteObjects({ cloud, address, message }: SpacesRequest): Promise<SpacesReply> {
  findBucket(cloud, address.bucket);
  const document = await readXml(message, "Delete");
  const quiet = textOf(document, "Quiet") === "true";
  const objects = children(document, "Object");
  if (objects.length === 0 || objects.length > 1000) throw malformed("from 1 to 1000 objects can be deleted at once");
  const deleted: Element[] = [];
  for (const object of objects) {
    const key = child(object, "Key")?.text ?? "";
    const version = textOf(object, "VersionId");
    const deletedOrMarker = await deleteObject(cloud, address.bucket, key, version);
    const marker = deletedOrMarker && !deletedOrMarker.content;
    deleted.push(
      tag(
        "Deleted",
        tag("Key", key),
        version && tag("VersionId", version),
        marker ? [tag("DeleteMarker", true), tag("DeleteMarkerVersionId", deletedOrMarker.version)] : undefined,
      ),
    );
  }
  return { xml: tag("DeleteResult", quiet ? undefined : deleted) };
}

const malformed = (why: string) =>
  new ApiError(400, "MalformedXML", `The XML you provided did not validate against our published schema: ${why}`);

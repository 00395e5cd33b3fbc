import { ApiError } from "../../cloud/core/api-error.ts";
import { changeBucket, createBucket, deleteBucket, findBucket, forgetRules } from "../../cloud/spaces/buckets.ts";
import { deleteObject } from "../../cloud/spaces/objects.ts";
import { aclIn, viewAcl } from "./acl.ts";
import type { Actions, SpacesReply, SpacesRequest } from "./action.ts";
import { xmlOf } from "./body.ts";
import { listObjects, listObjectVersions, listUploadsUnderWay } from "./listings.ts";
import { child, children, type Element, parseXml, tag, textOf, writeXml } from "./xml.ts";

/** What can be done with a bucket. The order decides where several parameters are there. */
export const bucketActions: Actions = {
  "GET ?location": {
    needs: "read",
    run: ({ cloud, address }) => ({ xml: tag("LocationConstraint", findBucket(cloud, address.bucket).region) }),
  },

  "GET ?acl": { needs: "manage", run: ({ cloud, address }) => ({ xml: viewAcl(cloud, findBucket(cloud, address.bucket).acl) }) },
  "PUT ?acl": {
    needs: "manage",
    run: async ({ cloud, address, message }) => {
      findBucket(cloud, address.bucket);
      changeBucket(cloud, address.bucket, { acl: await aclIn(message) });
      return { status: 200 };
    },
  },

  "GET ?versioning": {
    needs: "read",
    run: ({ cloud, address }) => {
      const { versioning } = findBucket(cloud, address.bucket);
      return { xml: tag("VersioningConfiguration", versioning ? tag("Status", versioning) : undefined) };
    },
  },
  "PUT ?versioning": {
    needs: "manage",
    run: async ({ cloud, address, message }) => {
      const status = textOf(await xmlOf(message, "VersioningConfiguration"), "Status");
      if (status !== "Enabled" && status !== "Suspended") throw malformed("Status must be Enabled or Suspended");
      const never = status === "Suspended" && findBucket(cloud, address.bucket).versioning === "";
      if (!never) changeBucket(cloud, address.bucket, { versioning: status });
      return { status: 200 };
    },
  },

  ...rules("lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration", checkLifecycle),
  ...rules("cors", "CORSConfiguration", "NoSuchCORSConfiguration", checkCors),

  "GET ?versions": { needs: "read", run: listObjectVersions },
  "GET ?uploads": { needs: "read", run: listUploadsUnderWay },
  "POST ?delete": { needs: "write", run: deleteSeveral },

  HEAD: {
    needs: "read",
    run: ({ cloud, address }) => {
      findBucket(cloud, address.bucket);
      return { status: 200 };
    },
  },
  GET: { needs: "read", run: listObjects },
  PUT: {
    needs: "manage",
    run: async ({ cloud, address, message }) => {
      createBucket(cloud, address.bucket, address.region, await aclIn(message, "CreateBucketConfiguration"));
      return { status: 200, headers: { location: `/${address.bucket}` } };
    },
  },
  DELETE: {
    needs: "manage",
    run: ({ cloud, address }) => {
      deleteBucket(cloud, address.bucket);
      return { status: 204 };
    },
  },
};

/** Rules are kept as XML and given back. */
function rules(which: "lifecycle" | "cors", root: string, missing: string, check: (document: Element) => void): Actions {
  return {
    [`GET ?${which}`]: {
      needs: "read",
      run: ({ cloud, address }) => {
        const kept = findBucket(cloud, address.bucket)[which];
        if (!kept) throw new ApiError(404, missing, `The ${which} configuration does not exist`);
        return { xml: parseXml(kept, root) };
      },
    },
    [`PUT ?${which}`]: {
      needs: "manage",
      run: async ({ cloud, address, message }) => {
        findBucket(cloud, address.bucket);
        const document = await xmlOf(message, root);
        check(document);
        changeBucket(cloud, address.bucket, { [which]: writeXml(document) });
        return { status: 200 };
      },
    },
    [`DELETE ?${which}`]: {
      needs: "manage",
      run: ({ cloud, address }) => {
        forgetRules(cloud, address.bucket, which);
        return { status: 204 };
      },
    },
  };
}

function checkLifecycle(document: Element): void {
  const rules = children(document, "Rule");
  if (rules.length === 0) throw malformed("a lifecycle needs at least one Rule");
  for (const rule of rules) {
    if (!["Enabled", "Disabled"].includes(textOf(rule, "Status") ?? "")) throw malformed("a Rule's Status must be Enabled or Disabled");
    const days = textOf(child(rule, "Expiration") ?? rule, "Days");
    if (days !== undefined && !/^[1-9]\d*$/.test(days)) throw new ApiError(400, "InvalidArgument", "Days must be a positive number");
  }
}

function checkCors(document: Element): void {
  const rules = children(document, "CORSRule");
  if (rules.length === 0) throw malformed("a CORS configuration needs at least one CORSRule");
  for (const rule of rules) {
    if (!child(rule, "AllowedMethod") || !child(rule, "AllowedOrigin"))
      throw malformed("a CORSRule needs an AllowedMethod and an AllowedOrigin");
  }
}

async function deleteSeveral({ cloud, address, message }: SpacesRequest): Promise<SpacesReply> {
  findBucket(cloud, address.bucket);
  const ask = await xmlOf(message, "Delete");
  const quiet = textOf(ask, "Quiet") === "true";
  const asked = children(ask, "Object");
  if (asked.length === 0 || asked.length > 1000) throw malformed("from 1 to 1000 objects can be deleted at once");
  const deleted: Element[] = [];
  for (const object of asked) {
    const key = child(object, "Key")?.text ?? "";
    const version = textOf(object, "VersionId");
    const left = await deleteObject(cloud, address.bucket, key, version);
    const marker = left && !left.content;
    deleted.push(
      tag(
        "Deleted",
        tag("Key", key),
        version && tag("VersionId", version),
        marker ? [tag("DeleteMarker", true), tag("DeleteMarkerVersionId", left.version)] : undefined,
      ),
    );
  }
  return { xml: tag("DeleteResult", quiet ? undefined : deleted) };
}

const malformed = (why: string) =>
  new ApiError(400, "MalformedXML", `The XML you provided did not validate against our published schema: ${why}`);

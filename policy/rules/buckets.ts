import type { Policies } from "@pulumi/policy";
import { list, policy } from "./rule.ts";

const BUCKET = "digitalocean:index/spacesBucket:SpacesBucket";
const CORS = "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration";
const KEY = "digitalocean:index/spacesKey:SpacesKey";

export const bucketPolicies: Policies = [
  policy({
    name: "bucket-private",
    description: "A bucket is private.",
    type: BUCKET,
    check({ acl }, report) {
      if (acl !== undefined && acl !== "private") report(`acl is "${acl}": anyone can read its objects. Write "private".`);
    },
  }),
  policy({
    name: "bucket-kept",
    description: "A bucket keeps old versions, and is not deleted with its objects.",
    type: BUCKET,
    check({ versioning, forceDestroy }, report) {
      if (versioning?.enabled !== true) report("versioning is off: overwritten and deleted objects are lost.");
      if (forceDestroy === true) report("forceDestroy is true: a destroy deletes every object.");
    },
  }),
  policy({
    name: "bucket-cors-limited",
    description: "Browsers reach a bucket only from pages of named addresses.",
    type: CORS,
    check({ corsRules }, report) {
      for (const [index, { allowedOrigins }] of list(corsRules).entries()) {
        for (const origin of list(allowedOrigins) as readonly unknown[])
          if (typeof origin === "string" && origin.includes("*"))
            report(`corsRules[${index}] allows the origin "${origin}": name the address of each site.`);
      }
    },
  }),
  policy({
    name: "bucket-key-limited",
    description: "A key grants access to named buckets, never to all buckets of the account.",
    type: KEY,
    check({ grants }, report) {
      for (const [index, { bucket, permission }] of list(grants).entries()) {
        if (!bucket || permission === "fullaccess")
          report(`grants[${index}] grants access to every bucket of the account: name one bucket.`);
      }
    },
  }),
];

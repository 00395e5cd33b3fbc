import type { Policies } from "@pulumi/policy";
import { list, policy } from "./rule.ts";

const BUCKET = "digitalocean:index/spacesBucket:SpacesBucket";
const KEY = "digitalocean:index/spacesKey:SpacesKey";

export const bucketPolicies: Policies = [
  policy({
    name: "bucket-private",
    description: "A bucket is private.",
    type: BUCKET,
    check({ acl }, report) {
      if (acl !== undefined && acl !== "private") report(`acl is "${acl}": everybody may read what is in it. Write "private".`);
    },
  }),
  policy({
    name: "bucket-kept",
    description: "A bucket keeps old versions, and is not deleted with what is in it.",
    type: BUCKET,
    check({ versioning, forceDestroy }, report) {
      if (versioning?.enabled !== true) report("versioning is off: what is overwritten or deleted is gone.");
      if (forceDestroy === true) report("forceDestroy is true: a destroy deletes everything in it.");
    },
  }),
  policy({
    name: "bucket-key-limited",
    description: "A key opens named buckets, never all of the account's.",
    type: KEY,
    check({ grants }, report) {
      for (const [index, { bucket, permission }] of list(grants).entries()) {
        if (!bucket || permission === "fullaccess")
          report(`grants[${index}] opens every bucket of the account: name the one that it is for.`);
      }
    },
  }),
];

/** What every bucket of this package has in common: private, versioned, without leftovers, and a key that opens nothing else. */
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { printable } from "../catalog/problem.ts";
import { spacesNear, spacesRegions } from "../catalog/regions.ts";
import type { Check } from "./errors.ts";
import { Guard } from "./guard.ts";
import { child } from "./names.ts";
import { type Transform, transformed } from "./transform.ts";

/** All that an S3 client needs. */
export interface SpacesTarget {
  readonly bucket: pulumi.Output<string>;
  readonly region: string;
  /** https://<region>.digitaloceanspaces.com */
  readonly endpoint: string;
  readonly accessKey: pulumi.Output<string>;
  /** Always secret. */
  readonly secretKey: pulumi.Output<string>;
}

export interface SpacesTransforms {
  bucket?: Transform<digitalocean.SpacesBucketArgs>;
  key?: Transform<digitalocean.SpacesKeyArgs>;
}

export interface PrivateBucketArgs {
  readonly component: string;
  /** Distinguishes the buckets of a component that has several. */
  readonly key?: string;
  readonly region: string;
  readonly bucketName: string;
  readonly deletedKeptDays: number;
  readonly transform: SpacesTransforms;
  /** The day of the last rotation of the key: another day creates a new one. "never": it was not rotated. */
  readonly rotated: string;
  /** Apps get it as a variable whose name says that it is a secret, so it must be one. @default only the secret key is encrypted */
  readonly encryptsAccessKey?: boolean;
}

export interface PrivateBucket {
  readonly bucket: digitalocean.SpacesBucket;
  readonly key: digitalocean.SpacesKey;
  readonly target: SpacesTarget;
}

export const DELETED_KEPT_DAYS = 30;

export function createPrivateBucket(
  { component, key: kind, region, bucketName, deletedKeptDays, transform, rotated, encryptsAccessKey = false }: PrivateBucketArgs,
  opts: Required<Pick<pulumi.CustomResourceOptions, "parent" | "protect">>,
): PrivateBucket {
  const bucket = new digitalocean.SpacesBucket(
    child(component, "bucket", kind),
    transformed<digitalocean.SpacesBucketArgs>(
      {
        name: bucketName,
        region,
        acl: "private",
        forceDestroy: false,
        versioning: { enabled: true },
        lifecycleRules: [
          {
            // Without an id the provider makes one up on every change.
            id: "leftovers",
            enabled: true,
            abortIncompleteMultipartUploadDays: 1,
            noncurrentVersionExpiration: { days: deletedKeptDays },
          },
        ],
      },
      transform.bucket,
    ),
    // The provider takes a new name for a change in place, sends nothing, and looks for a bucket that is not there.
    { ...opts, replaceOnChanges: ["name"] },
  );
  const keyName = child(component, "key", kind);
  const key = new digitalocean.SpacesKey(
    keyName,
    transformed<digitalocean.SpacesKeyArgs>(
      { name: rotated === "never" ? keyName : `${keyName}-${rotated}`, grants: [{ bucket: bucket.name, permission: "readwrite" }] },
      transform.key,
    ),
    {
      parent: opts.parent,
      // A rotation replaces it, which `protect` would refuse. The guard depends on it instead.
      protect: false,
      // The new key is created first, then the apps get it, and the old one is deleted last. In place, the provider would only rename the key.
      replaceOnChanges: ["name"],
      ...(encryptsAccessKey && { additionalSecretOutputs: ["accessKey"] }),
    },
  );
  new Guard(child(component, "guard", kind), [key], opts);
  const target = {
    bucket: bucket.name,
    region,
    endpoint: `https://${region}.digitaloceanspaces.com`,
    accessKey: key.accessKey,
    secretKey: pulumi.secret(key.secretKey),
  };
  return { bucket, key, target };
}

export function spacesRegionProblem(path: string, region: string): Check {
  if (spacesRegions().includes(region)) return undefined;
  return {
    path,
    given: printable(region),
    problem: `there are no Spaces in this region; the nearest is "${spacesNear(region)}"`,
    allowed: spacesRegions().join(", "),
  };
}

export function deletedKeptDaysProblem(days: number): Check {
  if (Number.isInteger(days) && days >= 1) return undefined;
  return { path: "deletedKeptDays", given: String(days), allowed: "whole days, 1 or more" };
}

/**
 * Where backups go: a private bucket, a second one in another region, and for each of them a key that opens nothing else.
 *
 * Cost: the Spaces subscription, which holds any number of buckets, and storage and traffic beyond it. A change of a bucket's name or region replaces
 * it; `protect` refuses that. Which backup is kept is for the code that writes them to count, not for a lifecycle rule to date: a pause deletes nothing.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { NAMES } from "../catalog/limits.ts";
import { printable } from "../catalog/problem.ts";
import { spacesNear, spacesRegions } from "../catalog/regions.ts";
import { type Check, throwIfProblems } from "./errors.ts";
import { BACKUPS, child } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { type Transform, transformed } from "./transform.ts";

export interface BackupsArgs {
  /** A region with Spaces: `nyc3`, also for databases in nyc1. */
  region: string;
  /** Another region, for the copy that survives the first. @default no second bucket */
  offsiteRegion?: string;
  /** Unique among everybody's buckets: 3 to 55 characters of a-z, 0-9 and "-". The second bucket adds "-offsite". */
  bucketName: string;
  /** For how long a deleted or overwritten backup can be brought back; after that it stops costing. @default 30 */
  deletedKeptDays?: number;
  /** Whether deleting or replacing a bucket or a key is refused. Even without, only an empty bucket can go. @default true */
  protect?: boolean;
  /** The way around an opinion of this component. */
  transform?: { bucket?: Transform<digitalocean.SpacesBucketArgs>; key?: Transform<digitalocean.SpacesKeyArgs> };
}

/** All that an S3 client needs. */
export interface BackupTarget {
  readonly bucket: pulumi.Output<string>;
  readonly region: string;
  /** https://<region>.digitaloceanspaces.com */
  readonly endpoint: string;
  readonly accessKey: pulumi.Output<string>;
  /** Always secret. */
  readonly secretKey: pulumi.Output<string>;
}

export class Backups extends pulumi.ComponentResource implements BackupTarget {
  readonly bucket: pulumi.Output<string>;
  readonly region: string;
  /** https://<region>.digitaloceanspaces.com */
  readonly endpoint: string;
  readonly accessKey: pulumi.Output<string>;
  /** Always secret. */
  readonly secretKey: pulumi.Output<string>;
  /** For ProjectResources: do:space:<name>, of every bucket. */
  readonly bucketUrns: readonly pulumi.Output<string>[];
  /** The second location, with a key of its own: one stolen key cannot delete both copies. */
  readonly offsite?: BackupTarget;
  readonly nodes: {
    readonly bucket: digitalocean.SpacesBucket;
    readonly key: digitalocean.SpacesKey;
    readonly offsiteBucket?: digitalocean.SpacesBucket;
    readonly offsiteKey?: digitalocean.SpacesKey;
  };

  constructor(name: string, args: BackupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BACKUPS, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(args));
    const { region, offsiteRegion, bucketName, deletedKeptDays = 30, protect = true, transform = {} } = args;

    const primary = createPlace("primary", region, bucketName);
    const offsite = offsiteRegion === undefined ? undefined : createPlace("offsite", offsiteRegion, offsiteName(bucketName));

    this.bucket = primary.target.bucket;
    this.region = region;
    this.endpoint = primary.target.endpoint;
    this.accessKey = primary.target.accessKey;
    this.secretKey = primary.target.secretKey;
    this.bucketUrns = [primary, ...(offsite === undefined ? [] : [offsite])].map((place) => place.bucket.bucketUrn);
    if (offsite !== undefined) this.offsite = offsite.target;
    this.nodes = {
      bucket: primary.bucket,
      key: primary.key,
      ...(offsite === undefined ? {} : { offsiteBucket: offsite.bucket, offsiteKey: offsite.key }),
    };
    this.registerOutputs({ bucketUrns: this.bucketUrns });

    function createPlace(kind: string, where: string, physicalName: string) {
      const bucket = createBucket(kind, where, physicalName);
      const key = createKey(kind, bucket);
      const target: BackupTarget = {
        bucket: bucket.name,
        region: where,
        endpoint: `https://${where}.digitaloceanspaces.com`,
        accessKey: key.accessKey,
        secretKey: pulumi.secret(key.secretKey),
      };
      return { bucket, key, target };
    }

    function createBucket(kind: string, where: string, physicalName: string): digitalocean.SpacesBucket {
      return new digitalocean.SpacesBucket(
        child(name, "bucket", kind),
        transformed<digitalocean.SpacesBucketArgs>(
          {
            name: physicalName,
            region: where,
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
        { parent, protect, replaceOnChanges: ["name"] },
      );
    }

    function createKey(kind: string, bucket: digitalocean.SpacesBucket): digitalocean.SpacesKey {
      return new digitalocean.SpacesKey(
        child(name, "key", kind),
        transformed<digitalocean.SpacesKeyArgs>(
          { name: child(name, "key", kind), grants: [{ bucket: bucket.name, permission: "readwrite" }] },
          transform.key,
        ),
        { parent, protect },
      );
    }
  }
}

function problemsOf({ region, offsiteRegion, bucketName, deletedKeptDays = 30 }: BackupsArgs): Check[] {
  return [
    regionProblem("region", region),
    offsiteRegion === undefined ? undefined : regionProblem("offsiteRegion", offsiteRegion),
    offsiteRegion === region
      ? {
          path: "offsiteRegion",
          given: printable(region),
          problem: "region is the same, and a copy there is lost together with the first",
          fix: "Name another region, or leave it out.",
        }
      : undefined,
    NAMES.bucket.pattern.test(bucketName) && NAMES.bucket.pattern.test(offsiteName(bucketName))
      ? undefined
      : { path: "bucketName", given: printable(bucketName), allowed: `${NAMES.bucket.description}, including "${offsiteName("")}"` },
    Number.isInteger(deletedKeptDays) && deletedKeptDays >= 1
      ? undefined
      : { path: "deletedKeptDays", given: String(deletedKeptDays), allowed: "whole days, 1 or more" },
  ];
}

function offsiteName(bucketName: string): string {
  return `${bucketName}-offsite`;
}

function regionProblem(path: string, region: string): Check {
  if (spacesRegions().includes(region)) return undefined;
  return {
    path,
    given: printable(region),
    problem: `there are no Spaces in this region; the nearest is "${spacesNear(region)}"`,
    allowed: spacesRegions().join(", "),
  };
}

/**
 * Where backups go: a private bucket, a second one in another region, and for each of them a key that opens nothing else.
 *
 * Cost: the Spaces subscription, which holds any number of buckets, and storage and traffic beyond it. A change of a bucket's name or region replaces
 * it; `protect` refuses that. Which backup is kept is for the code that writes them to count, not for a lifecycle rule to date: a pause deletes nothing.
 */

import type * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { offsiteBucketOf } from "../catalog/backup-buckets.ts";
import { NAMES } from "../catalog/limits.ts";
import { printable } from "../catalog/problem.ts";
import { type Check, throwIfProblems } from "./errors.ts";
import { BACKUPS } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { rotatedProblem } from "./rotated.ts";
import {
  createPrivateBucket,
  DELETED_KEPT_DAYS,
  deletedKeptDaysProblem,
  type SpacesTarget,
  type SpacesTransforms,
  spacesRegionProblem,
} from "./spaces.ts";

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
  /** The day of the last rotation of the keys: another day creates new ones. @default "never" @example "2026-11-01" */
  rotated?: string;
  /** The way around an opinion of this component. */
  transform?: SpacesTransforms;
}

export type BackupTarget = SpacesTarget;

export interface BackupCopy {
  /** s3://<bucket>?region=<region> */
  readonly url: pulumi.Output<string>;
  /** Always secret. */
  readonly key: pulumi.Output<string>;
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
  /** Where `slipway backup` stores its copies, and the key of each: <access key>:<secret key>. The primary one first. */
  readonly copies: readonly BackupCopy[];
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
    const {
      region,
      offsiteRegion,
      bucketName,
      deletedKeptDays = DELETED_KEPT_DAYS,
      protect = true,
      rotated = "never",
      transform = {},
    } = args;

    const primary = createPlace("primary", region, bucketName);
    const offsite = offsiteRegion === undefined ? undefined : createPlace("offsite", offsiteRegion, offsiteBucketOf(bucketName));

    this.bucket = primary.target.bucket;
    this.region = region;
    this.endpoint = primary.target.endpoint;
    this.accessKey = primary.target.accessKey;
    this.secretKey = primary.target.secretKey;
    this.bucketUrns = [primary, ...(offsite === undefined ? [] : [offsite])].map((place) => place.bucket.bucketUrn);
    if (offsite !== undefined) this.offsite = offsite.target;
    this.copies = [primary, ...(offsite === undefined ? [] : [offsite])].map(({ target }) => copyIn(target));
    this.nodes = {
      bucket: primary.bucket,
      key: primary.key,
      ...(offsite === undefined ? {} : { offsiteBucket: offsite.bucket, offsiteKey: offsite.key }),
    };
    this.registerOutputs({ bucketUrns: this.bucketUrns });

    function createPlace(key: string, where: string, physicalName: string) {
      return createPrivateBucket(
        { component: name, key, region: where, bucketName: physicalName, deletedKeptDays, transform, rotated },
        { parent, protect },
      );
    }
  }
}

function copyIn({ bucket, region, accessKey, secretKey }: SpacesTarget): BackupCopy {
  const local = localApi();
  const endpoint = local === undefined ? "" : `&endpoint=${encodeURIComponent(local)}`;
  return {
    url: bucket.apply((name) => `s3://${name}?region=${region}${endpoint}`),
    key: pulumi.secret(pulumi.all([accessKey, secretKey]).apply((parts) => parts.join(":"))),
  };
}

/** The address of slipway's own API on this machine, which serves buckets as well, if the provider is configured with it. */
function localApi(): string | undefined {
  const endpoint = new pulumi.Config("digitalocean").get("apiEndpoint");
  return endpoint !== undefined && ["127.0.0.1", "localhost", "[::1]"].includes(URL.parse(endpoint)?.hostname ?? "") ? endpoint : undefined;
}

function problemsOf({ region, offsiteRegion, bucketName, deletedKeptDays = DELETED_KEPT_DAYS, rotated = "never" }: BackupsArgs): Check[] {
  return [
    spacesRegionProblem("region", region),
    offsiteRegion === undefined ? undefined : spacesRegionProblem("offsiteRegion", offsiteRegion),
    offsiteRegion === region
      ? {
          path: "offsiteRegion",
          given: printable(region),
          problem: "region is the same, and a copy there is lost together with the first",
          fix: "Name another region, or leave it out.",
        }
      : undefined,
    NAMES.bucket.pattern.test(bucketName) && NAMES.bucket.pattern.test(offsiteBucketOf(bucketName))
      ? undefined
      : { path: "bucketName", given: printable(bucketName), allowed: `${NAMES.bucket.description}, including "${offsiteBucketOf("")}"` },
    deletedKeptDaysProblem(deletedKeptDays),
    rotatedProblem(rotated),
  ];
}

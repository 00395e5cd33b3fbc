/**
 * A place for an app's files: one private bucket, one key that opens nothing else, and the addresses whose pages may use presigned URLs.
 *
 * Cost: storage and traffic beyond what the Spaces subscription includes. A change of the name or the region replaces the bucket; `protect` refuses that.
 */
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { NAMES } from "../catalog/limits.ts";
import { printable } from "../catalog/problem.ts";
import { type Check, programError, throwIfProblems } from "./errors.ts";
import { BUCKET, child } from "./names.ts";
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
import { type Transform, transformed } from "./transform.ts";

export interface BucketArgs {
  /** A region with Spaces: `nyc3`, also for databases in nyc1. */
  region: string;
  /** Unique among the buckets of all customers: 3 to 63 characters of a-z, 0-9 and "-". */
  bucketName: string;
  /** What browsers may do, from the pages of these addresses only. @default no browser request is allowed */
  cors?: BucketCors;
  /** Serves objects through DigitalOcean's CDN. An object is public only if it is written with the ACL public-read. @default false */
  cdn?: boolean;
  /** For how many days deleted and overwritten objects can be restored. @default 30 */
  deletedKeptDays?: number;
  /** The day of the last rotation of the key: another day creates a new one. @default "never" @example "2026-11-01" */
  rotated?: string;
  /** Whether deleting or replacing the bucket or its key is refused. Even without, only an empty bucket can be deleted. @default true */
  protect?: boolean;
  /** Sets inputs that have no argument. */
  transform?: SpacesTransforms & {
    cors?: Transform<digitalocean.SpacesBucketCorsConfigurationArgs>;
    cdn?: Transform<digitalocean.CdnArgs>;
  };
}

export interface BucketCors {
  /** `https://shop.example.com`, without a path and without "*". */
  origins: readonly pulumi.Input<string>[];
  methods: readonly ("GET" | "HEAD" | "PUT" | "POST" | "DELETE")[];
}

/** What S3 clients in browsers send with presigned URLs. */
const HEADERS = [
  ...["cache-control", "content-disposition", "content-encoding", "content-md5", "content-type"],
  ...["if-match", "if-none-match", "range", "x-amz-*"],
];
/** What a page needs for multipart uploads and for later versions. */
const EXPOSED = ["ETag", "x-amz-version-id"];
const PREFLIGHT_SECONDS = 3600;

export class Bucket extends pulumi.ComponentResource implements SpacesTarget {
  readonly bucket: pulumi.Output<string>;
  readonly region: string;
  /** https://<region>.digitaloceanspaces.com */
  readonly endpoint: string;
  /** Always secret, as is the secret key. */
  readonly accessKey: pulumi.Output<string>;
  readonly secretKey: pulumi.Output<string>;
  /** For ProjectResources: do:space:<name>. */
  readonly bucketUrn: pulumi.Output<string>;
  /** The address of the CDN; absent without one. */
  readonly cdnUrl?: pulumi.Output<string>;
  readonly nodes: {
    readonly bucket: digitalocean.SpacesBucket;
    readonly key: digitalocean.SpacesKey;
    readonly cors?: digitalocean.SpacesBucketCorsConfiguration;
    readonly cdn?: digitalocean.Cdn;
  };

  constructor(name: string, args: BucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BUCKET, name, {}, opts);
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(args));
    const {
      region,
      bucketName,
      cors,
      cdn = false,
      deletedKeptDays = DELETED_KEPT_DAYS,
      protect = true,
      rotated = "never",
      transform = {},
    } = args;
    const options = { parent: this, protect };

    const { bucket, key, target } = createPrivateBucket(
      { component: name, region, bucketName, deletedKeptDays, transform, rotated, encryptsAccessKey: true },
      options,
    );
    const corsNode = cors === undefined ? undefined : createCors(cors);
    const cdnNode = cdn ? createCdn() : undefined;

    this.bucket = target.bucket;
    this.region = region;
    this.endpoint = target.endpoint;
    this.accessKey = target.accessKey;
    this.secretKey = target.secretKey;
    this.bucketUrn = bucket.bucketUrn;
    if (cdnNode !== undefined) this.cdnUrl = pulumi.interpolate`https://${cdnNode.endpoint}`;
    this.nodes = {
      bucket,
      key,
      ...(corsNode === undefined ? {} : { cors: corsNode }),
      ...(cdnNode === undefined ? {} : { cdn: cdnNode }),
    };
    this.registerOutputs({ bucketUrn: this.bucketUrn });

    function createCors({ origins, methods }: BucketCors) {
      return new digitalocean.SpacesBucketCorsConfiguration(
        child(name, "cors"),
        transformed<digitalocean.SpacesBucketCorsConfigurationArgs>(
          {
            bucket: bucket.name,
            region,
            corsRules: [
              {
                allowedOrigins: origins.map(refuseEveryOrigin),
                allowedMethods: [...methods],
                allowedHeaders: HEADERS,
                exposeHeaders: EXPOSED,
                maxAgeSeconds: PREFLIGHT_SECONDS,
              },
            ],
          },
          transform.cors,
        ),
        options,
      );
    }

    function createCdn() {
      return new digitalocean.Cdn(
        child(name, "cdn"),
        transformed<digitalocean.CdnArgs>({ origin: bucket.bucketDomainName }, transform.cdn),
        options,
      );
    }

    function refuseEveryOrigin(origin: pulumi.Input<string>): pulumi.Input<string> {
      if (typeof origin === "string") return origin;
      return pulumi.output(origin).apply((known) => {
        if (!known.includes("*")) return known;
        throw programError(`${name}: cors.origins contains ${printable(known)}: only pages of named addresses may reach a private bucket.`);
      });
    }
  }
}

function problemsOf({ region, bucketName, cors, deletedKeptDays = DELETED_KEPT_DAYS, rotated = "never" }: BucketArgs): Check[] {
  return [
    spacesRegionProblem("region", region),
    NAMES.bucket.pattern.test(bucketName)
      ? undefined
      : { path: "bucketName", given: printable(bucketName), allowed: NAMES.bucket.description },
    deletedKeptDaysProblem(deletedKeptDays),
    rotatedProblem(rotated),
    ...(cors?.origins ?? []).map(
      (origin, index): Check =>
        typeof origin !== "string" || isOrigin(origin)
          ? undefined
          : {
              path: `cors.origins[${index}]`,
              given: printable(origin),
              problem: "only pages of named addresses may reach a private bucket",
              allowed: "https://<host>, without a path",
            },
    ),
  ];
}

/** http is for apps on loopback. */
function isOrigin(text: string): boolean {
  return /^https?:\/\/[a-z0-9.-]+(:\d+)?$/.test(text);
}

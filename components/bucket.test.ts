import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Secret, Unknown } from "../engine/plan.ts";
import { Bucket, type BucketArgs } from "./bucket.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

const ARGS: BucketArgs = { region: "nyc3", bucketName: "shop-uploads" };
const CORS: NonNullable<BucketArgs["cors"]> = { origins: ["https://shop.example.com"], methods: ["GET", "PUT"] };

const make = (args: BucketArgs) => () => void new Bucket("uploads", args);

describe.each(MOMENTS)("a bucket, %s", (moment) => {
  it("is private, keeps old versions for 30 days, and is not deleted with its objects", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(listed(plan).sort()).toEqual(["Bucket uploads", "Guard uploads-guard", "SpacesBucket uploads-bucket", "SpacesKey uploads-key"]);
    expect(find(plan, "SpacesBucket uploads-bucket").inputs).toEqual({
      name: "shop-uploads",
      region: "nyc3",
      acl: "private",
      forceDestroy: false,
      versioning: { enabled: true },
      lifecycleRules: [
        { id: "leftovers", enabled: true, abortIncompleteMultipartUploadDays: 1, noncurrentVersionExpiration: { days: 30 } },
      ],
    });
    expect(find(plan, "SpacesBucket uploads-bucket").options).toMatchObject({ protect: true, replaceOnChanges: ["name"] });
  });

  it("has one key, which can access this bucket only and of which both parts are secret", async () => {
    const { plan, outputs } = await recorded(() => {
      const { bucket, region, endpoint, accessKey, secretKey, bucketUrn } = new Bucket("uploads", ARGS);
      return { bucket, region, endpoint, accessKey, secretKey, bucketUrn };
    }, moment);
    const known = moment === "after an up";
    expect(find(plan, "SpacesKey uploads-key").inputs.grants).toEqual([{ bucket: "shop-uploads", permission: "readwrite" }]);
    // A rotation replaces the key; the guard, which depends on it, is protected.
    expect(find(plan, "SpacesKey uploads-key").options).toMatchObject({ protect: false, replaceOnChanges: ["name"] });
    expect(find(plan, "Guard uploads-guard").options).toMatchObject({ protect: true });
    expect(outputs).toEqual({
      bucket: "shop-uploads",
      region: "nyc3",
      endpoint: "https://nyc3.digitaloceanspaces.com",
      accessKey: new Secret(known ? "uploads-key-access" : new Unknown()),
      secretKey: new Secret(known ? "uploads-key-secret" : new Unknown()),
      bucketUrn: known ? "do:space:shop-uploads" : new Unknown(),
    });
    expect(Object.keys(find(plan, "Bucket uploads").outputs ?? {})).toEqual(["bucketUrn"]);
  });

  it("allows browsers only from the named addresses, of which one may become known later", async () => {
    const { plan } = await recorded(() => {
      const [address, resolve] = pulumi.deferredOutput<string>();
      new Bucket("uploads", { ...ARGS, cors: { ...CORS, origins: ["https://shop.example.com", address] } });
      resolve(pulumi.output("https://shop-x1.ondigitalocean.app"));
    }, moment);
    const { inputs, options } = find(plan, "SpacesBucketCorsConfiguration uploads-cors");
    expect(inputs).toMatchObject({
      bucket: "shop-uploads",
      region: "nyc3",
      corsRules: [
        {
          allowedOrigins: ["https://shop.example.com", "https://shop-x1.ondigitalocean.app"],
          allowedMethods: ["GET", "PUT"],
          exposeHeaders: ["ETag", "x-amz-version-id"],
        },
      ],
    });
    expect(options.protect).toBe(true);
  });
});

describe("a bucket", () => {
  it("has a CDN only on request", async () => {
    const { plan, outputs } = await recorded(() => ({ url: new Bucket("uploads", { ...ARGS, cdn: true }).cdnUrl }), "after an up");
    expect(find(plan, "Cdn uploads-cdn").inputs).toEqual({ origin: "shop-uploads.spaces.test" });
    expect(outputs.url).toBe("https://uploads-cdn.cdn.test");
  });

  it("is unprotected on request, and then still not emptied", async () => {
    const { plan } = await recorded(make({ ...ARGS, protect: false, deletedKeptDays: 7 }));
    const { options, inputs } = find(plan, "SpacesBucket uploads-bucket");
    expect(options.protect ?? false).toBe(false);
    expect(inputs).toMatchObject({ forceDestroy: false, lifecycleRules: [{ noncurrentVersionExpiration: { days: 7 } }] });
  });

  it("takes the inputs of a transform", async () => {
    const transform: BucketArgs["transform"] = { key: { name: "mine" }, cors: (inputs) => Object.assign(inputs, { region: "ams3" }) };
    const { plan } = await recorded(make({ ...ARGS, cors: CORS, transform }));
    expect(find(plan, "SpacesKey uploads-key").inputs.name).toBe("mine");
    expect(find(plan, "SpacesBucketCorsConfiguration uploads-cors").inputs.region).toBe("ams3");
  });

  it.each([
    ["a region without Spaces", { region: "nyc1" }, 'region is "nyc1": there are no Spaces in this region; the nearest is "nyc3".'],
    ["a name in capitals", { bucketName: "Shop" }, 'bucketName is "Shop". Allowed: 3 to 63 characters'],
    ["no days", { deletedKeptDays: 0 }, "deletedKeptDays is 0."],
    ["every origin", { cors: { ...CORS, origins: ["*"] } }, 'cors.origins[0] is "*": only pages of named addresses'],
    ["an origin with a path", { cors: { ...CORS, origins: ["https://a.example/x"] } }, "cors.origins[0] is"],
  ])("refuses %s", async (_, args, text) => {
    expect(await refusal(make({ ...ARGS, ...args }))).toContain(text);
  });
});

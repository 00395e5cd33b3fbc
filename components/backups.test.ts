import { describe, expect, it } from "vitest";
import { Secret, Unknown } from "../engine/plan.ts";
import { record } from "../engine/record.ts";
import { Backups, type BackupsArgs } from "./backups.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

const ARGS: BackupsArgs = { region: "nyc3", offsiteRegion: "sfo3", bucketName: "shop-backups" };

const make = (args: BackupsArgs) => () => void new Backups("keep", args);

describe.each(MOMENTS)("backups, %s", (moment) => {
  it("go to two places, each with a key that opens nothing else", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(listed(plan).sort()).toEqual([
      "Backups keep",
      "Guard keep-guard-offsite",
      "Guard keep-guard-primary",
      "SpacesBucket keep-bucket-offsite",
      "SpacesBucket keep-bucket-primary",
      "SpacesKey keep-key-offsite",
      "SpacesKey keep-key-primary",
    ]);
    expect(find(plan, "SpacesKey keep-key-primary").inputs).toEqual({
      name: "keep-key-primary",
      grants: [{ bucket: "shop-backups", permission: "readwrite" }],
    });
    expect(find(plan, "SpacesKey keep-key-offsite").inputs.grants).toEqual([{ bucket: "shop-backups-offsite", permission: "readwrite" }]);
    expect(find(plan, "SpacesBucket keep-bucket-offsite").inputs).toMatchObject({ name: "shop-backups-offsite", region: "sfo3" });
  });

  it("lie in a private bucket that keeps what is overwritten, dates nothing, and is not deleted with its content", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(find(plan, "SpacesBucket keep-bucket-primary").inputs).toEqual({
      name: "shop-backups",
      region: "nyc3",
      acl: "private",
      forceDestroy: false,
      versioning: { enabled: true },
      lifecycleRules: [
        { id: "leftovers", enabled: true, abortIncompleteMultipartUploadDays: 1, noncurrentVersionExpiration: { days: 30 } },
      ],
    });
    for (const bucket of ["primary", "offsite"])
      expect(find(plan, `SpacesBucket keep-bucket-${bucket}`).options).toMatchObject({ protect: true, replaceOnChanges: ["name"] });
  });

  it("hide the secret key, which DigitalOcean returns once", async () => {
    const { plan, outputs } = await recorded(() => {
      const { bucket, region, endpoint, accessKey, secretKey, bucketUrns, offsite } = new Backups("keep", ARGS);
      return { bucket, region, endpoint, accessKey, secretKey, bucketUrns, offsite };
    }, moment);
    const known = moment === "after an up";
    expect(outputs).toEqual({
      bucket: "shop-backups",
      region: "nyc3",
      endpoint: "https://nyc3.digitaloceanspaces.com",
      accessKey: known ? "keep-key-primary-access" : new Unknown(),
      secretKey: new Secret(known ? "keep-key-primary-secret" : new Unknown()),
      bucketUrns: known ? ["do:space:shop-backups", "do:space:shop-backups-offsite"] : [new Unknown(), new Unknown()],
      offsite: {
        bucket: "shop-backups-offsite",
        region: "sfo3",
        endpoint: "https://sfo3.digitaloceanspaces.com",
        accessKey: known ? "keep-key-offsite-access" : new Unknown(),
        secretKey: new Secret(known ? "keep-key-offsite-secret" : new Unknown()),
      },
    });
    expect(find(plan, "SpacesKey keep-key-primary").options.additionalSecretOutputs).toContain("secretKey");
    expect(Object.keys(find(plan, "Backups keep").outputs ?? {})).toEqual(["bucketUrns"]);
  });
});

describe("backups", () => {
  it("go to one place where no second is named", async () => {
    const { offsiteRegion: _, ...args } = ARGS;
    const { plan, outputs } = await recorded(() => ({ offsite: String(new Backups("keep", args).offsite) }));
    expect(listed(plan).sort()).toEqual([
      "Backups keep",
      "Guard keep-guard-primary",
      "SpacesBucket keep-bucket-primary",
      "SpacesKey keep-key-primary",
    ]);
    expect(outputs.offsite).toBe("undefined");
  });

  it.each([
    [undefined, ""],
    ["https://api.digitalocean.com", ""],
    ["no address", ""],
    ["http://127.0.0.1:4010", "&endpoint=http%3A%2F%2F127.0.0.1%3A4010"],
    ["http://localhost:4010", "&endpoint=http%3A%2F%2Flocalhost%3A4010"],
    ["http://[::1]:4010", "&endpoint=http%3A%2F%2F%5B%3A%3A1%5D%3A4010"],
  ])(
    "are uploaded to the API that the provider is configured with, only where that is on this machine: %s",
    async (apiEndpoint, suffix) => {
      const config = apiEndpoint === undefined ? {} : { "digitalocean:apiEndpoint": apiEndpoint };
      const program = () => ({ copies: new Backups("keep", ARGS).copies.map(({ url }) => url) });
      const { outputs } = await record(program, { project: "test", stack: "test", config });
      expect(outputs.copies).toEqual([`s3://shop-backups?region=nyc3${suffix}`, `s3://shop-backups-offsite?region=sfo3${suffix}`]);
    },
  );

  it("are unprotected only where that is said, and even then not emptied", async () => {
    const { plan } = await recorded(make({ ...ARGS, protect: false, deletedKeptDays: 7 }));
    const { options, inputs } = find(plan, "SpacesBucket keep-bucket-primary");
    expect(options.protect ?? false).toBe(false);
    expect(inputs).toMatchObject({ forceDestroy: false, lifecycleRules: [{ noncurrentVersionExpiration: { days: 7 } }] });
  });

  it("let a transform have the last word", async () => {
    const { plan } = await recorded(
      make({ ...ARGS, transform: { bucket: { versioning: { enabled: false } }, key: (args) => Object.assign(args, { name: "mine" }) } }),
    );
    expect(find(plan, "SpacesBucket keep-bucket-primary").inputs.versioning).toEqual({ enabled: false });
    expect(find(plan, "SpacesKey keep-key-offsite").inputs.name).toBe("mine");
  });

  it.each([
    ["a region without Spaces", { region: "nyc1" }, 'region is "nyc1": there are no Spaces in this region; the nearest is "nyc3".'],
    ["an off-site region without Spaces", { offsiteRegion: "moon1" }, 'offsiteRegion is "moon1": there are no Spaces in this region'],
    ["a second copy in the first place", { offsiteRegion: "nyc3" }, 'offsiteRegion is "nyc3": region is the same'],
    [
      "a bucket in capitals",
      { bucketName: "Shop" },
      'bucketName is "Shop". Allowed: 3 to 63 characters: lower-case letters, digits and dashes, including "-offsite".',
    ],
    ["a bucket whose second name is too long", { bucketName: "x".repeat(60) }, 'including "-offsite".'],
    ["no time to think", { deletedKeptDays: 0 }, "deletedKeptDays is 0."],
  ])("refuse %s", async (_, args, text) => {
    expect(await refusal(make({ ...ARGS, ...args }))).toContain(text);
  });
});

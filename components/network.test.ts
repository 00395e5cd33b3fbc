import { describe, expect, it } from "vitest";
import { Unknown } from "../engine/plan.ts";
import { Network } from "./network.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

const OWN = { region: "nyc3", cidr: "10.20.0.0/20" };

describe.each(MOMENTS)("a network of our own, %s", (moment) => {
  it("is one VPC in its component, which waits long enough to be left by what lived in it", async () => {
    const { plan } = await recorded(() => void new Network("main", { ...OWN, description: "orders" }), moment);
    expect(listed(plan)).toEqual(["Network main", "Vpc main-vpc"]);
    const vpc = find(plan, "Vpc main-vpc");
    expect(vpc.parent).toBe(find(plan, "Network main").urn);
    expect(vpc.inputs).toEqual({ name: "main", region: "nyc3", ipRange: "10.20.0.0/20", description: "orders" });
    expect(vpc.options.customTimeouts).toEqual({ delete: "15m" });
  });

  it("knows its block and region at once, so that rules can be previewed", async () => {
    const { outputs } = await recorded(() => {
      const { cidr, region } = new Network("main", OWN);
      return { cidr, region };
    }, moment);
    expect(outputs).toEqual({ cidr: "10.20.0.0/20", region: "nyc3" });
  });
});

describe("a network that this program does not manage", () => {
  it("is read and never managed", async () => {
    const { plan, outputs } = await recorded(() => {
      const { id, cidr, region } = new Network("shared", { existing: "506f78a4-e098-11e5-ad9f-000f53306ae1" });
      return { id, cidr, region };
    });
    expect(find(plan, "Vpc shared-vpc")).toMatchObject({ read: true, id: "506f78a4-e098-11e5-ad9f-000f53306ae1", inputs: {} });
    expect(outputs).toEqual({ id: "506f78a4-e098-11e5-ad9f-000f53306ae1", cidr: "10.99.0.0/20", region: "ams3" });
  });

  it("has its own block, unknown in a preview that cannot ask", async () => {
    const { outputs } = await recorded(() => ({ cidr: new Network("shared", { existing: "some-id" }).cidr }), "before the first up");
    expect(outputs.cidr).toBeInstanceOf(Unknown);
  });
});

describe("a network's arguments", () => {
  it("may be changed by a transform, which leaves the caller's object alone", async () => {
    const fields = { description: "by hand" };
    const { plan } = await recorded(() => void new Network("main", { ...OWN, transform: { vpc: fields } }));
    expect(find(plan, "Vpc main-vpc").inputs).toMatchObject({ description: "by hand", ipRange: "10.20.0.0/20" });
    expect(fields).toEqual({ description: "by hand" });
  });

  it.each([
    [
      "an App Platform region",
      { ...OWN, region: "nyc" },
      'main: region is "nyc": nyc is an App Platform region; use nyc1, nyc2 or nyc3. Allowed: nyc1, nyc2, nyc3.',
    ],
    ["a region in capitals", { ...OWN, region: "NYC1" }, 'main: region is "NYC1". Allowed: the slug in lower case, "nyc1".'],
    ["host bits", { ...OWN, cidr: "10.20.0.5/20" }, 'Did you mean "10.20.0.0/20"?'],
    [
      "a public block",
      { ...OWN, cidr: "198.51.0.0/20" },
      'cidr is "198.51.0.0/20": it is not private (RFC 1918). Allowed: a block from /16 to /28 of 10.0.0.0/8',
    ],
    ["too wide a block", { ...OWN, cidr: "10.0.0.0/8" }, "Allowed: a block from /16 to /28"],
    ["too narrow a block", { ...OWN, cidr: "10.20.0.0/29" }, "Allowed: a block from /16 to /28"],
    ["a long description", { ...OWN, description: "x".repeat(256) }, "description: it has 256 characters. Allowed: up to 255."],
  ])("are refused with %s", async (_, args, text) => {
    expect(await refusal(() => void new Network("main", args))).toContain(text);
  });

  it("are refused with a name that no network may have", async () => {
    expect(await refusal(() => void new Network("my_net", OWN))).toContain(
      'the component\'s name is "my_net": it becomes the network\'s name. Allowed: letters, digits, "." and "-".',
    );
  });

  it("are reported all at once", async () => {
    const text = await refusal(() => void new Network("main", { region: "nyc", cidr: "10.0.0.0/8" }));
    expect(text).toMatch(/^main: 2 arguments cannot be used\.\n {2}- region .*\n {2}- cidr .*$/);
  });
});

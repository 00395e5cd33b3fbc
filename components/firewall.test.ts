import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Firewall, type FirewallArgs } from "./firewall.ts";
import { Network } from "./network.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

function wall(args: Omit<FirewallArgs, "clusterId">) {
  return () => void new Firewall("wall", { clusterId: "cluster-id", ...args });
}

async function rulesOf(args: Omit<FirewallArgs, "clusterId">) {
  return find((await recorded(wall(args))).plan, "DatabaseFirewall wall-rules").inputs.rules;
}

it("lists as many sources as DigitalOcean allows", async () => {
  const allow = Array.from({ length: 99 }, (_, index) => `203.0.113.${index}`);
  expect(await rulesOf({ allow, vpcCidr: "10.0.0.0/8" })).toHaveLength(100);
});

describe.each(MOMENTS)("a firewall, %s", (moment) => {
  it("is one list of addresses, the network's block first", async () => {
    const { plan } = await recorded(() => {
      const { cidr } = new Network("main", { region: "nyc3", cidr: "10.20.0.0/20" });
      new Firewall("wall", { clusterId: "cluster-id", vpcCidr: cidr, allow: ["198.51.100.7"] });
    }, moment);
    expect(listed(plan).sort()).toEqual(["DatabaseFirewall wall-rules", "Firewall wall", "Network main", "Vpc main-vpc"]);
    expect(find(plan, "DatabaseFirewall wall-rules").inputs).toEqual({
      clusterId: "cluster-id",
      rules: [
        { type: "ip_addr", value: "10.20.0.0/20" },
        { type: "ip_addr", value: "198.51.100.7" },
      ],
    });
  });

  it("stays when it leaves the program, because deleting it would open the cluster to the world", async () => {
    const { plan } = await recorded(() => {
      const cluster = new digitalocean.DatabaseCluster("db", {
        engine: "pg",
        version: "17",
        region: "nyc3",
        size: "db-s-1vcpu-1gb",
        nodeCount: 1,
      });
      new Firewall("wall", { clusterId: cluster.id, allow: ["198.51.100.7"] }, { deletedWith: cluster });
    }, moment);
    const { options } = find(plan, "DatabaseFirewall wall-rules");
    expect(options.retainOnDelete).toBe(true);
    expect(options.deletedWith).toBe(find(plan, "DatabaseCluster db").urn);
  });
});

describe("a firewall's list", () => {
  it("is the same whatever the order and however often a source is named", async () => {
    const one = await rulesOf({ allow: ["203.0.113.0/24", "198.51.100.7", "198.51.100.7/32"], tags: ["web", "api"] });
    const other = await rulesOf({ allow: ["198.51.100.7", "203.0.113.0/24"], tags: ["api", "web", "api"] });
    expect(one).toEqual(other);
    expect(one).toEqual([
      { type: "ip_addr", value: "198.51.100.7" },
      { type: "ip_addr", value: "203.0.113.0/24" },
      { type: "tag", value: "api" },
      { type: "tag", value: "web" },
    ]);
  });

  it("names the network's block once, where an allowed source repeats it", async () => {
    expect(await rulesOf({ vpcCidr: "10.20.0.0/20", allow: ["10.20.0.0/20"] })).toEqual([{ type: "ip_addr", value: "10.20.0.0/20" }]);
  });

  it("takes Droplets and apps by id", async () => {
    expect(await rulesOf({ droplets: ["12"], apps: [pulumi.output("app-id")] })).toEqual([
      { type: "droplet", value: "12" },
      { type: "app", value: "app-id" },
    ]);
  });
});

describe("a firewall that would be open is refused:", () => {
  it.each([
    ["no source at all", {}, "allow: no source is allowed, and DigitalOcean treats an empty list as open to the whole internet."],
    ["empty lists", { allow: [], tags: [], apps: [], droplets: [] }, "allow: no source is allowed"],
    ["the world", { allow: ["0.0.0.0/0"] }, 'allow[0] is "0.0.0.0/0": it opens the database to the whole internet.'],
    [
      "half of the world",
      { allow: ["128.0.0.0/1"] },
      'allow[0] is "128.0.0.0/1": it lets 2,147,483,648 public addresses reach the database.',
    ],
    [
      "a city of the world",
      { allow: ["203.0.0.0/15"] },
      'allow[0] is "203.0.0.0/15": it lets 131,072 public addresses reach the database.',
    ],
    [
      "the world in narrow blocks",
      { allow: Array.from({ length: 99 }, (_, index) => `${index + 100}.0.0.0/16`) },
      "allow: together the sources let 6,488,064 public addresses reach the database. Allowed: 65,536 in all, as many as one /16 has",
    ],
    ["the address that means all of them", { allow: ["0.0.0.0"] }, 'allow[0] is "0.0.0.0": it opens the database to the whole internet.'],
    ["the world as the network", { vpcCidr: "0.0.0.0/0" }, 'vpcCidr is "0.0.0.0/0": it opens the database to the whole internet.'],
    ["the world as a network that is known later", { vpcCidr: pulumi.output("0.0.0.0/0") }, 'vpcCidr is "0.0.0.0/0": it opens'],
  ])("%s", async (_, args, text) => {
    expect(await refusal(wall(args))).toContain(`wall: ${text}`);
  });
});

describe("a firewall's sources are refused", () => {
  it.each([
    ["in IPv6", { allow: ["2001:db8::/32"] }, 'allow[0] is "2001:db8::/32": it is IPv6, and database firewalls accept IPv4 only.'],
    [
      "by name",
      { allow: ["office.example.com"] },
      'allow[0] is "office.example.com": it is not an IPv4 address or block. Allowed: IPv4 addresses',
    ],
    ["with host bits", { allow: ["203.0.113.9/24"] }, 'Did you mean "203.0.113.0/24"?'],
    [
      "over a hundred",
      { allow: Array.from({ length: 101 }, (_, index) => `198.51.100.${index}`) },
      "allow: a database firewall lists at most 100 sources, and these are 101.",
    ],
  ])("%s", async (_, args, text) => {
    expect(await refusal(wall(args))).toContain(text);
  });

  it("all at once, each with its place", async () => {
    expect(await refusal(wall({ allow: ["198.51.100.7", "::1", "0.0.0.0/0"] }))).toMatch(/2 arguments[\s\S]*allow\[1\][\s\S]*allow\[2\]/);
  });
});

import { describe, expect, it } from "vitest";
import { complaint, settingsFrom } from "./testing/fixture.ts";

const refused = (...allowedSources: unknown[]) => complaint({ allowedSources });

describe("allowed sources", () => {
  it("are kept in one spelling", () => {
    expect(settingsFrom({ allowedSources: ["203.0.113.7/32", "198.51.100.0/24", "10.0.0.0/8"] }).allowedSources).toEqual([
      "203.0.113.7",
      "198.51.100.0/24",
      "10.0.0.0/8",
    ]);
  });

  it("refuse the open internet", () => {
    const message = refused("0.0.0.0/0");
    expect(message).toContain('slipway:allowedSources[0] is "0.0.0.0/0": it opens the database to the whole internet');
    expect(message).toContain("allowed: IPv4 addresses, public blocks of /16 or smaller, and private blocks of any size, each once");
    expect(message).toContain("pulumi config set --path 'slipway:allowedSources[0]' '<IPv4 address of the runner>' -s staging");
  });

  it("refuse 0.0.0.0 in every other spelling too", () => {
    expect(refused("0.0.0.0")).toContain("opens the database");
    expect(refused("0.0.0.0/8")).toContain("opens the database");
  });

  it.each([
    ["128.0.0.0/1", "2,147,483,648"],
    ["10.0.0.0/7", "33,554,432"],
    ["203.0.0.0/8", "16,777,216"],
    ["203.0.0.0/15", "131,072"],
  ])("refuse the wide block %s, with the number of addresses that it opens", (block, addresses) => {
    expect(refused(block)).toContain(`it lets ${addresses} public addresses reach the database`);
  });

  it("refuse many blocks that are narrow each and wide together, however long the list may be", () => {
    const narrow = Array.from({ length: 99 }, (_, index) => `203.${index}.0.0/17`);
    const message = refused("198.51.0.0/16", ...narrow.slice(1));
    expect(message).toContain("together they let 3,276,800 public addresses reach the database");
    expect(message).toContain("allowed: at most 65,536 public addresses in all, as many as one /16 has; private blocks do not count");
    expect(message).toContain("pulumi config set --path 'slipway:allowedSources[0]' '<narrower block>' -s staging");
    expect(refused("203.0.0.0/16", "198.51.100.7")).toContain("together they let 65,537");
  });

  it("count an address once that stands in two blocks, and none that no internet leads to", () => {
    const allowedSources = ["203.0.0.0/16", "203.0.113.0/24", "203.0.113.7", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    expect(settingsFrom({ allowedSources }).allowedSources).toEqual(allowedSources);
  });

  it.each(["2001:db8::1", "::/0", "::ffff:203.0.113.7"])("refuse IPv6 as %s and say why", (source) => {
    expect(refused(source)).toContain("it is IPv6, and database firewalls accept IPv4 only");
  });

  it("refuse host bits and propose the block", () => {
    const message = refused("203.0.113.9/24");
    expect(message).toContain("it has host bits set");
    expect(message).toContain("pulumi config set --path 'slipway:allowedSources[0]' 203.0.113.0/24 -s staging");
  });

  it.each(["", "localhost", "203.0.113", "203.0.113.7-9"])("refuse %j", (source) => {
    expect(refused(source)).toContain("slipway:allowedSources[0]");
  });

  it("refuse what repeats another, also in another spelling", () => {
    const message = refused("203.0.113.7", "203.0.113.7/32");
    expect(message).toContain("it repeats allowedSources[0]");
    expect(message).toContain("pulumi config rm --path 'slipway:allowedSources[1]' -s staging");
  });

  it("refuse more than DigitalOcean keeps, with the network's own block counted", () => {
    const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index}`);
    expect(settingsFrom({ allowedSources: addresses(99) }).allowedSources).toHaveLength(99);
    expect(refused(...addresses(100))).toContain("lists at most 100 sources, one of them the private network, and these are 100");
  });

  it("refuse an empty list where the runner must come in", () => {
    for (const environment of ["staging", "prod"]) {
      const message = complaint({ environment, allowedSources: [] });
      expect(message).toContain("slipway:allowedSources: it is empty, and the machine that runs pulumi also runs the post-deploy steps");
      expect(message).toContain(`pulumi config set --path 'slipway:allowedSources[0]' '<IPv4 address of the runner>' -s staging`);
    }
  });

  it("may be empty where everything comes from inside the network", () => {
    const image = "registry.example.com/acme/slipway:1.2.3";
    expect(settingsFrom({ allowedSources: undefined, postDeploy: { mode: "job", image } }).allowedSources).toEqual([]);
    expect(settingsFrom({ allowedSources: [], postDeploy: { mode: "manual" } }).allowedSources).toEqual([]);
  });

  it("hold loopback on a laptop without being requested", () => {
    expect(settingsFrom({ allowedSources: undefined }, { stack: "local" }).allowedSources).toEqual(["127.0.0.1"]);
  });
});

describe("a private network's block", () => {
  it.each([
    ["203.0.113.0/24", "it is not private (RFC 1918)"],
    ["10.0.0.0/15", "it is larger than a private network can be"],
    ["10.0.0.0/29", "it is smaller than a private network can be"],
    ["10.0.0.5/20", "it has host bits set"],
    ["fd00::/20", "it is IPv6"],
    ["10.0/20", "it is not an IPv4 block"],
  ])("is not %s", (vpcCidr, problem) => {
    const message = complaint({ vpcCidr });
    expect(message).toContain(`slipway:vpcCidr is "${vpcCidr}": ${problem}`);
    expect(message).toContain("allowed: a block from /16 to /28");
    expect(message).toMatch(/type: {4}pulumi config set slipway:vpcCidr 10\.\S+ -s staging/);
  });

  it("is its own for each environment and region, so that two stacks of an account never meet", () => {
    const blocks = ["local", "staging", "prod"].flatMap((stack) =>
      ["nyc1", "sfo3", "ams3"].map((region) => settingsFrom({ region }, { stack }).networks[0]!.cidr),
    );
    expect(new Set(blocks).size).toBe(9);
  });
});

import { describe, expect, it } from "vitest";
import { admittedAddresses } from "./firewall.ts";

const address = (value: string) => ({ type: "ip_addr", value });

describe("a local firewall", () => {
  it("allows every loopback address without rules, as at DigitalOcean", () => {
    expect(admittedAddresses([])).toEqual(["127.0.0.0/8"]);
  });

  it("allows this machine for a VPC's address range and for an app", () => {
    expect(admittedAddresses([address("10.110.0.0/20")])).toEqual(["127.0.0.1/32"]);
    expect(admittedAddresses([address("192.168.128.0/17"), { type: "app", value: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" }])).toEqual([
      "127.0.0.1/32",
    ]);
  });

  it("allows no address for a single private address, a public one, or a resource that does not exist here", () => {
    const droplet = { type: "droplet", value: "163973392" };
    expect(admittedAddresses([address("10.110.0.7"), address("203.0.113.0/24"), droplet, { type: "tag", value: "web" }])).toEqual([]);
  });

  it("allows exactly the loopback addresses that a rule lists", () => {
    expect(admittedAddresses([address("127.0.0.2"), address("127.9.8.7/16")])).toEqual(["127.0.0.2/32", "127.9.0.0/16"]);
  });

  it("allows every loopback address for 0.0.0.0/0", () => {
    expect(admittedAddresses([address("0.0.0.0/0")])).toEqual(["127.0.0.0/8"]);
  });

  it("compares with the exact bounds of the private networks", () => {
    expect(admittedAddresses([address("172.32.0.0/16")])).toEqual([]);
    expect(admittedAddresses([address("172.31.0.0/16")])).toEqual(["127.0.0.1/32"]);
    expect(admittedAddresses([address("8.0.0.0/5")])).toEqual([]);
  });
});

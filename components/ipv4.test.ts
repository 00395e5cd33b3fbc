import { describe, expect, it } from "vitest";
import { contains, isVersion6, parseBlock, withoutHostBits, writeBlock } from "./ipv4.ts";

describe("an IPv4 block", () => {
  it.each([
    ["198.51.100.7", "198.51.100.7"],
    ["198.51.100.7/32", "198.51.100.7"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["255.255.255.255", "255.255.255.255"],
    ["0.0.0.0/0", "0.0.0.0/0"],
  ])("reads %s and writes %s", (text, written) => {
    expect(writeBlock(parseBlock(text)!)).toBe(written);
  });

  it.each([
    "",
    "10.0.0",
    "010.0.0.1",
    "10.0.0.256",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.5/8",
    "::1",
    "example.com",
  ])("is not %j", (text) => {
    expect(parseBlock(text)).toBeUndefined();
  });

  it("holds what lies inside it and nothing beside it", () => {
    const outer = parseBlock("172.16.0.0/12")!;
    expect(contains(outer, parseBlock("172.31.255.255")!)).toBe(true);
    expect(contains(outer, outer)).toBe(true);
    expect(contains(outer, parseBlock("172.32.0.0")!)).toBe(false);
    expect(contains(outer, parseBlock("172.16.0.0/11") ?? parseBlock("0.0.0.0/0")!)).toBe(false);
  });

  it("is guessed from an address with host bits, and from nothing else", () => {
    expect(withoutHostBits("10.20.30.40/20")).toBe("10.20.16.0/20");
    expect(withoutHostBits("10.20.30.40")).toBeUndefined();
    expect(withoutHostBits("10.20.30.40/40")).toBeUndefined();
  });

  it("is told from IPv6, with and without a length", () => {
    expect([isVersion6("2001:db8::1"), isVersion6("2001:db8::/32"), isVersion6("10.0.0.1")]).toEqual([true, true, false]);
  });
});

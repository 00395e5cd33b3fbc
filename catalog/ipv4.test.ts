import { describe, expect, it } from "vitest";
import { contains, formatBlock, isIPv6Text, isPrivate, overlap, parseBlock, parseEnclosingBlock } from "./ipv4.ts";

describe("parseBlock", () => {
  it.each([
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["192.0.2.128/25", "192.0.2.128/25"],
    ["203.0.113.7", "203.0.113.7"],
    ["203.0.113.7/32", "203.0.113.7"],
    ["255.255.255.255", "255.255.255.255"],
    ["128.0.0.0/1", "128.0.0.0/1"],
  ])("reads %s and writes it back as %s", (text, written) => {
    expect(formatBlock(parseBlock(text)!)).toBe(written);
  });

  it.each([
    "",
    " ",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.1.2",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "1.2.3.4 ",
    "::1",
    "::ffff:1.2.3.4",
    "localhost",
    "0x7f.0.0.1",
    "010.0.0.1",
    "10.0.0.5/8",
  ])("does not read %j", (text) => {
    expect(parseBlock(text)).toBeUndefined();
  });

  it("reads every length at its own boundary and refuses the address after it", () => {
    for (let prefix = 1; prefix < 32; prefix++) {
      const start = 2 ** 31;
      expect(parseBlock(formatBlock({ start, prefix }))).toEqual({ start, prefix });
      expect(parseBlock(`${formatBlock({ start: start + 1, prefix: 32 })}/${prefix}`)).toBeUndefined();
    }
  });
});

describe("blocks", () => {
  const block = (text: string) => parseBlock(text)!;

  it("contain what lies inside them, themselves included", () => {
    expect(contains(block("10.0.0.0/8"), block("10.255.0.0/16"))).toBe(true);
    expect(contains(block("10.0.0.0/16"), block("10.0.0.0/16"))).toBe(true);
    expect(contains(block("10.0.0.0/16"), block("10.1.0.0/16"))).toBe(false);
    expect(contains(block("10.0.0.0/16"), block("10.0.0.0/8"))).toBe(false);
  });

  it("overlap whichever of the two is the larger", () => {
    expect(overlap(block("10.0.0.0/20"), block("10.0.8.0/24"))).toBe(true);
    expect(overlap(block("10.0.8.0/24"), block("10.0.0.0/20"))).toBe(true);
    expect(overlap(block("10.0.16.0/20"), block("10.0.0.0/20"))).toBe(false);
  });

  it("are private in three ranges and nowhere else", () => {
    expect(["10.9.0.0/16", "172.31.0.0/16", "192.168.7.0/24"].map(block).every(isPrivate)).toBe(true);
    expect(["11.0.0.0/16", "172.32.0.0/16", "192.169.0.0/24", "8.8.8.8", "10.0.0.0/7"].map(block).some(isPrivate)).toBe(false);
  });
});

it("clears the host bits of an address with a length", () => {
  const enclosing = (text: string) => formatBlock(parseEnclosingBlock(text)!);
  expect(enclosing("10.0.0.5/8")).toBe("10.0.0.0/8");
  expect(enclosing("203.0.113.9/24")).toBe("203.0.113.0/24");
  expect(enclosing("203.0.113.9/0")).toBe("0.0.0.0/0");
  expect(parseEnclosingBlock("nonsense/8")).toBeUndefined();
  expect(parseEnclosingBlock("10.0.0.5/99")).toBeUndefined();
});

it("recognizes IPv6 with and without a length", () => {
  expect(["::1", "2001:db8::/32", "::ffff:192.0.2.1"].every(isIPv6Text)).toBe(true);
  expect(["192.0.2.1", "10.0.0.0/8", "host:5432"].some(isIPv6Text)).toBe(false);
});

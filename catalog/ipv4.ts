/** IPv4 addresses and blocks (CIDR). */
import { isIPv4, isIPv6 } from "node:net";

export interface Block {
  /** The first address, as a number. */
  readonly start: number;
  /** 32 for a single address. */
  readonly prefix: number;
}

/** Undefined for text that is not an IPv4 address or block, and for a block with host bits set: 10.0.0.5/8 names an address and a block. */
export function parseBlock(text: string): Block | undefined {
  const block = parseEnclosingBlock(text);
  return block !== undefined && block.start === addressOf(text) ? block : undefined;
}

/** The block that an address with a length lies in: 10.0.0.0/8 for 10.0.0.5/8. */
export function parseEnclosingBlock(text: string): Block | undefined {
  const [address = "", length, ...rest] = text.split("/");
  if (!isIPv4(address) || rest.length > 0 || (length !== undefined && !/^(\d|[12]\d|3[0-2])$/.test(length))) return undefined;
  const prefix = length === undefined ? 32 : Number(length);
  const size = 2 ** (32 - prefix);
  return { start: Math.floor(addressOf(text) / size) * size, prefix };
}

function addressOf(text: string): number {
  const [address = ""] = text.split("/");
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

/** One spelling for each block: a single address has no /32. */
export function formatBlock({ start, prefix }: Block): string {
  const address = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".");
  return prefix === 32 ? address : `${address}/${prefix}`;
}

export function contains(outer: Block, inner: Block): boolean {
  return outer.prefix <= inner.prefix && Math.floor(inner.start / 2 ** (32 - outer.prefix)) === outer.start / 2 ** (32 - outer.prefix);
}

/** Two blocks are either disjoint or one contains the other. */
export function overlap(one: Block, other: Block): boolean {
  return contains(one, other) || contains(other, one);
}

/** RFC 1918. */
export const PRIVATE_BLOCKS: readonly Block[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((text) => parseBlock(text)!);

export function isPrivate(block: Block): boolean {
  return PRIVATE_BLOCKS.some((range) => contains(range, block));
}

export function isIPv6Text(text: string): boolean {
  return isIPv6(text.split("/")[0] ?? "");
}

/** IPv4 addresses and blocks, as far as trusted sources and private networks need them. */
import { isIPv4, isIPv6 } from "node:net";

export interface Block {
  /** The first address, as a number. */
  readonly start: number;
  /** 32 for a single address. */
  readonly prefix: number;
}

/** Undefined for whatever is not an IPv4 address or block, host bits included: 10.0.0.5/8 says two things at once. */
export function parseBlock(text: string): Block | undefined {
  const [address = "", length, ...rest] = text.split("/");
  if (!isIPv4(address) || rest.length > 0 || (length !== undefined && !/^(\d|[12]\d|3[0-2])$/.test(length))) return undefined;
  const prefix = length === undefined ? 32 : Number(length);
  const start = address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
  return start % 2 ** (32 - prefix) === 0 ? { start, prefix } : undefined;
}

/** One spelling for one block: a single address has no /32. */
export function writeBlock({ start, prefix }: Block): string {
  const address = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".");
  return prefix === 32 ? address : `${address}/${prefix}`;
}

export function contains(outer: Block, inner: Block): boolean {
  return outer.prefix <= inner.prefix && Math.floor(inner.start / 2 ** (32 - outer.prefix)) === outer.start / 2 ** (32 - outer.prefix);
}

/** Blocks are either apart or one inside the other. */
export function overlap(one: Block, other: Block): boolean {
  return contains(one, other) || contains(other, one);
}

/** What private networks are made of (RFC 1918). */
export const PRIVATE: readonly Block[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((text) => parseBlock(text)!);

export function isVersion6(text: string): boolean {
  return isIPv6(text.split("/")[0] ?? "");
}

/** The network that a block with host bits was probably meant to be: 10.0.0.5/8 -> 10.0.0.0/8. */
export function withoutHostBits(text: string): string | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  const single = parseBlock(address);
  if (single === undefined || rest.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(length)) return undefined;
  const size = 2 ** (32 - Number(length));
  return writeBlock({ start: Math.floor(single.start / size) * size, prefix: Number(length) });
}

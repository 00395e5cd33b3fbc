/** How much of the internet a list of sources lets in. DigitalOcean sets no bound but the list's length, and 99 wide blocks are most of the world. */
import { type Block, contains, PRIVATE } from "./ipv4.ts";

/** Public blocks of this length and narrower: a company's whole network, and no cloud's or provider's. */
export const WIDEST_PUBLIC = 16;

/** Public addresses in a whole list: as many as one block of that length has. */
export const MOST_PUBLIC = 2 ** (32 - WIDEST_PUBLIC);

/** Private blocks (RFC 1918) lead to networks that somebody has joined to this one, and not to the internet. */
export function isPrivate(block: Block): boolean {
  return PRIVATE.some((range) => contains(range, block));
}

/** Addresses that the internet can send from, each counted once. */
export function publicAddresses(blocks: readonly Block[]): number {
  const outermost = blocks.filter((block, index) =>
    blocks.every((other, place) => place === index || !contains(other, block) || (other.prefix === block.prefix && index < place)),
  );
  return outermost.filter((block) => !isPrivate(block)).reduce((sum, { prefix }) => sum + 2 ** (32 - prefix), 0);
}

/** 65536 as 65,536. */
export function counted(addresses: number): string {
  return addresses.toLocaleString("en-US");
}

/** Which blocks a private network (VPC) may have. */
import { formatBlock, isIPv6Text, isPrivate, overlap, parseBlock, parseEnclosingBlock } from "./ipv4.ts";
import { NETWORK_PREFIX } from "./limits.ts";

export const ALLOWED_NETWORKS = `a block from /${NETWORK_PREFIX.widest} to /${NETWORK_PREFIX.narrowest} of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`;

export interface NetworkFault {
  /** What is wrong, as the predicate of a sentence. It does not repeat the block. */
  readonly text: string;
  /** The block that was probably meant. */
  readonly instead?: string;
}

/** Why a private network may not have a block; undefined for one that it may have. */
export function findNetworkFault(cidr: string): NetworkFault | undefined {
  if (isIPv6Text(cidr)) return { text: "is IPv6, and private networks at DigitalOcean are IPv4" };
  const enclosing = parseEnclosingBlock(cidr);
  if (enclosing === undefined) return { text: "is not an IPv4 block" };
  const block = parseBlock(cidr);
  if (block === undefined) return { text: "has host bits set, so it names an address and a block", instead: formatBlock(enclosing) };
  if (!isPrivate(block)) return { text: "is not private (RFC 1918)" };
  if (block.prefix < NETWORK_PREFIX.widest)
    return { text: "is larger than a private network can be", instead: formatBlock({ ...block, prefix: NETWORK_PREFIX.widest }) };
  if (block.prefix > NETWORK_PREFIX.narrowest) return { text: "is smaller than a private network can be" };
  return undefined;
}

/** Text that is not a block overlaps nothing. */
export function networksOverlap(one: string, other: string): boolean {
  const [first, second] = [parseBlock(one), parseBlock(other)];
  return first !== undefined && second !== undefined && overlap(first, second);
}

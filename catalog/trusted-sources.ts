/**
 * Which IPv4 sources a database firewall may list. DigitalOcean limits only the length of the list: it accepts 0.0.0.0/0, and 99 wide blocks that are
 * most of the internet together. Settings, components, policy pack, audit and preview all apply these rules.
 */
import { type Block, contains, formatBlock, isIPv6Text, isPrivate, parseBlock, parseEnclosingBlock } from "./ipv4.ts";

/** The shortest prefix of a public block: a /16 is the network of a large company, and less than that of any cloud or internet provider. */
export const WIDEST_PUBLIC_PREFIX = 16;

/** Public addresses in a whole list: as many as one block of that prefix has. */
export const MAX_PUBLIC_ADDRESSES = 2 ** (32 - WIDEST_PUBLIC_PREFIX);

export const ALLOWED_SOURCES = `IPv4 addresses, public blocks of /${WIDEST_PUBLIC_PREFIX} or smaller, and private blocks of any size`;

export interface SourceFault {
  readonly kind: "ipv6" | "malformed" | "host-bits" | "open" | "too-wide";
  /** What is wrong, as the predicate of a sentence. It does not repeat the source. */
  readonly text: string;
  /** The block that was probably meant. */
  readonly instead?: string;
}

/** Why a source may not be in a list; undefined for one that may. */
export function findSourceFault(source: string): SourceFault | undefined {
  if (isIPv6Text(source)) return { kind: "ipv6", text: "is IPv6, and database firewalls accept IPv4 only" };
  const enclosing = parseEnclosingBlock(source);
  if (enclosing === undefined) return { kind: "malformed", text: "is not an IPv4 address or block" };
  // The width comes before the host bits: 203.0.113.9/0 must not be corrected to 0.0.0.0/0.
  if (enclosing.start === 0) return { kind: "open", text: "opens the database to the whole internet" };
  if (!isPrivate(enclosing) && enclosing.prefix < WIDEST_PUBLIC_PREFIX)
    return { kind: "too-wide", text: `lets ${formatCount(countPublicAddresses([enclosing]))} public addresses reach the database` };
  if (parseBlock(source) === undefined)
    return { kind: "host-bits", text: "has host bits set, so it names an address and a block", instead: formatBlock(enclosing) };
  return undefined;
}

/** The number of public addresses in a list of sources, where it is over the limit. Sources that have a fault of their own are not counted. */
export function findPublicExcess(sources: readonly string[]): number | undefined {
  const blocks = sources.filter((source) => findSourceFault(source) === undefined).map((source) => parseBlock(source)!);
  const addresses = countPublicAddresses(blocks);
  return addresses > MAX_PUBLIC_ADDRESSES ? addresses : undefined;
}

/** Each address is counted once. Private addresses are not counted: no host on the internet can send from one. */
function countPublicAddresses(blocks: readonly Block[]): number {
  const outermost = blocks.filter((block, index) =>
    blocks.every((other, place) => !contains(other, block) || (other.prefix === block.prefix && index <= place)),
  );
  return outermost.filter((block) => !isPrivate(block)).reduce((sum, { prefix }) => sum + 2 ** (32 - prefix), 0);
}

/** 65536 as 65,536. */
export function formatCount(addresses: number): string {
  return addresses.toLocaleString("en-US");
}

import { contains, formatBlock, isPrivate, parseEnclosingBlock } from "../../catalog/ipv4.ts";

/** A firewall rule in DigitalOcean's form. */
export interface Rule {
  readonly type: string;
  readonly value: string;
}

/** Every connection to a local server comes from one of these addresses. */
export const EVERY_LOOPBACK = "127.0.0.0/8";
/** The address of every client that does not choose another one: placeholder services, slipway, psql. */
export const THIS_MACHINE = "127.0.0.1/32";

/**
 * Translates firewall rules to the loopback addresses that they allow.
 *
 * This machine stands for the VPC and for the apps, so a rule for an app or for a private network allows 127.0.0.1. A rule for a single
 * private address does not: that is another machine. A rule for loopback addresses allows exactly those, so a test can connect from 127.0.0.2
 * as a client that is not allowed. Droplets, Kubernetes clusters and tags do not exist here; their rules allow no address. Without any rule
 * every address is allowed, as at DigitalOcean.
 */
export function admittedAddresses(rules: readonly Rule[]): string[] {
  if (rules.length === 0) return [EVERY_LOOPBACK];
  return [...new Set(rules.flatMap(addressesOf))];
}

function addressesOf({ type, value }: Rule): string[] {
  if (type === "app") return [THIS_MACHINE];
  if (type !== "ip_addr") return [];
  const block = parseEnclosingBlock(value);
  if (block === undefined) throw new Error(`"${value}" is not an IPv4 address or CIDR block`);
  if (contains(block, LOOPBACK)) return [EVERY_LOOPBACK];
  if (contains(LOOPBACK, block)) return [block.prefix === 32 ? `${formatBlock(block)}/32` : formatBlock(block)];
  return block.prefix < 32 && isPrivate(block) ? [THIS_MACHINE] : [];
}

const LOOPBACK = parseEnclosingBlock(EVERY_LOOPBACK)!;

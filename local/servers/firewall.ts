import { contains, formatBlock, isPrivate, parseEnclosingBlock } from "../../catalog/ipv4.ts";

/** A firewall rule as DigitalOcean has it. */
export interface Rule {
  readonly type: string;
  readonly value: string;
}

/** Everything that can reach a server here comes from these addresses. */
export const EVERY_LOOPBACK = "127.0.0.0/8";
/** What connects without choosing its own address: the apps' stand-ins, slipway, psql. */
export const THIS_MACHINE = "127.0.0.1/32";

/**
 * The loopback addresses that a list of rules lets in.
 *
 * This machine plays two parts: the VPC with all that runs in it, and the apps. So `127.0.0.1` is let in by a rule for a private network
 * (not for one private address: that is another machine) and by a rule for an app. A rule that names loopback addresses is taken at its
 * word, which lets a test be the stranger at 127.0.0.2. Droplets, Kubernetes clusters and tags do not exist here and let nobody in.
 * No rule at all is an open door, as at DigitalOcean.
 */
export function admitted(rules: readonly Rule[]): string[] {
  if (rules.length === 0) return [EVERY_LOOPBACK];
  return [...new Set(rules.flatMap(admittedBy))];
}

function admittedBy({ type, value }: Rule): string[] {
  if (type === "app") return [THIS_MACHINE];
  if (type !== "ip_addr") return [];
  const block = parseEnclosingBlock(value);
  if (block === undefined) throw new Error(`"${value}" is not an IPv4 address or block`);
  if (contains(block, LOOPBACK)) return [EVERY_LOOPBACK];
  if (contains(LOOPBACK, block)) return [block.prefix === 32 ? `${formatBlock(block)}/32` : formatBlock(block)];
  return block.prefix < 32 && isPrivate(block) ? [THIS_MACHINE] : [];
}

const LOOPBACK = parseEnclosingBlock(EVERY_LOOPBACK)!;

import { isIPv4 } from "node:net";

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
  const block = parse(value);
  const loopback = parse(EVERY_LOOPBACK);
  if (contains(block, loopback)) return [EVERY_LOOPBACK];
  if (contains(loopback, block)) return [format(block)];
  return block.bits < 32 && PRIVATE.some((network) => contains(network, block)) ? [THIS_MACHINE] : [];
}

const masked = (address: number, bits: number): number => address - (address % 2 ** (32 - bits));

interface Block {
  readonly address: number;
  readonly bits: number;
}

/** RFC 1918: the address range of every VPC. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(parse);

function parse(text: string): Block {
  const [address = "", bits = "32"] = text.split("/");
  if (!isIPv4(address)) throw new Error(`"${text}" is not an IPv4 address or CIDR block`);
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return { address: masked(number, Number(bits)), bits: Number(bits) };
}

const contains = (outer: Block, inner: Block): boolean => outer.bits <= inner.bits && masked(inner.address, outer.bits) === outer.address;
const format = ({ address, bits }: Block): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")}/${bits}`;

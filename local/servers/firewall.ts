import { isIPv4 } from "node:net";

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
export function admittedAddresses(rules: readonly Rule[]): string[] {
  if (rules.length === 0) return [EVERY_LOOPBACK];
  return [...new Set(rules.flatMap(admittedBy))];
}

function admittedBy({ type, value }: Rule): string[] {
  if (type === "app") return [THIS_MACHINE];
  if (type !== "ip_addr") return [];
  const block = parse(value);
  const loopback = parse(EVERY_LOOPBACK);
  if (contains(block, loopback)) return [EVERY_LOOPBACK];
  if (contains(loopback, block)) return [print(block)];
  return block.bits < 32 && PRIVATE.some((network) => contains(network, block)) ? [THIS_MACHINE] : [];
}

const masked = (address: number, bits: number): number => address - (address % 2 ** (32 - bits));

interface Block {
  readonly address: number;
  readonly bits: number;
}

/** RFC 1918, where every VPC lies. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(parse);

function parse(text: string): Block {
  const [address = "", bits = "32"] = text.split("/");
  if (!isIPv4(address)) throw new Error(`"${text}" is no IPv4 address or block`);
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return { address: masked(number, Number(bits)), bits: Number(bits) };
}

const contains = (outer: Block, inner: Block): boolean => outer.bits <= inner.bits && masked(inner.address, outer.bits) === outer.address;
const print = ({ address, bits }: Block): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")}/${bits}`;

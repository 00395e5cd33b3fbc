/** Trusted sources of a database firewall, and whether a firewall may list them. Every room that judges sources is tested with these. */
import type { SourceFault } from "../../catalog/trusted-sources.ts";

export interface SourceCase {
  readonly source: string;
  /** Undefined for a source that a firewall may list. */
  readonly fault?: SourceFault["kind"];
  /** The loopback addresses that the local servers admit for it; undefined where the local API refuses the rule. */
  readonly local: readonly string[] | undefined;
}

const EVERY_LOOPBACK = ["127.0.0.0/8"];
const THIS_MACHINE = ["127.0.0.1/32"];

export const SOURCES: readonly SourceCase[] = [
  { source: "203.0.113.10", local: [] },
  { source: "203.0.113.10/32", local: [] },
  { source: "203.0.113.0/24", local: [] },
  { source: "203.0.0.0/16", local: [] },
  { source: "127.0.0.1", local: THIS_MACHINE },
  { source: "10.110.0.0/20", local: THIS_MACHINE },
  { source: "10.0.0.0/8", local: THIS_MACHINE },
  { source: "172.16.0.0/12", local: THIS_MACHINE },
  { source: "192.168.0.0/16", local: THIS_MACHINE },

  { source: "0.0.0.0/0", fault: "open", local: EVERY_LOOPBACK },
  { source: "0.0.0.0/1", fault: "open", local: EVERY_LOOPBACK },
  { source: "0.0.0.0/8", fault: "open", local: [] },
  { source: "0.0.0.0", fault: "open", local: [] },
  // With its host bits cleared, this is every address.
  { source: "203.0.113.9/0", fault: "open", local: EVERY_LOOPBACK },

  { source: "128.0.0.0/1", fault: "too-wide", local: [] },
  { source: "64.0.0.0/2", fault: "too-wide", local: EVERY_LOOPBACK },
  { source: "203.0.0.0/8", fault: "too-wide", local: [] },
  { source: "203.0.0.0/15", fault: "too-wide", local: [] },
  { source: "203.0.113.9/8", fault: "too-wide", local: [] },
  // They begin in a private range and are larger than it.
  { source: "10.0.0.0/7", fault: "too-wide", local: [] },
  { source: "172.0.0.0/8", fault: "too-wide", local: [] },
  { source: "192.168.0.0/15", fault: "too-wide", local: [] },

  { source: "203.0.113.9/24", fault: "host-bits", local: [] },
  { source: "10.0.0.5/8", fault: "host-bits", local: THIS_MACHINE },

  { source: "::/0", fault: "ipv6", local: undefined },
  { source: "::1", fault: "ipv6", local: undefined },
  { source: "2001:db8::1", fault: "ipv6", local: undefined },
  { source: "2001:db8::/32", fault: "ipv6", local: undefined },
  { source: "::ffff:203.0.113.7", fault: "ipv6", local: undefined },
  { source: "::ffff:0.0.0.0/96", fault: "ipv6", local: undefined },

  { source: "010.0.0.1", fault: "malformed", local: undefined },
  { source: "0.0.0.0/00", fault: "malformed", local: undefined },
  { source: "10.0.0.0/08", fault: "malformed", local: undefined },
  { source: "10.0.0.0/33", fault: "malformed", local: undefined },
  { source: "10.0.0.0/", fault: "malformed", local: undefined },
  { source: "10.0/8", fault: "malformed", local: undefined },
  { source: "0/0", fault: "malformed", local: undefined },
  { source: "0x0.0.0.0/0", fault: "malformed", local: undefined },
  { source: " 0.0.0.0/0", fault: "malformed", local: undefined },
  { source: "203.0.113.7-9", fault: "malformed", local: undefined },
  { source: "office.example.com", fault: "malformed", local: undefined },
  { source: "*", fault: "malformed", local: undefined },
];

export interface ListCase {
  readonly title: string;
  readonly sources: readonly string[];
  readonly allowed: boolean;
}

export const LISTS: readonly ListCase[] = [
  { title: "no source", sources: [], allowed: false },
  { title: "the internet in halves", sources: ["0.0.0.0/1", "128.0.0.0/1"], allowed: false },
  { title: "99 blocks of /16", sources: Array.from({ length: 99 }, (_, index) => `${index + 100}.0.0.0/16`), allowed: false },
  { title: "two blocks of /16", sources: ["203.0.0.0/16", "198.51.0.0/16"], allowed: false },
  { title: "a /16 and one more address", sources: ["203.0.0.0/16", "198.51.100.7"], allowed: false },
  { title: "a /16 and a block inside it", sources: ["203.0.0.0/16", "203.0.113.0/24"], allowed: true },
  { title: "a /16 and every private block", sources: ["203.0.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], allowed: true },
  { title: "one address and one open block", sources: ["203.0.113.10", "0.0.0.0/0"], allowed: false },
];

/** Rules without an address. Their values are never read as one. */
export const OTHER_RULES = [
  { type: "app", value: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" },
  { type: "droplet", value: "163973392" },
  { type: "tag", value: "0" },
  { type: "k8s", value: "5a4981aa-9653-4bd1-bef5-d6bff52042e4" },
] as const;

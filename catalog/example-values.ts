/**
 * Values that documents and examples contain in place of real ones: addresses and domains that are reserved for documentation, and `your-org`.
 * A deployment with one of them creates a firewall that admits no real client, or an app that builds no repository.
 */
import { isIPv6 } from "node:net";
import { contains, parseBlock, parseEnclosingBlock } from "./ipv4.ts";

/** RFC 5737. */
const IPV4_BLOCKS = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"];
/** RFC 3849: 2001:db8::/32. */
const IPV6_BLOCK = /^2001:0?db8:/i;
/** RFC 2606 and RFC 6761. */
const DOMAIN = /(^|\.)(example\.(com|net|org)|example|invalid|test)\.?$/i;
const OWNER = /(^|\/)your-org\//;

/** What makes each kind of value an example, as the predicate of a sentence that does not repeat the value; undefined for a real one. */
export const EXAMPLES = { source: exampleSource, domain: exampleDomain, email: exampleEmail, repository: exampleRepository } as const;

function exampleSource(source: string): string | undefined {
  const given = parseEnclosingBlock(source);
  const reserved = given === undefined ? undefined : IPV4_BLOCKS.find((block) => contains(parseBlock(block)!, given));
  if (reserved !== undefined) return `is in ${reserved}, which is reserved for documentation`;
  const [address = ""] = source.split("/");
  return isIPv6(address) && IPV6_BLOCK.test(address) ? "is in 2001:db8::/32, which is reserved for documentation" : undefined;
}

function exampleDomain(domain: string): string | undefined {
  const [, , reserved] = DOMAIN.exec(domain) ?? [];
  return reserved === undefined ? undefined : `is under ${reserved.toLowerCase()}, which is reserved for documentation and tests`;
}

function exampleEmail(email: string): string | undefined {
  return exampleDomain(email.slice(email.lastIndexOf("@") + 1));
}

/** Of a repository, or of an image: ghcr.io/your-org/slipway:1.0.0. */
function exampleRepository(repository: string): string | undefined {
  return OWNER.test(repository) ? "names your-org, which is no owner of a repository but an example" : undefined;
}

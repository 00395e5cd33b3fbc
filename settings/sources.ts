/** The sources outside the private network that may reach the databases, and the blocks of private networks. */
import { formatBlock, parseBlock } from "../catalog/ipv4.ts";
import { MOST_SOURCES } from "../catalog/limits.ts";
import { ALLOWED_NETWORKS, findNetworkFault } from "../catalog/private-networks.ts";
import {
  ALLOWED_SOURCES,
  findPublicExcess,
  findSourceFault,
  formatCount,
  MAX_PUBLIC_ADDRESSES,
  WIDEST_PUBLIC_PREFIX,
} from "../catalog/trusted-sources.ts";
import type { Path, Problems } from "./problems.ts";

/** One rule of every list is the private network's own block. */
const MAX_OUTSIDE = MOST_SOURCES - 1;

const AT: Path = ["allowedSources"];

/** The sources, each once and in one spelling. */
export function checkSources(given: readonly string[], problems: Problems): string[] {
  const seen = new Map<string, number>();
  for (const [index, source] of given.entries()) checkSource(source, index, seen, problems);
  if (seen.size > MAX_OUTSIDE) {
    problems.add({
      at: AT,
      problem: `a database firewall lists at most ${MOST_SOURCES} sources, one of them the private network, and these are ${seen.size}`,
      allowed: `at most ${MAX_OUTSIDE} sources; a block in place of single addresses`,
      // No command: only the operator knows which sources one block can replace.
      fix: [],
    });
  }
  const sources = [...seen.keys()];
  const excess = findPublicExcess(sources);
  if (excess !== undefined) {
    problems.add({
      at: AT,
      problem: `together they let ${formatCount(excess)} public addresses reach the database; name the addresses that connections come from`,
      allowed: `at most ${formatCount(MAX_PUBLIC_ADDRESSES)} public addresses in all, as many as one /${WIDEST_PUBLIC_PREFIX} has; private blocks do not count`,
      fix: [{ set: [...AT, seen.get(widest(sources))!], to: "<narrower block>" }],
    });
  }
  return sources;
}

function checkSource(source: string, index: number, seen: Map<string, number>, problems: Problems): void {
  const at = [...AT, index];
  const fault = findSourceFault(source);
  if (fault !== undefined) {
    const fix = { set: at, to: fault.instead ?? "<IPv4 address of the runner>" };
    problems.add({ at, given: source, problem: `it ${fault.text}`, allowed: `${ALLOWED_SOURCES}, each once`, fix: [fix] });
    return;
  }
  const spelling = formatBlock(parseBlock(source)!);
  const before = seen.get(spelling);
  if (before === undefined) seen.set(spelling, index);
  else {
    const problem = `it repeats allowedSources[${before}]`;
    problems.add({ at, given: source, problem, allowed: `${ALLOWED_SOURCES}, each once`, fix: [{ remove: at }] });
  }
}

function widest(sources: readonly string[]): string {
  const prefix = (source: string) => parseBlock(source)!.prefix;
  return sources.reduce((one, other) => (prefix(other) < prefix(one) ? other : one));
}

export function checkNetwork(at: Path, given: string, problems: Problems): void {
  const fault = findNetworkFault(given);
  if (fault === undefined) return;
  problems.add({
    at,
    given,
    problem: `it ${fault.text}`,
    allowed: ALLOWED_NETWORKS,
    fix: [{ set: at, to: fault.instead ?? "10.110.0.0/20" }],
  });
}

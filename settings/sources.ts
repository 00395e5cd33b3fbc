/** Who outside the private network may reach the databases, and which blocks a private network may have. */

import { contains, isVersion6, overlap, PRIVATE, parseBlock, withoutHostBits, writeBlock } from "../catalog/ipv4.ts";
import { MOST_SOURCES, NETWORK_PREFIX } from "../catalog/limits.ts";
import { counted, isPrivate, MOST_PUBLIC, publicAddresses, WIDEST_PUBLIC } from "../catalog/trusted-sources.ts";
import type { Command, Mistakes, Path } from "./mistakes.ts";

/** One rule of every list is the private network's own block. */
const MOST_OUTSIDE = MOST_SOURCES - 1;

const AT: Path = ["allowedSources"];
const ALLOWED = `IPv4 addresses and public blocks of /${WIDEST_PUBLIC} or smaller, private ones of any size, each once`;

interface Wrong {
  readonly problem: string;
  readonly instead?: string;
}

export function checkSources(given: readonly string[], mistakes: Mistakes): string[] {
  const seen = new Map<string, number>();
  for (const [index, source] of given.entries()) {
    const wrong = sourceProblem(source) ?? repeated(source, seen);
    const at = [...AT, index];
    if (wrong === undefined) seen.set(spelling(source), index);
    else mistakes.add({ at, given: source, problem: wrong.problem, allowed: ALLOWED, fix: [mend(at, wrong)] });
  }
  if (seen.size > MOST_OUTSIDE) {
    mistakes.add({
      at: AT,
      problem: `${seen.size} sources are more than a cluster's list takes: DigitalOcean keeps ${MOST_SOURCES}, and one is the private network.`,
      allowed: `at most ${MOST_OUTSIDE}; name blocks in place of single addresses`,
      fix: [{ set: [...AT, 0], to: "203.0.113.0/24" }],
    });
  }
  checkReach(
    [...seen].map(([source, index]) => ({ source, index })),
    mistakes,
  );
  return [...seen.keys()];
}

/** Each may be narrow enough, and all of them together half of the world. */
function checkReach(sources: readonly { readonly source: string; readonly index: number }[], mistakes: Mistakes): void {
  const open = sources.map(({ source, index }) => ({ block: parseBlock(source)!, index })).filter(({ block }) => !isPrivate(block));
  const sum = publicAddresses(open.map(({ block }) => block));
  if (sum <= MOST_PUBLIC) return;
  const widest = open.reduce((one, other) => (other.block.prefix < one.block.prefix ? other : one));
  mistakes.add({
    at: AT,
    problem: `together they let ${counted(sum)} public addresses reach the databases; name the addresses that connections come from.`,
    allowed: `at most ${counted(MOST_PUBLIC)} public addresses in all, as many as one /${WIDEST_PUBLIC} has; private blocks do not count`,
    fix: [{ set: [...AT, widest.index], to: "<narrower block>" }],
  });
}

function mend(at: Path, { instead, problem }: Wrong): Command {
  return problem.startsWith("it repeats") ? { remove: at } : { set: at, to: instead ?? "<IPv4 address of the runner>" };
}

function repeated(source: string, seen: ReadonlyMap<string, number>): Wrong | undefined {
  const before = seen.get(spelling(source));
  return before === undefined ? undefined : { problem: `it repeats allowedSources[${before}].` };
}

/** Only for what has been read as a block. */
function spelling(source: string): string {
  return writeBlock(parseBlock(source)!);
}

function sourceProblem(source: string): Wrong | undefined {
  if (isVersion6(source))
    return { problem: "it is IPv6, which database firewalls do not know; name the IPv4 address that the connection comes from." };
  const block = parseBlock(source);
  if (block === undefined) {
    const instead = withoutHostBits(source);
    return instead === undefined
      ? { problem: "it is not an IPv4 address or block." }
      : { problem: "it has host bits set, so it names an address and a block at once.", instead };
  }
  if (block.start === 0) return { problem: "it opens the databases to the whole internet; name the addresses that connections come from." };
  if (!isPrivate(block) && block.prefix < WIDEST_PUBLIC)
    return {
      problem: `it lets ${counted(publicAddresses([block]))} public addresses reach the databases; name the addresses that connections come from.`,
    };
  return undefined;
}

/** A private network's block; the default where the one that was asked for cannot be used. */
export function checkNetwork(at: Path, given: string, mistakes: Mistakes): void {
  const wrong = networkProblem(given);
  if (wrong === undefined) return;
  mistakes.add({
    at,
    given,
    problem: wrong.problem,
    allowed: `a block from /${NETWORK_PREFIX.widest} to /${NETWORK_PREFIX.narrowest} of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`,
    fix: [{ set: at, to: wrong.instead ?? "10.110.0.0/20" }],
  });
}

function networkProblem(given: string): Wrong | undefined {
  if (isVersion6(given)) return { problem: "it is IPv6; private networks at DigitalOcean are IPv4." };
  const block = parseBlock(given);
  if (block === undefined) {
    const instead = withoutHostBits(given);
    return {
      problem: "it is not an IPv4 block.",
      ...(instead === undefined ? {} : { problem: "it has host bits set, so it names an address and a block at once.", instead }),
    };
  }
  if (!PRIVATE.some((range) => contains(range, block))) return { problem: "it is not private (RFC 1918)." };
  if (block.prefix < NETWORK_PREFIX.widest)
    return { problem: "it is larger than a private network can be.", instead: writeBlock({ ...block, prefix: NETWORK_PREFIX.widest }) };
  if (block.prefix > NETWORK_PREFIX.narrowest) return { problem: "it is smaller than a private network can be." };
  return undefined;
}

/** Whether two blocks meet; blocks that cannot be read meet nothing. */
export function meet(one: string, other: string): boolean {
  const [first, second] = [parseBlock(one), parseBlock(other)];
  return first !== undefined && second !== undefined && overlap(first, second);
}

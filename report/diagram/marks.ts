/** What of a picture changes: the part of it that a comment has room for, and how each node is marked. */
import type { Picture, Risk, StackReview } from "../review.ts";
import { changed } from "../words.ts";

export interface Mark {
  readonly change: string;
  readonly risk: Risk;
}

/** By URN: what changes, and what only restarts because of it. */
export function marksOf(stack: StackReview): ReadonlyMap<string, Mark> {
  const restarting = new Set(stack.restarts.map(({ app }) => app));
  const apps = (stack.picture?.nodes ?? []).filter(({ kind, name }) => kind === "app" && restarting.has(name));
  return new Map([
    ...apps.map(({ urn }): [string, Mark] => [urn, { change: "restart", risk: "routine" }]),
    ...changed(stack).map(({ urn, change, risk }): [string, Mark] => [urn, { change, risk }]),
  ]);
}

/** Only what changes, and what stands directly beside it. */
export function touched({ nodes, edges }: Picture, marks: ReadonlyMap<string, Mark>): Picture {
  const near = new Set(edges.filter(({ from, to }) => marks.has(from) || marks.has(to)).flatMap(({ from, to }) => [from, to]));
  const kept = nodes.filter(({ urn }) => marks.has(urn) || near.has(urn));
  if (!kept.some(({ urn }) => marks.has(urn))) return { nodes: [], edges: [] };
  const urns = new Set(kept.map(({ urn }) => urn));
  return { nodes: kept, edges: edges.filter(({ from, to }) => urns.has(from) && urns.has(to)) };
}

/** A stack as a mermaid diagram, which GitHub draws in a comment. Each changed box names its change, so that colours are not the only sign. */

import { label } from "../escape.ts";
import type { Picture, Risk, StackReview } from "../review.ts";
import { changed } from "../words.ts";

/** A larger diagram is unreadable, and GitHub draws no more than 500 edges. */
const MOST_NODES = 40;

const COLOURS: Readonly<Record<Risk, string>> = {
  danger: "fill:#ffd7d5,stroke:#b3001b,color:#4a0009,stroke-width:3px",
  care: "fill:#ffe8b3,stroke:#8a5a00,color:#3b2600,stroke-width:2px",
  routine: "fill:#d3e5ff,stroke:#1a5fb4,color:#0b2a52",
  none: "fill:#eceef1,stroke:#6b7280,color:#22262c",
};

const SHAPES: Readonly<Record<Picture["nodes"][number]["kind"], readonly [open: string, close: string]>> = {
  app: ["[", "]"],
  step: ["([", "])"],
  pool: ["{{", "}}"],
  database: ["[(", ")]"],
  store: ["[(", ")]"],
  cluster: ["[[", "]]"],
  bucket: ["[/", "/]"],
};

/** @returns an empty text if there is nothing to draw, or too much */
export function mermaid({ nodes, edges }: Picture, marks: ReadonlyMap<string, Mark>): string {
  if (nodes.length === 0 || nodes.length > MOST_NODES) return "";
  const ids = new Map(nodes.map(({ urn }, index) => [urn, `n${index}`]));
  const boxes = nodes.map(({ urn, kind, name, lines }) => {
    const { change, risk } = marks.get(urn) ?? { change: "", risk: "none" as const };
    const [open, close] = SHAPES[kind];
    const words = [name, ...lines.slice(0, 2), change].filter((line) => line !== "").map(label);
    return `  ${ids.get(urn)}${open}"${words.join("<br/>")}"${close}:::${risk}`;
  });
  const arrows = edges.flatMap(({ from, to }) => (ids.has(from) && ids.has(to) ? `  ${ids.get(from)} --> ${ids.get(to)}` : []));
  const classes = Object.entries(COLOURS).map(([risk, colours]) => `  classDef ${risk} ${colours}`);
  return ["```mermaid", "flowchart LR", ...boxes, ...arrows, ...classes, "```"].join("\n");
}

export interface Mark {
  readonly change: string;
  readonly risk: Risk;
}

/** By URN: the changes, and the apps that only restart because of them. */
export function marksOf(stack: StackReview): ReadonlyMap<string, Mark> {
  const restarting = new Set(stack.restarts.map(({ app }) => app));
  const apps = (stack.picture?.nodes ?? []).filter(({ kind, name }) => kind === "app" && restarting.has(name));
  return new Map([
    ...apps.map(({ urn }): [string, Mark] => [urn, { change: "restart", risk: "routine" }]),
    ...changed(stack).map(({ urn, change, risk }): [string, Mark] => [urn, { change, risk }]),
  ]);
}

/** Only the nodes that change, and their neighbours. */
export function touched({ nodes, edges }: Picture, marks: ReadonlyMap<string, Mark>): Picture {
  const near = new Set(edges.filter(({ from, to }) => marks.has(from) || marks.has(to)).flatMap(({ from, to }) => [from, to]));
  const kept = nodes.filter(({ urn }) => marks.has(urn) || near.has(urn));
  if (!kept.some(({ urn }) => marks.has(urn))) return { nodes: [], edges: [] };
  const urns = new Set(kept.map(({ urn }) => urn));
  return { nodes: kept, edges: edges.filter(({ from, to }) => urns.has(from) && urns.has(to)) };
}

/** A picture as GitHub draws it in a comment. Colours are never the only sign: what changes says so in its box. */

import { label } from "../escape.ts";
import type { Picture, Risk } from "../review.ts";
import type { Mark } from "./marks.ts";

/** More than this is no picture any more, and GitHub draws no more than 500 edges. */
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

/** @returns nothing where there is nothing to draw, or too much */
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

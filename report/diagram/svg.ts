/** Draws boxes and arrows as SVG. Graphviz computes the layout; the SVG is written here, so that its colours follow the page. */
import { instance, type Viz } from "@viz-js/viz";
import { html, short } from "../escape.ts";

export interface Box {
  readonly id: string;
  /** Above the name. */
  readonly caption?: string;
  readonly name: string;
  readonly lines?: readonly string[];
  /** A word in the corner, in the colour of that kind. */
  readonly mark?: { readonly word: string; readonly kind: string };
}

export interface Edge {
  readonly from: string;
  readonly to: string;
}

const CHARACTER = 7.9;
const SMALL_CHARACTER = 7.3;
const LINE = 17;
const PAD = 11;
/** A larger diagram is unreadable, and its layout takes long. */
export const MOST_BOXES = 200;
const MOST_EDGES = 600;

let graphviz: Promise<Viz> | undefined;

/** @param description for screen readers */
export async function drawDiagram(boxes: readonly Box[], edges: readonly Edge[], description: string): Promise<string> {
  if (boxes.length === 0 || boxes.length > MOST_BOXES) return "";
  const numbers = new Map(boxes.map(({ id }, index) => [id, `n${index}`]));
  const drawn = edges.filter(({ from, to }) => numbers.has(from) && numbers.has(to)).slice(0, MOST_EDGES);
  // Numbers and sizes only: untrusted text does not reach the layout engine.
  const dot = [
    'digraph { rankdir=LR ranksep=0.65 nodesep=0.18 node [shape=box fixedsize=true label=""] edge [arrowhead=none]',
    ...boxes.map((box, index) => `n${index} [width=${inches(widthOf(box))} height=${inches(heightOf(box))}]`),
    ...drawn.map(({ from, to }) => `${numbers.get(from)}:e -> ${numbers.get(to)}:w`),
    "}",
  ].join("\n");
  graphviz ??= instance();
  const { bb, objects, edges: curves = [] } = (await graphviz).renderJSON(dot) as Layout;
  const [, , width = 0, height = 0] = numbersIn(bb);
  const flip = (y: number): number => height - y;
  const lines = curves.map(({ pos }) => lineOf(pos, flip));
  const rectangles = objects.map(({ pos }, index) => {
    const [x = 0, y = 0] = numbersIn(pos);
    return boxOf(boxes[index] as Box, x, flip(y));
  });
  const size = `viewBox="-2 -2 ${round(width + 4)} ${round(height + 4)}" width="${round(width + 4)}" height="${round(height + 4)}"`;
  return `<svg ${size}${width > 640 ? ' class="big"' : ""} role="img" aria-label="${html(description)}">
${lines.join("\n")}
${rectangles.join("\n")}
</svg>`;
}

interface Layout {
  readonly bb: string;
  readonly objects: readonly { readonly pos: string }[];
  readonly edges?: readonly { readonly pos: string }[];
}

const rows = ({ caption, lines = [] }: Box): number => 1 + lines.length + (caption === undefined ? 0 : 1);
const heightOf = (box: Box): number => rows(box) * LINE + 2 * PAD - 4;

/** Of the text as it is drawn, shortened. */
const lengthOf = (text: string): number => Array.from(short(text)).length;

function widthOf({ caption = "", name, lines = [], mark }: Box): number {
  const top = lengthOf(caption) + (mark === undefined ? 0 : mark.word.length + 2);
  const small = Math.max(top, ...lines.map(lengthOf));
  return Math.max(90, lengthOf(name) * CHARACTER, small * SMALL_CHARACTER) + 2 * PAD;
}

function boxOf(box: Box, x: number, y: number): string {
  const [width, height] = [widthOf(box), heightOf(box)];
  const [left, top] = [x - width / 2, y - height / 2];
  const { caption, name, lines = [], mark } = box;
  const texts = [...(caption === undefined ? [] : [["", caption]]), ["name", name], ...lines.map((line) => ["", line])];
  const words = texts.map(([kind, text = ""], row) => {
    const place = `x="${round(left + PAD)}" y="${round(top + PAD + 9 + row * LINE)}"`;
    return `<text ${place}${kind === "" ? "" : ` class="${kind}"`}>${html(short(text))}</text>`;
  });
  const corner =
    mark === undefined
      ? ""
      : `<text class="mark" text-anchor="end" x="${round(left + width - PAD)}" y="${round(top + PAD + 9)}">${html(mark.word)}</text>`;
  const rect = `<rect x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" rx="7"/>`;
  return `<g${mark === undefined ? "" : ` class="${mark.kind}"`}>${rect}${words.join("")}${corner}</g>`;
}

/** Graphviz returns the points of Bézier curves, beginning with the start. */
function lineOf(pos: string, flip: (y: number) => number): string {
  const points = pos.split(" ").map((point) => {
    const [x = 0, y = 0] = numbersIn(point);
    return [x, flip(y)] as const;
  });
  const [start, ...rest] = points.map(([x, y]) => `${round(x)} ${round(y)}`);
  const [x, y] = points.at(-1) ?? [0, 0];
  const head = `${round(x)},${round(y)} ${round(x - 7)},${round(y - 3.5)} ${round(x - 7)},${round(y + 3.5)}`;
  return `<path d="M${start}C${rest.join(" ")}"/><polygon points="${head}"/>`;
}

const numbersIn = (text: string): number[] => text.split(",").map(Number);
const inches = (pixels: number): string => (pixels / 72).toFixed(3);
const round = (number: number): string => String(Math.round(number * 10) / 10);

/** Fitting a text into a limit: the least important goes first, whole pieces only, and what went is told. */

export interface Block {
  /** The lower, the longer it stays. */
  readonly rank: number;
  /** The most important first. Each is whole: it opens nothing that it does not close. */
  readonly pieces: readonly string[];
  /** What one piece is, and what several are: "cost line", "cost lines". */
  readonly noun: readonly [one: string, several: string];
  /** Of those that are kept, at least one. */
  put(pieces: readonly string[]): string;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** By the word for several. */
export type Left = ReadonlyMap<string, { readonly one: string; readonly count: number }>;

/** @param head what stands above, given what is left out; its length must not grow with the change */
export function shed(sections: readonly Section[], limit: number, head: (left: Left) => string): string {
  const kept = sections.map(({ title, blocks }) => ({ title, blocks: blocks.map((block) => ({ ...block, pieces: [...block.pieces] })) }));
  // The last block of the highest rank comes last.
  const order = kept
    .flatMap(({ blocks }) => blocks)
    .map((block, index) => ({ block, index }))
    .sort((one, other) => one.block.rank - other.block.rank || one.index - other.index)
    .map(({ block }) => block);
  const left = new Map<string, { one: string; count: number }>();
  for (;;) {
    const text = put(kept, head(left));
    const excess = bytes(text) - limit;
    if (excess <= 0) return text;
    // By halves, because what stands around the pieces goes with the last of them.
    for (let freed = 0; freed < excess / 2; ) {
      while (order.at(-1)?.pieces.length === 0) order.pop();
      const block = order.at(-1);
      if (!block) return put(kept, head(left));
      freed += bytes(block.pieces.pop() ?? "") + BETWEEN;
      const [one, several] = block.noun;
      left.set(several, { one, count: (left.get(several)?.count ?? 0) + 1 });
    }
  }
}

/** Two pieces stand at most an empty line apart. */
const BETWEEN = 2;

/** A character may take four bytes. Where characters are counted, bytes are on the safe side. */
const bytes = (text: string): number => Buffer.byteLength(text);

function put(sections: readonly Section[], head: string): string {
  const told = sections.map(({ title, blocks }) => {
    const texts = blocks.filter(({ pieces }) => pieces.length > 0).map(({ pieces, put }) => put(pieces));
    return texts.length === 0 ? "" : paragraphs([title, ...texts]);
  });
  return `${paragraphs([head, ...told])}\n`;
}

export const paragraphs = (all: readonly string[]): string => all.filter((one) => one !== "").join("\n\n");

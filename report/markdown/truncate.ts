/** Fits a text into a limit: the least important pieces are omitted first, whole, and the text says how many. */

export interface Block {
  /** Blocks of a higher rank are omitted first. */
  readonly rank: number;
  /** Most important first. Each closes all the markup that it opens. */
  readonly pieces: readonly string[];
  /** Names one piece, and several: "cost line", "cost lines". */
  readonly noun: readonly [one: string, several: string];
  /** @param pieces the remaining ones, at least one */
  render(pieces: readonly string[]): string;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** How many pieces are omitted, by their plural. */
export type Omitted = ReadonlyMap<string, { readonly one: string; readonly count: number }>;

/** @param head the text above, given what is omitted; its length must not grow with the change */
export function truncate(sections: readonly Section[], limit: number, head: (omitted: Omitted) => string): string {
  const kept = sections.map(({ title, blocks }) => ({ title, blocks: blocks.map((block) => ({ ...block, pieces: [...block.pieces] })) }));
  const order = kept
    .flatMap(({ blocks }) => blocks)
    .map((block, index) => ({ block, index }))
    .sort((one, other) => one.block.rank - other.block.rank || one.index - other.index)
    .map(({ block }) => block);
  const omitted = new Map<string, { one: string; count: number }>();
  for (;;) {
    const text = render(kept, head(omitted));
    const excess = bytes(text) - limit;
    if (excess <= 0) return text;
    // In halves of the excess, because a block without pieces loses its title as well.
    for (let freed = 0; freed < excess / 2; ) {
      while (order.at(-1)?.pieces.length === 0) order.pop();
      const block = order.at(-1);
      if (!block) return render(kept, head(omitted));
      freed += bytes(block.pieces.pop() ?? "") + BETWEEN;
      const [one, several] = block.noun;
      omitted.set(several, { one, count: (omitted.get(several)?.count ?? 0) + 1 });
    }
  }
}

/** At most an empty line separates two pieces. */
const BETWEEN = 2;

/** Never fewer than characters, which GitHub counts. */
const bytes = (text: string): number => Buffer.byteLength(text);

function render(sections: readonly Section[], head: string): string {
  const texts = sections.map(({ title, blocks }) => {
    const shown = blocks.filter(({ pieces }) => pieces.length > 0).map(({ pieces, render }) => render(pieces));
    return shown.length === 0 ? "" : paragraphs([title, ...shown]);
  });
  return `${paragraphs([head, ...texts])}\n`;
}

export const paragraphs = (all: readonly string[]): string => all.filter((one) => one !== "").join("\n\n");

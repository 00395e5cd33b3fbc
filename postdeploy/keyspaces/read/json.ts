/** What JSON.parse takes without a word: a name that stands twice in one object, of which it keeps the last. */

const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [34, 92, 58, 123, 125, 91, 93];

/**
 * @param text that JSON.parse has taken
 * @returns the first name that its object has already
 */
export function findDuplicateName(text: string): string | undefined {
  // One set for each object that is open; a list has none.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case OPEN:
        open.push(new Set());
        break;
      case OPEN_LIST:
        open.push(undefined);
        break;
      case CLOSE:
      case CLOSE_LIST:
        open.pop();
        break;
      case QUOTE: {
        const from = at;
        at = findClosingQuote(text, at + 1);
        const names = open.at(-1);
        if (names === undefined || !isFollowedByColon(text, at + 1)) break;
        const written = text.slice(from + 1, at);
        const name = written.includes("\\") ? (JSON.parse(text.slice(from, at + 1)) as string) : written;
        if (names.has(name)) return name;
        names.add(name);
      }
    }
  }
  return undefined;
}

/** Where the quote is that ends it: one that no backslash stands before, or an even number of them. */
function findClosingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); ; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at;
  }
}

function isFollowedByColon(text: string, after: number): boolean {
  let at = after;
  while (text.charCodeAt(at) <= 32) at++;
  return text.charCodeAt(at) === COLON;
}

/** Words that this repository does not use, in names, messages, comments and pages, each with the word to use instead. */
import ts from "typescript";

interface Word {
  /** Whole words, case-insensitive; a name such as `toldTwice` counts as the words "told twice". */
  readonly not: RegExp;
  readonly use: string;
}

const word = (not: string, use: string): Word => ({ not: new RegExp(`\\b(?:${not})\\b`, "i"), use });

export const WORDS: readonly Word[] = [
  word("told|tells", "reports, prints, describes"),
  word("overheard", "observed"),
  word("wished|wishes", "requested"),
  word("mend|mends|mended|mending", "fix"),
  word("anew", "again, re-create, rewrite"),
  word("way back|taken back", "down migration, reverted, rolled back"),
  word("nobody|somebody|whoever|whomever|whom", "name the actor: no component, another session, the operator"),
  word("a stranger|strangers?'s?", "an untrusted contributor, another program"),
  word("lived with", "suppressed"),
  word("came of", "outcome"),
  word("houses", "sample changes"),
  word("berths?", "deployment"),
  word("lonely", "orphan"),
  word("stand-?ins?", "placeholder"),
  word("burnt", "compromised"),
  word("lest|wherein|thereof|beside", "plain modern words"),
];

/** Where a word is right all the same: a term of somebody else's, or the text that a rule matches. */
const EXCEPTIONS: readonly { readonly file: RegExp; readonly text: RegExp }[] = [
  // Old names that users may still meet.
  { file: /^CHANGELOG\.md$/, text: /`(standIn|lonely-down|no-way-back|default-privileges-for-whom)`/ },
  { file: /^postdeploy\/migrate\/read\/header\.ts$/, text: /"(no-way-back|default-privileges-for-whom)"/ },
];

export interface Found {
  readonly line: number;
  readonly text: string;
  readonly use: string;
}

/** What a TypeScript file holds of them. */
export function wordsInCode(path: string, source: string): Found[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, source);
  const found: Found[] = [];
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (token === ts.SyntaxKind.WhitespaceTrivia || token === ts.SyntaxKind.NewLineTrivia) continue;
    const text = scanner.getTokenText();
    const words = token === ts.SyntaxKind.Identifier ? splitName(text) : text;
    found.push(...wordsIn(path, words, lineOf(source, scanner.getTokenStart())));
  }
  return found;
}

export function wordsInPage(path: string, source: string): Found[] {
  return source.split("\n").flatMap((line, index) => wordsIn(path, line, index + 1));
}

function wordsIn(path: string, text: string, firstLine: number): Found[] {
  return text.split("\n").flatMap((line, index) =>
    WORDS.flatMap(({ not, use }) => {
      const match = not.exec(line);
      if (!match || EXCEPTIONS.some((exception) => exception.file.test(path) && exception.text.test(line))) return [];
      return [{ line: firstLine + index, text: match[0], use }];
    }),
  );
}

const splitName = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replaceAll("_", " ");

function lineOf(source: string, position: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at !== -1 && at < position; at = source.indexOf("\n", at + 1)) line++;
  return line;
}

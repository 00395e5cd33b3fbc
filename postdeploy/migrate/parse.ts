/**
 * What a file's statements are, by Postgres's own parser.
 *
 * It is loaded when a file is pending, not before: a run with nothing to do takes a third of the time it takes to load it.
 */
import { setFlagsFromString } from "node:v8";
import type { Node } from "libpg-query";
import type { Finding } from "./finding.ts";
import { pieces, tokens, Unterminated } from "./lex.ts";
import { byteReader, fromCharacters, placeAt } from "./position.ts";

export interface Statement {
  /** In the file's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly node: Node;
}

export interface Parsed {
  readonly statements: readonly Statement[];
  readonly findings: readonly Finding[];
}

/** A tree takes some twenty times the memory of its text; beyond this a file is read statement by statement. */
const WHOLE = 4 * 1024 * 1024;
/** A statement of this size is rows of data, and its first words say all that matters. */
const DATA = 1024 * 1024;

type Parser = (sql: string) => { readonly stmts?: readonly { stmt?: Node; stmt_location?: number; stmt_len?: number }[] };
let loading: Promise<Parser> | undefined;

export function loadParser(): Promise<Parser> {
  // V8 would optimise this WebAssembly in threads of its own: 500 MB and 0.2 s, for a parse of 15 ms.
  for (const flag of ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);
  loading ??= import("libpg-query").then(async ({ loadModule, parseSync }) => {
    await loadModule();
    return parseSync as unknown as Parser;
  });
  return loading;
}

export async function parseText(file: string, text: string): Promise<Parsed> {
  const parser = await loadParser();
  const shape = findShape(file, text);
  if (shape.length > 0) return { statements: [], findings: shape };
  try {
    return { statements: text.length <= WHOLE ? parseWhole(parser, text, 0) : parsePieces(parser, text), findings: [] };
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error;
    return {
      statements: [],
      findings: [{ rule: "syntax", severity: "error", file, ...placeAt(text, error.at), message: `${error.message}.` }],
    };
  }
}

class SyntaxMistake extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

function parseWhole(parser: Parser, text: string, offset: number): Statement[] {
  if (text.trim() === "") return [];
  let stmts: ReturnType<Parser>["stmts"];
  try {
    stmts = parser(text).stmts;
  } catch (error) {
    const { message, sqlDetails } = error as Error & { sqlDetails?: { cursorPosition: number } };
    throw new SyntaxMistake(message, offset + fromCharacters(text, Math.max(0, sqlDetails?.cursorPosition ?? 0)));
  }
  const indexOf = byteReader(text);
  return (stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len }) => {
    const start = indexOf(stmt_location);
    const end = stmt_len === undefined ? text.trimEnd().length : indexOf(stmt_location + stmt_len);
    return { start: offset + start, end: offset + end, text: text.slice(start, end), node: stmt! };
  });
}

function parsePieces(parser: Parser, text: string): Statement[] {
  const statements: Statement[] = [];
  for (const { start, end } of pieces(text)) {
    const piece = text.slice(start, end);
    if (piece.length > DATA && /^insert\b/i.test(piece)) statements.push({ start, end, text: piece, node: { InsertStmt: {} } });
    else statements.push(...parseWhole(parser, piece, start));
  }
  return statements;
}

/** What the parser would report as a puzzle: open quotes, psql's own commands, and the data lines that follow COPY … FROM stdin. */
function findShape(file: string, text: string): Finding[] {
  let words: string[] = [];
  try {
    for (const token of tokens(text)) {
      if (token.kind === "semicolon") words = [];
      else if (token.kind === "word" && words.length < 200) words.push(text.slice(token.start, token.end).toLowerCase());
      if (token.kind === "semicolon" || token.kind === "comment") continue;
      if (token.kind === "backslash") {
        const command = text.slice(token.start, token.end).split(/\s/, 1)[0]!;
        return [
          {
            rule: "psql-command",
            severity: "error",
            file,
            ...placeAt(text, token.start),
            message: `${command} is a command of psql, and no SQL.`,
            fix: "Remove it. A dump without them: pg_dump --schema-only --inserts, less the lines that begin with a backslash.",
          },
        ];
      }
      if (words[0] === "copy" && words.at(-1) === "stdin" && words.at(-2) === "from")
        return [
          {
            rule: "copy-from-stdin",
            severity: "error",
            file,
            ...placeAt(text, token.start),
            message: "COPY … FROM stdin takes its rows from psql, and here nobody sends them.",
            fix: "Write the rows as INSERT (pg_dump --inserts does).",
          },
        ];
    }
  } catch (error) {
    if (!(error instanceof Unterminated)) throw error;
    return [{ rule: "unterminated", severity: "error", file, ...placeAt(text, error.start), message: `${error.message}.` }];
  }
  return [];
}

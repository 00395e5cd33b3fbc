/**
 * What a file's statements are, by Postgres's own parser.
 *
 * It is loaded when a file is pending, not before: a run with nothing to do takes a third of the time it takes to load it.
 */
import { setFlagsFromString } from "node:v8";
import type { Node } from "libpg-query";
import type { Finding } from "./finding.ts";
import { partOf, pieces, tokenize, UnterminatedError } from "./lex.ts";
import { byteReader, fromCharacters, placeAt } from "./position.ts";
import { meaningOf } from "./text.ts";

export interface Statement {
  /** In the file's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly node: Node;
}

export interface Parsed {
  readonly statements: readonly Statement[];
  /** The second checksum of the text. */
  readonly meaning: string;
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
  const { meaning, findings } = readShape(file, text);
  if (findings.length > 0) return { statements: [], meaning, findings };
  try {
    return { statements: text.length <= WHOLE ? parseWhole(parser, text, 0) : parsePieces(parser, text), meaning, findings };
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error;
    return {
      statements: [],
      meaning,
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

/**
 * Cuts the text into words once: for its meaning, and for what the parser would report as a puzzle: open quotes, psql's own commands, and the
 * data lines that follow COPY … FROM stdin.
 */
function readShape(file: string, text: string): { meaning: string; findings: readonly Finding[] } {
  const parts: string[] = [];
  const refuse = (rule: string, at: number, message: string, fix?: string) => ({
    meaning: meaningOf([text]),
    findings: [{ rule, severity: "error" as const, file, ...placeAt(text, at), message, ...(fix === undefined ? {} : { fix }) }],
  });
  let begin = 0;
  try {
    for (const token of tokenize(text)) {
      if (token.kind === "comment") continue;
      const part = partOf(text, token);
      parts.push(part);
      if (token.kind === "semicolon") begin = parts.length;
      else if (token.kind === "backslash")
        return refuse(
          "psql-command",
          token.start,
          `${part.split(/\s/, 1)[0]} is a command of psql, and no SQL.`,
          "Remove it. A dump without them: pg_dump --schema-only --inserts, less the lines that begin with a backslash.",
        );
      else if (part === "stdin" && parts.at(-2) === "from" && parts[begin] === "copy")
        return refuse(
          "copy-from-stdin",
          token.start,
          "COPY … FROM stdin takes its rows from psql, and here nobody sends them.",
          "Write the rows as INSERT (pg_dump --inserts does).",
        );
    }
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
    return refuse("unterminated", error.start, `${error.message}.`);
  }
  return { meaning: meaningOf(parts), findings: [] };
}

/**
 * Parses the statements of a file with Postgres's own parser.
 *
 * The parser is loaded only when a file is pending: loading it takes three times as long as a run with nothing to do.
 */
import { setFlagsFromString } from "node:v8";
import type { Node } from "libpg-query";
import type { Finding } from "./finding.ts";
import { normalizeToken, splitStatements, tokenize, UnterminatedError } from "./lex.ts";
import { byteIndexer, indexOfCharacter, positionAt } from "./position.ts";
import { checksumOfTokens } from "./text.ts";

export interface Statement {
  /** Offset in the text of the file. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly node: Node;
}

interface Parsed {
  readonly statements: readonly Statement[];
  /** The checksum without formatting and comments. */
  readonly meaning: string;
  readonly findings: readonly Finding[];
}

/** A parse tree takes about twenty times the memory of its text, so larger files are parsed statement by statement. */
const MAX_WHOLE_PARSE = 4 * 1024 * 1024;
/** Larger INSERT statements are data and are not parsed. */
const MAX_INSERT_PARSE = 1024 * 1024;

type Parser = (sql: string) => { readonly stmts?: readonly { stmt?: Node; stmt_location?: number; stmt_len?: number }[] };
let loading: Promise<Parser> | undefined;

function loadParser(): Promise<Parser> {
  // V8 would optimise the WebAssembly in background threads: 500 MB and 0.2 s for a parse of 15 ms.
  for (const flag of ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);
  loading ??= import("libpg-query").then(async ({ loadModule, parseSync }) => {
    await loadModule();
    return parseSync as unknown as Parser;
  });
  return loading;
}

export async function parseText(file: string, text: string): Promise<Parsed> {
  const parser = await loadParser();
  const { meaning, findings } = scanTokens(file, text);
  if (findings.length > 0) return { statements: [], meaning, findings };
  try {
    return { statements: text.length <= MAX_WHOLE_PARSE ? parseWhole(parser, text, 0) : parseEach(parser, text), meaning, findings };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return {
      statements: [],
      meaning,
      findings: [{ rule: "syntax", severity: "error", file, ...positionAt(text, error.at), message: `${error.message}.` }],
    };
  }
}

class SqlSyntaxError extends Error {
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
    throw new SqlSyntaxError(message, offset + indexOfCharacter(text, Math.max(0, sqlDetails?.cursorPosition ?? 0)));
  }
  const indexOf = byteIndexer(text);
  return (stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len }) => {
    const start = indexOf(stmt_location);
    const end = stmt_len === undefined ? text.trimEnd().length : indexOf(stmt_location + stmt_len);
    return { start: offset + start, end: offset + end, text: text.slice(start, end), node: stmt! };
  });
}

function parseEach(parser: Parser, text: string): Statement[] {
  const statements: Statement[] = [];
  for (const { start, end } of splitStatements(text)) {
    const statement = text.slice(start, end);
    if (statement.length > MAX_INSERT_PARSE && /^insert\b/i.test(statement))
      statements.push({ start, end, text: statement, node: { InsertStmt: {} } });
    else statements.push(...parseWhole(parser, statement, start));
  }
  return statements;
}

/**
 * Computes the checksum without formatting, and finds what the parser reports badly: unterminated quotes, psql commands, and the data lines that
 * follow COPY … FROM stdin.
 */
function scanTokens(file: string, text: string): { meaning: string; findings: readonly Finding[] } {
  const parts: string[] = [];
  const reject = (rule: string, at: number, message: string, fix?: string) => ({
    meaning: checksumOfTokens([text]),
    findings: [{ rule, severity: "error" as const, file, ...positionAt(text, at), message, ...(fix === undefined ? {} : { fix }) }],
  });
  let begin = 0;
  try {
    for (const token of tokenize(text)) {
      if (token.kind === "comment") continue;
      const part = normalizeToken(text, token);
      parts.push(part);
      if (token.kind === "semicolon") begin = parts.length;
      else if (token.kind === "backslash")
        return reject(
          "psql-command",
          token.start,
          `${part.split(/\s/, 1)[0]} is a psql command, not SQL.`,
          "Remove it. To remove them from a dump: pg_dump --schema-only --inserts | grep -v '^\\\\'",
        );
      else if (part === "stdin" && parts.at(-2) === "from" && parts[begin] === "copy")
        return reject(
          "copy-from-stdin",
          token.start,
          "COPY … FROM stdin needs psql to send its rows, and slipway sends none.",
          "Write the rows as INSERT statements, as pg_dump --inserts does.",
        );
    }
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
    return reject("unterminated", error.start, `${error.message}.`);
  }
  return { meaning: checksumOfTokens(parts), findings: [] };
}

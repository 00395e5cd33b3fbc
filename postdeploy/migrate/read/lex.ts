/**
 * An SQL tokenizer: where comments, quotes and statements end.
 *
 * Postgres's own parser (parse.ts) decides what a statement means. The tokenizer finds what that parser reports badly (unterminated quotes, psql
 * commands), and reads a file of 60 MB without building a tree.
 */
type TokenKind = "word" | "string" | "dollar" | "quoted" | "comment" | "operator" | "semicolon" | "backslash";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

export class UnterminatedError extends Error {
  readonly start: number;

  constructor(what: string, start: number) {
    super(`Unterminated ${what}`);
    this.start = start;
  }
}

const SPACE = /[\s\ufeff]+/y;
const WORD = /[\w\u0080-\uffff][\w$\u0080-\uffff]*/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const LINE_END = /[\r\n]|$/g;
const OPERATOR = "+-*/<>=~!@#%^&|`?";

export function* tokenize(text: string): Generator<Token> {
  let at = 0;
  while (at < text.length) {
    SPACE.lastIndex = at;
    if (SPACE.test(text)) at = SPACE.lastIndex;
    if (at >= text.length) return;
    const start = at;
    const [kind, end] = readToken(text, at);
    at = end;
    yield { kind, start, end };
  }
}

function readToken(text: string, at: number): [TokenKind, number] {
  const char = text[at]!;
  const two = text.slice(at, at + 2);
  if (two === "--") return ["comment", lineEnd(text, at)];
  if (two === "/*") return ["comment", blockEnd(text, at)];
  if (char === "'") return ["string", quoteEnd(text, at, at, "'")];
  if (char === '"') return ["quoted", quoteEnd(text, at, at, '"')];
  if (char === ";") return ["semicolon", at + 1];
  if (char === "\\") return ["backslash", lineEnd(text, at)];
  if (char === "$") {
    DOLLAR.lastIndex = at;
    if (DOLLAR.test(text)) {
      const tag = text.slice(at, DOLLAR.lastIndex);
      const close = text.indexOf(tag, DOLLAR.lastIndex);
      if (close === -1) throw new UnterminatedError(`dollar-quoted string ${tag}`, at);
      return ["dollar", close + tag.length];
    }
  }
  WORD.lastIndex = at;
  if (WORD.test(text)) return readWord(text, at, WORD.lastIndex);
  if (OPERATOR.includes(char)) return ["operator", operatorEnd(text, at)];
  return ["operator", at + 1];
}

/** A word directly before a quote can be a prefix of the quoted string: E'…', U&'…'. */
function readWord(text: string, at: number, end: number): [TokenKind, number] {
  const before = text.slice(at, end).toLowerCase();
  const quote = text[end];
  if (quote === "'" && before === "e") return ["string", escapedEnd(text, at, end)];
  if (quote === "'" && (before === "b" || before === "x" || before === "n")) return ["string", quoteEnd(text, at, end, "'")];
  if (before === "u" && quote === "&" && text[end + 1] === "'") return ["string", quoteEnd(text, at, end + 1, "'")];
  if (before === "u" && quote === "&" && text[end + 1] === '"') return ["quoted", quoteEnd(text, at, end + 1, '"')];
  return ["word", end];
}

function lineEnd(text: string, at: number): number {
  LINE_END.lastIndex = at;
  return LINE_END.exec(text)!.index;
}

/** Block comments nest. */
function blockEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "/" && text[at + 1] === "*") {
      depth++;
      at++;
    } else if (text[at] === "*" && text[at + 1] === "/") {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  throw new UnterminatedError("/* comment", start);
}

function quoteEnd(text: string, start: number, open: number, quote: string): number {
  for (let at = text.indexOf(quote, open + 1); at !== -1; at = text.indexOf(quote, at + 2)) if (text[at + 1] !== quote) return at + 1;
  throw new UnterminatedError(quote === "'" ? "quoted string" : "quoted identifier", start);
}

function escapedEnd(text: string, start: number, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1;
      at++;
    }
  }
  throw new UnterminatedError("quoted string", start);
}

function operatorEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && OPERATOR.includes(text[at]!) && !["--", "/*"].includes(text.slice(at, at + 2))) at++;
  return at;
}

interface StatementRange {
  readonly start: number;
  /** Without the semicolon. */
  readonly end: number;
}

/** Splits a text into statements as psql does: not at a semicolon inside parentheses or inside the BEGIN ATOMIC … END of a function. */
export function* splitStatements(text: string): Generator<StatementRange> {
  let start = -1;
  let end = 0;
  let parentheses = 0;
  let blocks = 0;
  let first = "";
  for (const token of tokenize(text)) {
    if (token.kind === "comment") continue;
    if (token.kind === "semicolon" && parentheses === 0 && blocks === 0) {
      if (start !== -1) yield { start, end };
      start = -1;
      continue;
    }
    if (start === -1) {
      start = token.start;
      parentheses = blocks = 0;
      first = text.slice(token.start, token.end).toLowerCase();
    }
    end = token.end;
    if (token.kind === "operator") parentheses += text[token.start] === "(" ? 1 : text[token.start] === ")" ? -1 : 0;
    else if (token.kind === "word" && first === "create") {
      const word = text.slice(token.start, token.end).toLowerCase();
      if (blocks > 0) blocks += word === "begin" || word === "case" ? 1 : word === "end" ? -1 : 0;
      else if (word === "begin" && /^\s*atomic\b/i.test(text.slice(token.end, token.end + 200))) blocks = 1;
    }
  }
  if (start !== -1) yield { start, end };
}

/** The text of a token without differences that have no effect: the case of unquoted names, the kind of line ends. */
export function normalizeToken(text: string, { kind, start, end }: Token): string {
  const part = text.slice(start, end);
  if (kind === "word") return part.toLowerCase();
  return part.includes("\r") ? part.replaceAll("\r\n", "\n") : part;
}

/** Finds tokens, logins and passwords in a text. */
import { EXACT_TOKENS } from "../catalog/secrets.ts";

export interface Shape {
  readonly what: string;
  readonly index: number;
}

const LOGIN =
  /\b(?:postgres(?:ql)?(?:\+\w+)?|rediss?|valkeys?|mysql|mongodb(?:\+srv)?|amqps?|https?):\/\/[^\s:@/"'`<>]*:([^\s@/"'`<>]+)@([^\s:/?#"'`<>)\]},]+)/g;
const SQL_PASSWORD = /\bPASSWORD\s+'([^'\n]+)'/gi;

/** Hosts that do not exist (RFC 2606, RFC 6761), and this machine. */
const UNREACHABLE =
  /^(localhost|127\.|\[?::1|0\.0\.0\.0|host\.docker\.internal)|(^|\.)(example|test|invalid|localhost)(\.(com|org|net))?$/i;

export function shapesIn(text: string): readonly Shape[] {
  return [
    ...EXACT_TOKENS.flatMap(({ what, pattern }) =>
      [...text.matchAll(pattern)].filter(([match]) => isVaried(match)).map(({ index }) => ({ what, index })),
    ),
    ...[...text.matchAll(LOGIN)]
      .filter(([, password = "", host = ""]) => isReal(password) && !UNREACHABLE.test(host))
      .map(({ index }) => ({ what: "a URL with a password", index })),
    ...[...text.matchAll(SQL_PASSWORD)]
      .filter(([, password = ""]) => isReal(password))
      .map(({ index }) => ({ what: "a password in SQL", index })),
  ].sort((a, b) => a.index - b.index);
}

/** Placeholders in documents: variables, words, instructions. */
const PLACEHOLDER = /\$[{(]|[<>*…]|^\$|^%\w|%[sdv]\b|redacted|^pw|passw(or)?d|s[e3]cret|placeholder|change|your|example|canary|hunter2/i;

/** "AAAA…" and "0123…0123" are examples. */
function isVaried(match: string): boolean {
  return new Set(match).size >= 12;
}

function isReal(password: string): boolean {
  if (password.length < 8 || PLACEHOLDER.test(password)) return false;
  return [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length >= 2;
}

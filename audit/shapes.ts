/** Patterns of secrets that other services issue: those that the operators of this platform use. */

export interface Shape {
  readonly what: string;
  readonly index: number;
}

const SHAPES: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a DigitalOcean token", /\bdo[opr]_v1_[0-9a-f]{64}\b/g],
  ["a DigitalOcean database password", /\bAVNS_[\w-]{15,}/g],
  ["a sealed variable of App Platform", /\bEV\[1:[\w+/=]{8,}:[\w+/=]{16,}\]/g],
  ["a Pulumi token", /\bpul-[0-9a-f]{40}\b/g],
  ["a GitHub token", /\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{50,})/g],
  ["a Slack webhook", /https:\/\/hooks\.slack\.com\/services\/T\w{8,}\/B\w{8,}\/\w{20,}/g],
  ["a Slack token", /\bxox[abeprs]-\w[\w-]{20,}/g],
  ["an AWS access key", /\bAKIA[0-9A-Z]{16}\b/g],
  ["a live Stripe key", /\b[rs]k_live_\w{20,}/g],
  ["a Google API key", /\bAIza[\w-]{35}\b/g],
  ["a private key", /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/=\s\\]{40,}/g],
  ["a signed token", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g],
];

const LOGIN =
  /\b(?:postgres(?:ql)?(?:\+\w+)?|rediss?|valkeys?|mysql|mongodb(?:\+srv)?|amqps?|https?):\/\/[^\s:@/"'`<>]*:([^\s@/"'`<>]+)@([^\s:/?#"'`<>)\]},]+)/g;
const SQL_PASSWORD = /\bPASSWORD\s+'([^'\n]+)'/gi;

/** Hosts that do not exist (RFC 2606, RFC 6761), and this machine. */
const UNREACHABLE =
  /^(localhost|127\.|\[?::1|0\.0\.0\.0|host\.docker\.internal)|(^|\.)(example|test|invalid|localhost)(\.(com|org|net))?$/i;

export function shapesIn(text: string): readonly Shape[] {
  return [
    ...SHAPES.flatMap(([what, pattern]) =>
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

/** Whether the name of a setting indicates a secret. */
export function namesSecret(key: string): boolean {
  return /(secret|passw(or)?d|passphrase|token|api_?key|private_?key|access_?key|credentials?|webhook)s?$/i.test(key);
}

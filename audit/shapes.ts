/** Finds tokens, logins and passwords in a text: by their own format, or by what is written before them. */
import { EXACT_TOKENS, namesSecret } from "../catalog/secrets.ts";

export interface Shape {
  readonly what: string;
  readonly index: number;
}

const LOGIN =
  /\b(?:postgres(?:ql)?(?:\+\w+)?|rediss?|valkeys?|mysql|mongodb(?:\+srv)?|amqps?|https?):\/\/[^\s:@/"'`<>]*:([^\s@/"'`<>]+)@([^\s:/?#"'`<>)\]},]+)/g;

/** Hosts that do not exist (RFC 2606, RFC 6761), and this machine. */
const UNREACHABLE =
  /^(localhost|127\.|\[?::1|0\.0\.0\.0|host\.docker\.internal)|(^|\.)(example|test|invalid|localhost)(\.(com|org|net))?$/i;

interface PasswordForm {
  readonly what: string;
  /** Its last group is the password. */
  readonly pattern: RegExp;
}

const IN_SQL = "a password in SQL";
const ON_COMMAND_LINE = "a password on a command line";

const PASSWORD_FORMS: readonly PasswordForm[] = [
  // In quotes, in doubled quotes of a string that is executed, or between dollar signs; also OPTIONS (password '…').
  { what: IN_SQL, pattern: /\bPASSWORD\s*=?\s*(?:E|U&)?('{1,2}|\$\w*\$)(?![\s|%:])([^'\n$]+)\1/gi },
  { what: IN_SQL, pattern: /\bPASSWORD\s*'\s*\|\|\s*(?:quote_literal\s*\(\s*)?'([^'\n]+)'/gi },
  { what: "a connection string with a password", pattern: /(?<![\w-])password\s?=\s?'?([^\s'"&;`,)\]}]{4,})/gi },
  { what: ON_COMMAND_LINE, pattern: /(?<!\S)--?(?:password|passwd|passphrase|token|api-key|secret)[= ]["']?([^\s"'`]+)/gi },
  { what: ON_COMMAND_LINE, pattern: /\b(?:redis|valkey)-cli\b[^\n|;]*?\s(?:-a|--pass)\s+["']?([^\s"'`]+)/g },
  { what: ON_COMMAND_LINE, pattern: /\bcurl\b[^\n|;]*?\s(?:-u|--user)[ =]["']?[^\s:"']*:([^\s"'`]+)/g },
  { what: ON_COMMAND_LINE, pattern: /\blogin\b[^\n|;]*?\s-p[ =]["']?([^\s"'`]+)/g },
  { what: ON_COMMAND_LINE, pattern: /\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;]*?\s-p\s?["']?([^\s"'`]+)/g },
  { what: "a token in a header", pattern: /\bAuthorization["']?\s*[:=]\s*["']?(?:Bearer|Basic|token)\s+([\w+/=.~-]{16,})/gi },
  { what: "a line of a password file", pattern: /^[^\s:#]+:(?:\d{2,5}|\*):[^\s:]+:[^\s:]+:(\S+)$/gm },
  { what: "a line of a password file", pattern: /\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)/g },
];

/** format('… PASSWORD %L', …): the password is one of its arguments. */
const FORMAT = /\bformat\s*\(\s*'((?:[^']|'')*?PASSWORD\s+'*%\d*\$?L(?:[^']|'')*)'((?:\s*,\s*(?:'(?:[^']|'')*'|[\w.]+(?:\([^()]*\))?))*)/gi;
/** set_config('shop.password', '…'), SET shop.password = '…', \set password '…'. */
const SET = /(?:\bset_config\s*\(\s*'([\w.]+)'\s*,|\bSET\s+(?:LOCAL\s+|SESSION\s+)?([\w.]+)\s*(?:=|\bTO\b)|\\set\s+(\w+))\s*'([^'\n]+)'/gi;

/** A name and its value: DB_PASSWORD=…, "password": "…", password = "…". Without quotes only in files that hold no expressions. */
const ASSIGNMENT = /(?<![\w$.-])["']?([A-Za-z_][\w.-]*)["']?\s*(?:=>|[:=])\s*(?:(["'`])([^"'`\n]{8,}?)\2|([^\s"'`,;#]{8,}))/g;

export interface ShapeOptions {
  /** Values after names are read without quotes too, as in .env, YAML and shell files. @default false */
  readonly unquoted?: boolean;
}

export function shapesIn(text: string, { unquoted = false }: ShapeOptions = {}): readonly Shape[] {
  const found = [
    ...EXACT_TOKENS.flatMap(({ what, pattern }) =>
      [...text.matchAll(pattern)].filter(([match]) => isVaried(match) && !EXAMPLE.test(match)).map(({ index }) => ({ what, index })),
    ),
    ...[...text.matchAll(LOGIN)]
      .filter(([, password = "", host = ""]) => isReal(password) && !UNREACHABLE.test(host))
      .map(({ index }) => ({ what: "a URL with a password", index })),
    ...PASSWORD_FORMS.flatMap(({ what, pattern }) =>
      [...text.matchAll(pattern)]
        .filter((match) => (what === IN_SQL ? isReal : isStrong)(match.at(-1) ?? ""))
        .map(({ index }) => ({ what, index })),
    ),
    ...[...text.matchAll(FORMAT)]
      .filter(([, template = "", rest = ""]) => isReal(formatArgument(template, rest)))
      .map(({ index }) => ({ what: IN_SQL, index })),
    ...[...text.matchAll(SET)]
      .filter(([, a, b, c, value = ""]) => namesSecret(a ?? b ?? c ?? "") && isReal(value))
      .map(({ index }) => ({ what: IN_SQL, index })),
    ...[...text.matchAll(ASSIGNMENT)]
      .filter(
        ([, name = "", , quoted, bare]) =>
          (namesSecret(name) || /^REDISCLI_AUTH$/.test(name)) && isStrong(quoted ?? (unquoted ? bare : "") ?? ""),
      )
      .map(({ index, 1: name }) => ({ what: `a value of ${name}`, index })),
  ].sort((a, b) => a.index - b.index);
  // One secret can have several shapes: a password in a URL, on a command line, after a name.
  return found.filter(({ index }, nth) => nth === 0 || text.slice(found[nth - 1]!.index, index).length > SAME_SECRET);
}

const SAME_SECRET = 24;

function formatArgument(template: string, rest: string): string {
  const before = template.slice(0, template.search(/PASSWORD\s+'*%/i));
  const numbered = /PASSWORD\s+'*%(\d+)\$/i.exec(template)?.[1];
  const position = numbered === undefined ? [...before.matchAll(/%[sIL]/g)].length : Number(numbered) - 1;
  const args = [...rest.matchAll(/,\s*('(?:[^']|'')*'|[\w.]+(?:\([^()]*\))?)/g)].map(([, argument = ""]) => argument);
  const argument = args[position] ?? "";
  return argument.startsWith("'") ? argument.slice(1, -1) : "";
}

/** Variables of a shell or of a template, and instructions. */
const TEMPLATE = /\$[{(]|[<>*…]|^\$|^%\w|%[sdvLI]\b|\{\{|^:['"]?\w|redacted|example|placeholder|change|your|canary|hunter2/i;
/** Only such words, with separators and a few digits: "password123", "my-secret". */
const WORDS =
  /^(?:(?:my|the|a|an|some|super|top|very|strong|test|dev|local|dummy|fake|sample|me|this|it|new|old|db|user|admin|root|pass|word|pw|pwd|passwd|pa55|p4ss|p[a@]ssw[o0]rd|s[e3]cret|token|key|here|postgres|correct|horse|battery|staple|correct-horse)|[-_. !]|\d{1,4}(?!\w*[A-Z]))+$/i;
const EXAMPLE = /EXAMPLE/;

/** "AAAA…" and "0123…0123" are examples. */
function isVaried(match: string): boolean {
  return new Set(match).size >= 12;
}

function kindsOf(password: string): number {
  return [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length;
}

export function isReal(password: string): boolean {
  return password.length >= 8 && !TEMPLATE.test(password) && !WORDS.test(password) && kindsOf(password) >= 2;
}

/** For a value that only a name or a flag accuses: expressions, paths and words resemble passwords of two kinds of characters. */
function isStrong(password: string): boolean {
  return (
    isReal(password) &&
    /[0-9]/.test(password) &&
    /[A-Za-z]/.test(password) &&
    kindsOf(password.replace(/[._-]/g, "")) >= 3 &&
    !EXPRESSION.test(password)
  );
}

/** config.password2, read("X1"), ./file.ts, https://…, sha256-… */
const EXPRESSION = /^[A-Za-z_$][\w$]*(?:[.[(]|\?\.)|^\.{0,2}\/|:\/\/|^sha\d+[-:]|^v\d+:|[()[\]{}]|^\d{4}-\d\d-\d\d/;

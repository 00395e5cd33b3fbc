/** Searches the repository's files: secrets in plain text in a stack's file, and tokens in any file. */
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { namesSecret } from "../../catalog/secrets.ts";
import type { Finding } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import { shapesIn } from "../shapes.ts";
import { lineOf } from "./code.ts";

const MOST_BYTES = 1_000_000;
const STACK_FILE = /^Pulumi(\..+)?\.ya?ml$/;
/** Generated or binary. */
const SKIPPED =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml)$|\.(png|jpe?g|gif|ico|pdf|zip|gz|tgz|woff2?|wasm)$/;

export function repositoryFaults(root: string): readonly Finding[] {
  return trackedFiles(root).flatMap((name) => {
    if (SKIPPED.test(name)) return [];
    const text = textOf(path.join(root, name));
    if (text === undefined) return [];
    if (!STACK_FILE.test(path.basename(name))) return tokenFaults(name, text);
    const faults = stackFileFaults(name, text);
    const lines = new Set(faults.map(({ source }) => source?.line));
    return [...faults, ...tokenFaults(name, text).filter(({ source }) => !lines.has(source?.line))];
  });
}

/** Files in which the value of a name needs no quotes. */
const PLAIN_VALUES =
  /(^|\/)(\.env[^/]*|\.npmrc|\.pypirc|[^/]*\.(env|ya?ml|toml|ini|cfg|conf|properties|tfvars|sh|bash|zsh|service|dockerfile)|Dockerfile[^/]*|Makefile|credentials)$/i;

/** One finding for each kind of token in each file, because a file of examples is suppressed once. */
function tokenFaults(file: string, text: string): Finding[] {
  const kinds = new Map<string, number[]>();
  for (const { what, index } of shapesIn(text, { unquoted: PLAIN_VALUES.test(file) })) kinds.set(what, [...(kinds.get(what) ?? []), index]);
  return [...kinds].map(([what, places]) => {
    const source = { file, line: lineOf(text, places[0]!) };
    return finding({
      rule: "token-in-repository",
      message: `${file} contains what looks like ${what}${places.length === 1 ? "" : `, in ${places.length} places`}.`,
      source,
      flow: [{ what: `${file}:${source.line}`, source }],
      sink: `${file} ${what}`,
    });
  });
}

function stackFileFaults(file: string, text: string): Finding[] {
  const lines = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const config = isMap(contents) ? contents.get("config", true) : undefined;
  return [...plainTexts(config, "")]
    .filter(({ key, value }) => holdsSecret(key, value))
    .map(({ at, offset }) => {
      const source = { file, line: lines.linePos(offset).line };
      return finding({
        rule: "secret-in-stack-file",
        message: `${at} is in ${file} in plain text.`,
        secret: at,
        source,
        flow: [{ what: `${file}:${source.line}`, source }],
        sink: `${file} ${at}`,
      });
    });
}

/** Shorter values are words such as "on" and "local". */
const SHORTEST = 6;
const SHORT_NAMES = /^(pass|pw|auth|dsn)$/i;
/** Digests, addresses, numbers and dates are public under any name. */
const PUBLIC = /^(true|false|[\d.,:_-]+|[\w.-]*\w+@sha256:.*|sha\d+[-:].*)$|^(https?:\/\/|[\w./-]+:[\w.-]+@sha256:)/i;
const PUBLIC_NAME = /public|cert|digest|hash|checksum|integrity|commit|image|fingerprint|(^|[a-z_])id$/i;

function holdsSecret(key: string, value: string): boolean {
  if (shapesIn(value, { unquoted: true }).length > 0) return true;
  const inner = parsedJson(value);
  if (inner !== undefined) return entriesOf(inner, key).some(([name, text]) => holdsSecret(name, text));
  if (value.length < SHORTEST || PUBLIC.test(value)) return false;
  return namesSecret(key) || SHORT_NAMES.test(key) || (isRandom(value) && !PUBLIC_NAME.test(key));
}

function parsedJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function entriesOf(value: unknown, key: string): (readonly [string, string])[] {
  if (typeof value === "string") return [[key, value]];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, inner]) => entriesOf(inner, Array.isArray(value) ? key : name));
}

/** Under any name: long, of three kinds of characters, and neither a path nor words. */
function isRandom(value: string): boolean {
  if (!/^[\w+/=~-]{20,}$/.test(value) || /^[a-z\d]+(?:[-_/][a-z\d]+)+$/i.test(value)) return false;
  return [/[a-z]/, /[A-Z]/, /[0-9]/].every((kind) => kind.test(value));
}

/** Values that are not encrypted. In a project's file, a declaration wraps the value: `{ default: x }`. */
function* plainTexts(node: unknown, at: string, key = ""): Generator<{ at: string; key: string; value: string; offset: number }> {
  if (isMap(node)) {
    if (node.has("secure")) return;
    for (const { key: name, value } of node.items) {
      const inner = String(isScalar(name) ? name.value : name);
      yield* plainTexts(value, at === "" ? inner : `${at}.${inner}`, inner === "default" || inner === "value" ? key : inner);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* plainTexts(item, `${at}[${index}]`, key);
  } else if (isScalar(node) && typeof node.value === "string" && node.range) {
    yield { at, key: key.slice(key.lastIndexOf(":") + 1), value: node.value, offset: node.range[0] };
  }
}

/** The files that are committed, and those that could be: git does not ignore them. Without git, every file. */
function trackedFiles(root: string): readonly string[] {
  const listed = listedByGit(root);
  if (listed !== "") return listed.split("\0").filter((name) => name !== "");
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .filter((name) => !/(^|\/)(node_modules|\.git|dist)\//.test(name));
}

function listedByGit(root: string): string {
  try {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    return status === 0 ? stdout : "";
  } catch {
    // In a sandbox, which starts no process and holds only the files that git lists.
    return "";
  }
}

function textOf(file: string): string | undefined {
  try {
    const { size } = lstatSync(file);
    if (size === 0 || size > MOST_BYTES) return undefined;
    const bytes = readFileSync(file);
    return bytes.includes(0) ? undefined : bytes.toString("utf8");
  } catch {
    // Tracked, but deleted in the working tree.
    return undefined;
  }
}

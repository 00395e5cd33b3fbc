/** Searches the program's source: its entry file and every file that it imports, without comments. */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Finding } from "../../report/audit.ts";
import { finding } from "../finding.ts";
import type { RuleId } from "../rules.ts";

export interface SourceFile {
  /** From the program's directory. */
  readonly name: string;
  /** Comments are blanked, so that lines and columns stay the same. */
  readonly code: string;
}

const MOST_FILES = 2_000;

export function programFiles(entry: string, directory: string): readonly SourceFile[] {
  const seen = new Set([entry]);
  const files: SourceFile[] = [];
  for (const file of seen) {
    if (files.length === MOST_FILES) break;
    const code = withoutComments(readFileSync(file, "utf8"));
    files.push({ name: path.relative(directory, file).split(path.sep).join("/"), code });
    for (const [, specifier = ""] of code.matchAll(IMPORT)) {
      const found = resolve(path.resolve(path.dirname(file), specifier));
      if (found !== undefined) seen.add(found);
    }
  }
  return files;
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"'\n]+)["']/g;

function resolve(place: string): string | undefined {
  const candidates = [
    place,
    ...[".ts", ".mts", ".js", ".mjs", ".cjs"].map((end) => place + end),
    path.join(place, "index.ts"),
    path.join(place, "index.js"),
  ];
  return candidates.find((file) => /\.[cm]?[jt]s$/.test(file) && existsSync(file) && statSync(file).isFile());
}

const STRING_OR_COMMENT = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (match) => (match.startsWith("/") ? match.replace(/[^\n]/g, " ") : match));
}

/** @param settings the names of the secret settings, by whole key */
export function codeFaults(files: readonly SourceFile[], settings: ReadonlyMap<string, string>): readonly Finding[] {
  const byKey = new Map([...settings].map(([key, secret]) => [key.slice(key.indexOf(":") + 1), { key, secret }]));
  return files.flatMap(({ name, code }) => {
    const fault = (rule: RuleId, index: number, message: string, sink: string, secret?: string) => {
      const source = { file: name, line: lineOf(code, index) };
      return finding({
        rule,
        message,
        source,
        flow: [{ what: `${name}:${source.line}`, source }],
        sink: `${name} ${sink}`,
        ...(secret && { secret }),
      });
    };
    return [
      ...[...code.matchAll(/\bunsecret\s*\(/g)].map(({ index }, nth) =>
        fault("unsecret", index, `${name} removes the mark of a secret.`, `unsecret ${nth}`),
      ),
      ...[...code.matchAll(READ)].flatMap(({ index, 1: how = "", 3: key = "" }) => {
        const setting = byKey.get(key);
        if (setting === undefined) return [];
        return [
          fault(
            "config-require",
            index,
            `${name} reads ${setting.key} with ${how}, which returns it without its secret mark.`,
            `${how} ${key}`,
            setting.secret,
          ),
        ];
      }),
      ...[...code.matchAll(LITERAL)].map(({ index }, nth) =>
        fault("secret-literal", index, `${name} contains a secret in plain text, and marks it as secret.`, `literal ${nth}`),
      ),
      ...[...code.matchAll(UNVERIFIED)].map(({ index }, nth) =>
        fault("tls-not-verified", index, `${name} accepts any certificate.`, `unverified ${nth}`),
      ),
    ];
  });
}

const READ = /\.\s*((?:require|get)(?:Object|Number|Boolean)?)\s*(?:<[^()]*>)?\s*\(\s*(["'`])([\w.:-]+)\2/g;
/** `pulumi.secret("…")`, or an imported `secret("…")`. */
const LITERAL = /(?:\bpulumi\.|(?<![\w.$]))secret\s*\(\s*(["'`])(?!placeholder:)(?!\$\{)[^"'`\n$]{6,}\1\s*\)/g;
const UNVERIFIED = /\brejectUnauthorized\s*:\s*false\b|\bNODE_TLS_REJECT_UNAUTHORIZED\s*["']?\]?\s*=\s*["']0/g;

export function lineOf(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Reads a Dockerfile and a .dockerignore file: the instructions that this repository uses. An unknown one is an error, so that none is left out. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export interface Stage {
  readonly name: string | undefined;
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export type Instruction =
  | { readonly kind: "run"; readonly command: string; readonly caches: readonly string[] }
  | {
      readonly kind: "copy";
      readonly from: string | undefined;
      readonly mode: string | undefined;
      readonly sources: readonly string[];
      readonly to: string;
    }
  | { readonly kind: "env"; readonly variables: Readonly<Record<string, string>> }
  | { readonly kind: "workdir"; readonly path: string }
  | { readonly kind: "user"; readonly uid: number; readonly gid: number }
  | { readonly kind: "entrypoint" | "cmd"; readonly words: readonly string[] };

export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string | undefined; from: string; instructions: Instruction[] }[] = [];
  for (const line of logicalLines(text)) {
    const [, keyword = "", rest = ""] = /^(\S+)\s+(.*)$/s.exec(line) ?? [];
    if (keyword === "FROM") {
      const [, from, name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      if (from === undefined) throw new Error(`Not a FROM instruction: ${line}`);
      stages.push({ name, from, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`The first instruction is not FROM: ${line}`);
    stage.instructions.push(parseInstruction(keyword, rest));
  }
  return stages;
}

/** Without comments and empty lines; a backslash at the end of a line continues it. */
const logicalLines = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join("\n")
    .replace(/\\\n\s*/g, "")
    .split("\n");

function parseInstruction(keyword: string, rest: string): Instruction {
  const [flags, words] = splitFlags(rest);
  const refuse = () => new Error(`tests/image/dockerfile.ts does not implement: ${keyword} ${rest}`);
  const unknown = (known: readonly string[]) => flags.some(([name]) => !known.includes(name));
  switch (keyword) {
    case "RUN": {
      if (unknown(["mount"]) || words.startsWith("[")) throw refuse();
      const caches = flags.map(([, value]) => /^type=cache,target=([^,]+)$/.exec(value)?.[1]);
      if (caches.includes(undefined)) throw refuse();
      return { kind: "run", command: words, caches: caches as string[] };
    }
    case "COPY": {
      if (unknown(["from", "chmod"]) || /["[*?]/.test(words)) throw refuse();
      const paths = words.split(/\s+/);
      const { from, chmod: mode } = Object.fromEntries(flags);
      return { kind: "copy", from, mode, sources: paths.slice(0, -1), to: paths.at(-1)! };
    }
    case "ENV": {
      const variables = [...words.matchAll(/(\w+)=(\S+)(?:\s+|$)/g)];
      if (flags.length > 0 || /["'$]/.test(words) || variables.map(([text]) => text).join("") !== words) throw refuse();
      return { kind: "env", variables: Object.fromEntries(variables.map(([, name, value]) => [name, value])) };
    }
    case "WORKDIR":
      if (!/^\/\S*$/.test(rest)) throw refuse();
      return { kind: "workdir", path: rest };
    case "USER": {
      const [, uid, gid] = /^(\d+):(\d+)$/.exec(rest) ?? [];
      if (uid === undefined) throw refuse();
      return { kind: "user", uid: Number(uid), gid: Number(gid) };
    }
    case "ENTRYPOINT":
    case "CMD":
      // The other form starts a shell, which passes no signals on.
      if (!rest.startsWith("[")) throw refuse();
      return { kind: keyword === "CMD" ? "cmd" : "entrypoint", words: JSON.parse(rest) as string[] };
    default:
      throw refuse();
  }
}

function splitFlags(text: string): [flags: [name: string, value: string][], rest: string] {
  const flags: [string, string][] = [];
  let rest = text;
  for (let match = matchFlag(rest); match; match = matchFlag(rest)) {
    flags.push([match[1]!, match[2] ?? ""]);
    rest = rest.slice(match[0].length);
  }
  return [flags, rest];
}

const matchFlag = (text: string) => /^--([a-z-]+)(?:=(\S+))?\s+/.exec(text);

/** The files that COPY sees. In .dockerignore, the last pattern that matches a file or one of its folders decides. */
export function contextFiles(root: string, dockerignore: string): string[] {
  const patterns = dockerignore
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => (line.startsWith("!") ? { glob: globOf(line.slice(1)), isKept: true } : { glob: globOf(line), isKept: false }));
  const isKept = (path: string): boolean => {
    const parts = path.split("/");
    const paths = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    return patterns.findLast(({ glob }) => paths.some((one) => glob.test(one)))?.isKept ?? true;
  };
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      // No pattern re-includes a part of these, and they are large.
      if (entry.isDirectory()) return path === "node_modules" || path === ".git" ? [] : walk(path);
      return isKept(path) ? [path] : [];
    });
  return walk("");
}

/** Docker's: unlike in a shell, * also matches names that begin with a dot. */
function globOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => ({ "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" })[part] ?? part.replace(/[.+^${}()|[\]\\]/g, "\\$&"))
    .join("");
  return new RegExp(`^${source}$`);
}

/** Reads the project's YAML so that every complaint can say its file and line. */
import { existsSync, readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { ProjectError } from "./projecterror.ts";

export interface YamlFile {
  /** As a reader calls it: Pulumi.prod.yaml. */
  readonly name: string;
  readonly root: YAMLMap | undefined;
  get(key: string): unknown;
  /** @param at A key at the top, or a node. */
  error(message: string, at?: string | Node): ProjectError;
}

export function readYaml(path: string, name: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(existsSync(path) ? readFileSync(path, "utf8") : "", { lineCounter: lines, prettyErrors: false });
  const mistake = document.errors[0];
  if (mistake) throw new ProjectError(`${name}:${lines.linePos(mistake.pos[0]).line}: this is not YAML: ${mistake.message}`);
  const root = isMap(document.contents) ? document.contents : undefined;
  const file: YamlFile = {
    name,
    root,
    get: (key) => root?.get(key),
    error(message, at) {
      const node = typeof at === "string" ? (root?.get(at, true) as Node | undefined) : at;
      const line = node?.range ? `:${lines.linePos(node.range[0]).line}` : "";
      return new ProjectError(`${name}${line}: ${message}.`);
    },
  };
  if (document.contents && !root) throw file.error("keys and values are expected here", document.contents);
  return file;
}

/** As Go reads it: an unquoted date is a point in time. */
export function plain(node: unknown): unknown {
  if (isMap(node)) return Object.fromEntries(node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), plain(value)]));
  if (isSeq(node)) return node.items.map(plain);
  if (!isScalar(node)) return null;
  const unquotedDate = node.type === "PLAIN" && typeof node.value === "string" && /^\d{4}-\d\d-\d\d$/.test(node.value);
  return unquotedDate ? `${node.value}T00:00:00Z` : node.value;
}

/** The text of a scalar as it is written, which is what Pulumi hands to a program: 1.0 stays 1.0, 0755 stays 0755. */
export function written(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}
